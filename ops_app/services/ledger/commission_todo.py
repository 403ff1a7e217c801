"""To-dos of commission: statements for the agency to confirm, disputes to answer, statements to lock and to pay.

That a lock waits for a second person is among the approvals of that person.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy.engine import Connection

from ops_app.services.organisation.todo import Asked, ToDo, register
from ops_app.store.ledger.commission_waiting import Wait, waiting


def _waiting(connection: Connection, asked: Asked, *, wait: Wait, kind: str, opens: str) -> tuple[list[ToDo], int]:
    rows, total = waiting(connection, wait, agency_code=asked.actor.agency_code, limit=asked.limit)
    found = [
        ToDo(kind, it.settlement.settlement_id, it.settlement.number, it.settlement.locked_at or
             it.settlement.computed_at, None, opens=opens, amount_minor=it.amount_minor,
             currency=it.settlement.currency)
        for it in rows
    ]  # fmt: skip
    return found, total


for _wait, _kind, _names, _permission, _opens in (
    (Wait.CONFIRM, "settlement_to_confirm", ("statement of commission to confirm", "待确认佣金结算单"),
     "commission.own", "own_settlement"),
    (Wait.ANSWER, "settlement_disputed", ("disputed statement of commission", "待答复佣金异议"),
     "commission.settle", "settlement"),
    (Wait.AGAIN, "settlement_answered", ("answered statement to present again", "异议已答复、待重新提交的佣金结算单"),
     "commission.settle", "settlement"),
    (Wait.LOCK, "settlement_to_lock", ("confirmed statement to submit for approval", "待提交审批佣金结算单"),
     "commission.settle", "settlement"),
    (Wait.PAY, "settlement_to_pay", ("locked statement waiting for its invoice", "待核对发票并付款佣金结算单"),
     "commission.pay", "settlement"),
):  # fmt: skip
    register(_kind, _names, _permission, partial(_waiting, wait=_wait, kind=_kind, opens=_opens))
