"""The balances with which placements end: those of the day's close they end by, whenever a job comes to end them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from ops_app.store.tables.casework import cases, placements


def keep(connection: Connection, now: datetime) -> None:
    """Keep, of running placements whose time was up by ``now``, the balance that their cases have so far: they are
    over, and are ended with it."""
    c = placements.c
    balance = select(cases.c.balance_minor).where(cases.c.case_id == c.case_id).scalar_subquery()
    connection.execute(
        update(placements)
        .where(c.ended_at.is_(None), c.due_at <= now, c.ended_balance_minor.is_(None))
        .values(ended_balance_minor=balance)
    )


def settle(connection: Connection, day: date, *, after: datetime, until: datetime) -> None:
    """Give placements that ended after ``after`` and by ``until`` the balance of their cases, where that is as of
    ``day``; those that ended without a balance (history of a former system) stay without."""
    c = placements.c
    of_case = (cases.c.case_id == c.case_id) & (cases.c.as_of_date == day)
    balance = select(cases.c.balance_minor).where(of_case).scalar_subquery()
    connection.execute(
        update(placements)
        .where(c.ended_at > after, c.ended_at <= until, c.ended_balance_minor != balance)
        .values(ended_balance_minor=balance)
    )
