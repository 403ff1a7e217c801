"""Lists of write-offs by keyset, their totals, how they tie to the accounts, and recoveries by month of write-off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, extract, func, or_, select, tuple_
from sqlalchemy.engine import Connection

from ops_app.domain.casework.scope import Scope
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.accounts import Component, charge_off
from ops_app.domain.ledger.events import EventKind
from ops_app.domain.ledger.write_off_criteria import WriteOffPath
from ops_app.domain.ledger.write_offs import STANDING, WriteOffState
from ops_app.domain.paging import MOST_COUNTED
from ops_app.store.casework.case_scope import within
from ops_app.store.ledger.write_offs import WriteOff, stored
from ops_app.store.tables.casework import cases
from ops_app.store.tables.journal import journal_entries, journal_lines, ledger_events
from ops_app.store.tables.write_offs import SORTED as SORTS
from ops_app.store.tables.write_offs import write_off_parts, write_offs

__all__ = ["SORTS", "Entry", "Tie", "Totals", "Vintage", "WriteOffFilter", "count", "entries_of", "page", "ties",
           "totals", "vintages"]  # fmt: skip

_W, _P, _L, _E = write_offs.c, write_off_parts.c, journal_lines.c, journal_entries.c
_RECOVERIES = (EventKind.RECEIPT.value, EventKind.REVERSAL.value, EventKind.REFUND.value)


@dataclass(frozen=True)
class WriteOffFilter:
    """What a list is narrowed by; ``since`` and ``until`` (both included) are effective days, ``text`` begins the loan
    number."""

    states: frozenset[WriteOffState] = frozenset()
    lender_code: str | None = None
    product_code: str | None = None
    path: WriteOffPath | None = None
    since: date | None = None
    until: date | None = None
    text: str | None = None


@dataclass(frozen=True)
class Totals:
    """Sums of the write-offs of a list in one currency, whole minor units."""

    currency: str
    count: int
    claim_minor: int
    booked_minor: int
    later_minor: int
    recovered_minor: int
    remaining_minor: int


def _narrowed(query: Select[Any], scope: Scope, now: datetime, wanted: WriteOffFilter) -> Select[Any]:
    query = query.join(cases, cases.c.case_id == _W.case_id)
    where: list[ColumnElement[bool]] = [*within(scope, now)]
    if wanted.states:
        where.append(_W.state.in_(sorted(one.value for one in wanted.states)))
    if wanted.lender_code:
        where.append(_W.lender_code == wanted.lender_code)
    if wanted.product_code:
        where.append(_W.product_code == wanted.product_code)
    if wanted.path:
        where.append(_W.path == wanted.path.value)
    if wanted.since:
        where.append(_W.effective_date >= wanted.since)
    if wanted.until:
        where.append(_W.effective_date <= wanted.until)
    if wanted.text:
        where.append(_W.loan_id.startswith(wanted.text, autoescape=True))
    return query.where(*where)


def page(
    connection: Connection,
    scope: Scope,
    now: datetime,
    wanted: WriteOffFilter,
    *,
    sort: str,
    descending: bool,
    after: tuple[Any, str] | None,
    limit: int,
) -> list[WriteOff]:
    """Up to ``limit`` write-offs behind ``after``, along the index of the sort."""
    order = (_W[sort], _W.write_off_id)
    query = _narrowed(select(write_offs), scope, now, wanted)
    query = query.order_by(*(one.desc() if descending else one.asc() for one in order)).limit(limit)
    if after is not None:
        row, mark = tuple_(*order), tuple_(*after)
        query = query.where(row < mark if descending else row > mark)
    return [stored(row) for row in connection.execute(query)]


def count(connection: Connection, scope: Scope, now: datetime, wanted: WriteOffFilter) -> int:
    """How many there are, counted no further than ``MOST_COUNTED`` + 1."""
    some = _narrowed(select(_W.write_off_id), scope, now, wanted).limit(MOST_COUNTED + 1)
    return int(connection.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def totals(connection: Connection, scope: Scope, now: datetime, wanted: WriteOffFilter) -> list[Totals]:
    """Sums of all that the filter leaves, per currency."""
    names = ("claim_minor", "booked_minor", "later_minor", "recovered_minor", "remaining_minor")
    query = select(_W.currency, func.count(), *(func.sum(_W[name]) for name in names))
    rows = connection.execute(_narrowed(query, scope, now, wanted).group_by(_W.currency).order_by(_W.currency))
    return [Totals(row[0], *(int(value) for value in row[1:])) for row in rows]


@dataclass(frozen=True)
class Tie:
    """An account of write-off in one currency: what its lines come to (``ledger_minor``, debit less credit), what the
    register says of it, and what comes from others (a charge-off in the lender's data, a waiver after write-off is in
    the register). The difference is ``ledger - register - others`` and is zero."""

    account: str
    currency: str
    ledger_minor: int
    register_minor: int
    others_minor: int

    @property
    def difference_minor(self) -> int:
        return self.ledger_minor - self.register_minor - self.others_minor


TIED = (accounts.WRITTEN_OFF_CLAIMS, accounts.ALLOWANCE, *(charge_off(one) for one in Component))


def ties(connection: Connection) -> list[Tie]:
    """Every account of write-off held against the register, per currency."""
    ledger, registered = _ledger(connection), _register(connection)
    others = _others(connection)
    places = sorted({*ledger, *registered, *others}, key=lambda place: (TIED.index(place[0]), place[1]))
    return [
        Tie(account, currency, ledger.get((account, currency), 0), registered.get((account, currency), 0),
            others.get((account, currency), 0))
        for account, currency in places
    ]  # fmt: skip


def _ledger(connection: Connection) -> dict[tuple[str, str], int]:
    """Account and currency → debit less credit of all its lines."""
    found: dict[tuple[str, str], int] = {}
    for side, sign in ((_L.debit_account, 1), (_L.credit_account, -1)):
        query = select(side, _L.currency, func.sum(_L.amount_minor)).where(side.in_(TIED)).group_by(side, _L.currency)
        rows: Any = connection.execute(query)
        for account, currency, amount in rows:
            found[account, currency] = found.get((account, currency), 0) + sign * int(amount)
    return found


def _standing() -> ColumnElement[bool]:
    return _W.state.in_(sorted(one.value for one in STANDING))


def _register(connection: Connection) -> dict[tuple[str, str], int]:
    """What the register says of the same accounts: the remaining claims, and what was booked, less what came back."""
    found: dict[tuple[str, str], int] = {}
    query = (
        select(
            _W.currency, _W.method, _P.component, func.sum(_P.remaining_minor), func.sum(_P.booked_minor),
            func.sum(_P.recovered_minor),
        )
        .join(write_off_parts, _P.write_off_id == _W.write_off_id)
        .where(_standing(), _P.is_live)
        .group_by(_W.currency, _W.method, _P.component)
    )  # fmt: skip
    rows: Any = connection.execute(query)
    for currency, method, component, remaining, booked, recovered in rows:
        _add(found, accounts.WRITTEN_OFF_CLAIMS, currency, int(remaining))
        if method == "allowance":
            _add(found, accounts.ALLOWANCE, currency, int(booked) - int(recovered))
        else:
            _add(found, charge_off(Component(component)), currency, int(booked))
    return found


def _others(connection: Connection) -> dict[tuple[str, str], int]:
    """What the lines of components come to that no standing write-off of the register has."""
    mine = exists().where(
        _P.case_id == _L.case_id, _P.component == _L.component, _P.is_live, _P.write_off_id == _W.write_off_id,
        _standing(),
    )  # fmt: skip
    other_event = and_(
        ledger_events.c.kind == EventKind.WRITE_OFF.value,
        ~exists().where(_W.event_id == ledger_events.c.event_id, _standing()),
    )
    found: dict[tuple[str, str], int] = {}
    for side, sign in ((_L.debit_account, 1), (_L.credit_account, -1)):
        query = (
            select(side, _L.currency, func.sum(_L.amount_minor))
            .join(journal_entries, _E.entry_id == _L.entry_id)
            .join(ledger_events, ledger_events.c.event_id == _E.event_id)
            .where(
                side.in_(TIED),
                or_(~mine, and_(side != accounts.WRITTEN_OFF_CLAIMS, other_event)),
            )
            .group_by(side, _L.currency)
        )
        rows: Any = connection.execute(query)
        for account, currency, amount in rows:
            _add(found, account, currency, sign * int(amount))
    return found


def _add(found: dict[tuple[str, str], int], account: str, currency: str, amount: int) -> None:
    found[account, currency] = found.get((account, currency), 0) + amount


@dataclass(frozen=True)
class Vintage:
    """Recoveries of the write-offs of one month (``year``, ``month``) and currency: the claims written off, what stands
    booked of them, and months since → what came in until the end of that month, cumulative (whole minor units)."""

    year: int
    month: int
    currency: str
    count: int
    claim_minor: int
    booked_minor: int
    recovered_minor: dict[int, int]


def vintages(connection: Connection, scope: Scope, now: datetime) -> list[Vintage]:
    """Every month of write-off, the oldest first, with what was recovered month by month (domain (c)8)."""
    year, month = extract("year", _W.effective_date), extract("month", _W.effective_date)
    by = (year, month, _W.currency)
    standing = [_standing(), *within(scope, now)]
    cohorts = (
        select(*by, func.count(), func.sum(_W.claim_minor), func.sum(_W.booked_minor))
        .join(cases, cases.c.case_id == _W.case_id)
        .where(*standing)
        .group_by(*by)
        .order_by(*by)
    )
    since = (extract("year", _E.value_date) - year) * 12 + extract("month", _E.value_date) - month
    came_in = case((_L.credit_account == accounts.WRITTEN_OFF_CLAIMS, _L.amount_minor), else_=-_L.amount_minor)
    recovered = (
        select(*by, since, func.sum(came_in))
        .join(cases, cases.c.case_id == _W.case_id)
        .join(write_off_parts, and_(_P.write_off_id == _W.write_off_id, _P.is_live))
        .join(journal_lines, and_(_L.case_id == _P.case_id, _L.component == _P.component))
        .join(journal_entries, _E.entry_id == _L.entry_id)
        .join(ledger_events, ledger_events.c.event_id == _E.event_id)
        .where(
            *standing,
            or_(_L.debit_account == accounts.WRITTEN_OFF_CLAIMS, _L.credit_account == accounts.WRITTEN_OFF_CLAIMS),
            ledger_events.c.kind.in_(_RECOVERIES),
        )
        .group_by(*by, since)
        .order_by(*by, since)
    )
    months: dict[tuple[int, int, str], dict[int, int]] = {}
    so_far: dict[tuple[int, int, str], int] = {}
    rows: Any = connection.execute(recovered)
    for in_year, in_month, currency, after, amount in rows:
        place = (int(in_year), int(in_month), currency)
        so_far[place] = so_far.get(place, 0) + int(amount)
        months.setdefault(place, {})[max(0, int(after))] = so_far[place]
    found: Any = connection.execute(cohorts)
    return [
        Vintage(
            int(one), int(two), currency, int(many), int(claim), int(booked),
            months.get((int(one), int(two), currency), {}),
        )
        for one, two, currency, many, claim, booked in found
    ]  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line of an entry: an amount from a credit account to a debit account."""

    debit: str
    credit: str
    component: Component | None
    amount_minor: int


