"""What intake reads and writes in bulk: spells, days taken in, open cases, loans that a full feed did not have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from ops_app.store.casework.debtors import upsert
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases, intake_days, intake_findings, loan_spells

FACTS = (
    "customer_id", "debtor_key", "lender_code", "product_code", "region_code", "currency", "principal_minor",
    "interest_minor", "fees_minor", "penalty_minor", "balance_minor", "days_past_due", "bucket", "as_of_date",
)  # fmt: skip
"""Columns of a case that follow the feed."""

OPENING = ("opened_date", "opened_rule", "opened_rule_version", "opened_file_id", "opened_line_no")
CLOSING = ("closed_date", "close_reason", "closed_rule_version", "closed_file_id", "closed_line_no")
KNOWN = (
    "case_id", "source_code", "loan_id", "state", "collector_id", "written_off_date", *FACTS, *OPENING, *CLOSING,
)  # fmt: skip
"""What a run compares of the cases that are there."""

_AT_ONCE = 5_000


def spells(connection: Connection) -> list[tuple[str, str, int, bool]]:
    """Source, loan, its last spell and whether that is open."""
    c = loan_spells.c
    rows: Any = connection.execute(select(c.source_code, c.loan_id, c.spell_no, c.is_open))
    return [tuple(row) for row in rows]


def days(connection: Connection) -> list[tuple[str, date, str, date]]:
    """Source, day and mark of what was taken in, and the business date that took it in."""
    c = intake_days.c
    rows: Any = connection.execute(select(c.source_code, c.as_of_date, c.content_mark, c.taken_in_date))
    return [tuple(row) for row in rows]


def spell_of(connection: Connection, source_code: str, loan_id: str) -> tuple[int, bool] | None:
    """The last spell of a loan and whether it is open; nothing else changes it before this transaction ends."""
    c = loan_spells.c
    row = connection.execute(
        select(c.spell_no, c.is_open).where(c.source_code == source_code, c.loan_id == loan_id).with_for_update()
    ).first()
    return (row.spell_no, row.is_open) if row else None


def latest_day(connection: Connection, source_code: str, loan_id: str) -> date | None:
    """The latest day that cases of a loan are known of."""
    query = select(func.max(cases.c.as_of_date)).where(cases.c.loan_id == loan_id, cases.c.source_code == source_code)
    found: date | None = connection.execute(query).scalar()
    return found


def known_as_of(connection: Connection, days: Collection[tuple[str, date]]) -> list[tuple[str, str, date]]:
    """Source, loan and the latest of these days of sources that a case of the loan is as of."""
    c = cases.c
    by_source: dict[str, set[date]] = {}
    for source, day in days:
        by_source.setdefault(source, set()).add(day)
    found: list[tuple[str, str, date]] = []
    for source, of_source in sorted(by_source.items()):
        query = select(c.source_code, c.loan_id, func.max(c.as_of_date)).where(
            c.source_code == source, c.as_of_date.in_(sorted(of_source))
        )
        rows: Any = connection.execute(query.group_by(c.source_code, c.loan_id))
        found += [(known, loan_id, latest) for known, loan_id, latest in rows]
    return found


def mark_of_day(connection: Connection, source_code: str, day: date) -> str | None:
    """The mark of a day of a source; None where nothing of it was taken in."""
    c = intake_days.c
    query = select(c.content_mark).where(c.source_code == source_code, c.as_of_date == day)
    found: str | None = connection.execute(query).scalar()
    return found


def mark_day(connection: Connection, source_code: str, day: date, mark: str) -> None:
    """Give a day of a source this mark; which business date took its file in stays as it is."""
    c = intake_days.c
    changed = connection.execute(
        update(intake_days).where(c.source_code == source_code, c.as_of_date == day).values(content_mark=mark)
    )
    if not changed.rowcount:
        note_days(connection, [(source_code, day, mark)], day)


def is_case(connection: Connection, case_id: str) -> bool:
    """Whether there is such a case."""
    return connection.execute(select(cases.c.case_id).where(cases.c.case_id == case_id)).first() is not None


def ids_of(connection: Connection, sources: Collection[str]) -> list[str]:
    """Every case of these sources."""
    query = select(cases.c.case_id).where(cases.c.source_code.in_(sorted(sources)))
    return list(connection.execute(query).scalars()) if sources else []


def known_of(connection: Connection, ids: Collection[str]) -> list[tuple[Any, ...]]:
    """The columns ``KNOWN`` of these cases."""
    query = select(*(cases.c[name] for name in KNOWN)).where(cases.c.case_id.in_(sorted(ids)))
    return [tuple(row) for row in connection.execute(query)]


def known(connection: Connection, whole: Collection[str]) -> list[tuple[Any, ...]]:
    """The columns ``KNOWN`` of every open case, of those that no line of a feed closed (withdrawn, whose spell may come
    again under the same number, or closed by a payment), and of every case of the sources in ``whole``."""
    of_source = cases.c.source_code.in_(sorted(whole))
    wanted = or_(cases.c.closed_date.is_(None), cases.c.closed_file_id.is_(None), of_source)
    query = select(*(cases.c[name] for name in KNOWN)).where(wanted)
    return [tuple(row) for row in connection.execute(query)]


def add_cases(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Open cases."""
    for some in chunks(rows, _AT_ONCE):
        connection.execute(insert(cases), list(some))


