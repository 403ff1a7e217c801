"""Cases that wait for somebody, within a reader's scope: nobody has them yet, or their time with an agency ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.engine import Connection

from ops_app.domain.casework.scope import Scope
from ops_app.store.casework.case_scope import within
from ops_app.store.tables.casework import cases, placements

running = placements.alias("running")
"""A name of its own: the conditions of a scope look into the same table."""


@dataclass(frozen=True)
class WaitingCase:
    """One case of a running placement, with what is due when."""

    case_id: str
    loan_id: str
    balance_minor: int
    currency: str
    placed_at: datetime
    due_at: datetime


def unassigned(connection: Connection, scope: Scope, now: datetime, limit: int) -> tuple[list[WaitingCase], int]:
    """Placed cases without a collector, due at the first contact; the nearest first, and how many there are."""
    return _found(connection, scope, now, running.c.first_contact_due_at, [cases.c.collector_id.is_(None)], limit)


def ending(
    connection: Connection, scope: Scope, now: datetime, until: datetime, limit: int
) -> tuple[list[WaitingCase], int]:
    """Placed cases whose placement ends before ``until``; the nearest first, and how many there are."""
    return _found(connection, scope, now, running.c.due_at, [running.c.due_at < until], limit)


def _found(
    connection: Connection, scope: Scope, now: datetime, due: Any, conditions: list[ColumnElement[bool]], limit: int
) -> tuple[list[WaitingCase], int]:
    both = cases.join(running, (running.c.case_id == cases.c.case_id) & running.c.ended_at.is_(None))
    narrowed = [*conditions, *within(scope, now)]
    total: Any = connection.execute(select(func.count()).select_from(both).where(*narrowed)).scalar_one()
    columns = (cases.c.case_id, cases.c.loan_id, cases.c.balance_minor, cases.c.currency, running.c.placed_at)
    rows = connection.execute(
        select(*columns, due.label("due_at"))
        .select_from(both)
        .where(*narrowed)
        .order_by(due, cases.c.case_id)
        .limit(limit)
    )
    return [WaitingCase(**row._mapping) for row in rows], int(total)
