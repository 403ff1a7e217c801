"""What happens to a refund in the journal: reserved where it stands, payable on the last approval, taken out again.

A refund of ours is one event of the payment's case; withdrawn, it is cancelled as if it had never been, so that what it
took back stands as before (decision 0032).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.ledger.refunds import (
    NoSuchRefund,
    NotEnoughHeld,
    RefundChanged,
    RefundMove,
    Room,
    ToldByLender,
    next_state,
)
from ops_app.domain.ledger.repayments import RepaymentKind
from ops_app.domain.ledger.replay import OF_HELD, applied_minor, replayed
from ops_app.services.ledger.journal import Posted, post
from ops_app.services.ledger.payment_effects import on_payments
from ops_app.services.organisation.installation import today
from ops_app.store.casework import case_writing
from ops_app.store.ledger import journal, payments, receipts, refunds, suspense
from ops_app.store.ledger.refunds import Refund
from ops_app.store.ledger.suspense import SuspenseItem
from ops_app.store.store import Transaction

OBJECT = "refund"


def hold_item(transaction: Transaction, item: SuspenseItem) -> SuspenseItem:
    """The item, whose money nobody else moves or asks for before this act ends: its case is locked before it, as
    everywhere, or its payment where no case has it."""
    connection = transaction.connection
    if item.case_id is not None:
        case_writing.hold(connection, {item.case_id})
    else:
        receipts.meet(connection, {(item.source_code, item.payment_id)})
    found = suspense.read(connection, item.item_id, lock=True)
    assert found is not None, "an item is never removed"
    return found


def room_of(connection: Connection, item: SuspenseItem) -> Room:
    """What of the item's payment can be given back, worked out from the events of its case."""
    asked = refunds.applied_requested(connection, item.item_id)
    if item.case_id is None:
        return Room(item.held_minor, 0, item.requested_minor, asked)
    _, state = replayed(journal.events_of(connection, [item.case_id])[item.case_id])
    held, applied = state.held.get(item.event_id, 0), applied_minor(state, item.event_id)
    return Room(held, applied, item.requested_minor, asked)


def locked(transaction: Transaction, refund_id: str) -> tuple[Refund, SuspenseItem]:
    """The refund and its item, which nobody else changes before this act ends. Raises ``NoSuchRefund``."""
    known = refunds.read(transaction.connection, refund_id)
    if known is None:
        raise NoSuchRefund
    item = suspense.read(transaction.connection, known.item_id)
    assert item is not None, "a refund has its item"
    item = hold_item(transaction, item)
    one = refunds.read(transaction.connection, refund_id, lock=True)
    assert one is not None, "a refund is never removed"
    return one, item


def moved_to(transaction: Transaction, one: Refund, what: RefundMove, reason: str | None, **values: Any) -> Refund:
    """Move a refund with other ``values``; raises ``RefundMoveNotAllowed`` and ``RefundChanged``."""
    state = next_state(one.state, what)
    nth = one.move_count + 1
    if not refunds.rewrite(transaction.connection, one, state=state.value, move_count=nth, **values):
        raise RefundChanged
    refunds.add_move(transaction.connection, step_of(transaction, one.refund_id, nth, what.value, one.state.value,
                                                     state.value, reason))  # fmt: skip
    return replace(one, state=state, move_count=nth, version=one.version + 1, **values)


def step_of(
    transaction: Transaction, refund_id: str, nth: int, what: str, before: str | None, after: str, reason: str | None
) -> dict[str, Any]:
    """A move of a refund as it is kept."""
    return {
        "refund_id": refund_id, "nth": nth, "what": what, "from_state": before, "to_state": after, "reason": reason,
        "made_by": transaction.actor.person_id, "made_by_name": transaction.actor.name, "made_at": transaction.now,
    }  # fmt: skip


