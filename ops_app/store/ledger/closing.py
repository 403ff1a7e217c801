"""Closing of accounting periods in the store: the lock between posting and closing, balances, overrides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import insert, select, text
from sqlalchemy.engine import Connection

from ops_app.store import driver
from ops_app.store.tables.books import closed_balances, closing_overrides

_LOCK = 7_202_029
"""The advisory lock that postings share and a closing holds alone; SQLite has one writer."""

BalanceKey = tuple[str, str, str]
"""Source, currency, account."""


def hold_open(connection: Connection) -> None:
    """No period is closed until this transaction has ended; postings do not wait for one another."""
    if connection.dialect.name == "postgresql":
        driver.later(connection, "select pg_advisory_xact_lock_shared(%(lock)s)", [{"lock": _LOCK}])


def hold_closed(connection: Connection) -> None:
    """Nothing is posted until this transaction has ended; waits for the postings that are under way."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


@dataclass(frozen=True)
class Override:
    """A check of the close that two people set aside for one period, until a moment."""

    override_id: str
    first_date: date
    check_name: str
    found: str
    reason: str
    asked_by: str
    approved_by: str
    approved_at: datetime
    until_at: datetime


def add_override(connection: Connection, one: Override) -> None:
    """Append an override."""
    connection.execute(insert(closing_overrides).values(**vars(one)))


def overrides(connection: Connection, first_date: date) -> list[Override]:
    """The overrides of the period that begins on ``first_date``, those that have expired among them; newest first."""
    c = closing_overrides.c
    query = select(closing_overrides).where(c.first_date == first_date)
    return [Override(**row._mapping) for row in connection.execute(query.order_by(c.approved_at.desc()))]


def add_balances(connection: Connection, period_id: str, balances: Mapping[BalanceKey, int]) -> None:
    """Keep what every account came to at the end of a period that is closed."""
    rows = [
        {"period_id": period_id, "source_code": source, "currency": currency, "account": account, "balance_minor": it}
        for (source, currency, account), it in sorted(balances.items())
    ]
    if rows:
        connection.execute(insert(closed_balances), rows)


def balances(connection: Connection, period_ids: Sequence[str]) -> dict[BalanceKey, int]:
    """Source, currency, account → debits less credits at the end of a closed period."""
    c = closed_balances.c
    query = select(c.source_code, c.currency, c.account, c.balance_minor).where(c.period_id.in_(period_ids))
    return {(row[0], row[1], row[2]): int(row[3]) for row in connection.execute(query)}
