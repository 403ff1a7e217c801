"""The desk of held contact: payments that are not matched or are disputed hold contact until somebody decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ops_app.domain.casework.cases import NoSuchCase, checked_reason
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.contact.holds import (
    UNTIL_DECIDED,
    ContactHold,
    HoldCause,
    HoldChanged,
    HoldEnd,
    NoSuchHold,
)
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit
from ops_app.services.act import act
from ops_app.services.casework.cases import mark_of, read_mark
from ops_app.services.contact.holding import end_holds, hold_contact
from ops_app.store.casework import cases
from ops_app.store.casework.cases import Case
from ops_app.store.contact import holds
from ops_app.store.ledger import payments
from ops_app.store.store import Store, Transaction

__all__ = ["WaitingPage", "dispute_payment", "list_waiting", "release_hold", "take_hold"]

_DISPUTED, _TAKEN, _RELEASED = "contact.payment_disputed", "contact.hold_taken", "contact.hold_released"


@dataclass(frozen=True)
class WaitingPage:
    """One page of holds that wait for a decision, each with its case; ``owners``: person → name."""

    rows: tuple[tuple[ContactHold, Case], ...]
    owners: dict[str, str]
    next_after: str | None


@act("contact.hold")
def list_waiting(
    actor: Actor, store: Store, *, now: datetime, cause: HoldCause | None = None, after: str | None = None,
    limit: int = 50,
) -> WaitingPage:  # fmt: skip
    """Holds that wait for a decision, those first that were due first, with their cases as far as they are within
    reach. Raises ``Invalid`` for a page that is none."""
    check_limit(limit)
    with store.reading() as connection:
        found = holds.waiting(connection, cause=cause, after=read_mark(after, "due_at"), limit=limit + 1)
        shown = found[:limit]
        of = cases.read_many(connection, [one.case_id for one in shown], scope_of(actor), now)
        owners = holds.owner_names(connection, {one.owner_id for one in shown if one.owner_id})
    last = shown[-1] if len(found) > limit else None
    more = mark_of("due_at", last.due_at, last.hold_id) if last else None
    rows = tuple((one, of[one.case_id]) for one in shown if one.case_id in of)
    return WaitingPage(rows, owners, more)


@act("contact.hold")
def dispute_payment(
    actor: Actor, store: Store, *, now: datetime, case_id: str, source_code: str, payment_id: str, reason: str
) -> ContactHold:
    """Hold contact on a case because a payment of its loan is disputed, until somebody decides; the actor owns it.

    Raises ``NoSuchCase``, ``Invalid`` (no reason, or no such payment of the loan), ``HoldChanged`` where one waits.
    """
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        connection = transaction.connection
        one = cases.read_locked(connection, [case_id], scope_of(actor), now).get(case_id)
        if one is None:
            raise NoSuchCase
        paid = payments.read_many(connection, source_code, [payment_id]).get(payment_id)
        if paid is None or (paid.content.source_code, paid.content.loan_id) != (one.source_code, one.loan_id):
            raise Invalid("The loan has no such payment.", "该借据没有此笔还款。", field="payment_id")
        if (case_id, HoldCause.DISPUTED) in holds.standing(connection, [case_id]):
            raise HoldChanged
        because = f"{source_code}/{payment_id}"
        held = hold_contact(transaction, {case_id: because}, HoldCause.DISPUTED)[case_id]
        holds.take(connection, held.hold_id, actor.person_id)
        transaction.audit(_DISPUTED, "case", case_id, after={"payment": because, "due_at": held.due_at}, reason=why)
    return replace(held, owner_id=actor.person_id, version=2)


@act("contact.hold")
def take_hold(actor: Actor, store: Store, *, now: datetime, hold_id: str, version: int) -> ContactHold:
    """Become the owner of a hold that waits for a decision. Raises ``NoSuchHold``, ``HoldChanged``."""
    with store.writing(actor, now) as transaction:
        one = _waiting(transaction, hold_id, version)
        holds.take(transaction.connection, hold_id, actor.person_id)
        transaction.audit(
            _TAKEN, "case", one.case_id, before={"owner_id": one.owner_id}, after={"owner_id": actor.person_id}
        )
    return replace(one, owner_id=actor.person_id, version=version + 1)


@act("contact.hold")
def release_hold(actor: Actor, store: Store, *, now: datetime, hold_id: str, version: int, reason: str) -> ContactHold:
    """End a hold that waits for a decision: contact goes on. A payment that was received holds for its time and is not
    released by anybody. Raises ``NoSuchHold``, ``HoldChanged``, ``Invalid`` (no reason)."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        one = _waiting(transaction, hold_id, version)
        end_holds(transaction, [one], HoldEnd.RELEASED, reason=why)
        transaction.audit(
            _RELEASED, "case", one.case_id, before={"cause": one.cause, "payment": one.because_id}, reason=why
        )  # fmt: skip
    return replace(one, ended_at=now, ended_by=actor.person_id, end_kind=HoldEnd.RELEASED, end_reason=why)


def _waiting(transaction: Transaction, hold_id: str, version: int) -> ContactHold:
    one = holds.read_locked(transaction.connection, hold_id)
    if one is None or one.cause not in UNTIL_DECIDED:
        raise NoSuchHold
    if not cases.read_many(transaction.connection, [one.case_id], scope_of(transaction.actor), transaction.now):
        raise NoSuchHold
    if one.version != version or one.ended_at is not None:
        raise HoldChanged
    return one
