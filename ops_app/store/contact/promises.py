"""What came in on a loan for its promises, as the store has it."""

from __future__ import annotations

from datetime import date

from sqlalchemy import and_, select
from sqlalchemy.engine import Connection

from ops_app.domain.contact.promises import Came
from ops_app.store.tables.ledger import payments


def came_in(connection: Connection, source_code: str, loan_id: str, since: date) -> list[Came]:
    """Payments of a loan with a value date of ``since`` or later, and whether each was reversed."""
    c, back = payments.c, payments.alias("back")
    gone = and_(
        back.c.source_code == c.source_code, back.c.reverses_payment_id == c.payment_id, back.c.kind == "reversal"
    )
    query = (
        select(c.paid_at, c.value_date, c.amount_minor, select(back.c.payment_id).where(gone).exists().label("gone"))
        .where(c.source_code == source_code, c.loan_id == loan_id, c.kind == "payment", c.value_date >= since)
        .order_by(c.value_date, c.payment_id)
    )
    return [Came(row.paid_at, row.value_date, row.amount_minor, bool(row.gone)) for row in connection.execute(query)]
