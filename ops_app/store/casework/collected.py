"""What was paid on loans, by value date: net of reversals and refunds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import case, func, select, tuple_
from sqlalchemy.engine import Connection

from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.ledger import payments


def net_by_day(
    connection: Connection, loans: Collection[tuple[str, str]]
) -> dict[tuple[str, str, str], dict[date, int]]:
    """(source, loan, currency) → value date → whole minor units that came in on balance."""
    c = payments.c
    signed = func.sum(case((c.kind == "payment", c.amount_minor), else_=-c.amount_minor))
    found: dict[tuple[str, str, str], dict[date, int]] = defaultdict(dict)
    for some in chunks(sorted(loans), 200):
        rows: Any = connection.execute(
            select(c.source_code, c.loan_id, c.currency, c.value_date, signed)
            .where(tuple_(c.source_code, c.loan_id).in_(some))
            .group_by(c.source_code, c.loan_id, c.currency, c.value_date)
        )
        for source, loan, currency, day, minor in rows:
            found[source, loan, currency][day] = int(minor)
    return found
