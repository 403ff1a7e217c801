"""Intake: the loans feed of a business date into cases of the ops store, set by set.

A day's own run reads the rows of its day and what the days before made of each loan (kept in the ops store). Where an
earlier day of a source reads otherwise than when it was taken in (a late file, a replay), every spell of that source is
worked out anew. Either way the end state is that of all days read at once, which is what dbt's ``int_case_events``
says. On one core and SQLite 20,000 loans with 10,000 open cases take 1 s a day, and 2 s on a day that opens 6,000 cases
of customers not seen before; the same day again writes nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from ops_app.bootstrap import App
from ops_app.config import Settings
from ops_app.domain.casework.cases import case_id
from ops_app.domain.casework.intake import IntakeRule
from ops_app.domain.casework.loan_day import file_mark, was_pushed
from ops_app.domain.casework.personal import Personal
from ops_app.domain.organisation.people import SYSTEM
from ops_app.engines import intake as engine
from ops_app.gateways.clock import close_of
from ops_app.services.casework.intake import DebtorData, IntakeFound, IntakeState, TakenIn, apply_intake, intake_state
from ops_app.services.casework.intake_terms import intake_rules
from ops_app.services.organisation.installation import read_lenders
from pipelines.sql_words import literal
from pipelines.warehouse import Connection, Warehouse

_LAID_OUT = ("carried", "in_collection", "intake_marks", "known_debtors", "loan_days", "intake_debtors")


@dataclass(frozen=True)
class DayTakenIn:
    """What intake did for a business date; ``whole`` names sources that were worked out anew."""

    business_date: date
    did: TakenIn
    whole: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For a run's record."""
        did = {f"intake_{name}": count for name, count in asdict(self.did).items()}
        return {"as_of": self.business_date.isoformat(), **did, "intake_anew": list(self.whole)}


def load_rules(settings: Settings) -> tuple[IntakeRule, ...]:
    """The rules of intake: those of the house from the reference data, and those of each lender."""
    return intake_rules(settings.reference_dir, read_lenders(settings.lender_dirs))


def take_in(warehouse: Warehouse, app: App, business_date: date, *, now: datetime | None = None) -> DayTakenIn:
    """Take in everything the loans feed said up to ``business_date``.

    ``now`` is the moment the acts carry (the close of the business day unless given). Safe to repeat and to kill: a day
    before the last one that took something in is taken up into that one.
    """
    moment = now or close_of(business_date, app.settings.zone)
    state = intake_state(SYSTEM, app.store, now=moment)
    business_date = max(business_date, state.last_date or business_date)
    with warehouse.open() as connection:
        try:
            found = _found(connection, state, load_rules(app.settings), business_date)
        finally:
            engine.close(connection)
            for name in _LAID_OUT:
                connection.execute(f"drop table if exists temp.{name}")
    did = apply_intake(
        SYSTEM, app.store, now=moment, business_date=business_date, found=found, evidence=app.settings.evidence
    )
    return DayTakenIn(business_date, did, tuple(sorted(found.whole)))


def _found(
    connection: Connection, state: IntakeState, rules: tuple[IntakeRule, ...], business_date: date
) -> IntakeFound:
    days = _changed_days(connection, state, business_date)
    whole = _read_anew(days, state)
    _lay_out(connection, "carried", state.spells.filter(~pl.col("source_code").is_in(sorted(whole))))
    _lay_out_loan_days(connection, state, days, whole, business_date)
    spells = engine.spells(connection, rules, state.terms.least_days)
    today = {source for source, day, _ in days if day == business_date}
    _lay_out(connection, "in_collection", _still_open(state.spells, spells))
    missing = engine.missing(connection, business_date).with_columns(
        pl.struct("source_code", "loan_id", "spell_no")
        .map_elements(lambda row: _case_id(row), return_dtype=pl.String)
        .alias("case_id")
    )
    return IntakeFound(
        spells=spells,
        missing=missing,
        sent=frozenset(today),
        days=days,
        debtors=_debtors(connection, state, business_date),
        whole=whole,
        last_rows=connection.sql(
            "select source_code, loan_id, max(as_of_date) as as_of_date from loan_days group by all"
        ).pl()
        if any(map(was_pushed, state.days.values()))
        else None,
    )


def _still_open(known: pl.DataFrame, spells: pl.DataFrame) -> pl.DataFrame:
    """The loans that were in collection before this run, but for those that its days closed: of a source that is worked
    out anew too."""
    loan = ["source_code", "loan_id"]
    last = spells.sort("spell_no").group_by(loan, maintain_order=True).agg(pl.col("is_open").last())
    return known.join(last.filter(~pl.col("is_open")), on=loan, how="anti")


def _changed_days(connection: Connection, state: IntakeState, business_date: date) -> list[tuple[str, date, str]]:
    """Days of sources whose content is not what was taken in, with the mark of what it is now."""
    until = business_date.isoformat()
    rows: list[tuple[str, date, str]] = connection.execute(
        f"""
        select source_code, as_of_date, count(*) || '/' || bit_xor(hash(row_hash, file_id, line_no))
        from raw.loans where file_date <= date '{until}' and as_of_date <= date '{until}'
        group by all order by all
        """
    ).fetchall()
    return [row for row in rows if file_mark(state.days.get((row[0], row[1]))) != row[2]]