def refresh(connection: Connection, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write ``columns`` of cases as the feed has them now (``of`` is the case)."""
    statement = (
        update(cases)
        .where(cases.c.case_id == bindparam("of"))
        .values({name: bindparam(f"_{name}") for name in columns})
    )
    for some in chunks(rows, _AT_ONCE):
        connection.execute(statement, [{"of": row["case_id"], **{f"_{c}": row[c] for c in columns}} for row in some])


def note_spells(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Remember the last spell of loans."""
    upsert(connection, loan_spells, ("source_code", "loan_id"), [dict(row) for row in rows])


def forget_spells(connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    """Loans that never were in collection after all."""
    if keys:
        connection.execute(
            delete(loan_spells).where(
                loan_spells.c.source_code == bindparam("source"), loan_spells.c.loan_id == bindparam("loan")
            ),
            [{"source": source, "loan": loan} for source, loan in keys],
        )


def note_days(connection: Connection, rows: Iterable[tuple[str, date, str]], business_date: date) -> None:
    """Remember the days that were taken in."""
    upsert(
        connection,
        intake_days,
        ("source_code", "as_of_date"),
        [
            {"source_code": source, "as_of_date": day, "content_mark": mark, "taken_in_date": business_date}
            for source, day, mark in rows
        ],
    )


def open_findings(connection: Connection) -> dict[tuple[str, str], tuple[date, date]]:
    """Source and loan → since and until when it was missing, for those that still are."""
    c = intake_findings.c
    rows = connection.execute(
        select(c.source_code, c.loan_id, c.first_missed_date, c.last_missed_date).where(c.cleared_date.is_(None))
    )
    return {(row.source_code, row.loan_id): (row.first_missed_date, row.last_missed_date) for row in rows}


def put_findings(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Enter or renew findings."""
    upsert(connection, intake_findings, ("source_code", "loan_id", "first_missed_date"), [dict(row) for row in rows])


def clear_findings(connection: Connection, keys: Sequence[tuple[str, str, date]], day: date) -> None:
    """Say that loans were sent again on ``day``."""
    c = intake_findings.c
    if keys:
        connection.execute(
            update(intake_findings)
            .where(
                c.source_code == bindparam("source"), c.loan_id == bindparam("loan"),
                c.first_missed_date == bindparam("first"),
            )
            .values(cleared_date=bindparam("day")),
            [{"source": source, "loan": loan, "first": first, "day": day} for source, loan, first in keys],
        )  # fmt: skip


def findings(connection: Connection, *, limit: int) -> list[Any]:
    """Loans that a full feed of their source does not have, the longest missing first."""
    c = intake_findings.c
    query = (
        select(intake_findings).where(c.cleared_date.is_(None)).order_by(c.first_missed_date, c.source_code, c.loan_id)
    )
    return list(connection.execute(query.limit(limit)))


@dataclass(frozen=True)
class LoanFacts:
    """What the open case of a loan says of it beside its balance."""

    customer_id: str
    lender_code: str | None
    product_code: str
    region_code: str
    is_written_off: bool


def facts_of(connection: Connection, source_code: str, loan_id: str) -> LoanFacts | None:
    """The facts of a loan in collection; ``None`` where it has no open case."""
    c = cases.c
    row = connection.execute(
        select(c.customer_id, c.lender_code, c.product_code, c.region_code, c.written_off_date).where(
            c.source_code == source_code, c.loan_id == loan_id, c.closed_date.is_(None)
        )
    ).first()
    if row is None:
        return None
    return LoanFacts(
        row.customer_id, row.lender_code, row.product_code, row.region_code, row.written_off_date is not None
    )
