"""Payments that come as messages: recorded in one batch; a reversal that came before its payment is parked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ops_app.domain.errors import Invalid, NotFound
from ops_app.domain.ledger.repayments import Repayment, RepaymentKind, SameIdOtherContent, body_hash, differing
from ops_app.domain.organisation.messages import MessageKind, MessageState, WhyHeld
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.ledger.repayments import record_payments
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.message_kinds import Content, Outcome, dead, done, register
from ops_app.services.organisation.message_shapes import refused_shape, require_same_loan
from ops_app.services.shapes import PaymentIn
from ops_app.store.ledger import payments
from ops_app.store.store import Store

__all__ = ["handle_payments"]


@act("payments.record")
def handle_payments(
    actor: Actor, store: Store, now: datetime, messages: Sequence[Content], evidence: Path
) -> Sequence[Outcome]:
    """Record the payments of ``messages`` in one transaction; a payment that is recorded already changes nothing."""
    outcomes: dict[int, Outcome] = {}
    stated: dict[int, Repayment] = {}
    for one in messages:
        try:
            stated[one.number] = PaymentIn.model_validate(one.body).as_repayment()
            require_same_loan(one, stated[one.number].source_code, stated[one.number].loan_id)
        except ValidationError as wrong:
            outcomes[one.number] = refused_shape(wrong)
        except (Invalid, NotFound) as wrong:
            outcomes[one.number] = dead(WhyHeld.REFUSED, wrong.en, wrong.zh)
    stated = {number: payment for number, payment in stated.items() if number not in outcomes}
    before = _recorded(store, stated.values())
    arriving = {(one.source_code, one.payment_id) for one in stated.values()}
    for number, payment in list(stated.items()):
        partner = (payment.source_code, payment.reverses_payment_id or "")
        if payment.kind is RepaymentKind.REVERSAL and partner not in before and partner not in arriving:
            outcomes[number] = _parked(partner[1])
            del stated[number]
    record_payments(actor, store, now=now, rows=list(stated.values()), business_date=today(now), origin="message")
    after = _recorded(store, stated.values())
    for number, payment in stated.items():
        key = (payment.source_code, payment.payment_id)
        kept = after[key]
        if body_hash(kept) != body_hash(payment):
            other = SameIdOtherContent(*key, differing(vars(kept), vars(payment)))
            outcomes[number] = dead(WhyHeld.OTHER_PAYMENT, other.en, other.zh)
        else:
            outcomes[number] = done("repeated" if key in before else "recorded")
    return [outcomes[one.number] for one in messages]


def payment_of(body: Mapping[str, Any]) -> str | None:
    """The id of the payment that a body brings; a reversal brings none that another message could wait for."""
    found = body.get("payment_id")
    return found if isinstance(found, str) and 1 <= len(found) <= 200 else None


def _recorded(store: Store, wanted: Any) -> dict[tuple[str, str], Repayment]:
    """Those of the payments, and of what they reverse, that are recorded."""
    by_source: dict[str, set[str]] = {}
    for one in wanted:
        by_source.setdefault(one.source_code, set()).update(
            {one.payment_id} | ({one.reverses_payment_id} if one.reverses_payment_id else set())
        )
    found: dict[tuple[str, str], Repayment] = {}
    with store.reading() as connection:
        for source, ids in sorted(by_source.items()):
            known = payments.read_many(connection, source, sorted(ids))
            found |= {(source, payment_id): one.content for payment_id, one in known.items()}
    return found


def _parked(partner: str) -> Outcome:
    return Outcome(
        MessageState.PARKED, why=WhyHeld.NO_PARTNER, waits_for=partner,
        en=f"It reverses payment {partner}, which did not come yet.", zh=f"被冲正的还款 {partner} 尚未收到。",
    )  # fmt: skip


register(MessageKind.PAYMENT, handle_payments, payment_of)
