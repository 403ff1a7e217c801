"""Statements of accounts: the legs of one account in the order of the books, page by page, and entries with lines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.engine import Connection

from ops_app.store.ledger.books import SIDES
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.journal import journal_entries, journal_lines, ledger_events

_L, _E, _V = journal_lines.c, journal_entries.c, ledger_events.c
Mark = tuple[date, str, int, int]
"""Accounting date, entry, line and sign of a leg: where a page ends."""


@dataclass(frozen=True)
class Leg:
    """One side of a line: ``sign`` is 1 for a debit of the account, -1 for a credit; ``other`` is the account against
    which it is. ``amount_minor`` is above zero."""

    accounting_date: date
    entry_id: str
    entry_no: int
    line_no: int
    sign: int
    other: str
    component: str | None
    amount_minor: int
    value_date: date
    posted_at: datetime
    source_code: str
    currency: str
    case_id: str | None
    kind: str
    cause: str
    cause_id: str
    reverses_entry_id: str | None
    because_event_id: str | None

    @property
    def mark(self) -> Mark:
        """Its place in the order."""
        return self.accounting_date, self.entry_id, self.line_no, self.sign


@dataclass(frozen=True)
class StatementFilter:
    """What a statement shows: one account in one currency; ``None`` is not narrowed. Days are inclusive."""

    account: str
    currency: str
    source_code: str | None = None
    first_date: date | None = None
    last_date: date | None = None
    kind: str | None = None
    case_id: str | None = None
    known_at: datetime | None = None


def page(connection: Connection, wanted: StatementFilter, after: Mark | None, limit: int) -> list[Leg]:
    """The next ``limit`` legs after ``after``: both sides are read along their index and merged."""
    found = [
        Leg(**row._mapping)
        for side in (0, 1)
        for row in connection.execute(page_query(wanted, side, after, limit))
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.mark)[:limit]


def page_query(wanted: StatementFilter, side: int, after: Mark | None, limit: int) -> Select[Any]:
    """The statement of one side of a page (a test looks at its plan)."""
    account, sign = SIDES[side]
    other = _L.credit_account if sign == 1 else _L.debit_account
    query = select(
        _L.accounting_date, _L.entry_id, _E.entry_no, _L.line_no, literal(sign).label("sign"), other.label("other"),
        _L.component, _L.amount_minor, _E.value_date, _E.posted_at, _L.source_code, _L.currency, _L.case_id, _V.kind,
        _V.cause, _V.cause_id, _E.reverses_entry_id, _E.because_event_id,
    )  # fmt: skip
    query = _joined(query).where(*_narrowed(wanted, account))
    if after is not None:
        day, entry, line, mark_sign = after
        row = tuple_(_L.accounting_date, _L.entry_id)
        # a line has one leg a side: after the other side's leg of the same line comes this one, if its sign is larger
        beyond = _L.line_no >= line if sign > mark_sign else _L.line_no > line
        query = query.where(row >= tuple_(literal(day), literal(entry)), (_L.entry_id != entry) | beyond)
    return query.order_by(account, _L.accounting_date, _L.entry_id, _L.line_no).limit(limit)


def sums(connection: Connection, wanted: StatementFilter, *, until: Mark | None = None) -> tuple[int, int, int]:
    """How many legs the filter holds, their debits and their credits; with ``until`` those up to and with that mark."""
    count, totals = 0, [0, 0]
    for number, (account, sign) in enumerate(SIDES):
        query = select(func.count(), func.coalesce(func.sum(_L.amount_minor), 0))
        query = _joined(query).where(*_narrowed(wanted, account))
        if until is not None:
            day, entry, line, mark_sign = until
            up_to = _L.line_no <= line if sign <= mark_sign else _L.line_no < line
            row = tuple_(_L.accounting_date, _L.entry_id)
            query = query.where(row <= tuple_(literal(day), literal(entry)), (_L.entry_id != entry) | up_to)
        row_found: Any = connection.execute(query).one()
        count += int(row_found[0])
        totals[number] = int(row_found[1])
    return count, totals[0], totals[1]


def opening(connection: Connection, wanted: StatementFilter) -> int:
    """What the filter's legs before its first day come to: debits less credits."""
    if wanted.first_date is None:
        return 0
    before = StatementFilter(
        **vars(wanted) | {"first_date": None, "last_date": date.fromordinal(wanted.first_date.toordinal() - 1)}
    )
    _, debits, credits = sums(connection, before)
    return debits - credits


def _joined(query: Select[Any]) -> Select[Any]:
    return (
        query.select_from(journal_lines)
        .join(journal_entries, _E.entry_id == _L.entry_id)
        .join(ledger_events, _V.event_id == _E.event_id)
    )


def _narrowed(wanted: StatementFilter, account: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [account == wanted.account, _L.currency == wanted.currency]
    if wanted.source_code is not None:
        found.append(_L.source_code == wanted.source_code)
    if wanted.first_date is not None:
        found.append(_L.accounting_date >= wanted.first_date)
    if wanted.last_date is not None:
        found.append(_L.accounting_date <= wanted.last_date)
    if wanted.kind is not None:
        found.append(_V.kind == wanted.kind)
    if wanted.case_id is not None:
        found.append(_L.case_id == wanted.case_id)
    if wanted.known_at is not None:
        found.append(_E.posted_at <= wanted.known_at)
    return found


@dataclass(frozen=True)
class PostedLine:
    """One line of an entry: a transfer from the credit account to the debit account."""

    line_no: int
    debit_account: str
    credit_account: str
    component: str | None
    amount_minor: int


@dataclass(frozen=True)
class PostedEntry:
    """An entry with its lines, whole or reversed."""

    entry_no: int
    entry_id: str
    event_id: str
    nth: int
    reverses_entry_id: str | None
    because_event_id: str | None
    value_date: date
    accounting_date: date
    posted_at: datetime
    currency: str
    total_minor: int
    lines: tuple[PostedLine, ...]


def entries(
    connection: Connection, *, case_ids: Collection[str] = (), entry_ids: Collection[str] = ()
) -> list[PostedEntry]:
    """The entries of cases or of these ids with their lines, in the order in which they were posted."""
    rows: list[Any] = []
    lines: dict[str, list[PostedLine]] = {}
    for column, ids in ((_E.case_id, case_ids), (_E.entry_id, entry_ids)):
        for some in chunks(sorted(ids)):
            rows += connection.execute(select(journal_entries).where(column.in_(some))).mappings().all()
            query = select(journal_lines).join(journal_entries, _E.entry_id == _L.entry_id).where(column.in_(some))
            for row in connection.execute(query.order_by(_L.entry_id, _L.line_no)):
                lines.setdefault(row.entry_id, []).append(
                    PostedLine(row.line_no, row.debit_account, row.credit_account, row.component, row.amount_minor)
                )
    return [_entry(row, lines.get(row["entry_id"], ())) for row in sorted(rows, key=lambda one: one["entry_no"])]


def _entry(row: Any, lines: Sequence[PostedLine]) -> PostedEntry:
    named = {name: row[name] for name in PostedEntry.__dataclass_fields__ if name != "lines"}
    return PostedEntry(**named, lines=tuple(lines))
