from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.simulator import names, simulate
from pipelines.simulator.days import is_workday, next_workday, willingness
from pipelines.simulator.files import decimal_text, text_of_cents
from tests.pipelines.simulated import END, cents, read_feed

RIGHT_PARTY = ("refused", "will_consider", "dispute", "promise")


@pytest.fixture(scope="module")
def inbound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("behaviour")
    simulate(home / "inbound", 6_000, 50, 19, end_date=END)
    return home / "inbound"


@pytest.fixture(scope="module")
def calls(inbound: Path) -> pl.DataFrame:
    moment = pl.col("started_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%:z", time_zone="Asia/Shanghai")
    return read_feed(inbound, "calls").with_columns(
        moment.alias("started"),
        pl.col("file_date").str.to_date().alias("day"),
        answered=pl.col("answered_at").is_not_null(),
    )


@pytest.fixture(scope="module")
def payments(inbound: Path) -> pl.DataFrame:
    return (
        read_feed(inbound, "repayments")
        .filter(pl.col("kind") == "payment")
        .select("loan_id", "channel", pl.col("value_date").str.to_date(), cents("amount"))
    )


def test_calls_keep_to_legal_hours_and_limits(inbound: Path, calls: pl.DataFrame) -> None:
    ended = calls["ended_at"].str.to_datetime("%Y-%m-%dT%H:%M:%S%:z", time_zone="Asia/Shanghai")
    assert calls["started"].dt.time().min().hour >= 8
    assert ended.dt.time().max().hour < 22
    assert (ended.dt.date() == calls["day"]).all()
    owner = read_feed(inbound, "loans").select("loan_id", "customer_id").unique()
    by_person = calls.join(owner, on="loan_id")
    spoken = by_person.filter(pl.col("answered") & (pl.col("direction") == "outbound"))
    assert spoken.group_by("customer_id", "day").len()["len"].max() <= 3
    silent = by_person.filter(~pl.col("answered"))
    assert silent.group_by("dialled", "day").len()["len"].max() < 6


def test_answer_and_right_party_rates_are_believable(calls: pl.DataFrame) -> None:
    for channel, low, high in (("robot", 0.22, 0.45), ("human", 0.25, 0.50)):
        made = calls.filter(pl.col("channel") == channel)
        assert low < made["answered"].mean() < high
        right = made["outcome"].is_in(RIGHT_PARTY).mean()
        assert 0.5 < right / made["answered"].mean() < 0.95
    assert set(calls["outcome"]) >= {"no_answer", "busy", "invalid_number", "third_party", "hung_up", *RIGHT_PARTY}
    never_spoke = calls.filter(~pl.col("answered"))
    assert (never_spoke["talk_seconds"].cast(pl.Int64) == 0).all()


def test_people_call_on_working_days_and_robots_have_no_collector(calls: pl.DataFrame) -> None:
    assert calls.filter((pl.col("channel") == "robot") & pl.col("collector_id").is_not_null()).height == 0
    assert calls.filter((pl.col("channel") == "human") & pl.col("collector_id").is_null()).height == 0
    human = Counter(calls.filter(pl.col("channel") == "human")["day"].to_list())
    worked = [count for day, count in human.items() if is_workday(day)]
    sundays = [
        human.get(END - timedelta(days=back), 0) for back in range(50) if (END - timedelta(days=back)).weekday() == 6
    ]
    assert np.mean(sundays) < 0.3 * np.mean(worked)
    teams = set(calls["agency_code"])
    assert teams == {"AG01", "AG02", "AG03", None}


def test_promises_are_kept_by_about_half(inbound: Path, payments: pl.DataFrame) -> None:
    promises = read_feed(inbound, "promises").with_columns(
        cents("amount").alias("promised"),
        pl.col("due_date").str.to_date(),
        pl.col("promised_at").str.head(10).str.to_date().alias("made"),
    )
    grace = timedelta(days=3)
    matured = promises.filter(pl.col("due_date") + grace <= END)
    paid = (
        matured.drop("amount")
        .join(payments, on="loan_id")
        .filter((pl.col("value_date") > pl.col("made")) & (pl.col("value_date") <= pl.col("due_date") + grace))
        .group_by("promise_id")
        .agg(pl.col("amount").sum().alias("paid"))
    )
    kept = matured.join(paid, on="promise_id", how="left").with_columns(
        kept=pl.col("paid").fill_null(0) >= pl.col("promised")
    )
    assert kept.height > 300
    assert 0.35 < kept["kept"].mean() < 0.70
    assert ((promises["due_date"] - promises["made"]).dt.total_days().is_between(1, 7)).all()
    assert promises["promise_id"].is_unique().all()


