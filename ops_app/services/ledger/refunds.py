"""Refunds (feature 25): asked for with payee, reason and evidence, approved by two people, and what ends one again."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from ops_app.domain.canonical import canonical_json, content_hash, key_hash
from ops_app.domain.casework.attachments import NoSuchAttachment
from ops_app.domain.casework.cases import checked_reason
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.events import TARGETED, EventKind, LedgerEvent
from ops_app.domain.ledger.places import NoSuchPayment
from ops_app.domain.ledger.refunds import (
    REFUND_GROUND_NAMES,
    Payee,
    RefundChanged,
    RefundGround,
    RefundMove,
    RefundState,
    ToldByLender,
    next_state,
    payee_of,
    taken_of,
)
from ops_app.domain.organisation.approvals import OPEN, RequestMove, RequestState
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.ledger.receipts import event_of_payment
from ops_app.services.ledger.refund_booking import (
    OBJECT,
    facts_of,
    hold_item,
    locked,
    moved_to,
    room_of,
    run_booking,
    step_of,
    take_out,
)
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import enter_request
from ops_app.store.casework import attachments, debtors
from ops_app.store.casework.keys import PersonalKey
from ops_app.store.ledger import journal, payments, refunds, suspense
from ops_app.store.ledger.refunds import Refund
from ops_app.store.ledger.suspense import Standing, SuspenseItem, item_id_of
from ops_app.store.organisation.approvals import ApprovalRequest
from ops_app.store.store import Store, Transaction

__all__ = ["KIND", "fail_refund", "open_payee", "reopen_refund", "request_refund", "withdraw_refund"]

KIND = "refund.pay"
"""The kind of request: to give money back."""

LONGEST_DOCUMENT = 200
_INBOX = "refunds"
FLAGS = {
    "other_payee": ("the payee is not who paid", "收款人与付款人不一致"),
    "takes_back": ("what the payment paid is owed again", "已冲抵金额将恢复为欠款"),
    "unmatched": ("no case has this money", "该款项未归属任何案件"),
}


@act("refunds.request")
def request_refund(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    source_code: str,
    payment_id: str,
    item_id: str | None = None,
    ground: RefundGround,
    amount_minor: int,
    payee_name: str,
    payee_account: str,
    payee_bank: str,
    document: str,
    attachment_id: str | None = None,
    reason: str,
    key: str,
    evidence: Path,
) -> str:
    """Ask that money of a payment be given back; the id of the refund, the same for every repetition of ``key``.

    ``item_id`` says which part of the payment's money (``None``: where its case has it). No more than is free: what
    other requests wait for is theirs, however many ask at one moment. Raises ``NoSuchPayment``, ``NotEnoughHeld``,
    ``NoSuchAttachment``, ``ReasonMissing``, ``Invalid`` by field, ``NoKey``.
    """
    why, payee = checked_reason(reason), payee_of(payee_name, payee_account, payee_bank)
    paper = " ".join(document.split())
    if not 1 <= len(paper) <= LONGEST_DOCUMENT:
        raise Invalid("Name the evidence (at most 200 characters).", "请填写凭据（不超过 200 字）。", field="document")
    with store.writing(actor, now) as transaction:
        connection = transaction.connection
        secret = PersonalKey.load_or_make(evidence, sealed_with=debtors.sealed_with(connection))
        digest = secret.digest(canonical_json(vars(payee)))
        said = [source_code, payment_id, item_id, ground, amount_minor, digest, paper, attachment_id, why]
        claim = transaction.claim(_INBOX, key, content_hash(said))
        claim.refuse_conflict()
        if not claim.is_new:
            return str(claim.answer)
        item = hold_item(transaction, _item(transaction, source_code, payment_id, item_id))
        room = room_of(connection, item)
        of_held, _ = taken_of(ground, amount_minor, room, item.currency)
        _check_attachment(transaction, item, attachment_id)
        suspense.request(connection, item.item_id, of_held)
        refunds.hold_numbers(connection)
        number = refunds.next_number(connection)
        refund_id = key_hash("refund", str(number))[:32]
        one = Refund(
            refund_id=refund_id, number=number, item_id=item.item_id, case_id=item.case_id,
            source_code=item.source_code, loan_id=item.loan_id, payment_id=item.payment_id, currency=item.currency,
            ground=ground, amount_minor=amount_minor, held_part_minor=of_held,
            payee_sealed=secret.seal_text(refund_id, canonical_json(vars(payee))), payee_digest=digest,
            payee_name_masked=payee.masked_name, payee_account_masked=payee.masked_account, document=paper,
            attachment_id=attachment_id, reason=why, requested_by=actor.person_id, requested_by_name=actor.name,
            requested_at=now, state=RefundState.REQUESTED, event_id=None, paid_event_id=None, paid_date=None,
            attempts=0, move_count=1, version=1,
        )  # fmt: skip
        refunds.add(connection, one)
        refunds.add_move(connection, step_of(transaction, refund_id, 1, refunds.ASKED, None, one.state.value, why))
        transaction.audit("refund.requested", OBJECT, refund_id, after=facts_of(one), reason=why)
        enter_request(
            transaction, kind=KIND, object_type=OBJECT, object_id=refund_id, arguments=arguments_of(one), reason=why,
            amount_minor=one.amount_minor, currency=one.currency, flags=_flags(transaction, one, payee),
        )  # fmt: skip
        transaction.answer(_INBOX, key, refund_id)
    return refund_id


def _item(transaction: Transaction, source_code: str, payment_id: str, item_id: str | None) -> SuspenseItem:
    """The item that is asked about; one is entered for a payment of which nothing is held. Raises ``NoSuchPayment`` and
    ``Invalid`` for money that passed outside collection."""
    connection = transaction.connection
    if item_id is not None:
        found = suspense.read(connection, item_id)
        if found is None or (found.source_code, found.payment_id) != (source_code, payment_id):
            raise NoSuchPayment
        return found
    event = _receipt(transaction, source_code, payment_id)
    if event.case_id is not None:
        account = accounts.SUSPENSE_CASE
    elif event.terms.get("place", accounts.SUSPENSE_UNMATCHED) == accounts.SUSPENSE_UNMATCHED:
        account = accounts.SUSPENSE_UNMATCHED
    else:
        raise Invalid(
            "This payment passed outside collection: its lender has it, and gives it back.",
            "该笔还款未经催收入账，应由资方退款。", field="payment_id",
        )  # fmt: skip
    identity = item_id_of(event.event_id, account)
    if (found := suspense.read(connection, identity)) is None:
        suspense.enter(
            connection,
            Standing(event.event_id, account, event.case_id, source_code, event.loan_id, event.currency, payment_id,
                     event.value_date, 0),
        )  # fmt: skip
        found = suspense.read(connection, identity)
    assert found is not None, "it was entered"
    return found


def _receipt(transaction: Transaction, source_code: str, payment_id: str) -> LedgerEvent:
    """The event that has the money of a payment: its own, or that of the case which took it in."""
    connection = transaction.connection
    own = event_of_payment(source_code, payment_id)
    event = journal.events_by_id(connection, [own]).get(own)
    if event is None or event.kind is not EventKind.RECEIPT:
        raise NoSuchPayment
    after = journal.events_on(connection, [own])
    second = journal.events_on(connection, [one.event_id for one in after])
    undone = {one.target_id for one in (*after, *second) if one.kind in TARGETED}
    if own in undone:
        raise Conflict("This payment is taken back already.", "该笔还款已冲正。", field="payment_id")
    if event.case_id is None:
        went = [one for one in after if one.kind is EventKind.RECEIPT and one.event_id not in undone and one.case_id]
        return went[-1] if went else event
    return event


def _check_attachment(transaction: Transaction, item: SuspenseItem, attachment_id: str | None) -> None:
    if attachment_id is None:
        return
    found = attachments.by_id(transaction.connection, attachment_id)
    if found is None or found.withdrawn_at is not None or found.case_id != item.case_id:
        raise NoSuchAttachment


def _flags(transaction: Transaction, one: Refund, payee: Payee) -> tuple[str, ...]:
    paid = payments.read_many(transaction.connection, one.source_code, [one.payment_id]).get(one.payment_id)
    payer = paid.content if paid else None
    same = payer is not None and payer.payer_name == payee.name and payer.payer_account == payee.account
    found = {"other_payee": not same, "takes_back": one.applied_part_minor > 0, "unmatched": one.case_id is None}
    return tuple(name for name, is_so in found.items() if is_so)


def arguments_of(one: Refund) -> dict[str, Any]:
    """All that an approver reads of a refund, and so approves; the payee by its masks and its keyed hash."""
    return {
        "refund_id": one.refund_id, "number": one.number, "case_id": one.case_id, "loan_id": one.loan_id,
        "source_code": one.source_code, "payment_id": one.payment_id, "ground": one.ground.value,
        "held_part_minor": one.held_part_minor, "applied_part_minor": one.applied_part_minor,
        "payee_name": one.payee_name_masked, "payee_account": one.payee_account_masked,
        "payee_digest": one.payee_digest, "document": one.document, "attachment_id": one.attachment_id,
        "currency": one.currency,
    }  # fmt: skip


@act("refunds.request")
def withdraw_refund(actor: Actor, store: Store, *, now: datetime, refund_id: str, version: int, reason: str) -> Refund:
    """Take an approved refund back before it is in a file, or after the bank refused it: the money stands where it
    stood. Who asked for one that is not approved yet withdraws the request itself. Raises ``NoSuchRefund``,
    ``RefundChanged``, ``RefundMoveNotAllowed``, ``ToldByLender``, ``ReasonMissing``."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        one = _of_version(transaction, refund_id, version)
        next_state(one.state, RefundMove.WITHDRAW)
        if one.event_id is None:
            raise Conflict(
                "It is not approved yet: who asked for it withdraws the request.", "尚未批准，请由申请人撤回审批申请。"
            )
        report = refunds.report_of(transaction.connection, refund_id)
        if report is not None and not _taken_back(transaction, report.source_code, report.payment_id):
            raise ToldByLender(report.payment_id)
        before = facts_of(one)
        take_out(transaction, one, why)
        one = moved_to(transaction, one, RefundMove.WITHDRAW, why)
        transaction.audit("refund.withdrawn", OBJECT, refund_id, before=before, after=facts_of(one), reason=why)
    return one


