"""Posting events in the journal: what comes last is posted on top, what does not makes its case be replayed.

``post`` is the one way into the journal, within the transaction of whatever act the events come from, so that the act,
its events, the entries and where the case stands are there together or not at all. A case is replayed in value-date
order where an event comes late, is undone or undoes; entries that then read otherwise are reversed and posted anew,
each naming the event because of which (R0.1, (c)3). Nothing posted is changed.

Cost: a constant number of statements a call, whatever the number of events, and for a case that is replayed the reading
of its events and of what stands for them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.engine import Connection

from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import EventKind, LedgerEvent
from ops_app.domain.ledger.replay import SAME_AS, State, Transfer, comes_last, key_of, replayed, run
from ops_app.services.ledger.accrual_again import accrued_again
from ops_app.services.ledger.suspense_standing import follow_suspense
from ops_app.services.ledger.write_off_standing import follow
from ops_app.store.casework import case_writing
from ops_app.store.ledger import journal
from ops_app.store.ledger.ground import Ground
from ops_app.store.ledger.journal import Entry, Standing
from ops_app.store.store import Transaction

__all__ = ["Posted", "Reposting", "post"]


@dataclass(frozen=True)
class Reposting:
    """An event that reads otherwise because of another: what stood, and what stands now."""

    event: LedgerEvent
    before: tuple[Transfer, ...]
    after: tuple[Transfer, ...]


@dataclass(frozen=True)
class Posted:
    """What a call posted: ``new`` events (those that were recorded before are left out), ``reposted`` older ones, and
    for each case what is owed by component ``before`` and ``after`` (whole minor units)."""

    new: tuple[LedgerEvent, ...] = ()
    reposted: tuple[Reposting, ...] = ()
    before: dict[str, dict[Component, int]] | None = None
    after: dict[str, dict[Component, int]] | None = None
    short: dict[str, dict[Component, int]] | None = None


def post(
    transaction: Transaction, events: Sequence[LedgerEvent], *, reason: str | None = None, ground: Ground | None = None
) -> Posted:
    """Record ``events`` in this order and post what they and whatever they change ought to post.

    An event whose cause is recorded already is left out: the same cause has one effect. The caller audits. ``ground``
    is what the caller has locked and read of the cases in this transaction; its states are carried on. Raises
    ``IntegrityError`` of the store where an event is undone a second time.
    """
    connection = transaction.connection
    new = list({one.event_id: one for one in events}.values())
    if ground is None or ground.events:
        known = journal.known(connection, {one.event_id for one in new})
        new = [one for one in new if one.event_id not in known]
    if not new:
        return Posted(before={}, after={}, short={})
    case_ids = {one.case_id for one in new if one.case_id is not None}
    if ground is None or not ground.has(case_ids):
        case_writing.hold(connection, case_ids)
        if case_ids and connection.dialect.name != "sqlite":
            # another act may have recorded some while this one waited for the cases; SQLite has one writer
            known = journal.known(connection, {one.event_id for one in new})
            new = [one for one in new if one.event_id not in known]
        open_from = journal.first_open_date(connection)
        states = journal.positions(connection, case_ids)
    else:
        open_from = ground.open_from
        states = {case_id: ground.states[case_id] for case_id in case_ids}
    journal.add_events(connection, new, reason, transaction.actor.person_id, transaction.now)
    before = {
        case_id: states[case_id].owed if case_id in states else dict.fromkeys(Component, 0) for case_id in case_ids
    }
    work = _Work(open_from)
    late: set[str] = set()
    for case_id, mine in _by_case(new).items():
        state = states.get(case_id, State())
        if _on_top(mine, state):
            effects, states[case_id] = run(sorted(mine, key=key_of), state)
            for one in mine:
                work.enter(one, effects[one.event_id].transfers, dict(effects[one.event_id].short))
            work.moved[case_id] = (mine[0], states[case_id])
        else:
            late.add(case_id)
    _replay(transaction, late, new, work)
    _unplaced(connection, [one for one in new if one.case_id is None], work)
    journal.add_entries(connection, work.entries, transaction.now)
    journal.write_positions(connection, work.moved)
    follow_suspense(connection, {case_id: state for case_id, (_, state) in work.moved.items()}, work.entries)
    # a case that has no method was never written off: nothing is asked of the store for it
    follow(transaction, {case_id for case_id, (_, state) in work.moved.items() if state.method is not None})
    after = before | {case_id: state.owed for case_id, (_, state) in work.moved.items()}
    return Posted(tuple(new), tuple(work.reposted), before, after, work.short)


class _Work:
    """What a call is going to write."""

    def __init__(self, open_from: date) -> None:
        self.open_from = open_from
        self.entries: list[Entry] = []
        self.reposted: list[Reposting] = []
        self.moved: dict[str, tuple[LedgerEvent, State]] = {}
        self.short: dict[str, dict[Component, int]] = {}

    def enter(self, event: LedgerEvent, transfers: Iterable[Transfer], short: dict[Component, int]) -> None:
        """The first entry of a new event; none where it moves nothing."""
        if short:
            self.short[event.event_id] = short
        if transfers := tuple(transfers):
            self.entries.append(Entry(event, 1, transfers, self._day(event)))

    def repost(
        self,
        event: LedgerEvent,
        stood: Standing | None,
        count: int,
        transfers: tuple[Transfer, ...],
        because: str | None,
    ) -> None:
        """Reverse what stands for an event and post anew what ought to stand."""
        before = stood.transfers if stood else ()
        if before == transfers:
            return
        day = self._day(event)
        if stood:
            count += 1
            back = tuple(one.back for one in before)
            self.entries.append(Entry(event, count, back, day, reverses=stood.entry_id, because=because))
        if transfers:
            self.entries.append(Entry(event, count + 1, transfers, day, because=because))
        self.reposted.append(Reposting(event, before, transfers))

    def _day(self, event: LedgerEvent) -> date:
        """The accounting day: the value date, or the first day that is still open."""
        return max(event.value_date, self.open_from)


def _by_case(events: Iterable[LedgerEvent]) -> dict[str, list[LedgerEvent]]:
    found: dict[str, list[LedgerEvent]] = {}
    for one in events:
        if one.case_id is not None:
            found.setdefault(one.case_id, []).append(one)
    return found


def _on_top(events: Sequence[LedgerEvent], state: State) -> bool:
    """Whether all of these can be posted on top of what stands."""
    return all(comes_last(one, state) for one in events)


def _replay(transaction: Transaction, case_ids: Collection[str], new: list[LedgerEvent], work: _Work) -> None:
    """Replay cases; the accruals that have to be made anew are recorded, and added to what is ``new``."""
    if not case_ids:
        return
    connection = transaction.connection
    all_events = journal.events_of(connection, case_ids)
    again = accrued_again(transaction, all_events, {one.event_id for one in new})
    if again:
        journal.add_events(connection, again, "reckoned anew", transaction.actor.person_id, transaction.now)
        new += again
        all_events |= journal.events_of(connection, {str(one.case_id) for one in again})
    fresh = {one.event_id: one for one in new}
    stands = journal.standing(connection, case_ids=case_ids)
    counts: dict[str, int] | None = None
    for case_id in sorted(case_ids):
        events = all_events[case_id]
        effects, state = replayed(events)
        because = next(one.event_id for one in events if one.event_id in fresh)
        for one in events:
            effect = effects.get(one.event_id)
            transfers = effect.transfers if effect else ()
            if effect and effect.short:
                work.short[one.event_id] = dict(effect.short)
            if one.event_id in fresh:
                work.enter(one, transfers, {})
                continue
            stood = stands.get(one.event_id)
            if (stood.transfers if stood else ()) == transfers:
                continue
            if counts is None:
                counts = journal.entry_counts(connection, [each.event_id for each in all_events[case_id]])
            if one.event_id not in counts:
                counts |= journal.entry_counts(connection, [each.event_id for each in events])
            work.repost(one, stood, counts.get(one.event_id, 0), transfers, because)
        work.moved[case_id] = (events[0], state)


def _unplaced(connection: Connection, events: Sequence[LedgerEvent], work: _Work) -> None:
    """Events of money that is in no case: it waits in suspense or passed by outside collection."""
    targets = {one.target_id for one in events if one.target_id is not None}
    stands = {one: what.transfers for one, what in journal.standing(connection, event_ids=targets).items()}
    for one in events:
        place = str(one.terms.get("place", accounts.SUSPENSE_UNMATCHED))
        funding = str(one.terms.get("funding", accounts.CASH))
        made: list[Transfer] = []
        if SAME_AS in one.terms:
            continue  # what it says is posted already
        match one.kind:
            case EventKind.RECEIPT if one.amount_minor:
                made = [Transfer(funding, place, None, one.amount_minor)]
            case EventKind.REFUND if one.amount_minor:
                made = [Transfer(place, funding, None, one.amount_minor)]
            case EventKind.REVERSAL | EventKind.CANCELLATION:
                made = [line.back for line in reversed(stands.get(str(one.target_id), ()))]
            case _:
                raise AssertionError(f"a {one.kind.value} needs a case")
        stands[one.event_id] = tuple(made)
        work.enter(one, made, {})
