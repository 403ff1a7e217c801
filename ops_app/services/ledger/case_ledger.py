"""The ledger of one case: its events in the order in which they count, what each posted, what was posted anew and why,
and what is owed after each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import LedgerEvent
from ops_app.domain.ledger.posting import PARTS
from ops_app.domain.ledger.replay import State, in_order, key_of, living, run
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.store.casework import cases
from ops_app.store.casework.cases import Case
from ops_app.store.ledger import journal, statements
from ops_app.store.ledger.statements import PostedEntry
from ops_app.store.organisation import parameters
from ops_app.store.store import Store
from ops_app.store.tables.journal import ledger_events

__all__ = ["BalanceCheck", "CaseLedger", "LedgerStep", "PostedEntry", "read_case_ledger"]


@dataclass(frozen=True)
class LedgerStep:
    """One event of the case: who recorded it when, its entries in the order of posting, and what is owed by component
    after it (whole minor units; nothing for an event that does not count, because it was cancelled or cancels)."""

    event: LedgerEvent
    recorded_by_name: str
    recorded_at: datetime
    reason: str | None
    entries: tuple[PostedEntry, ...]
    owed_minor: dict[str, int] | None
    held_minor: int | None
    is_counted: bool

    @property
    def was_posted_anew(self) -> bool:
        """Whether what it posted was reversed and posted otherwise since."""
        return any(one.reverses_entry_id is not None for one in self.entries)


@dataclass(frozen=True)
class BalanceCheck:
    """A component as of the day of the lender's last data: by the ledger, by the feed, and what the lender says beyond
    (whole minor units; ``feed_minor`` is none for what lenders do not tell)."""

    component: Component
    as_of_date: date
    ledger_minor: int
    feed_minor: int | None

    @property
    def difference_minor(self) -> int | None:
        """What the lender says beyond the ledger."""
        return None if self.feed_minor is None else self.feed_minor - self.ledger_minor


@dataclass(frozen=True)
class CaseLedger:
    """The ledger of a case. ``is_taken_over``: the ledger has its opening balance; without one there are no steps."""

    case_id: str
    currency: str
    steps: tuple[LedgerStep, ...]
    checks: tuple[BalanceCheck, ...]
    is_taken_over: bool


@act("cases.ledger")
def read_case_ledger(actor: Actor, store: Store, *, now: datetime, case_id: str) -> CaseLedger:
    """The ledger of a case within reach. Raises ``NoSuchCase`` alike for a missing and a foreign one."""
    with store.reading() as connection:
        one = cases.read(connection, case_id, scope_of(actor), now)
        if one is None:
            raise NoSuchCase
        events = journal.events_of(connection, [case_id])[case_id]
        entries = statements.entries(connection, case_ids=[case_id])
        said = _said(connection, case_id)
    return CaseLedger(case_id, one.currency, tuple(_steps(events, entries, said)), _checks(one, events), bool(events))


def _said(connection: Connection, case_id: str) -> dict[str, tuple[str, datetime, str | None]]:
    """Event → who recorded it, when and why."""
    c = ledger_events.c
    query = select(c.event_id, c.recorded_by, c.recorded_at, c.reason).where(c.case_id == case_id)
    rows: list[Any] = list(connection.execute(query))
    names = parameters.names(connection, sorted({row.recorded_by for row in rows}))
    return {
        row.event_id: (names.get(row.recorded_by, row.recorded_by), row.recorded_at, row.reason) for row in rows
    }  # fmt: skip


def _steps(
    events: Sequence[LedgerEvent], entries: Sequence[PostedEntry], said: dict[str, tuple[str, datetime, str | None]]
) -> list[LedgerStep]:
    posted: dict[str, list[PostedEntry]] = {}
    for one in entries:
        posted.setdefault(one.event_id, []).append(one)
    made, state = [], State()
    counted = in_order(living(events))
    for event in counted:
        _, state = run([event], state)
        owed = {part.value: amount for part, amount in state.owed.items()}
        made.append(_step(event, posted, said, owed, state.held_minor))
    keys = [key_of(event) for event in counted]
    alive = {event.event_id for event in counted}
    # what does not count stands where it would; from the last, so that places before it stay
    for event in sorted((one for one in events if one.event_id not in alive), key=key_of, reverse=True):
        made.insert(bisect_right(keys, key_of(event)), _step(event, posted, said, None, None))
    return made


def _step(
    event: LedgerEvent, posted: dict[str, list[PostedEntry]], said: dict[str, tuple[str, datetime, str | None]],
    owed: dict[str, int] | None, held: int | None,
) -> LedgerStep:  # fmt: skip
    who, when, why = said[event.event_id]
    return LedgerStep(event, who, when, why, tuple(posted.get(event.event_id, ())), owed, held, owed is not None)


def _checks(one: Case, events: Sequence[LedgerEvent]) -> tuple[BalanceCheck, ...]:
    if not events:
        return ()
    until = [event for event in in_order(living(events)) if event.value_date <= one.as_of_date]
    _, state = run(until, State())
    return tuple(
        BalanceCheck(
            part, one.as_of_date, state.owed[part], getattr(one, f"{part.value}_minor") if part.value in PARTS else None
        )
        for part in Component
    )
