"""Customers, their contact points, the agencies and the collectors, as feed tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.simulator import names, regions
from pipelines.simulator.days import number_of
from pipelines.simulator.files import Table
from pipelines.simulator.parameters import AGENCIES, AGENCY_REGIONS
from pipelines.simulator.portfolio import IN_HOUSE, Portfolio, Staff
from pipelines.simulator.streams import stream
from pipelines.simulator.texts import day_text, numbered, only_where, rows_of

FLAGS = ("vulnerable", "deceased", "prefers_mail", "hearing_impaired")
RELATIONS = ("spouse", "parent", "guarantor", "colleague")


@dataclass(frozen=True)
class People:
    """All customers of the book; ``since`` is the day number on which each first appears."""

    customers: pl.DataFrame
    mobile: pl.Series
    second_mobile: pl.Series
    second_relation: np.ndarray
    """Index into ``RELATIONS``, -1 if the customer named nobody."""
    has_mail: np.ndarray
    account: pl.Series
    since: np.ndarray

    @property
    def ids(self) -> pl.Series:
        return self.customers["customer_id"]


def make_people(loans: Portfolio, seed: int, end_date: date) -> People:
    """Invent the customers of the book."""
    rng = stream(seed, "people")
    count = loans.customers
    first_loan = np.flatnonzero(loans.lead)
    region = loans.region[first_loan]
    since = loans.originated[first_loan].copy()
    np.minimum.at(since, loans.customer, loans.originated)
    born = number_of(date(end_date.year, 1, 1)) - (365.25 * np.clip(rng.normal(36, 10, count), 19, 75)).astype(np.int64)
    born_text = day_text_before(born)
    born_number = born_text.str.replace_all("-", "").cast(pl.Int64).to_numpy()
    female = rng.random(count) < 0.46
    flag = np.where(rng.random(count) < 0.012, rng.integers(0, len(FLAGS), count), -1)
    customers = pl.DataFrame(
        {
            "customer_id": numbered("U", np.arange(1, count + 1), 9),
            "name": names.people(rng, count),
            "national_id": names.national_ids(region, born_number, female),
            "birth_date": born_text,
            "gender": names.pick(("male", "female"), female.astype(np.int64)),
            "region_code": names.pick(regions.CODES, region),
            "address": names.addresses(rng, region),
            "employer": names.employers(rng, count),
            "language": pl.repeat("zh", count, eager=True),
            "timezone": pl.repeat("Asia/Shanghai", count, eager=True),
            "flags": only_where(names.pick(FLAGS, np.maximum(flag, 0)), flag >= 0),
        }
    )
    second = np.where(rng.random(count) < 0.55, rng.choice(len(RELATIONS), count, p=(0.4, 0.3, 0.1, 0.2)), -1)
    return People(
        customers=customers,
        mobile=names.mobiles(rng, count),
        second_mobile=names.mobiles(rng, count, start=count),
        second_relation=second,
        has_mail=rng.random(count) < 0.3,
        account=numbered("9910", rng.permutation(count).astype(np.int64) * 7_919 + 100_000_000, 12),
        since=since,
    )


def day_text_before(born: np.ndarray) -> pl.Series:
    """ISO dates of birth days, which may lie before 1970."""
    return pl.Series(born.astype(np.int32)).cast(pl.Date).dt.to_string("%Y-%m-%d")


def customers_table(people: People, rows: np.ndarray, moved: np.ndarray, day: date, seed: int) -> Table:
    """Rows of ``rows`` as they were given; rows of ``moved`` with a new address."""
    new = people.customers[moved]
    if len(moved):
        codes = {code: index for index, code in enumerate(regions.CODES)}
        region = np.array([codes[code] for code in new["region_code"]])
        new = new.with_columns(names.addresses(stream(seed, "moves", number_of(day)), region).alias("address"))
    return Table("customers", pl.concat([people.customers[rows], new]))


def contacts_table(
    people: People, rows: np.ndarray, dead: np.ndarray, fresh: np.ndarray, seed: int, day: date
) -> Table:
    """All contact points of ``rows``; for ``dead`` the own mobile turned invalid, for ``fresh`` a new one learned."""
    mail = rows[people.has_mail[rows]]
    named = rows[people.second_relation[rows] >= 0]
    relation = names.pick(RELATIONS, people.second_relation[named])
    address = people.ids.str.to_lowercase() + "@" + names.MAIL_DOMAIN
    rng = stream(seed, "new numbers", number_of(day))
    frames = [
        _points(people, rows, "1", "mobile", rows_of(people.mobile, rows), "self", "contract", True),
        _points(people, named, "2", "mobile", rows_of(people.second_mobile, named), relation, "contract", True),
        _points(people, mail, "3", "email", rows_of(address, mail), "self", "contract", True),
        _points(people, dead, "1", "mobile", rows_of(people.mobile, dead), "self", "contract", False),
        _points(people, fresh, "4", "mobile", names.mobiles(rng, len(fresh)), "self", "told_by_debtor", True),
    ]
    return Table("contacts", pl.concat(frames))


def _points(
    people: People, rows: np.ndarray, number: str, kind: str, value: pl.Series, relation: str | pl.Series, source: str,
    valid: bool,
) -> pl.DataFrame:  # fmt: skip
    ids = rows_of(people.ids, rows)

    def same(text: str) -> pl.Series:
        return pl.repeat(text, len(rows), dtype=pl.String, eager=True)

    return pl.DataFrame(
        {
            "customer_id": ids,
            "contact_id": ids + "-" + number,
            "kind": same(kind),
            "value": value,
            "relation": same(relation) if isinstance(relation, str) else relation,
            "source": same(source),
            "consent": same("true"),
            "valid": same("true" if valid else "false"),
        },
        schema_overrides={"value": pl.String, "relation": pl.String},
    )


def agencies_table(first_day: date) -> Table:
    """The three agencies, under contract around the window."""
    rows = [
        {
            "agency_code": code,
            "name": name,
            "region_codes": ";".join(AGENCY_REGIONS[code]),
            "skills": "M4;M5;M6;M7",
            "capacity": 1_000_000,
            "contract_from_date": (first_day - timedelta(days=365)).isoformat(),
            "contract_to_date": (first_day + timedelta(days=730)).isoformat(),
            "certificate": f"SIM-CERT-{code}",
        }
        for code, name in AGENCIES
    ]
    return Table("agencies", pl.DataFrame(rows))


def collectors_table(staff: Staff, first_day: date, seed: int) -> Table:
    """All collectors; those of the in-house team carry no agency."""
    rng = stream(seed, "collectors")
    count = len(staff.team)
    own = staff.team == IN_HOUSE
    codes = tuple(code for code, _ in AGENCIES)
    teams = ("agency", "in_house")
    started = number_of(first_day) - rng.integers(60, 1_500, count)
    return Table(
        "collectors",
        pl.DataFrame(
            {
                "collector_id": staff.collector_id,
                "name": names.people(rng, count),
                "agency_code": only_where(names.pick(codes, np.where(own, 0, staff.team)), ~own),
                "team": names.pick(teams, own.astype(np.int64)),
                "region_codes": pl.repeat(None, count, dtype=pl.String, eager=True),
                "skills": names.pick(("M4;M5;M6;M7", "M1;M2;M3"), own.astype(np.int64)),
                "capacity": pl.Series(np.full(count, 200)),
                "contract_from_date": day_text(started),
                "contract_to_date": pl.repeat(None, count, dtype=pl.String, eager=True),
                "certificate": numbered("SIM-P-", np.arange(1, count + 1), 5),
            }
        ),
    )