def _taken_back(transaction: Transaction, source_code: str, payment_id: str) -> bool:
    """Whether the lender has taken its word back."""
    own = event_of_payment(source_code, payment_id)
    return any(one.kind in TARGETED for one in journal.events_on(transaction.connection, [own]))


@act("refunds.pay")
def fail_refund(actor: Actor, store: Store, *, now: datetime, refund_id: str, version: int, reason: str) -> Refund:
    """The bank refused a payout: the money stays payable until it is sent again or withdrawn. Raises as
    ``withdraw_refund``."""
    return _moved(actor, store, now, refund_id, version, RefundMove.FAIL, reason)


@act("refunds.pay")
def reopen_refund(actor: Actor, store: Store, *, now: datetime, refund_id: str, version: int, reason: str) -> Refund:
    """Open a refund whose payout failed for another one, to the same payee. Raises as ``withdraw_refund``."""
    return _moved(actor, store, now, refund_id, version, RefundMove.REOPEN, reason)


_ACTIONS = {RefundMove.FAIL: "refund.failed", RefundMove.REOPEN: "refund.reopened"}


def _moved(
    actor: Actor, store: Store, now: datetime, refund_id: str, version: int, what: RefundMove, reason: str
) -> Refund:
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        one = _of_version(transaction, refund_id, version)
        before = facts_of(one)
        one = moved_to(transaction, one, what, why)
        transaction.audit(_ACTIONS[what], OBJECT, refund_id, before=before, after=facts_of(one), reason=why)
    return one


