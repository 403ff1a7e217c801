"""The journal in the store: events, entries and lines entered in bulk and never changed, positions beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping, and_, bindparam, func, insert, select
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import canonical_json, key_hash
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.ledger.replay import State, Transfer
from ops_app.store import driver, stored_json
from ops_app.store.casework.debtors import upsert
from ops_app.store.ledger import closing
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.journal import journal_entries, journal_lines, ledger_events, ledger_positions
from ops_app.store.tables.parameters import closed_periods

_E, _L = journal_entries.c, journal_lines.c
_OWED = tuple((part, f"{part.value}_minor") for part in Component)
_WRITTEN_OFF = tuple((part, f"written_off_{part.value}_minor") for part in Component)
_IDS: Any = bindparam("ids", expanding=True)
# made once: on the way of every payment, making a statement costs more than running it
_KNOWN = select(ledger_events.c.event_id).where(ledger_events.c.event_id.in_(_IDS))
_POSITIONS = select(ledger_positions).where(ledger_positions.c.case_id.in_(_IDS))
_ADD_EVENTS, _ADD_LINES, _ADD_ENTRIES = insert(ledger_events), insert(journal_lines), insert(journal_entries)
_BACK = journal_entries.alias("back")
_STANDING = (
    select(_E.event_id, _E.entry_id, _E.nth, _L.debit_account, _L.credit_account, _L.component, _L.amount_minor)
    .join(journal_lines, _L.entry_id == _E.entry_id)
    .outerjoin(_BACK, _BACK.c.reverses_entry_id == _E.entry_id)
    .where(and_(_E.reverses_entry_id.is_(None), _BACK.c.entry_id.is_(None)))
    .order_by(_E.event_id, _L.line_no)
)
_STANDING_OF_CASES, _STANDING_OF_EVENTS = _STANDING.where(_E.case_id.in_(_IDS)), _STANDING.where(_E.event_id.in_(_IDS))
_LAST_CLOSED = select(func.max(closed_periods.c.end_date)).where(closed_periods.c.area == "ledger")


@dataclass(frozen=True)
class Entry:
    """One posted entry: the lines of one event, or (``reverses`` set) the mirror of an earlier entry."""

    event: LedgerEvent
    nth: int
    transfers: tuple[Transfer, ...]
    accounting_date: date
    reverses: str | None = None
    because: str | None = None

    @property
    def entry_id(self) -> str:
        """The n-th entry of an event has one id."""
        return key_hash("journal_entry", self.event.event_id, str(self.nth))[:32]


@dataclass(frozen=True)
class Standing:
    """What stands posted for an event: its entry, and how many entries the event has."""

    entry_id: str
    nth: int
    transfers: tuple[Transfer, ...]


def known(connection: Connection, event_ids: Collection[str]) -> set[str]:
    """Those of ``event_ids`` that are recorded."""
    found: set[str] = set()
    for some in chunks(sorted(event_ids)):
        found |= set(connection.execute(_KNOWN, {"ids": some}).scalars())
    return found


def add_events(
    connection: Connection, events: Sequence[LedgerEvent], reason: str | None, by: str, now: datetime
) -> None:
    """Record events, in this order."""
    if events:
        driver.write(connection, _ADD_EVENTS, [_event_row(one, reason, by, now) for one in events])


def events_of(connection: Connection, case_ids: Collection[str]) -> dict[str, list[LedgerEvent]]:
    """Case → its events in the order of arrival."""
    found: dict[str, list[LedgerEvent]] = {one: [] for one in case_ids}
    for some in chunks(sorted(case_ids)):
        query = select(ledger_events).where(ledger_events.c.case_id.in_(some)).order_by(ledger_events.c.seq)
        for row in connection.execute(query).mappings():
            found[row["case_id"]].append(event_of(row))
    return found


def events_by_id(connection: Connection, event_ids: Collection[str]) -> dict[str, LedgerEvent]:
    """Event id → the event."""
    found: dict[str, LedgerEvent] = {}
    for some in chunks(sorted(event_ids)):
        query = select(ledger_events).where(ledger_events.c.event_id.in_(some))
        found.update((row["event_id"], event_of(row)) for row in connection.execute(query).mappings())
    return found


def events_on(connection: Connection, target_ids: Collection[str]) -> list[LedgerEvent]:
    """Events that name one of these as their target, in the order of arrival."""
    found: list[LedgerEvent] = []
    for some in chunks(sorted(target_ids)):
        query = select(ledger_events).where(ledger_events.c.target_id.in_(some)).order_by(ledger_events.c.seq)
        found += [event_of(row) for row in connection.execute(query).mappings()]
    return found


def unplaced_receipts(connection: Connection, loans: Collection[tuple[str, str]]) -> list[LedgerEvent]:
    """Receipts of these loans that are in no case and were neither undone nor taken into one."""
    found: list[LedgerEvent] = []
    after = ledger_events.alias("after")
    c = ledger_events.c
    for source in sorted({source for source, _ in loans}):
        for some in chunks(sorted(loan for of, loan in loans if of == source)):
            query = (
                select(ledger_events)
                .outerjoin(after, after.c.target_id == c.event_id)
                .where(c.source_code == source, c.loan_id.in_(some), c.case_id.is_(None), c.kind == "receipt")
                .where(after.c.event_id.is_(None))
                .order_by(c.seq)
            )
            found += [event_of(row) for row in connection.execute(query).mappings()]
    return found


def standing(
    connection: Connection, *, case_ids: Collection[str] = (), event_ids: Collection[str] = ()
) -> dict[str, Standing]:
    """Event id → what stands posted for it, of these cases or events."""
    found: dict[str, Standing] = {}
    for query, wanted in ((_STANDING_OF_CASES, case_ids), (_STANDING_OF_EVENTS, event_ids)):
        for some in chunks(sorted(wanted)):
            _collect(connection.execute(query, {"ids": some}), found)
    return found


def _collect(rows_found: Any, found: dict[str, Standing]) -> None:
    lines: dict[tuple[str, str, int], list[Transfer]] = {}
    for event_id, entry_id, nth, debit, credit, component, amount in rows_found:
        part = None if component is None else Component(component)
        lines.setdefault((event_id, entry_id, nth), []).append(Transfer(debit, credit, part, amount))
    found.update((event, Standing(entry, nth, tuple(rows))) for (event, entry, nth), rows in lines.items())


def entry_counts(connection: Connection, event_ids: Collection[str]) -> dict[str, int]:
    """Event id → how many entries it has, reversed ones and their mirrors included."""
    found: dict[str, int] = {}
    for some in chunks(sorted(event_ids)):
        rows: Any = connection.execute(
            select(_E.event_id, func.max(_E.nth)).where(_E.event_id.in_(some)).group_by(_E.event_id)
        )
        found.update(tuple(row) for row in rows)
    return found


def add_entries(connection: Connection, entries: Sequence[Entry], now: datetime) -> None:
    """Post entries: their lines first, then the entries, which seals them."""
    if not entries:
        return
    driver.write(connection, _ADD_LINES, [row for one in entries for row in _line_rows(one)])
    driver.write(connection, _ADD_ENTRIES, [_entry_row(one, now) for one in entries])


def positions(connection: Connection, case_ids: Collection[str]) -> dict[str, State]:
    """Case → where it stands, for those that the ledger has taken over."""
    found: dict[str, State] = {}
    for some in chunks(sorted(case_ids)):
        rows = connection.execute(_POSITIONS, {"ids": some}).mappings()
        found.update((row["case_id"], state_of({**row})) for row in rows)
    return found


def write_positions(connection: Connection, states: Mapping[str, tuple[LedgerEvent, State]]) -> None:
    """Write where cases stand; the event says of which source and currency the case is."""
    upsert(connection, ledger_positions, ["case_id"], [_position_row(k, e, s) for k, (e, s) in states.items()])


def first_open_date(connection: Connection) -> date:
    """The first day that may still be posted to: the day after the last closed accounting period. Nobody closes one
    before this transaction has ended."""
    closing.hold_open(connection)
    last: date | None = connection.execute(_LAST_CLOSED).scalar()
    return last or date.min


def event_of(row: RowMapping) -> LedgerEvent:
    """A row of ``ledger_events`` as the event it is."""
    return LedgerEvent(
        kind=EventKind(row["kind"]),
        source_code=row["source_code"],
        loan_id=row["loan_id"],
        currency=row["currency"],
        value_date=row["value_date"],
        cause=Cause(row["cause"]),
        cause_id=row["cause_id"],
        case_id=row["case_id"],
        amount_minor=row["amount_minor"],
        parts={part: row[name] for part, name in _OWED if row[name]},
        target_id=row["target_id"],
        terms=stored_json.read(row["terms_json"]),
        seq=row["seq"],
    )


def _event_row(event: LedgerEvent, reason: str | None, by: str, now: datetime) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "kind": event.kind.value,
        "case_id": event.case_id,
        "source_code": event.source_code,
        "loan_id": event.loan_id,
        "currency": event.currency,
        "value_date": event.value_date,
        "amount_minor": event.amount_minor,
        **{name: event.parts.get(part, 0) for part, name in _OWED},
        "target_id": event.target_id,
        "cause": event.cause.value,
        "cause_id": event.cause_id,
        "terms_json": canonical_json(dict(event.terms)),
        "reason": reason,
        "recorded_by": by,
        "recorded_at": now,
    }


def _line_rows(entry: Entry) -> Iterable[dict[str, Any]]:
    event, entry_id = entry.event, entry.entry_id
    for number, one in enumerate(entry.transfers, start=1):
        yield {
            "entry_id": entry_id,
            "line_no": number,
            "debit_account": one.debit,
            "credit_account": one.credit,
            "component": None if one.component is None else one.component.value,
            "amount_minor": one.amount_minor,
            "case_id": event.case_id,
            "source_code": event.source_code,
            "currency": event.currency,
            "accounting_date": entry.accounting_date,
        }


def _entry_row(entry: Entry, now: datetime) -> dict[str, Any]:
    event = entry.event
    return {
        "entry_id": entry.entry_id,
        "event_id": event.event_id,
        "nth": entry.nth,
        "reverses_entry_id": entry.reverses,
        "because_event_id": entry.because,
        "case_id": event.case_id,
        "source_code": event.source_code,
        "currency": event.currency,
        "value_date": event.value_date,
        "accounting_date": entry.accounting_date,
        "posted_at": now,
        "total_minor": sum(one.amount_minor for one in entry.transfers),
    }


def state_of(row: Mapping[str, Any]) -> State:
    """A row of ``ledger_positions`` as where the case stands."""
    return State(
        book={part: row[name] for part, name in _OWED},
        memo={part: row[name] for part, name in _WRITTEN_OFF},
        method=row["method"],
        held={"": row["held_minor"]},
        last=(row["last_date"], row["last_rank"], row["last_turn"]),
        opening_date=row["opening_date"],
        is_closed=row["is_closed"],
    )


def _position_row(case_id: str, event: LedgerEvent, state: State) -> dict[str, Any]:
    assert state.last is not None, "a case stands somewhere once something happened to it"
    return {
        "case_id": case_id,
        "source_code": event.source_code,
        "currency": event.currency,
        **{name: state.book[part] for part, name in _OWED},
        **{name: state.memo[part] for part, name in _WRITTEN_OFF},
        "held_minor": state.held_minor,
        "method": state.method,
        "opening_date": state.opening_date or event.value_date,
        "last_date": state.last[0],
        "last_rank": state.last[1],
        "last_turn": state.last[2],
        "is_closed": state.is_closed,
    }


@dataclass(frozen=True)
class EntryLine:
    """One line of an entry of an event, as the record of a payment shows it; ``reverses`` and ``because`` are ids."""

    entry_id: str
    nth: int
    posted_at: datetime
    value_date: date
    accounting_date: date
    reverses: str | None
    because: str | None
    debit: str
    credit: str
    component: str | None
    amount_minor: int
    currency: str


def entry_lines(connection: Connection, event_id: str) -> list[EntryLine]:
    """Every line that was ever posted for an event, stornos included, in the order of posting."""
    query = (
        select(
            _E.entry_id, _E.nth, _E.posted_at, _E.value_date, _E.accounting_date, _E.reverses_entry_id,
            _E.because_event_id, _L.debit_account, _L.credit_account, _L.component, _L.amount_minor, _L.currency,
        )
        .join(journal_lines, _L.entry_id == _E.entry_id)
        .where(_E.event_id == event_id)
        .order_by(_E.nth, _L.line_no)
    )  # fmt: skip
    rows: Any = connection.execute(query)
    return [EntryLine(*row) for row in rows]
