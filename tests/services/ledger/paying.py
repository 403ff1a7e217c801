"""Payments of cases for tests: opened in the journal, recorded, posted, and applied to their cases in one act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent, event_id
from ops_app.domain.ledger.repayments import Repayment, RepaymentKind, body_hash
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.journal import post
from ops_app.services.ledger.payment_effects import Effects, on_payments
from ops_app.store.casework.cases import Case
from ops_app.store.ledger import payments
from ops_app.store.store import Store
from tests.services.casework.casebook import DAY, NOW, now_is
from tests.services.ledger.people import a_repayment


def opened(store: Store, *ids: str, day: date = DAY) -> None:
    """The journal takes over what these cases show as owed."""
    events = [_opening(now_is(store, one), day) for one in ids]
    with store.writing(SYSTEM, NOW) as transaction:
        post(transaction, events)
        transaction.audit("payments.applied", "payment_batch", "opening")


def _opening(one: Case, day: date) -> LedgerEvent:
    return LedgerEvent(
        EventKind.OPENING, one.source_code, one.loan_id, one.currency, day, Cause.FEED, f"{one.case_id}/opening",
        case_id=one.case_id, parts={part: getattr(one, f"{part}_minor", 0) for part in Component},
    )  # fmt: skip


def paid(
    payment_id: str, amount: int, loan: int = 1, *, day: date = DAY + timedelta(days=1), **other: Any
) -> Repayment:
    """A payment of loan ``L<loan>``."""
    return a_repayment(payment_id, amount, loan_id=f"L{loan}", value_date=day, paid_at=NOW, **other)


def taken_back(of: Repayment, payment_id: str, *, day: date | None = None) -> Repayment:
    """The reversal of a payment."""
    return replace(
        of, payment_id=payment_id, kind=RepaymentKind.REVERSAL, reverses_payment_id=of.payment_id,
        value_date=day or of.value_date,
    )  # fmt: skip


def came_in(
    store: Store,
    *pairs: tuple[Repayment, str | None],
    now: datetime = NOW + timedelta(hours=8),
    place: str | None = None,
) -> Effects:
    """Payments are recorded, posted to their cases (``None``: to suspense, or to ``place``) and applied, in one act."""
    with store.writing(SYSTEM, now) as transaction:
        payments.add_many(transaction.connection, [(one, body_hash(one)) for one, _ in pairs], now)
        posted = post(transaction, [_event(one, case_id, place) for one, case_id in pairs])
        effects = on_payments(transaction, posted, pairs)
        transaction.audit("payments.recorded", "payment_batch", pairs[0][0].payment_id)
    return effects


def recorded_only(store: Store, rows: Sequence[Repayment], now: datetime = NOW) -> None:
    """Payments that are recorded and not posted yet."""
    with store.writing(SYSTEM, now) as transaction:
        payments.add_many(transaction.connection, [(one, body_hash(one)) for one in rows], now)
        transaction.audit("payments.recorded", "payment_batch", rows[0].payment_id)


def _event(one: Repayment, case_id: str | None, place: str | None) -> LedgerEvent:
    kinds = {RepaymentKind.PAYMENT: EventKind.RECEIPT, RepaymentKind.REVERSAL: EventKind.REVERSAL,
             RepaymentKind.REFUND: EventKind.REFUND}  # fmt: skip
    target = (
        event_id(Cause.PAYMENT, f"{one.source_code}/{one.reverses_payment_id}") if one.reverses_payment_id else None
    )
    return LedgerEvent(
        kinds[one.kind], one.source_code, one.loan_id, one.currency, one.value_date, Cause.PAYMENT,
        f"{one.source_code}/{one.payment_id}", case_id=case_id, amount_minor=one.amount_minor, target_id=target,
        terms={"orders": {"standard": "costs_first"}} if case_id else {"place": place} if place else {},
    )  # fmt: skip
