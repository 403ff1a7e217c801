"""The lender's balances against the ledger, after a day's loans were taken in (issue of truth: the lender's accrual).

A case that the ledger does not have yet is taken over with the balance of its first feed. From then on the ledger says
what is owed, and the feed is held against it: what interest, fees and penalty grew by is the lender's accrual; anything
else that differs is shown as a difference until it goes or two persons accept it, never silently overwritten. A case
that closed hands what is still owed back; one that is taken up again has that undone.

Set-based: a constant number of statements for any number of cases; only cases on which something is posted after the
day of the feed are looked at event by event.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ops_app.domain.canonical import key_hash
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.ledger.posting import PARTS
from ops_app.domain.ledger.replay import State, in_order, living, run
from ops_app.services.ledger.accrual_terms import DailyTerms
from ops_app.services.ledger.journal import post
from ops_app.services.ledger.posting_terms import PostingTerms
from ops_app.services.ledger.receipts import move_in
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.ledger import fed_balances, journal
from ops_app.store.ledger.fed_balances import FedCase, Found
from ops_app.store.store import Transaction

ACCRUING = (Component.INTEREST, Component.FEES, Component.PENALTY)
"""What grows between feeds by itself; principal does not."""


@dataclass(frozen=True)
class Settled:
    """What a run made of the feed's balances."""

    taken_over: int = 0
    accrued: int = 0
    handed_back: int = 0
    differences: int = 0


def settle(transaction: Transaction, case_ids: Collection[str], business_date: date) -> Settled:
    """Hold the balances that intake wrote on these cases against the ledger. The caller audits."""
    connection = transaction.connection
    fed = fed_balances.fed_cases(connection, case_ids)
    states = journal.positions(connection, [one.case_id for one in fed])
    terms = PostingTerms(in_force(connection))
    opened = [_opening(one, terms) for one in fed if one.case_id not in states and one.is_open]
    reopened = _reopenings(transaction, [one for one in fed if one.is_open], states)
    post(transaction, [*opened, *reopened])
    if opened:
        post(transaction, move_in(connection, {(one.source_code, one.loan_id) for one in opened}))
    fresh = {str(one.case_id) for one in (*opened, *reopened)}
    states |= journal.positions(connection, fresh)
    held = [one for one in fed if one.case_id in states]
    written_off = [event for one in held if (event := _write_off(one, states[one.case_id], terms)) is not None]
    post(transaction, written_off)
    states |= journal.positions(connection, [str(one.case_id) for one in written_off])
    standing = [one for one in held if one.is_open and not states[one.case_id].is_closed]
    compared, own = _compared(transaction, standing, states), DailyTerms(terms.known)
    accruals = _told_apart(
        transaction,
        [
            event
            for one in standing
            # where the house accrues itself, what the lender says beyond that is a difference
            if own.on(one.lender_code, one.product_code, one.as_of_date) is None
            and (event := _accrual(one, compared[one.case_id])) is not None
        ],
    )
    post(transaction, accruals)
    closings = _closings(transaction, [one for one in held if not one.is_open and not states[one.case_id].is_closed])
    post(transaction, closings)
    found = _differences(standing, compared, accruals)
    gone = [one.case_id for one in held if not one.is_open]
    still = fed_balances.keep(connection, found, [one.case_id for one in standing], gone, business_date)
    return Settled(len(opened), len(accruals), len(closings), still)


def _event(kind: EventKind, of: FedCase, day: date, cause_id: str) -> LedgerEvent:
    return LedgerEvent(
        kind=kind, source_code=of.source_code, loan_id=of.loan_id, currency=of.currency, value_date=day,
        cause=Cause.FEED, cause_id=cause_id, case_id=of.case_id,
    )  # fmt: skip


def _with(event: LedgerEvent, parts: dict[Component, int], **terms: object) -> LedgerEvent:
    return LedgerEvent(
        kind=event.kind, source_code=event.source_code, loan_id=event.loan_id, currency=event.currency,
        value_date=event.value_date, cause=event.cause, cause_id=event.cause_id, case_id=event.case_id, parts=parts,
        terms=terms,
    )  # fmt: skip


def _opening(one: FedCase, terms: PostingTerms) -> LedgerEvent:
    """The opening entry per component. A claim that is written off already opens in the memorandum register."""
    event = _event(EventKind.OPENING, one, one.as_of_date, f"{one.case_id}/opening")
    said = {}
    if one.written_off_date is not None:
        said = {"is_memo": True} | terms.of_write_off(one.lender_code, one.product_code, one.written_off_date)
    return _with(event, {part: amount for part, amount in one.owed_minor.items() if amount > 0}, **said)


def _write_off(one: FedCase, state: State, terms: PostingTerms) -> LedgerEvent | None:
    """The lender says that it wrote the claim off: what is on the books goes to the register."""
    if one.written_off_date is None or not one.is_open or state.method is not None or not any(state.book.values()):
        return None
    event = _event(EventKind.WRITE_OFF, one, max(one.written_off_date, state.opening_date or one.written_off_date),
                   f"{one.case_id}/written_off/{one.written_off_date}")  # fmt: skip
    return _with(event, dict(state.book), **terms.of_write_off(one.lender_code, one.product_code, one.written_off_date))