def run_booking(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The last approval: the money leaves where it stood and is payable. Raises ``ToldByLender`` where the lender gave
    it back itself meanwhile, ``NotEnoughHeld`` where it is not there any more."""
    one, item = locked(transaction, str(arguments["refund_id"]))
    connection = transaction.connection
    next_state(one.state, RefundMove.BOOK)
    if (report := refunds.report_of(connection, one.refund_id)) is not None:
        raise ToldByLender(report.payment_id)
    room = room_of(connection, item)
    others = Room(
        room.held_minor, room.applied_minor, room.held_requested_minor - one.held_part_minor,
        room.applied_requested_minor - one.applied_part_minor,
    )  # fmt: skip
    if others.free_minor < one.held_part_minor or others.applied_free_minor < one.applied_part_minor:
        raise NotEnoughHeld(max(0, others.free_minor) + max(0, others.applied_free_minor), one.currency)
    brought = journal.events_by_id(connection, [item.event_id])[item.event_id]
    event = LedgerEvent(
        EventKind.REFUND, one.source_code, one.loan_id, one.currency, max(today(transaction.now), brought.value_date),
        Cause.APPROVAL, f"refund/{one.refund_id}", case_id=one.case_id, amount_minor=one.amount_minor,
        target_id=item.event_id, terms=_where(item) | {"funding": accounts.REFUNDS_PAYABLE,
                                                       OF_HELD: one.held_part_minor, "turn": _turn(one)},
    )  # fmt: skip
    posted = post(transaction, [event], reason=one.reason)
    suspense.request(connection, item.item_id, -one.held_part_minor)
    _effects(transaction, one, posted)
    one = moved_to(transaction, one, RefundMove.BOOK, None, event_id=event.event_id)
    transaction.audit("refund.booked", OBJECT, one.refund_id, after=facts_of(one), reason=one.reason)
    return {"refund_id": one.refund_id, "amount_minor": one.amount_minor, "currency": one.currency}


def take_out(transaction: Transaction, one: Refund, reason: str) -> None:
    """Cancel what the refund posted: what was held is held again, and what it took back is paid again."""
    event = LedgerEvent(
        EventKind.CANCELLATION, one.source_code, one.loan_id, one.currency, today(transaction.now), Cause.DECISION,
        f"refund/{one.refund_id}/withdrawn", case_id=one.case_id, target_id=one.event_id,
        terms={} if one.case_id else {"place": accounts.SUSPENSE_UNMATCHED},
    )  # fmt: skip
    _effects(transaction, one, post(transaction, [event], reason=reason))


def _where(item: SuspenseItem) -> dict[str, Any]:
    return {} if item.case_id is not None else {"place": accounts.SUSPENSE_UNMATCHED}


def _turn(one: Refund) -> str:
    """Refunds of one day count in the order in which they were asked for."""
    return f"refund {one.number:09d}"


def _effects(transaction: Transaction, one: Refund, posted: Posted) -> None:
    """What a case owes again, or owes no longer, shows on the case at once."""
    if one.case_id is None or not one.applied_part_minor:
        return
    found = payments.read_many(transaction.connection, one.source_code, [one.payment_id]).get(one.payment_id)
    if found is not None:
        order = replace(
            found.content, kind=RepaymentKind.REFUND, payment_id=f"refund/{one.number}",
            reverses_payment_id=one.payment_id, amount_minor=one.amount_minor, principal_minor=None,
            interest_minor=None, fees_minor=None, penalty_minor=None,
        )  # fmt: skip
        on_payments(transaction, posted, [(order, one.case_id)])


def facts_of(one: Refund) -> dict[str, Any]:
    """What the audit log keeps of a refund; never the payee."""
    return {
        "number": one.number, "state": one.state, "case_id": one.case_id, "payment_id": one.payment_id,
        "ground": one.ground, "amount_minor": one.amount_minor, "held_part_minor": one.held_part_minor,
        "currency": one.currency, "payee_digest": one.payee_digest, "attempts": one.attempts, "version": one.version,
    }  # fmt: skip
