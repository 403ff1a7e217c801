"""Limitation in the store: the clock of each open case, and the rows of what interrupted it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, insert, or_, select, tuple_
from sqlalchemy.engine import Connection

from ops_app.domain.casework.limitation import InterruptionKind
from ops_app.domain.casework.scope import Scope
from ops_app.domain.paging import MOST_COUNTED
from ops_app.store.casework.case_scope import within
from ops_app.store.casework.debtors import upsert
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases
from ops_app.store.tables.limitation import limitation_clocks, limitation_interruptions

_AT_ONCE = 5_000


@dataclass(frozen=True)
class StoredClock:
    """The clock of a case as it was last worked out; ``rule_mark`` stands for the rule it was worked out with."""

    case_id: str
    pack: str
    due_date: date
    started_date: date
    years: int
    expires_date: date
    rule_mark: str


@dataclass(frozen=True)
class InterruptionRow:
    """One row of the record: an interruption with its evidence, or (``withdraws``) that an earlier one was taken back;
    ``evidence`` then says why."""

    case_id: str
    nth: int
    kind: InterruptionKind
    happened_date: date
    evidence: str
    withdraws: int | None
    made_by: str
    made_by_name: str
    made_at: datetime


@dataclass(frozen=True)
class CaseTerms:
    """What the clock reads of a case: its lender, and the day it fell due."""

    case_id: str
    lender_code: str | None
    due_date: date


_TERMS = (
    cases.c.case_id, cases.c.lender_code, cases.c.as_of_date, cases.c.days_past_due, limitation_clocks.c.due_date,
)  # fmt: skip


def to_wind(connection: Connection, marks: Mapping[str, str]) -> list[str]:
    """Open cases without a clock, and those whose clock was worked out with another rule than ``marks`` (pack → mark)
    has now."""
    current = [
        and_(limitation_clocks.c.pack == pack, limitation_clocks.c.rule_mark != mark) for pack, mark in marks.items()
    ]
    known = exists().where(limitation_clocks.c.case_id == cases.c.case_id)
    bare = select(cases.c.case_id).where(cases.c.closed_date.is_(None), ~known)
    stale = select(limitation_clocks.c.case_id).where(
        or_(*current, limitation_clocks.c.pack.not_in(sorted(marks))) if current else limitation_clocks.c.pack != ""
    )
    return sorted({row[0] for query in (bare, stale) for row in connection.execute(query)})


def terms(connection: Connection, ids: Iterable[str], *, anew: bool = False) -> list[CaseTerms]:
    """What the clocks of those of ``ids`` that are open are worked out from. A case fell due as many days before its
    data as it is past due; an earlier day that was known once stays (but ``anew``), for that is when the claim could be
    sued for first."""
    query = select(*_TERMS).outerjoin(limitation_clocks, limitation_clocks.c.case_id == cases.c.case_id)
    query = query.where(cases.c.closed_date.is_(None)).order_by(cases.c.case_id)
    return [
        _terms(row, anew)
        for some in chunks(sorted(set(ids)), _AT_ONCE)
        for row in connection.execute(query.where(cases.c.case_id.in_(some)))
    ]


def _terms(row: Any, anew: bool) -> CaseTerms:
    due = date.fromordinal(max(row.as_of_date.toordinal() - row.days_past_due, 1))
    known = due if anew else row.due_date or due
    return CaseTerms(row.case_id, row.lender_code, min(due, known))


def interruptions(connection: Connection, ids: Iterable[str]) -> dict[str, list[InterruptionRow]]:
    """Case → every row of its record, in order."""
    c = limitation_interruptions.c
    found: dict[str, list[InterruptionRow]] = {}
    for some in chunks(sorted(set(ids)), _AT_ONCE):
        query = select(limitation_interruptions).where(c.case_id.in_(some)).order_by(c.case_id, c.nth)
        for row in connection.execute(query):
            values = dict(row._mapping) | {"kind": InterruptionKind(row.kind)}
            found.setdefault(row.case_id, []).append(InterruptionRow(**values))
    return found


def standing(rows: Sequence[InterruptionRow]) -> list[InterruptionRow]:
    """The interruptions that were not taken back."""
    gone = {row.withdraws for row in rows}
    return [row for row in rows if row.withdraws is None and row.nth not in gone]


def add_interruption(connection: Connection, row: InterruptionRow) -> None:
    """Append to the record."""
    connection.execute(insert(limitation_interruptions).values(vars(row) | {"kind": row.kind.value}))


def put_clocks(connection: Connection, clocks: Sequence[StoredClock]) -> None:
    """Enter or renew clocks."""
    upsert(connection, limitation_clocks, ("case_id",), [vars(one) for one in clocks])


def drop_closed(connection: Connection) -> None:
    """Cases that are closed have no clock; their interruptions stay."""
    closed = select(cases.c.case_id).where(cases.c.closed_date.is_not(None))
    connection.execute(delete(limitation_clocks).where(limitation_clocks.c.case_id.in_(closed)))


def clock(connection: Connection, case_id: str) -> StoredClock | None:
    """The clock of one case."""
    row = connection.execute(select(limitation_clocks).where(limitation_clocks.c.case_id == case_id)).first()
    return StoredClock(**row._mapping) if row else None


def all_clocks(connection: Connection) -> list[StoredClock]:
    """Every clock, by case."""
    rows = connection.execute(select(limitation_clocks).order_by(limitation_clocks.c.case_id))
    return [StoredClock(**row._mapping) for row in rows]


def page_query(
    scope: Scope,
    now: datetime,
    until: Mapping[str, date],
    *,
    pack: str | None,
    after: tuple[date, str] | None,
    limit: int,
    since: date | None = None,
    before: date | None = None,
    descending: bool = False,
) -> Select[Any]:
    """The statement of a page of clocks that expire until the day of their pack, on ``since`` or later and before
    ``before``, the earliest first unless ``descending`` (a test looks at its plan)."""
    c = limitation_clocks.c
    order = (c.expires_date, c.case_id)
    query = select(limitation_clocks).where(*_expiring(scope, now, until, pack, since, before))
    query = query.join(cases, cases.c.case_id == c.case_id)
    query = query.order_by(*(one.desc() if descending else one.asc() for one in order)).limit(limit)
    if after is not None:
        row, mark = tuple_(*order), tuple_(*after)
        query = query.where(row < mark if descending else row > mark)
    return query


def count(
    connection: Connection,
    scope: Scope,
    now: datetime,
    until: Mapping[str, date],
    *,
    pack: str | None,
    since: date | None = None,
    before: date | None = None,
) -> int:
    """How many there are, counted no further than ``MOST_COUNTED`` + 1, along the index of the page."""
    c = limitation_clocks.c
    some = select(c.case_id).where(*_expiring(scope, now, until, pack, since, before))
    some = some.join(cases, cases.c.case_id == c.case_id).order_by(c.expires_date).limit(MOST_COUNTED + 1)
    return int(connection.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def _expiring(
    scope: Scope, now: datetime, until: Mapping[str, date], pack: str | None, since: date | None, before: date | None
) -> list[ColumnElement[bool]]:
    c = limitation_clocks.c
    packs = {pack: until[pack]} if pack is not None and pack in until else dict(until)
    found: list[ColumnElement[bool]] = [
        cases.c.closed_date.is_(None),
        c.expires_date <= max(packs.values()),
        or_(*(and_(c.pack == name, c.expires_date <= day) for name, day in sorted(packs.items()))),
        *within(scope, now),
    ]
    if since is not None:
        found.append(c.expires_date >= since)
    if before is not None:
        found.append(c.expires_date < before)
    return found


def page(
    connection: Connection, scope: Scope, now: datetime, until: Mapping[str, date], **more: Any
) -> list[StoredClock]:
    """One page of ``page_query``."""
    rows = connection.execute(page_query(scope, now, until, **more))
    return [StoredClock(**row._mapping) for row in rows]


def packs(connection: Connection) -> list[str]:
    """The rule packs that clocks are of."""
    return sorted(connection.execute(select(func.distinct(limitation_clocks.c.pack))).scalars())
