"""A recorded payment is to be reversed: asked for on a break, approved by others, and then an order to the ledger.

The last approval posts the reversal in the journal, from its own day on. The break stays parked until the reversal
comes with the lender's data and clears it; that one finds the payment undone and posts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ops_app.domain.canonical import content_hash, key_hash
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.ledger.breaks import BreakMove, NoSuchBreak, checked_reason, move
from ops_app.domain.ledger.repayments import RepaymentKind
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.ledger.deciding import Asked, Decided, answer_of, answered, check_version, note_decision
from ops_app.services.ledger.receipts import reverse_recorded
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import enter_request
from ops_app.store.ledger import breaks, payments, reversals
from ops_app.store.ledger.reversals import OrderedReversal
from ops_app.store.store import Store, Transaction

__all__ = ["KIND", "request_reversal"]

KIND = "payment.reversal"


@act("reconciliation.decide")
def request_reversal(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    break_id: str,
    expected_version: int,
    payment_id: str,
    reason: str,
    key: str,
) -> Decided:
    """Ask that a payment of the break be reversed, and park the break until that has come about.

    Raises ``NoSuchBreak``, ``BreakChanged``, ``MoveNotAllowed``, ``Invalid`` for a payment that is not the break's or
    is no payment, ``Conflict`` where it is reversed already, and what the approvals engine raises.
    """
    why = checked_reason(reason)
    asked = Asked(BreakMove.REVERSE, break_id, expected_version, why, key)
    with store.writing(actor, now) as transaction:
        body = content_hash({"reverse": payment_id, "break_id": break_id, "version": expected_version, "reason": why,
                             "actor": actor.person_id})  # fmt: skip
        claim = transaction.claim("reconciliation", key, body)
        claim.refuse_conflict()
        if not claim.is_new:
            return answered(claim.answer)
        connection = transaction.connection
        one = breaks.read(connection, break_id, lock=True)
        if one is None:
            raise NoSuchBreak
        check_version(connection, one, expected_version)
        move(one.state, BreakMove.REVERSE)
        if payment_id not in one.payment_ids:
            raise Invalid("Choose a payment of this break.", "请选择该差异中的还款。", field="payment_id")
        arguments = {"source_code": one.source_code, "payment_id": payment_id, "break_id": break_id}
        amount, currency = _checked(transaction, arguments)
        request_id = enter_request(
            transaction, kind=KIND, object_type="payment", object_id=f"{one.source_code}/{payment_id}",
            arguments=arguments, reason=why, amount_minor=amount, currency=currency,
        )  # fmt: skip
        detail = {"group": key_hash("decision", key, break_id), "break_ids": [break_id], "request_id": request_id,
                  "payment_ids": [payment_id]}  # fmt: skip
        after = note_decision(transaction, one, asked, detail, primary=True)
        done = Decided(after.break_id, after.state, after.version, (after.break_id,))
        transaction.answer("reconciliation", key, answer_of(done))
    return done


def _checked(transaction: Transaction, arguments: Mapping[str, Any]) -> tuple[int, str]:
    """The amount and currency of the payment; raises unless it can be reversed."""
    source, payment_id = str(arguments["source_code"]), str(arguments["payment_id"])
    found = payments.read_many(transaction.connection, source, [payment_id]).get(payment_id)
    if found is None or found.content.kind is not RepaymentKind.PAYMENT:
        raise Invalid(
            "Only a payment that is recorded here can be reversed.", "只能冲正系统已入账的还款。", field="payment_id"
        )
    if reversals.read(transaction.connection, source, payment_id) is not None:
        raise Conflict("This payment is to be reversed already.", "该笔还款已有冲正指令。", field="payment_id")
    return found.content.amount_minor, found.content.currency


def _check(transaction: Transaction, draft: Draft) -> None:
    amount, currency = _checked(transaction, draft.arguments)
    named = f"{draft.arguments['source_code']}/{draft.arguments['payment_id']}"
    if (draft.object_id, draft.amount_minor, draft.currency) != (named, amount, currency):
        raise Invalid("The request is about another payment.", "申请对象与内容不一致。", field="payment_id")


def _run(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    amount, currency = _checked(transaction, arguments)
    order = OrderedReversal(
        str(arguments["source_code"]), str(arguments["payment_id"]), str(arguments["break_id"]), amount, currency,
        transaction.actor.person_id, transaction.now,
    )  # fmt: skip
    reversals.add(transaction.connection, order)
    found = payments.read_many(transaction.connection, order.source_code, [order.payment_id])
    reverse_recorded(transaction, found[order.payment_id].content)
    transaction.audit(
        "payment.reversal_ordered", "payment", f"{order.source_code}/{order.payment_id}",
        after={"break_id": order.break_id, "amount_minor": amount, "currency": currency},
    )  # fmt: skip
    return {"source_code": order.source_code, "payment_id": order.payment_id}


register(
    KIND,
    name=("reversal of a payment", "还款冲正"),
    make="reconciliation.decide",
    run=_run,
    check=_check,
    fixed=True,
    labels={
        "source_code": ("source", "来源"),
        "payment_id": ("payment", "还款流水号"),
        "break_id": ("break", "差异编号"),
    },
)
