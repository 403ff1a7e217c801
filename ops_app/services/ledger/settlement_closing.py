"""Closing a settlement: asked for by one person, approved and locked by another, paid against an invoice of exactly
what is due. While a check that the close needs is not green it is refused, naming the check (R0.4); a second person may
permit it in spite of that for a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import canonical_json
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.ledger.settlements import (
    OVERRIDE_LIFE,
    DisputesOpen,
    DisputeState,
    InvoiceDiffers,
    NoSuchSettlement,
    SettlementMove,
    move,
)
from ops_app.domain.money import Money
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.readiness import Verdict
from ops_app.services.act import act
from ops_app.services.ledger.settlements import OBJECT, Moved, change, locked
from ops_app.services.ledger.statements import Statement, statement_of
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import request_approval
from ops_app.services.organisation.readiness import verdict_on
from ops_app.store.ledger import commissions
from ops_app.store.ledger.commissions import Settlement
from ops_app.store.store import Store, Transaction

LOCK = "commission.lock"
OVERRIDE = "commission.override"
DECISION = "commission_close"
"""What readiness calls the close."""


@act("commission.settle")
def request_lock(
    actor: Actor, store: Store, *, now: datetime, settlement_id: str, version: int, reason: str, key: str
) -> str:
    """Ask that a confirmed settlement be locked as it stands; the id of the request, the same for every repetition of
    ``key``. Raises ``NotReady`` naming each failed check, ``DisputesOpen``, ``MoveNotAllowed``."""
    with store.reading() as connection:
        one = commissions.settlement(connection, settlement_id)
        if one is None:
            raise NoSuchSettlement
        made = statement_of(connection, one)
    arguments = _arguments(made) | {"version": version}
    return request_approval(
        actor, store, now=now, kind=LOCK, object_type=OBJECT, object_id=settlement_id, arguments=arguments,
        reason=reason, amount_minor=made.result.gross_minor, currency=one.currency, key=key,
    )  # fmt: skip


@act("commission.settle")
def request_override(actor: Actor, store: Store, *, now: datetime, settlement_id: str, reason: str, key: str) -> str:
    """Ask a second person to permit the close in spite of the checks that fail now; the id of the request. Raises
    ``Conflict`` where none fails."""
    with store.reading() as connection:
        verdict = verdict_on(connection, DECISION, now)
    if verdict.ready:
        raise Conflict("Every check is green: nothing has to be overridden.", "所有检查均已通过，无需特批。")
    arguments = {
        "settlement_id": settlement_id, "checks": sorted(it.name for it in verdict.failed),
        "asked_by": actor.person_id,
    }  # fmt: skip
    return request_approval(
        actor, store, now=now, kind=OVERRIDE, object_type=OBJECT, object_id=settlement_id, arguments=arguments,
        reason=reason, key=key,
    )  # fmt: skip


@act("commission.pay")
def pay_settlement(
    actor: Actor, store: Store, *, now: datetime, settlement_id: str, version: int, invoice_number: str,
    invoice_minor: int,
) -> Moved:  # fmt: skip
    """Enter that a locked settlement was paid against an invoice, which must be of exactly its amount with tax.

    Raises ``InvoiceDiffers``, ``Invalid``, ``MoveNotAllowed``.
    """
    number = invoice_number.strip()
    if not 1 <= len(number) <= 64 or not number.isprintable():
        raise Invalid(
            "An invoice number has 1 to 64 printable characters.", "发票号码为 1 至 64 个可见字符。",
            field="invoice_number",
        )  # fmt: skip
    with store.writing(actor, now) as transaction:
        one = locked(transaction, settlement_id, version)
        state = move(one.state, SettlementMove.PAY)
        gross = int((one.totals or {})["gross_minor"])
        if invoice_minor != gross:
            raise InvoiceDiffers(str(Money(gross, one.currency).amount), one.currency)
        values = {"state": state.value, "invoice_number": number, "invoice_minor": invoice_minor,
                  "paid_by": actor.person_id, "paid_at": now}  # fmt: skip
        change(transaction, one, values)
        facts = {"invoice_number": number, "invoice_minor": invoice_minor, "due_minor": one.due_minor}
        transaction.audit("settlement.paid", OBJECT, settlement_id, after=facts)
    return Moved(settlement_id, state, one.version + 1)


def close_verdict(connection: Connection, settlement_id: str, now: datetime) -> Verdict:
    """The verdict on closing a settlement at ``now``: failed checks without those that a second person permits."""
    verdict = verdict_on(connection, DECISION, now)
    if verdict.ready:
        return verdict
    given = commissions.overrides_of(connection, settlement_id)
    permitted = {name for one in given if one.approved_at <= now < one.expires_at for name in one.checks}
    return Verdict(DECISION, tuple(it for it in verdict.failed if it.name not in permitted))


def _arguments(made: Statement) -> dict[str, Any]:
    one = made.settlement
    return {
        "settlement_id": one.settlement_id, "number": one.number, "agency_code": one.agency_code,
        "first_date": one.first_date.isoformat(), "end_date": one.end_date.isoformat(), "lines": len(made.lines),
        "net_minor": made.result.net_minor, "gross_minor": made.result.gross_minor,
        "due_minor": made.result.due_minor, "statement_hash": made.hash,
    }  # fmt: skip


def _ready(transaction: Transaction, arguments: Mapping[str, Any]) -> tuple[Settlement, Statement]:
    """The settlement that is to be locked, if it can be as it was asked for."""
    connection = transaction.connection
    one = locked(transaction, str(arguments["settlement_id"]), int(arguments["version"]))
    move(one.state, SettlementMove.LOCK)
    waiting = [it for it in commissions.disputes_of(connection, one.settlement_id) if it.state is DisputeState.OPEN]
    if waiting:
        raise DisputesOpen(len(waiting))
    close_verdict(connection, one.settlement_id, transaction.now).require()
    made = statement_of(connection, one)
    if canonical_json(_arguments(made) | {"version": one.version}) != canonical_json(arguments):
        raise Conflict("The statement is not what was asked for.", "结算单内容与申请不一致。")
    return one, made


def _check_lock(transaction: Transaction, draft: Draft) -> None:
    _, made = _ready(transaction, draft.arguments)
    if draft.object_id != made.settlement.settlement_id or draft.amount_minor != made.result.gross_minor:
        raise Invalid("The request is about something else.", "申请对象与内容不一致。", field="settlement_id")


def _lock(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    one, made = _ready(transaction, arguments)
    state = move(one.state, SettlementMove.LOCK)
    values = {
        "state": state.value, "totals_json": canonical_json(asdict(made.result)), "due_minor": made.result.due_minor,
        "content_hash": made.hash, "locked_by": transaction.actor.person_id, "locked_at": transaction.now,
    }  # fmt: skip
    change(transaction, one, values)
    facts = {"content_hash": made.hash, "lines": len(made.lines), "totals": asdict(made.result)}
    transaction.audit("settlement.locked", OBJECT, one.settlement_id, after=facts)
    return {"settlement_id": one.settlement_id, "content_hash": made.hash}


def _check_override(transaction: Transaction, draft: Draft) -> None:
    if draft.arguments.get("asked_by") != transaction.actor.person_id:
        raise Invalid("Somebody asks for themselves.", "只能以本人名义提交。", field="asked_by")
    if commissions.settlement(transaction.connection, draft.object_id) is None:
        raise NoSuchSettlement
    if draft.object_id != draft.arguments.get("settlement_id"):
        raise Invalid("The request is about something else.", "申请对象与内容不一致。", field="settlement_id")


def _override(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    now = transaction.now
    values = {
        "override_id": uuid4().hex, "settlement_id": str(arguments["settlement_id"]),
        "checks_json": canonical_json(list(arguments["checks"])), "reason": "",
        "asked_by": str(arguments["asked_by"]), "approved_by": transaction.actor.person_id, "approved_at": now,
        "expires_at": now + OVERRIDE_LIFE,
    }  # fmt: skip
    commissions.add_override(transaction.connection, values)
    facts = {"checks": list(arguments["checks"]), "expires_at": now + OVERRIDE_LIFE}
    transaction.audit("settlement.override_given", OBJECT, str(arguments["settlement_id"]), after=facts)
    return {"expires_at": now + OVERRIDE_LIFE}


register(
    LOCK,
    name=("lock a commission statement", "锁定佣金结算单"),
    make="commission.settle",
    run=_lock,
    check=_check_lock,
    fixed=True,
    labels={
        "settlement_id": ("id of the settlement", "结算单标识"),
        "number": ("settlement", "结算单号"),
        "agency_code": ("agency", "催收机构"),
        "first_date": ("from", "起始日"),
        "end_date": ("before", "截至（不含）"),
        "lines": ("lines", "明细数"),
        "net_minor": ("net of tax (minor units)", "不含税金额（分）"),
        "gross_minor": ("with tax (minor units)", "含税金额（分）"),
        "due_minor": ("to be paid (minor units)", "应付金额（分）"),
        "statement_hash": ("hash of the statement", "结算单摘要"),
        "version": ("version", "版本"),
    },
)
register(
    OVERRIDE,
    name=("close commission in spite of failed checks", "检查未通过时特批结算"),
    make="commission.settle",
    run=_override,
    check=_check_override,
    fixed=True,
    labels={
        "settlement_id": ("id of the settlement", "结算单标识"),
        "checks": ("failed checks", "未通过的检查"),
        "asked_by": ("asked by", "经办人"),
    },
)
