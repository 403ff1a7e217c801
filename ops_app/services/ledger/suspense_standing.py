"""What stands in suspense, payment by payment, follows the journal in the transaction of whatever posts.

A case that was replayed says of every receipt what is held of it; one that was posted on top says it of the new ones.
What no case has (``suspense_unmatched``) is what its lines add up to, by the receipt that brought it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.engine import Connection

from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.events import Cause, LedgerEvent
from ops_app.domain.ledger.replay import State
from ops_app.store.ledger import journal, suspense
from ops_app.store.ledger.journal import Entry
from ops_app.store.ledger.suspense import Standing

_LONGEST_CHAIN = 8


def follow_suspense(connection: Connection, states: Mapping[str, State], entries: Iterable[Entry]) -> None:
    """Write what of each receipt stands in suspense after ``entries``, which leave the cases in ``states``. Nothing is
    asked of the store where no money is held."""
    rows: list[tuple[str, int]] = []  # (holder, held)
    whole = {case_id: state.held for case_id, state in states.items() if "" not in state.held}
    known = suspense.of_cases(connection, sorted(whole)) if whole else {}
    for case_id, held in whole.items():
        before = {event: minor for event, minor in known.get(case_id, {}).items() if minor}
        after = {event: minor for event, minor in held.items() if minor}
        rows += [(event, after.get(event, 0)) for event in {*before, *after} if before.get(event) != after.get(event)]
    for state in states.values():
        if "" in state.held:
            rows += [(event, minor) for event, minor in state.held.items() if event and minor]
    if rows:
        events = _chain(connection, [event for event, _ in rows])
        suspense.write_held(
            connection,
            [_standing(events, event, accounts.SUSPENSE_CASE, minor) for event, minor in sorted(rows)],
        )
    _unmatched(connection, entries)


def _unmatched(connection: Connection, entries: Iterable[Entry]) -> None:
    moved: dict[str, int] = {}
    of: dict[str, LedgerEvent] = {}
    for entry in entries:
        minor = sum(
            (one.credit == accounts.SUSPENSE_UNMATCHED) * one.amount_minor
            - (one.debit == accounts.SUSPENSE_UNMATCHED) * one.amount_minor
            for one in entry.transfers
        )
        if minor:
            of[entry.event.event_id] = entry.event
            moved[entry.event.event_id] = moved.get(entry.event.event_id, 0) + minor
    if not moved:
        return
    events = _chain(connection, list(of)) | of
    by_root: dict[str, int] = {}
    for event_id, minor in moved.items():
        root = _root(events, event_id)
        by_root[root] = by_root.get(root, 0) + minor
    rows = [_standing(events, root, accounts.SUSPENSE_UNMATCHED, minor) for root, minor in sorted(by_root.items())]
    suspense.add_held(connection, [one for one in rows if one.held_minor])


def _chain(connection: Connection, ids: Sequence[str]) -> dict[str, LedgerEvent]:
    """These events and what they name, as far as that goes."""
    found: dict[str, LedgerEvent] = {}
    wanted = set(ids)
    for _ in range(_LONGEST_CHAIN):
        if not wanted:
            break
        found |= journal.events_by_id(connection, wanted)
        wanted = {one.target_id for one in found.values() if one.target_id is not None} - found.keys()
    return found


def _root(events: Mapping[str, LedgerEvent], event_id: str) -> str:
    """The event that brought the money: what this one names, and what that one names."""
    at = event_id
    for _ in range(_LONGEST_CHAIN):
        one = events.get(at)
        if one is None or one.target_id is None or one.target_id not in events:
            break
        at = one.target_id
    return at


def _standing(events: Mapping[str, LedgerEvent], event_id: str, account: str, minor: int) -> Standing:
    one, root = events[event_id], events[_root(events, event_id)]
    of_payment = root.cause is Cause.PAYMENT
    return Standing(
        event_id=event_id,
        account=account,
        case_id=one.case_id if account == accounts.SUSPENSE_CASE else None,
        source_code=one.source_code,
        loan_id=one.loan_id,
        currency=one.currency,
        payment_id=root.cause_id.split("/", 1)[-1] if of_payment else root.cause_id,
        since_date=root.value_date,
        held_minor=minor,
    )
