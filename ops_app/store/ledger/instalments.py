"""Schedules of loans in the store: what the lender tells of each instalment, the latest day of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import case, func, select, tuple_
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.instalments import Instalment, Paid
from ops_app.store.casework.debtors import upsert
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases
from ops_app.store.tables.ledger import loan_instalments, payments
from ops_app.store.zone import day_of

_I = loan_instalments.c
Loan = tuple[str, str]
"""Source and loan."""


@dataclass(frozen=True)
class InstalmentRow:
    """One instalment of a loan as its feed tells it."""

    source_code: str
    loan_id: str
    currency: str
    instalment: Instalment


def put(connection: Connection, rows: Sequence[InstalmentRow]) -> None:
    """Enter instalments, or what is known of them now."""
    for some in chunks(rows, 2_000):
        upsert(connection, loan_instalments, ("source_code", "loan_id", "number"), [_row(one) for one in some])


def of_loans(connection: Connection, loans: Collection[Loan]) -> dict[Loan, list[Instalment]]:
    """Loan → its instalments, for those that have a schedule."""
    found: dict[Loan, list[Instalment]] = {}
    for some in chunks(sorted(loans), 200):
        query = select(loan_instalments).where(tuple_(_I.source_code, _I.loan_id).in_(some))
        for row in connection.execute(query.order_by(_I.source_code, _I.loan_id, _I.due_date, _I.number)):
            made = Instalment(row.number, row.due_date, row.due_minor, row.paid_minor, row.as_of_date)
            found.setdefault((row.source_code, row.loan_id), []).append(made)
    return found


def known_days(connection: Connection) -> list[tuple[str, str, date]]:
    """Source, loan and the latest day that its schedule is known of."""
    query = select(_I.source_code, _I.loan_id, func.max(_I.as_of_date)).group_by(_I.source_code, _I.loan_id)
    rows: Any = connection.execute(query)
    return [tuple(row) for row in rows]


def open_loans(connection: Connection) -> list[Loan]:
    """Loans of open cases."""
    rows: Any = connection.execute(select(cases.c.source_code, cases.c.loan_id).where(cases.c.closed_date.is_(None)))
    return [tuple(row) for row in rows]


def paid_on(connection: Connection, loans: Collection[Loan]) -> dict[Loan, list[Paid]]:
    """Loan → what was recorded on it, each with its sign."""
    found: dict[Loan, list[Paid]] = {}
    c = payments.c
    signed = case((c.kind == "payment", c.amount_minor), else_=-c.amount_minor)
    for some in chunks(sorted(loans), 200):
        rows: Any = connection.execute(
            select(c.source_code, c.loan_id, c.payment_id, c.value_date, signed, c.posted_at).where(
                tuple_(c.source_code, c.loan_id).in_(some)
            )
        )
        for source, loan, payment, day, minor, posted_at in rows:
            booked = day_of(posted_at) if posted_at else None
            found.setdefault((source, loan), []).append(Paid(payment, day, int(minor), booked))
    return found


def _row(one: InstalmentRow) -> dict[str, Any]:
    it = one.instalment
    return {
        "source_code": one.source_code, "loan_id": one.loan_id, "number": it.number, "due_date": it.due_date,
        "currency": one.currency, "due_minor": it.due_minor, "paid_minor": it.paid_minor,
        "as_of_date": it.as_of_date,
    }  # fmt: skip