@dataclass(frozen=True)
class Entry:
    """One entry that a write-off or what came after it posted, with its lines; ``reverses`` where it takes an earlier
    one back."""

    entry_no: int
    entry_id: str
    event_id: str
    kind: EventKind
    reverses: str | None
    value_date: date
    accounting_date: date
    posted_at: datetime
    currency: str
    total_minor: int
    lines: tuple[Line, ...]


def entries_of(connection: Connection, one: WriteOff, *, limit: int) -> list[Entry]:
    """The entries of a write-off's event and those of its case that touch the register, in the order of posting."""
    query = (
        select(
            _E.entry_no, _E.entry_id, _E.event_id, ledger_events.c.kind, _E.reverses_entry_id, _E.value_date,
            _E.accounting_date, _E.posted_at, _E.currency, _E.total_minor, _L.line_no, _L.debit_account,
            _L.credit_account, _L.component, _L.amount_minor,
        )
        .join(ledger_events, ledger_events.c.event_id == _E.event_id)
        .join(journal_lines, _L.entry_id == _E.entry_id)
        .where(_E.case_id == one.case_id, or_(_E.event_id == (one.event_id or ""), _touches_register()))
        .order_by(_E.entry_no, _L.line_no)
        .limit(limit)
    )  # fmt: skip
    found: dict[str, tuple[Any, list[Line]]] = {}
    for row in connection.execute(query):
        part = None if row.component is None else Component(row.component)
        _, lines = found.setdefault(row.entry_id, (row, []))
        lines.append(Line(row.debit_account, row.credit_account, part, row.amount_minor))
    return [
        Entry(
            row.entry_no, row.entry_id, row.event_id, EventKind(row.kind), row.reverses_entry_id, row.value_date,
            row.accounting_date, row.posted_at, row.currency, row.total_minor, tuple(lines),
        )
        for row, lines in found.values()
    ]  # fmt: skip


def _touches_register() -> ColumnElement[bool]:
    line = journal_lines.alias("touching")
    return exists().where(
        line.c.entry_id == _E.entry_id,
        or_(line.c.debit_account == accounts.WRITTEN_OFF_CLAIMS, line.c.credit_account == accounts.WRITTEN_OFF_CLAIMS),
    )


def lines_sequence(entries: Sequence[Entry]) -> list[tuple[Entry, Line]]:
    """Entries spelt out line by line, for a table and an export."""
    return [(entry, line) for entry in entries for line in entry.lines]
