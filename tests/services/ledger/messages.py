"""Messages for the tests: payments and loans in their envelope, and the inbox as it stands."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ops_app.domain.organisation.messages import Channel, MessageState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.organisation.message_handling import Handled, handle_waiting
from ops_app.services.organisation.message_intake import Delivery, TakenIn, take_in
from ops_app.services.organisation.verify_messages import verify_messages
from ops_app.store.store import Store
from ops_app.store.tables.ledger import payments
from ops_app.store.tables.messages import inbound_messages
from tests.services.ledger.people import DAY, NOW

OPERATOR = Actor("p-op", "Olga", Role.OPERATOR)


def a_payment(payment_id: str = "P1", loan_id: str = "L1", amount: int = 10_000, **other: Any) -> dict[str, Any]:
    """The body of a payment."""
    return {
        "source_code": "SIM", "payment_id": payment_id, "loan_id": loan_id, "paid_at": NOW.isoformat(),
        "value_date": DAY.isoformat(), "amount_minor": amount, "currency": "CNY", **other,
    }  # fmt: skip


def a_reversal(of: str, payment_id: str = "R1", **other: Any) -> dict[str, Any]:
    """The body of a reversal of payment ``of``."""
    return a_payment(payment_id, kind="reversal", reverses_payment_id=of, **other)


def a_loan(loan_id: str = "L1", **other: Any) -> dict[str, Any]:
    """The body of a loan as of ``DAY``."""
    return {
        "source_code": "SIM", "loan_id": loan_id, "as_of_date": DAY.isoformat(), "customer_id": "C1", "currency": "CNY",
        "outstanding_principal_minor": 50_000, "days_past_due": 12, "status": "overdue", "lender_code": "HYB",
        "product_code": "credit_card", **other,
    }  # fmt: skip


def raw(message_id: str, body: dict[str, Any], sequence: int | None = None, **other: Any) -> bytes:
    """A message as it is sent."""
    said: dict[str, Any] = {
        "message_id": message_id, "kind": "payment", "schema_version": 1, "source_code": "SIM",
        "loan_id": body.get("loan_id", "L1"), "body": body,
    }  # fmt: skip
    said |= {"sent_at": NOW.isoformat()} if sequence is None else {"sequence": sequence}
    return json.dumps(said | other, ensure_ascii=False).encode()


def taken(store: Store, *raws: bytes, channel: Channel = Channel.EMBEDDED, now: datetime = NOW) -> list[TakenIn]:
    """Deliver ``raws``, all in one batch."""
    return take_in(SYSTEM, store, now=now, deliveries=[Delivery(one, channel) for one in raws])


def handled(store: Store, evidence: Path, *, after: timedelta = timedelta(0), limit: int = 500) -> Handled:
    """Handle what is due ``after`` a while, until nothing is."""
    return handled_at(store, evidence, NOW + after, limit)


def handled_at(store: Store, evidence: Path, now: datetime, limit: int = 500) -> Handled:
    """Handle what is due at a moment, until nothing is."""
    while True:
        done = handle_waiting(SYSTEM, store, now=now, limit=limit, evidence=evidence)
        if not done.left:
            return done


def states(store: Store) -> Counter[str]:
    """How many messages stand in each state; the proof of the inbox must hold."""
    assert verify_messages(store).state == "holds", verify_messages(store).detail
    with store.reading() as connection:
        return Counter(connection.execute(select(inbound_messages.c.state)).scalars())


def message(store: Store, message_id: str, nth: int = 0) -> Any:
    """The message as the inbox holds it."""
    with store.reading() as connection:
        rows = connection.execute(
            select(inbound_messages)
            .where(inbound_messages.c.message_id.endswith(message_id))
            .order_by(inbound_messages.c.number)
        ).all()
    return rows[nth]


def recorded(store: Store) -> list[str]:
    """Ids of the recorded payments in the order in which they were recorded."""
    with store.reading() as connection:
        rows = connection.execute(select(payments.c.payment_id).order_by(payments.c.recorded_at, payments.c.payment_id))
        return list(rows.scalars())


def is_done(store: Store) -> bool:
    """Whether no message waits."""
    return not states(store)[MessageState.WAITING.value]