def _of_version(transaction: Transaction, refund_id: str, version: int) -> Refund:
    one, _ = locked(transaction, refund_id)
    if one.version != version:
        raise RefundChanged
    return one


def open_payee(secret: PersonalKey, one: Refund) -> Payee:
    """The payee of a refund, for who makes the file that pays it."""
    return Payee(**json.loads(secret.open_text(one.refund_id, one.payee_sealed)))


def _check(transaction: Transaction, draft: Draft) -> None:
    one, _ = locked(transaction, str(draft.arguments.get("refund_id")))
    asked = (draft.object_type, draft.object_id, draft.amount_minor, draft.currency)
    if (
        content_hash(draft.arguments) != content_hash(arguments_of(one))
        or asked != (OBJECT, one.refund_id, one.amount_minor, one.currency)
        or one.requested_by != transaction.actor.person_id
    ):
        raise Invalid("The request is not what the refund says.", "申请内容与退款记录不一致。", field="refund_id")


_FOLLOWS = {
    RequestMove.APPROVE: RefundMove.APPROVE,
    RequestMove.RETURN: RefundMove.RETURN,
    RequestMove.RESUBMIT: RefundMove.RESUBMIT,
    RequestMove.REJECT: RefundMove.REJECT,
    RequestMove.WITHDRAW: RefundMove.WITHDRAW,
    RequestMove.EXPIRE: RefundMove.LAPSE,
}


def _followed(transaction: Transaction, after: ApprovalRequest, what: RequestMove, by: Actor, reason: str) -> None:
    """The refund moves with its request, in the same transaction; what it waited for is free again where it ends."""
    if what not in _FOLLOWS:
        return
    one, item = locked(transaction, after.object_id)
    moved_to(transaction, one, _FOLLOWS[what], reason or None)
    if after.state not in (*OPEN, RequestState.APPROVED):
        suspense.request(transaction.connection, item.item_id, -one.held_part_minor)


register(
    KIND,
    name=("refund a payment", "退还款项"),
    make="refunds.request",
    run=run_booking,
    check=_check,
    followed=_followed,
    fixed=True,
    flags=FLAGS,
    labels={
        "refund_id": ("refund", "退款编号"),
        "number": ("number", "退款序号"),
        "case_id": ("case", "案件"),
        "loan_id": ("loan", "借据号"),
        "source_code": ("source", "来源"),
        "payment_id": ("payment", "还款流水号"),
        "ground": ("ground", "退款事由"),
        **{f"ground.{one.value}": names for one, names in REFUND_GROUND_NAMES.items()},
        "held_part_minor": ("out of what is held", "自暂收款退回"),
        "applied_part_minor": ("taken back from what it paid", "撤回已冲抵金额"),
        "payee_name": ("payee", "收款人"),
        "payee_account": ("account of the payee", "收款账号"),
        "payee_digest": ("keyed hash of the payee", "收款人校验值"),
        "document": ("evidence", "凭据"),
        "attachment_id": ("file of the case", "案件附件"),
        "currency": ("currency", "币种"),
    },
)
