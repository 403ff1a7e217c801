"""What payments do to their cases at once: contact is held, balances follow, paid cases close, reversed ones come back.

``on_payments`` is called within the transaction that recorded and posted the payments, so that no moment exists in
which the money is known and contact goes on (D4).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.cases import CaseMove, CloseReason
from ops_app.domain.casework.scope import Reach, Scope
from ops_app.domain.contact.holds import UNTIL_DECIDED, ContactHold, HoldCause, HoldEnd
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.effects import CaseEffect, Outcome, effect_of, moved_by
from ops_app.domain.ledger.events import Cause, LedgerEvent, event_id
from ops_app.domain.ledger.posting import PARTS
from ops_app.domain.ledger.repayments import Repayment, RepaymentKind
from ops_app.domain.organisation.parameter_timeline import ParameterSet
from ops_app.services.casework.changing import Change, altered, apply, moved
from ops_app.services.casework.ending import end_placements
from ops_app.services.casework.limitation import wind
from ops_app.services.contact.holding import end_holds, hold_contact, resume_earlier
from ops_app.services.ledger.journal import Posted
from ops_app.services.ledger.schedules import RecomputedDays, recomputed_days
from ops_app.services.organisation.installation import today
from ops_app.store.casework import cases
from ops_app.store.casework.cases import Case
from ops_app.store.casework.intake import CLOSING
from ops_app.store.contact import holds
from ops_app.store.ledger.ground import Ground
from ops_app.store.store import Transaction

__all__ = ["Effects", "on_payments"]

Key = TypeVar("Key")
BY_PAYMENT = "payment"
"""The reason of what a payment did to a case."""
_CLOSES = {Outcome.CLOSED: CloseReason.PAID, Outcome.CURED: CloseReason.CURED}
_BY_PAYMENTS = frozenset(_CLOSES.values())


@dataclass(frozen=True)
class Effects:
    """What became of cases, by id: ``held`` (contact), ``changed`` (their balance), ``closed``, ``revived``."""

    held: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    revived: tuple[str, ...] = ()


@dataclass
class _Work:
    """Payments by what they ask for: case → the payments that came in, loans whose payment is in no case (``outside``
    collection or ``unmatched``), keys of payments that were reversed, and cases of reversals and refunds."""

    received: dict[str, list[str]] = field(default_factory=dict)
    outside: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    unmatched: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)

    @property
    def posted(self) -> set[str]:
        """Keys of payments that are in a case."""
        return {key for keys in self.received.values() for key in keys}

    def last(self, of: Mapping[Key, list[str]]) -> dict[Key, str]:
        """The payment that came in last of each, those left out that were reversed in the same batch."""
        standing = {one: [key for key in keys if key not in self.reversed] for one, keys in of.items()}
        return {one: keys[-1] for one, keys in standing.items() if keys}


def on_payments(
    transaction: Transaction, posted: Posted, payments: Sequence[tuple[Repayment, str | None]], *,
    ground: Ground | None = None, known: ParameterSet | None = None,
) -> Effects:  # fmt: skip
    """What newly recorded ``payments`` do to their cases; called in the transaction that posted them, once for a batch.

    ``payments`` are the recorded payments, reversals and refunds, each with the case it was posted to, or ``None``;
    ``posted`` is the answer of the posting of their events (``services/ledger/journal.py``). Payments that were
    recorded before are left out by the caller. What follows:

    - a payment posted to a case holds contact on it until the business day ``contact.resume_after_payment`` says, and a
      hold because it was not matched ends; of a payment that passed by outside collection (its value date lies before
      the case) the open case of the loan is held alike;
    - a payment in no case, whose loan has an open case, holds that case until somebody decides;
    - the balance of the case follows what is owed, part by part and never below zero; the lender's days past due and
      bucket stay what it said last, and beside them stand those by the schedule, which follow at once: they are worked
      out from the recorded payments whenever somebody asks, and the event of the case says what they are now;
    - an open case of which nothing is owed any more is closed as paid, and its placement ends; so is one, as cured, of
      which nothing is past due any more by the schedule of its loan, where that schedule agreed with the lender's days
      past due. Without a schedule the lender's next feed says whether the case is cured;
    - a reversal ends the hold of the payment that it reverses (an earlier payment holds on for its own time), and takes
      a case up again that a payment had closed, unless the loan is in another spell by now.

    Promises are no rows of the ops store: they are judged from the same payments by the warehouse, and on the record of
    a case with what is recorded since.

    Set-based: a constant number of statements for any number of payments. With the ``ground`` on which the posting
    stood (and the parameters as ``known``) three to five: holds that stood before are read and ended where there are
    any, holds are begun, cases written once with their balances, their events entered. One audit row for a batch that
    changed something; each case has its own events. Raises nothing of its own.
    """
    work = _sorted(posted, payments)
    connection = transaction.connection
    by_loan = holds.open_cases_of_loans(connection, {*work.outside, *work.unmatched})
    known_at = {by_loan[loan]: key for loan, key in work.last(work.outside).items() if loan in by_loan}
    known_at |= work.last(work.received)
    waiting = {by_loan[loan]: key for loan, key in work.last(work.unmatched).items() if loan in by_loan}
    if ground is None or ground.because:
        _end_settled(transaction, work)
    touched = {*known_at, *waiting, *work.received, *work.returned}
    found = {case_id: ground.cases[case_id] for case_id in sorted(touched & ground.cases.keys())} if ground else {}
    if ground is None or not ground.has(touched):
        ground = None  # what it says is not of all of them
        found |= cases.read_locked(connection, sorted(touched - found.keys()), Scope(Reach.ALL), transaction.now)
    events: dict[str | None, list[LedgerEvent]] = {}
    for event in posted.new:
        events.setdefault(event.case_id, []).append(event)
    known_schedule = ground is None or ground.schedules
    days = recomputed_days(connection, found.values(), today(transaction.now)) if known_schedule else {}
    arrears = _arrears(found.values(), days)
    effects = {
        one.case_id: _effect(one, posted, events.get(one.case_id, []), arrears.get(one.case_id))
        for one in found.values()
    }
    other = _in_another_spell(transaction, [found[case_id] for case_id in effects if _revives(effects, case_id)])
    changes = _changes(transaction, found, effects, known_at, other, days)
    moved_ids = {one.after.case_id for one in changes}
    first = ground is not None and not ground.holds
    held = hold_contact(transaction, known_at, HoldCause.RECEIVED, among=found, known=known, first=first)
    held |= hold_contact(transaction, waiting, HoldCause.UNMATCHED, among=found, known=known)
    changes += _held_alone(found, moved_ids, held, transaction)
    apply(transaction, changes, audited=False, balances=True)
    _end_contact(transaction, changes)
    done = Effects(
        tuple(sorted(held)),
        tuple(sorted(moved_ids)),
        tuple(sorted(one.after.case_id for one in changes if one.what == CaseMove.CLOSE.value)),
        tuple(sorted(one.after.case_id for one in changes if one.what == CaseMove.REVIVE.value)),
    )
    if changes or held:
        _audit(transaction, done)
    return done


def _sorted(posted: Posted, payments: Sequence[tuple[Repayment, str | None]]) -> _Work:
    work = _Work()
    events = {one.event_id: one for one in posted.new}
    for one, case_id in payments:
        key = f"{one.source_code}/{one.payment_id}"
        if one.kind is RepaymentKind.REVERSAL:
            work.reversed.add(f"{one.source_code}/{one.reverses_payment_id}")
        if case_id is not None and one.kind is RepaymentKind.PAYMENT:
            work.received.setdefault(case_id, []).append(key)
        elif case_id is not None:
            work.returned.add(case_id)
        elif one.kind is RepaymentKind.PAYMENT:
            event = events.get(event_id(Cause.PAYMENT, key))
            place = event.terms.get("place", accounts.SUSPENSE_UNMATCHED) if event else accounts.SUSPENSE_UNMATCHED
            into = work.outside if place == accounts.OUTSIDE else work.unmatched
            into.setdefault((one.source_code, one.loan_id), []).append(key)
    return work


def _arrears(some: Collection[Case], days: Mapping[str, RecomputedDays]) -> dict[str, bool]:
    """Case → whether something is past due today, where the schedule of its loan is known and says the lender's own
    days past due; a claim that is written off has no schedule to come back to."""
    loans = {one.case_id for one in some if one.written_off_date is None}
    return {case_id: it.now > 0 for case_id, it in days.items() if case_id in loans and not it.days_apart}


def _effect(one: Case, posted: Posted, events: Sequence[LedgerEvent], arrears: bool | None) -> CaseEffect:
    after = (posted.after or {}).get(one.case_id, {})
    return effect_of(
        {part: getattr(one, f"{part}_minor") for part in PARTS},
        moved_by((posted.before or {}).get(one.case_id, {}), after, events),
        after,
        is_open=one.closed_date is None,
        # a closing by the feed names its line; one that a payment made has none
        closed_by_payment=one.close_reason in _BY_PAYMENTS and one.closed_file_id is None,
        arrears=arrears,
    )


def _revives(effects: Mapping[str, CaseEffect], case_id: str) -> bool:
    return effects[case_id].outcome is Outcome.REVIVED


def _in_another_spell(transaction: Transaction, some: Collection[Case]) -> set[str]:
    """Those closed cases whose loan has an open one."""
    by_loan = holds.open_cases_of_loans(transaction.connection, {(one.source_code, one.loan_id) for one in some})
    return {one.case_id for one in some if (one.source_code, one.loan_id) in by_loan}


def _changes(
    transaction: Transaction, found: Mapping[str, Case], effects: Mapping[str, CaseEffect],
    received: Mapping[str, str], other: Collection[str], days: Mapping[str, RecomputedDays],
) -> list[Change]:  # fmt: skip
    day = today(transaction.now)
    changes: list[Change] = []
    for case_id, one in sorted(found.items()):
        effect = effects[case_id]
        if effect.outcome is Outcome.NOTHING or case_id in other:
            continue
        values: dict[str, Any] = {f"{part}_minor": effect.balance_minor[part] for part in PARTS}
        values["balance_minor"] = sum(effect.balance_minor.values())
        detail: dict[str, Any] = {"moved_minor": effect.moved_minor, "balance_minor": values["balance_minor"]}
        if case_id in received:
            detail["payment"] = received[case_id]
        if case_id in days:
            detail |= {"days_by_schedule": days[case_id].now, "bucket_by_schedule": days[case_id].bucket}
        if effect.outcome in _CLOSES:
            reason = _CLOSES[effect.outcome]
            closing: dict[str, Any] = dict.fromkeys(CLOSING) | {"closed_date": day, "close_reason": reason}
            detail["close_reason"] = reason
            changes.append(
                moved(one, CaseMove.CLOSE, BY_PAYMENT, detail, agency_code=None, collector_id=None, **closing, **values)
            )
        elif effect.outcome is Outcome.REVIVED:
            changes.append(moved(one, CaseMove.REVIVE, BY_PAYMENT, detail, **dict.fromkeys(CLOSING), **values))
        else:
            changes.append(altered(one, "payment_posted", BY_PAYMENT, detail, **values))
    return changes


def _held_alone(
    found: Mapping[str, Case], changed: Collection[str], held: Mapping[str, ContactHold], transaction: Transaction
) -> list[Change]:
    """An event for cases on which contact is held and nothing else changed."""
    begun = {case_id: one for case_id, one in held.items() if one.begun_at == transaction.now}
    return [
        altered(
            found[case_id],
            "contact_held",
            BY_PAYMENT,
            {"cause": begun[case_id].cause, "payment": begun[case_id].because_id},
        )
        for case_id in sorted(begun.keys() - set(changed))
        if case_id in found and found[case_id].closed_date is None
    ]


def _end_settled(transaction: Transaction, work: _Work) -> None:
    """Holds that these payments end: not matched and now posted; received and now reversed."""
    standing = [
        one for one in holds.of_payments(transaction.connection, work.posted | work.reversed) if not one.ended_at
    ]
    matched = [one for one in standing if one.cause is HoldCause.UNMATCHED and one.because_id in work.posted]
    gone = [one for one in standing if one.because_id in work.reversed]
    end_holds(transaction, matched, HoldEnd.POSTED)
    end_holds(transaction, gone, HoldEnd.REVERSED)
    resume_earlier(transaction, {one.case_id for one in gone}, work.reversed)


def _end_contact(transaction: Transaction, changes: Sequence[Change]) -> None:
    """Placements of cases that closed end with them; cases that came back have their limitation counted again."""
    closed = [one.before for one in changes if one.what == CaseMove.CLOSE.value]
    revived = [one.after.case_id for one in changes if one.what == CaseMove.REVIVE.value]
    if not closed and not revived:
        return
    with_agency = [one for one in closed if one.agency_code]
    end_placements(transaction, with_agency, day=today(transaction.now), reason="closed", note=None)
    left = holds.standing(transaction.connection, [one.case_id for one in closed])
    end_holds(transaction, [one for one in left.values() if one.cause in UNTIL_DECIDED], HoldEnd.CLOSED)
    wind(transaction.connection, revived, anew=True)


def _audit(transaction: Transaction, done: Effects) -> None:
    ids = sorted({*done.held, *done.changed, *done.closed, *done.revived})
    batch = key_hash("payment_effects", transaction.now.isoformat(), *ids)
    transaction.audit(
        "payments.applied",
        "payment_batch",
        batch,
        after={
            "held": len(done.held), "changed": len(done.changed), "closed": len(done.closed),
            "revived": len(done.revived), "cases_hash": key_hash(*ids),
        },
    )  # fmt: skip
