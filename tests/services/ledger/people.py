"""Who acts in the tests of the ledger, and the payments and breaks they act on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import func, select

from ops_app.domain.ledger.breaks import BreakKind, break_id
from ops_app.domain.ledger.repayments import Repayment, RepaymentKind
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.readiness import NEEDS, Check, CheckState
from ops_app.services.ledger.reconciliation_runs import Applied, FoundBreak, apply_run
from ops_app.services.ledger.repayments import record_payments
from ops_app.services.organisation import readiness
from ops_app.store.store import Store

NOW = datetime(2026, 3, 10, 15, 59, 59, tzinfo=UTC)
DAY = date(2026, 3, 10)
COLLECTOR = Actor("c1", "Coll", Role.COLLECTOR)


def a_repayment(payment_id: str = "P1", amount: int = 10_000, **other: Any) -> Repayment:
    values: dict[str, Any] = {
        "source_code": "SIM", "payment_id": payment_id, "loan_id": "L1", "kind": RepaymentKind.PAYMENT,
        "reverses_payment_id": None, "paid_at": NOW, "value_date": DAY, "posted_at": None, "amount_minor": amount,
        "currency": "CNY", "channel": "bank_transfer", "payer_name": "张三丰", "payer_account": "6222020012345678",
        "reference": f"TRF{payment_id}", "principal_minor": None, "interest_minor": None, "fees_minor": None,
        "penalty_minor": None,
    }  # fmt: skip
    return Repayment(**values | other)


def a_break(kind: BreakKind, difference: int, *, payments: tuple[str, ...] = (), lines: tuple[str, ...] = (),
            **other: Any) -> FoundBreak:  # fmt: skip
    values: dict[str, Any] = {
        "break_id": break_id(kind, "SIM", payments, lines), "kind": kind, "source_code": "SIM", "currency": "CNY",
        "lender_minor": difference if payments else None, "bank_minor": -difference if lines and not payments else None,
        "recorded_minor": None, "difference_minor": difference, "loan_id": "L1" if payments else None,
        "payment_ids": payments, "bank_line_ids": lines, "value_date": DAY,
        "suggestion": {"action": "park", "reason": "owner_unknown", "break_ids": [], "items": []},
        "sides": {
            "lender": [{"payment_id": p, "payer_name": "张三丰", "payer_account": "62220200123"} for p in payments],
            "bank": [{"line_id": b, "counterparty_name": "李四"} for b in lines], "recorded": [],
        },
    }  # fmt: skip
    return FoundBreak(**values | other)


LENDER = a_break(BreakKind.UNMATCHED_LENDER, 10_000, payments=("P1",))
BANK = a_break(BreakKind.UNMATCHED_BANK, -10_000, lines=("99/1",))
BANK_PART = a_break(BreakKind.UNMATCHED_BANK, -4_000, lines=("99/2",))
BANK_REST = a_break(BreakKind.UNMATCHED_BANK, -6_000, lines=("99/3",))


def data_is_current(store: Store, *, day: date = DAY, now: datetime = NOW) -> None:
    """All that settling a break rests on is green as of ``day``."""
    green = [Check(name, CheckState.GREEN, day, now) for name in NEEDS["repayment_audit"]]
    readiness.report_checks(SYSTEM, store, now=now, checks=green)


def applied(store: Store, *found: FoundBreak, day: date = DAY, now: datetime = NOW) -> Applied:
    """A run of reconciliation that found these breaks."""
    data_is_current(store, day=day, now=now)
    return apply_run(SYSTEM, store, now=now, business_date=day, found=found)


def record_day(store: Store, *rows: Repayment) -> None:
    """Payments that came by the day's file."""
    record_payments(SYSTEM, store, now=NOW, rows=rows, business_date=DAY)


def rows_of(store: Store, table: object) -> int:
    """How many rows a table holds."""
    with store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