def _read_anew(days: list[tuple[str, date, str]], state: IntakeState) -> frozenset[str]:
    """Sources in which a day that was taken in (or of which single loans were pushed) reads otherwise, or one came
    before the last that was."""
    last: dict[str, date] = {}
    for (source, day), mark in state.days.items():
        if file_mark(mark) is not None:
            last[source] = max(day, last.get(source, day))
    return frozenset(
        source for source, day, _ in days if (source, day) in state.days or (source in last and day <= last[source])
    )


def _lay_out(connection: Connection, name: str, frame: pl.DataFrame) -> None:
    connection.register("laid_out", frame.to_arrow())
    connection.execute(f"create or replace temp table {name} as select * from laid_out")
    connection.unregister("laid_out")


def _lay_out_loan_days(
    connection: Connection,
    state: IntakeState,
    days: list[tuple[str, date, str]],
    whole: frozenset[str],
    business_date: date,
) -> None:
    """The content that counts of each loan and day: of several the last by file date, file and line, as the warehouse
    has it (``stg_feeds__loans``, ``int_loan_days``)."""
    _lay_out(
        connection,
        "intake_marks",
        pl.DataFrame(
            [(source, day) for source, day, _ in days],
            schema={"source_code": pl.String, "as_of_date": pl.Date},
            orient="row",
        ),
    )
    until = business_date.isoformat()
    anew = ", ".join(literal(source) for source in sorted(whole)) or "''"
    connection.execute(
        f"""
        create or replace temp table loan_days as
        with said as (
            select * from raw.loans
            where file_date <= date '{until}' and as_of_date <= date '{until}'
                and (
                    source_code in ({anew})
                    or (source_code, as_of_date) in (select (source_code, as_of_date) from intake_marks)
                )
        ),
        several as (
            select source_code, loan_id, as_of_date from said group by all having count(*) > 1
        ),
        chosen as (
            select * from said anti join several using (source_code, loan_id, as_of_date)
            union all
            (
                select said.* from said semi join several using (source_code, loan_id, as_of_date)
                qualify row_number() over (
                    partition by source_code, loan_id, as_of_date
                    order by file_date desc, file_id desc, line_no desc
                ) = 1
            )
        )
        select * from ({engine.measured("chosen", state.terms.buckets())})
        """
    )


def _case_id(row: dict[str, Any]) -> str:
    return case_id(row["source_code"], row["loan_id"], row["spell_no"])


def _debtors(connection: Connection, state: IntakeState, business_date: date) -> list[DebtorData]:
    """Customers of the cases concerned whose data came since they were entered, or who are not entered yet."""
    _lay_out(connection, "known_debtors", state.debtors)
    until = f"file_date <= date '{business_date.isoformat()}'"
    rows = connection.execute(
        f"""
        with wanted as (
            select distinct source_code, customer_id,
                md5(source_code || chr(31) || customer_id) as debtor_key
            from intake_spells where opened_date is not null
        ),
        customer as (
            select source_code, customer_id, name, national_id, address, employer, language, timezone, file_date,
                file_id, line_no
            from raw.customers semi join wanted using (source_code, customer_id) where {until}
            qualify row_number() over (
                partition by source_code, customer_id order by file_date desc, file_id desc, line_no desc
            ) = 1
        ),
        point as (
            select source_code, customer_id, contact_id, value, kind, relation, valid, file_date, file_id, line_no
            from raw.contacts semi join wanted using (source_code, customer_id) where {until}
            qualify row_number() over (
                partition by source_code, customer_id, contact_id order by file_date desc, file_id desc, line_no desc
            ) = 1
        ),
        phone as (
            select source_code, customer_id, list(value order by kind desc, contact_id) as phones,
                string_agg(file_id || ':' || line_no, ',' order by contact_id) as lines, max(file_date) as file_date
            from point
            where kind in ('mobile', 'landline') and coalesce(relation, 'self') = 'self' and coalesce(valid, true)
            group by all
        )
        select w.debtor_key, w.source_code, w.customer_id, c.name, c.national_id, c.address, c.employer,
            coalesce(p.phones, []) as phones, c.language, c.timezone,
            md5(concat_ws('|', c.file_id, c.line_no, p.lines)) as content_mark, c.file_date, p.file_date
        from wanted as w
        left join customer as c on c.source_code = w.source_code and c.customer_id = w.customer_id
        left join phone as p on p.source_code = w.source_code and p.customer_id = w.customer_id
        anti join known_debtors as k on k.debtor_key = w.debtor_key
            and k.content_mark = md5(concat_ws('|', c.file_id, c.line_no, p.lines))
        order by w.debtor_key
        """
    ).fetchall()
    return [
        DebtorData(key, source, customer, Personal(name, identity, tuple(phones), address, employer), *further)
        for key, source, customer, name, identity, address, employer, phones, *further in rows
    ]
