"""Reversals of recorded payments that were approved: orders, which the ledger carries out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from ops_app.store.tables.four_way import payment_reversals as reversals


@dataclass(frozen=True)
class OrderedReversal:
    """A payment that is to be reversed, on which break, of how much, ordered by whom and when."""

    source_code: str
    payment_id: str
    break_id: str
    amount_minor: int
    currency: str
    ordered_by: str
    ordered_at: datetime


def add(connection: Connection, one: OrderedReversal) -> None:
    """Enter an order; a payment has one at most."""
    connection.execute(insert(reversals).values(vars(one)))


def read(connection: Connection, source_code: str, payment_id: str) -> OrderedReversal | None:
    """The order of a payment."""
    row = connection.execute(
        select(reversals).where(reversals.c.source_code == source_code, reversals.c.payment_id == payment_id)
    ).first()
    return _order(row) if row else None


def of_break(connection: Connection, break_id: str) -> list[OrderedReversal]:
    """The orders that were made on a break."""
    rows = connection.execute(
        select(reversals).where(reversals.c.break_id == break_id).order_by(reversals.c.ordered_at)
    )
    return [_order(row) for row in rows]


def _order(row: Any) -> OrderedReversal:
    return OrderedReversal(**row._mapping)
