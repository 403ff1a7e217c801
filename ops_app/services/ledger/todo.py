"""To-dos of the ledger: breaks that are open and should be decided, and those past their limit, for a manager."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from sqlalchemy.engine import Connection

from ops_app.domain.ledger.breaks import BreakState
from ops_app.domain.ledger.suspense import due_date
from ops_app.services.ledger.refund_reading import late_before
from ops_app.services.ledger.suspense import LIMIT, late_until
from ops_app.services.organisation.calendars import is_workday
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.services.organisation.todo import Asked, ToDo, register
from ops_app.store.ledger import breaks, refunds, suspense
from ops_app.store.ledger.breaks import BreakFilter
from ops_app.store.ledger.refunds import RefundFilter
from ops_app.store.ledger.suspense import SuspenseFilter

DAYS_TO_DECIDE = 3
"""Days after the day on which a break was found, until whose end it should be decided (decision 0008)."""


def _open(connection: Connection, asked: Asked) -> tuple[list[ToDo], int]:
    return _listed(connection, asked, BreakFilter(states=frozenset({BreakState.OPEN})), "break")


def _escalated(connection: Connection, asked: Asked) -> tuple[list[ToDo], int]:
    return _listed(connection, asked, BreakFilter(escalated=True), "late_break")


def _listed(connection: Connection, asked: Asked, wanted: BreakFilter, kind: str) -> tuple[list[ToDo], int]:
    total = sum(count for count, _ in breaks.totals(connection, wanted).values())
    rows = breaks.page(connection, wanted, sort="opened_date", descending=False, offset=0, limit=asked.limit)
    found = []
    for one in rows:
        opened = datetime.combine(one.opened_date, time(), asked.zone)
        found.append(
            ToDo(
                kind=kind,
                opens="break",
                object_id=one.break_id,
                subject=one.loan_id or one.source_code,
                since_at=opened,
                due_at=opened + timedelta(days=DAYS_TO_DECIDE + 1),
                topic=one.kind.value,
                amount_minor=abs(one.difference_minor),
                currency=one.currency,
            )
        )
    return found, total


register("break", ("open break", "待处理差异"), "reconciliation.decide", _open)
register("late_break", ("break past its limit", "超时限差异"), "reconciliation.oversee", _escalated)


def _suspense(connection: Connection, asked: Asked) -> tuple[list[ToDo], int]:
    """What stands in suspense: to who owns it, and to everybody who may clear it while nobody does."""
    return _standing(connection, asked, SuspenseFilter(owned_by=asked.actor.person_id), "suspense")


def _late_suspense(connection: Connection, asked: Asked) -> tuple[list[ToDo], int]:
    wanted = SuspenseFilter(since_until=late_until(connection, today(asked.now)))
    return _standing(connection, asked, wanted, "late_suspense")


def _standing(connection: Connection, asked: Asked, wanted: SuspenseFilter, kind: str) -> tuple[list[ToDo], int]:
    total = sum(one.count for one in suspense.totals(connection, wanted))
    if not total:
        return [], 0
    most = number_on(connection, LIMIT, today(asked.now))
    rows = suspense.page(connection, wanted, "since_date", None, asked.limit, descending=False)
    return [
        ToDo(
            kind=kind, opens="suspense", object_id=one.item_id, subject=f"{one.loan_id} {one.payment_id}",
            since_at=datetime.combine(one.since_date, time(), asked.zone),
            due_at=datetime.combine(due_date(one.since_date, most, is_workday) + timedelta(days=1), time(), asked.zone),
            amount_minor=one.held_minor, currency=one.currency, who=one.owner_name or "",
        )
        for one in rows
    ], total  # fmt: skip


def _late_payouts(connection: Connection, asked: Asked) -> tuple[list[ToDo], int]:
    """Refunds in a payout file that no bank line has answered in time."""
    before = late_before(connection, today(asked.now))
    wanted = RefundFilter(moved_before=before)
    total = sum(one.count for one in refunds.totals(connection, wanted))
    rows = refunds.page(connection, wanted, "requested_at", None, asked.limit, descending=False) if total else []
    return [
        ToDo(
            kind="late_payout", opens="refund", object_id=one.refund_id, subject=f"RFD{one.number:06d} {one.loan_id}",
            since_at=one.requested_at, due_at=before, amount_minor=one.amount_minor, currency=one.currency,
        )
        for one in rows
    ], total  # fmt: skip


register("suspense", ("money in suspense", "待处理暂收款"), "suspense.decide", _suspense)
register("late_suspense", ("suspense past its limit", "超时限暂收款"), "reconciliation.oversee", _late_suspense)
register("late_payout", ("payout without a bank line", "付款未见银行流水"), "refunds.pay", _late_payouts)
