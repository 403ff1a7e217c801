"""Settlements that wait: for the agency, an answer, to be presented again, the request to lock, the payment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.settlements import DisputeState, SettlementState
from ops_app.domain.organisation.approvals import OPEN
from ops_app.store.ledger.commissions import Settlement, settlement_of
from ops_app.store.tables.approvals import approval_requests
from ops_app.store.tables.commissions import commission_disputes, commission_lines, settlements

_S = settlements.c


class Wait(StrEnum):
    """For what a settlement waits."""

    CONFIRM = "confirm"
    ANSWER = "answer"
    AGAIN = "again"
    LOCK = "lock"
    PAY = "pay"


@dataclass(frozen=True)
class Waiting:
    """A settlement and what its lines come to so far, in whole minor units; of a locked one, what is to be paid."""

    settlement: Settlement
    amount_minor: int


def waiting(connection: Connection, wait: Wait, *, agency_code: str | None, limit: int) -> tuple[list[Waiting], int]:
    """The settlements that have waited longest, and how many wait; of one agency alone, where one is named."""
    conditions = [*_conditions(wait), *([] if agency_code is None else [_S.agency_code == agency_code])]
    fees = (
        select(func.coalesce(func.sum(commission_lines.c.fee_minor), 0))
        .where(commission_lines.c.settlement_id == _S.settlement_id)
        .scalar_subquery()
    )
    total = connection.execute(select(func.count()).select_from(settlements).where(*conditions)).scalar_one()
    query = (
        select(settlements, fees.label("fees"))
        .where(*conditions)
        .order_by(_S.computed_at, _S.settlement_id)
        .limit(limit)
    )
    return [_waiting(row) for row in connection.execute(query).mappings()], int(total)


def _waiting(row: Mapping[Any, Any]) -> Waiting:
    values = dict(row)
    fees = int(values.pop("fees"))
    one = settlement_of(values)
    return Waiting(one, fees if one.due_minor is None else one.due_minor)


def _conditions(wait: Wait) -> list[ColumnElement[bool]]:
    d, r = commission_disputes.c, approval_requests.c
    disputed = (
        select(d.dispute_id).where(d.settlement_id == _S.settlement_id, d.state == DisputeState.OPEN.value).exists()
    )
    asked = (
        select(r.request_id)
        .where(
            and_(r.kind == "commission.lock", r.object_type == "settlement", r.object_id == _S.settlement_id),
            r.state.in_([state.value for state in OPEN]),
        )
        .exists()
    )
    return {
        Wait.CONFIRM: [_S.state == SettlementState.PRESENTED.value],
        Wait.ANSWER: [_S.state == SettlementState.DISPUTED.value, disputed],
        Wait.AGAIN: [_S.state == SettlementState.DISPUTED.value, ~disputed],
        Wait.LOCK: [_S.state == SettlementState.CONFIRMED.value, ~asked],
        Wait.PAY: [_S.state == SettlementState.LOCKED.value, _S.due_minor > 0],
    }[wait]
