"""A payment pushed under a sender's own request key: the key means one payment, for ever."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime

from ops_app.domain.ledger.repayments import Repayment, body_hash
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.ledger.repayments import Recorded, push_payment
from ops_app.store.store import Store

INBOX_SOURCE = "rest/payments"


@act("payments.record")
def push_under_key(
    actor: Actor, store: Store, *, now: datetime, payment: Repayment, business_date: date, key: str
) -> Recorded:
    """Record ``payment`` under the request key ``key``.

    The payment's own id already has one effect whatever the order, repetition or crash. A key of the sender's own
    making is bound to that content first; a crash between the two is healed by the repetition. Raises
    ``SameKeyOtherContent`` when the key came with another payment, ``SameIdOtherContent`` when the payment id did.
    """
    if key != natural_key(payment):
        with store.writing(actor, now) as transaction:
            claim = transaction.claim(INBOX_SOURCE, key, body_hash(payment), asdict(payment))
            claim.refuse_conflict()
            if claim.is_new:
                transaction.audit("payments.requested", "payment", natural_key(payment), after={"key": key})
    return push_payment(actor, store, now=now, payment=payment, business_date=business_date, origin="api")


def natural_key(payment: Repayment) -> str:
    """The key a payment has by itself, the same by file, REST and queue."""
    return f"{payment.source_code}/{payment.payment_id}"
