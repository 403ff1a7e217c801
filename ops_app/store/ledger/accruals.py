"""How far each case has accrued, in the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.accounts import Component
from ops_app.store.casework.debtors import upsert
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.books import ledger_accruals
from ops_app.store.tables.casework import cases
from ops_app.store.tables.journal import ledger_positions

_P, _A = ledger_positions.c, ledger_accruals.c


@dataclass(frozen=True)
class Accruing:
    """A case of the ledger as its accrual begins: what it owes on the books, until which day it has accrued (at first
    the day of its opening balance), and the last value date on which something happened to it."""

    case_id: str
    source_code: str
    loan_id: str
    lender_code: str | None
    product_code: str
    currency: str
    owed: dict[Component, int]
    last_date: date
    through_date: date
    interest_carry: int
    penalty_carry: int


@dataclass(frozen=True)
class Through:
    """Until when a case has accrued, and what is less than a minor unit."""

    case_id: str
    through_date: date
    interest_carry: int
    penalty_carry: int


def _query() -> Select[Any]:
    return (
        select(
            _P.case_id, _P.source_code, cases.c.loan_id, cases.c.lender_code, cases.c.product_code, _P.currency,
            *(_P[f"{part.value}_minor"] for part in Component), _P.last_date,
            func.coalesce(_A.through_date, _P.opening_date).label("through_date"),
            func.coalesce(_A.interest_carry, 0).label("interest_carry"),
            func.coalesce(_A.penalty_carry, 0).label("penalty_carry"),
        )
        .join(cases, cases.c.case_id == _P.case_id)
        .outerjoin(ledger_accruals, _A.case_id == _P.case_id)
    )  # fmt: skip


def waiting(connection: Connection, day: date, after: str, limit: int) -> list[Accruing]:
    """Open cases with principal on the books that have not accrued until ``day``, after an id, in the order of ids."""
    query = _query().where(
        _P.case_id > after, _P.is_closed.is_(False), _P.principal_minor > 0,
        func.coalesce(_A.through_date, _P.opening_date) < day,
    ).order_by(_P.case_id).limit(limit)  # fmt: skip
    return [_accruing(row) for row in connection.execute(query)]


def of_cases(connection: Connection, case_ids: Collection[str]) -> list[Accruing]:
    """Those of these cases that the ledger has taken over."""
    found: list[Accruing] = []
    for some in chunks(sorted(case_ids)):
        found += [_accruing(row) for row in connection.execute(_query().where(_P.case_id.in_(some)))]
    return found


def put(connection: Connection, rows: Sequence[Through]) -> None:
    """Write how far cases have come."""
    if not rows:
        return
    upsert(connection, ledger_accruals, ["case_id"], [vars(one) for one in rows])


def _accruing(row: Any) -> Accruing:
    return Accruing(
        row.case_id, row.source_code, row.loan_id, row.lender_code, row.product_code, row.currency,
        {part: int(getattr(row, f"{part.value}_minor")) for part in Component}, row.last_date,
        row.through_date, int(row.interest_carry), int(row.penalty_carry),
    )  # fmt: skip
