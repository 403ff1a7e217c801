"""What posting a payment asks of the store: the cases of its loan, and reversals that wait for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.repayments import Repayment
from ops_app.store.ledger.payments import chunks, recorded_of
from ops_app.store.tables.casework import cases
from ops_app.store.tables.journal import ledger_events, ledger_positions
from ops_app.store.tables.ledger import payments

Loan = tuple[str, str]


@dataclass(frozen=True)
class Claim:
    """One spell of a loan as the ledger has it: ``opening_date`` is the day of its opening balance."""

    case_id: str
    currency: str
    lender_code: str | None
    product_code: str
    days_past_due: int
    as_of_date: date
    opening_date: date
    closed_date: date | None

    def holds(self, value_date: date) -> bool:
        """Whether money of this value date is posted to this spell: after the day of its opening balance, up to the day
        on which it closed."""
        return self.opening_date < value_date and (self.closed_date is None or value_date <= self.closed_date)

    def days_past_due_on(self, day: date) -> int:
        """Days past due on ``day``, counted from what the lender said last."""
        return max(0, self.days_past_due + (day - self.as_of_date).days) if self.days_past_due else 0


def claims_of(connection: Connection, loans: Collection[Loan]) -> dict[Loan, list[Claim]]:
    """Loan → its spells that the ledger took over, the latest first."""
    found: dict[Loan, list[Claim]] = {}
    c, p = cases.c, ledger_positions.c
    for source in sorted({source for source, _ in loans}):
        for some in chunks(sorted(loan for of, loan in loans if of == source)):
            query = (
                select(
                    c.loan_id, c.case_id, c.currency, c.lender_code, c.product_code, c.days_past_due, c.as_of_date,
                    p.opening_date, c.closed_date,
                )
                .join(ledger_positions, p.case_id == c.case_id)
                .where(c.source_code == source, c.loan_id.in_(some))
                .order_by(c.spell_no.desc())
            )  # fmt: skip
            rows: Any = connection.execute(query)
            for loan_id, *rest in rows:
                found.setdefault((source, loan_id), []).append(Claim(*rest))
    return found


def waiting_for(connection: Connection, source_code: str, payment_ids: Sequence[str]) -> list[Repayment]:
    """Reversals and refunds of these payments that are recorded and not posted: they came before their payment."""
    found: list[Repayment] = []
    c, e = payments.c, ledger_events.c
    for some in chunks(payment_ids):
        query = (
            select(payments)
            .outerjoin(ledger_events, (e.cause == "payment") & (e.cause_id == c.source_code + "/" + c.payment_id))
            .where(c.source_code == source_code, c.reverses_payment_id.in_(some), e.event_id.is_(None))
            .order_by(c.value_date, c.payment_id)
        )
        found += [recorded_of(row).content for row in connection.execute(query)]
    return found
