"""To-dos of the ledger: breaks that are open and should be decided, and those past their limit, for a manager."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from sqlalchemy.engine import Connection

from ops_app.domain.ledger.breaks import BreakState
from ops_app.services.organisation.todo import Asked, ToDo, register
from ops_app.store.ledger import breaks
from ops_app.store.ledger.breaks import BreakFilter

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
