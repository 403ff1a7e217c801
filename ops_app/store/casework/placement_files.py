"""What is placed with an agency now, with the batch that placed each case; every query is bound to a scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, case, exists, func, select, type_coerce
from sqlalchemy.engine import Connection

from ops_app.domain.casework.placing import PLACING
from ops_app.domain.casework.scope import Scope
from ops_app.store.casework.case_scope import within
from ops_app.store.tables.casework import cases, debtors, placements
from ops_app.store.tables.placing import case_batch_rows, case_batches

_PLACED = placements.alias("placed_now")
"""Under a name of its own: the conditions of a scope look at placements too."""


@dataclass(frozen=True)
class PlacedCase:
    """A running placement and its case as it stands; personal data by its masks alone. Amounts are whole minor units of
    ``currency``; ``placed_balance_minor`` is of the moment of placing, the others as of ``as_of_date``."""

    placement_id: str
    agency_code: str
    batch_id: str | None
    batch_made_at: datetime | None
    placed_at: datetime
    due_at: datetime
    placed_balance_minor: int
    source_code: str
    loan_id: str
    customer_id: str
    lender_code: str | None
    product_code: str
    region_code: str
    currency: str
    principal_minor: int
    interest_minor: int
    fees_minor: int
    penalty_minor: int
    balance_minor: int
    days_past_due: int
    bucket: str
    as_of_date: date
    name_masked: str | None
    phone_masked: str | None


@dataclass(frozen=True)
class PlacedTotal:
    """How many cases of one currency are placed, and their balance when they were, in minor units."""

    currency: str
    cases: int
    placed_balance_minor: int


def rows(
    connection: Connection, scope: Scope, now: datetime, *, agency_code: str, batch_id: str | None, limit: int
) -> list[PlacedCase]:
    """At most ``limit`` cases placed with the agency at ``now`` (of one batch), by loan."""
    of = _batch_of().label("batch_id")
    names = [name for name in PlacedCase.__dataclass_fields__ if name in cases.c and name != "agency_code"]
    query = _running(
        select(
            _PLACED.c.placement_id,
            _PLACED.c.agency_code,
            of,
            _PLACED.c.placed_at,
            _PLACED.c.due_at,
            _PLACED.c.placed_balance_minor,
            *(cases.c[name] for name in names),
            debtors.c.name_masked,
            debtors.c.phone_masked,
        ),
        scope, now, agency_code, batch_id,
    )  # fmt: skip
    placed = query.order_by(cases.c.loan_id, cases.c.case_id).limit(limit).subquery()
    made_at = select(case_batches.c.made_at).where(case_batches.c.batch_id == placed.c.batch_id).scalar_subquery()
    found = connection.execute(
        select(placed, made_at.label("batch_made_at")).order_by(placed.c.loan_id, placed.c.placement_id)
    )
    return [PlacedCase(**row._mapping) for row in found]


def totals(
    connection: Connection, scope: Scope, now: datetime, *, agency_code: str, batch_id: str | None
) -> list[PlacedTotal]:
    """How many cases are placed with the agency at ``now`` (of one batch) and their sums, a currency each."""
    query = _running(
        select(_PLACED.c.currency, func.count(), func.sum(_PLACED.c.placed_balance_minor)),
        scope, now, agency_code, batch_id,
    )  # fmt: skip
    found: Any = connection.execute(query.group_by(_PLACED.c.currency).order_by(_PLACED.c.currency))
    return [PlacedTotal(currency, int(count), int(total)) for currency, count, total in found]


def batch_ids(connection: Connection, scope: Scope, now: datetime, *, agency_code: str) -> list[tuple[str, datetime]]:
    """The batches of which cases are placed with the agency at ``now``, newest first, with when they were asked for."""
    placed = _running(select(_batch_of().label("batch_id")), scope, now, agency_code, None).subquery()
    found = connection.execute(
        select(case_batches.c.batch_id, case_batches.c.made_at)
        .where(case_batches.c.batch_id.in_(select(placed.c.batch_id)))
        .order_by(case_batches.c.made_at.desc(), case_batches.c.batch_id)
    )
    return [(row.batch_id, row.made_at) for row in found]


def custody(connection: Connection, agency_code: str) -> list[tuple[str, datetime, datetime]]:
    """Every placement there was with the agency: its loan, when it began, and when it ended or is due to."""
    until = case((placements.c.ended_at < placements.c.due_at, placements.c.ended_at), else_=placements.c.due_at)
    found = connection.execute(
        select(cases.c.loan_id, placements.c.placed_at, type_coerce(until, placements.c.due_at.type).label("until_at"))
        .join(cases, cases.c.case_id == placements.c.case_id)
        .where(placements.c.agency_code == agency_code)
    )
    return [(row.loan_id, row.placed_at, row.until_at) for row in found]


def _running(query: Select[Any], scope: Scope, now: datetime, agency_code: str, batch_id: str | None) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = [
        _PLACED.c.agency_code == agency_code,
        _PLACED.c.ended_at.is_(None),
        _PLACED.c.placed_at <= now,
        _PLACED.c.due_at > now,
        *within(scope, now),
    ]
    if batch_id is not None:
        of_it = select(case_batch_rows.c.case_id).where(case_batch_rows.c.batch_id == batch_id)
        conditions += [_PLACED.c.case_id.in_(of_it), _batch_of() == batch_id]
    return (
        query.select_from(_PLACED)
        .join(cases, cases.c.case_id == _PLACED.c.case_id)
        .outerjoin(debtors, debtors.c.debtor_key == cases.c.debtor_key)
        .where(*conditions)
    )


def _batch_of() -> ScalarSelect[str]:
    """The batch that placed a case: the newest one done, where this is the first placement since it was asked for."""
    later = placements.alias("placed_between")
    return (
        select(case_batches.c.batch_id)
        .join(case_batch_rows, case_batch_rows.c.batch_id == case_batches.c.batch_id)
        .where(
            case_batch_rows.c.case_id == _PLACED.c.case_id,
            case_batch_rows.c.outcome == "done",
            case_batches.c.kind.in_(sorted(kind.value for kind in PLACING)),
            case_batches.c.agency_code == _PLACED.c.agency_code,
            case_batches.c.made_at <= _PLACED.c.placed_at,
            ~exists()
            .where(
                later.c.case_id == _PLACED.c.case_id,
                later.c.nth < _PLACED.c.nth,
                later.c.placed_at >= case_batches.c.made_at,
            )
            .correlate(_PLACED, case_batches),
        )
        .order_by(case_batches.c.made_at.desc())
        .limit(1)
        .correlate(_PLACED)
        .scalar_subquery()
    )
