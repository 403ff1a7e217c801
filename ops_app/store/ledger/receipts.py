"""What posting a payment asks of the store: the cases of its loan, and reversals that wait for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zlib import crc32

from sqlalchemy import Select, and_, bindparam, exists, literal, not_, or_, select
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.repayments import Repayment
from ops_app.store import driver
from ops_app.store.ledger.payments import chunks, recorded
from ops_app.store.tables.casework import cases
from ops_app.store.tables.journal import ledger_events, ledger_positions
from ops_app.store.tables.ledger import payments

Loan = tuple[str, str]

_C, _P, _PAID, _EVENT = cases.c, ledger_positions.c, payments.c, ledger_events.c
_SOURCE: Any = bindparam("source")
_IDS: Any = bindparam("ids", expanding=True)
# made once: on the way of every payment, making a statement costs more than running it
_CLAIMS = (
    select(
        _C.loan_id, _C.case_id, _C.currency, _C.lender_code, _C.product_code, _C.days_past_due, _C.as_of_date,
        _P.opening_date, _C.closed_date,
    )
    .join(ledger_positions, _P.case_id == _C.case_id)
    .where(_C.source_code == _SOURCE, _C.loan_id.in_(_IDS))
    .order_by(_C.spell_no.desc())
)  # fmt: skip
_WAITING = (
    select(payments)
    .outerjoin(
        ledger_events, (_EVENT.cause == "payment") & (_EVENT.cause_id == _PAID.source_code + "/" + _PAID.payment_id)
    )
    .where(_PAID.source_code == _SOURCE, _PAID.reverses_payment_id.in_(_IDS), _EVENT.event_id.is_(None))
    .order_by(_PAID.value_date, _PAID.payment_id)
)


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
    for source in sorted({source for source, _ in loans}):
        for some in chunks(sorted(loan for of, loan in loans if of == source)):
            rows: Any = connection.execute(_CLAIMS, {"source": source, "ids": some})
            for loan_id, *rest in rows:
                found.setdefault((source, loan_id), []).append(Claim(*rest))
    return found


def loan_of(connection: Connection, case_id: str) -> Loan | None:
    """The source and loan of a case."""
    row = connection.execute(select(_C.source_code, _C.loan_id).where(_C.case_id == case_id)).first()
    return (row.source_code, row.loan_id) if row else None


def waiting_for(connection: Connection, source_code: str, payment_ids: Sequence[str]) -> list[Repayment]:
    """Reversals and refunds of these payments that are recorded and not posted: they came before their payment."""
    found: list[Repayment] = []
    for some in chunks(payment_ids):
        rows = connection.execute(_WAITING, {"source": source_code, "ids": some})
        found += [recorded(row).content for row in rows]
    return found


def unposted(before: date | None = None) -> Select[tuple[str]]:
    """The statement that finds recorded payments (as source/number) which are neither posted nor have to wait: what
    waits names a payment that is not there, is in another currency, or was taken back by another already."""
    c, event, target, undoing = payments.c, ledger_events.alias(), ledger_events.alias(), ledger_events.alias()
    key = c.source_code + "/" + c.payment_id
    named = c.source_code + "/" + c.reverses_payment_id
    undone = exists(
        select(literal(1)).where(
            undoing.c.kind.in_(["reversal", "cancellation"]), undoing.c.target_id == target.c.event_id
        )
    )
    waits = or_(target.c.event_id.is_(None), target.c.currency != c.currency, undone)
    query = (
        select(key)
        .outerjoin(event, and_(event.c.cause == "payment", event.c.cause_id == key))
        .outerjoin(target, and_(target.c.cause == "payment", target.c.cause_id == named))
        .where(event.c.event_id.is_(None), or_(c.kind == "payment", c.reverses_payment_id.is_(None), not_(waits)))
    )
    return query if before is None else query.where(c.value_date < before)


_MEETING = 0x5EC0_0B00
_PLACES = 256
_MEET = "select pg_advisory_xact_lock(place) from unnest(%(places)s::bigint[]) with ordinality as t (place, nth)"


def meet(connection: Connection, keys: Collection[tuple[str, str]]) -> None:
    """Take turns with other transactions that are about these payments (source, payment id), until this one ends. What
    they committed is seen by statements after this. SQLite has one writer."""
    if connection.dialect.name == "sqlite" or not keys:
        return
    places = sorted({_MEETING + crc32(f"{source}/{payment}".encode()) % _PLACES for source, payment in keys})
    driver.later(connection, _MEET, [{"places": places}])