def test_a_right_party_contact_raises_the_chance_of_payment(
    inbound: Path, calls: pl.DataFrame, payments: pl.DataFrame
) -> None:
    late = (
        read_feed(inbound, "loans")
        .select("loan_id", pl.col("as_of_date").str.to_date().alias("day"), pl.col("days_past_due").cast(pl.Int64))
        .filter(pl.col("days_past_due").is_between(15, 90) & (pl.col("day") < END - timedelta(days=5)))
    )
    # promises apart: what is left is the effect of having been spoken to
    spoken = calls.filter(pl.col("outcome").is_in(["will_consider", "refused"])).select("loan_id", "day").unique()
    promised = calls.filter(pl.col("outcome") == "promise").select("loan_id", "day")
    by_hand = payments.filter(pl.col("channel") != "auto_debit").select("loan_id", "value_date").unique()
    soon = late.join(by_hand, on="loan_id").filter(
        (pl.col("value_date") > pl.col("day")) & (pl.col("value_date") <= pl.col("day") + timedelta(days=4))
    )
    pays = soon.select("loan_id", "day").unique().with_columns(pays=pl.lit(1))
    marked = (
        late.join(pays, on=["loan_id", "day"], how="left")
        .with_columns(pl.col("pays").fill_null(0))
        .join(_around(promised, -4, 10), on=["loan_id", "day"], how="anti")
    )
    with_contact = marked.join(spoken, on=["loan_id", "day"], how="semi")["pays"].mean()
    without = marked.join(_around(spoken, 0, 8), on=["loan_id", "day"], how="anti")["pays"].mean()
    assert with_contact > 1.4 * without, (with_contact, without)


def _around(events: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    """The loans' days from ``first`` to ``last`` days after each event."""
    shifted = [events.select("loan_id", pl.col("day") + timedelta(days=back)) for back in range(first, last + 1)]
    return pl.concat(shifted).unique()


def test_paydays_raise_and_holidays_lower_unprompted_payment() -> None:
    ordinary, payday = date(2026, 11, 12), date(2026, 11, 10)
    saturday, holiday = date(2026, 11, 14), date(2026, 10, 1)
    assert willingness(payday) > willingness(ordinary) > willingness(saturday) > willingness(holiday)


def test_make_up_workdays_are_workdays_and_unknown_years_follow_the_week() -> None:
    assert not is_workday(date(2026, 10, 1))
    assert next_workday(date(2026, 10, 1)) == date(2026, 10, 8)
    assert is_workday(date(2026, 10, 10)), "a Saturday worked in place of the holiday"
    assert is_workday(date(2035, 1, 2))
    assert not is_workday(date(2035, 1, 6))


def _check_digit(body: str) -> str:
    weights = [pow(2, 17 - place, 11) for place in range(17)]
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return "10X98765432"[total % 11]


def test_people_are_invented_and_recognisably_so(inbound: Path) -> None:
    customers = read_feed(inbound, "customers")
    assert customers["customer_id"].n_unique() > 5_000
    for row in customers.iter_rows(named=True):
        number = row["national_id"]
        assert re.fullmatch(r"\d{17}[0-9X]", number)
        assert number[:2] == row["region_code"][:2]
        assert number[2:4] == "99", "no county of any province is numbered 99xx"
        assert number[6:14] == row["birth_date"].replace("-", "")
        assert int(number[16]) % 2 == (row["gender"] == "male")
        assert number[17] == _check_digit(number[:17])
        assert 2 <= len(row["name"]) <= 3
    unique = customers.unique("customer_id")
    assert unique["national_id"].is_unique().all()
    contacts = read_feed(inbound, "contacts")
    for kind, value in contacts.select("kind", "value").iter_rows():
        if kind == "mobile":
            assert re.fullmatch(names.SYNTHETIC_MOBILE_PREFIX + r"\d{8}", value)
        else:
            assert value.endswith("@example.com")
    assert set(contacts["valid"]) == {"true", "false"}, "numbers found dead are reported"


def test_nobody_is_named_before_his_first_loan_and_everybody_with_a_loan_is(inbound: Path) -> None:
    loans, customers = read_feed(inbound, "loans"), read_feed(inbound, "customers")
    first_loan = loans.group_by("customer_id").agg(pl.col("file_date").min().alias("seen"))
    first_named = customers.group_by("customer_id").agg(pl.col("file_date").min().alias("named"))
    both = first_loan.join(first_named, on="customer_id", how="full")
    assert both["seen"].equals(both["named"])
    assert read_feed(inbound, "originations")["loan_id"].sort().equals(loans["loan_id"].unique().sort())


def test_complaints_close_with_an_outcome(inbound: Path) -> None:
    complaints = read_feed(inbound, "complaints")
    closed = complaints.filter(pl.col("closed_at").is_not_null())
    assert closed.height > 0
    assert closed["outcome"].null_count() == 0
    assert set(closed["complaint_id"]) <= set(complaints.filter(pl.col("closed_at").is_null())["complaint_id"])


@given(st.lists(st.integers(min_value=-(10**14), max_value=10**14), min_size=1))
def test_cents_become_decimal_text_exactly(values: list[int]) -> None:
    frame = pl.DataFrame({"amount": pl.Series(values, dtype=pl.Int64)})
    texts = frame.select(decimal_text("amount"))["amount"].to_list()
    assert texts == [text_of_cents(value) for value in values]
    assert [Decimal(text).scaleb(2) for text in texts] == values
    assert all(re.fullmatch(r"-?\d+\.\d\d", text) for text in texts)