def _reopenings(transaction: Transaction, cases: Sequence[FedCase], states: dict[str, State]) -> list[LedgerEvent]:
    """The closing of a case that is taken up again never was."""
    again = [one for one in cases if one.case_id in states and states[one.case_id].is_closed]
    if not again:
        return []
    events = journal.events_of(transaction.connection, [one.case_id for one in again])
    undone = []
    for one in again:
        closing = next(event for event in reversed(living(events[one.case_id])) if event.kind is EventKind.CLOSING)
        undone.append(
            LedgerEvent(
                kind=EventKind.CANCELLATION, source_code=one.source_code, loan_id=one.loan_id, currency=one.currency,
                value_date=closing.value_date, cause=Cause.FEED, cause_id=f"{closing.event_id}/undone",
                case_id=one.case_id, target_id=closing.event_id,
            )
        )  # fmt: skip
    return undone


@dataclass(frozen=True)
class _Compared:
    """What the ledger says was owed at the end of the day of the feed, and what lenders' own splits of payments said
    they paid beyond what the ledger knew to be owed and holds since: the lender had accrued that much more."""

    owed_minor: dict[Component, int]
    ahead_minor: dict[Component, int]


def _compared(transaction: Transaction, cases: Sequence[FedCase], states: dict[str, State]) -> dict[str, _Compared]:
    found = {one.case_id: _Compared(states[one.case_id].owed, {}) for one in cases}
    later = [
        one
        for one in cases
        if states[one.case_id].held_minor
        or ((last := states[one.case_id].last) is not None and last[0] > one.as_of_date)
    ]
    if later:
        events = journal.events_of(transaction.connection, [one.case_id for one in later])
        for one in later:
            until = [event for event in in_order(living(events[one.case_id])) if event.value_date <= one.as_of_date]
            effects, state = run(until, State())
            ahead: dict[Component, int] = {}
            for event in until if state.held_minor > 0 else ():
                left = state.held.get(event.event_id, 0) if event.terms.get("follow") else 0
                for part, short in effects[event.event_id].short.items():
                    ahead[part] = ahead.get(part, 0) + (taken := max(0, min(left, short)))
                    left -= taken
            found[one.case_id] = _Compared(state.owed, ahead)
    return found


def _accrual(one: FedCase, compared: _Compared) -> LedgerEvent | None:
    grown = {
        part: one.owed_minor[part] - compared.owed_minor[part] + compared.ahead_minor.get(part, 0) for part in ACCRUING
    }
    grown = {part: amount for part, amount in grown.items() if amount > 0}
    if not grown:
        return None
    # a feed that is read anew may say more of the same day
    said = key_hash(*(f"{part.value}:{one.owed_minor[part]}:{compared.owed_minor[part]}" for part in grown))[:16]
    return _with(
        _event(EventKind.ACCRUAL, one, one.as_of_date, f"{one.case_id}/accrual/{one.as_of_date}/{said}"), grown
    )


def _told_apart(transaction: Transaction, accruals: list[LedgerEvent]) -> list[LedgerEvent]:
    """Accruals under ids that none has yet: the same figures may come again on one day, with a payment between. A run
    that is repeated finds nothing grown, so that no id is needed to keep it from posting twice."""
    nth = 1
    while taken := journal.known(transaction.connection, {one.event_id for one in accruals}):
        nth += 1
        accruals = [
            replace(one, cause_id=f"{one.cause_id.split('#')[0]}#{nth}") if one.event_id in taken else one
            for one in accruals
        ]
    return accruals


def _closings(transaction: Transaction, cases: Sequence[FedCase]) -> list[LedgerEvent]:
    if not cases:
        return []
    events = journal.events_of(transaction.connection, [one.case_id for one in cases])
    return [
        _event(
            EventKind.CLOSING,
            one,
            max(one.closed_date or one.as_of_date, max(event.value_date for event in events[one.case_id])),
            f"{one.case_id}/closing/{sum(event.kind is EventKind.CLOSING for event in events[one.case_id]) + 1}",
        )
        for one in cases
    ]


def _differences(
    cases: Sequence[FedCase], compared: dict[str, _Compared], accruals: Sequence[LedgerEvent]
) -> list[Found]:
    """Components of which ledger and feed still differ once the day's accruals are posted."""
    grown = {str(one.case_id): one.parts for one in accruals}
    found = []
    for one in cases:
        for name in PARTS:
            part, said = Component(name), compared[one.case_id]
            ahead = min(said.ahead_minor.get(part, 0), grown.get(one.case_id, {}).get(part, 0))
            ledger = said.owed_minor[part] + grown.get(one.case_id, {}).get(part, 0) - ahead
            if ledger != one.owed_minor[part]:
                found.append(Found(one.case_id, part, one.currency, ledger, one.owed_minor[part], one.as_of_date))
    return found
