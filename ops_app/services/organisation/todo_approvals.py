"""To-dos of approvals: what waits for a person's decision, and what came back to its maker."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ops_app.domain.casework.requests import kind_of
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.organisation.approvals import RequestState
from ops_app.services.organisation.approval_reading import queue_of
from ops_app.services.organisation.todo import Asked, ToDo, register
from ops_app.store.casework import requests
from ops_app.store.casework.case_scope import left_of
from ops_app.store.organisation import approval_lists
from ops_app.store.organisation.approval_lists import Mine, RequestFilter
from ops_app.store.organisation.approvals import ApprovalRequest

APPROVAL, RETURNED = "approval", "returned"


def _waiting(connection: Connection, asked: Asked) -> tuple[list[ToDo], int]:
    mine = queue_of(connection, asked.actor, asked.now)
    return _listed(connection, asked, RequestFilter(), mine, APPROVAL)


def _returned(connection: Connection, asked: Asked) -> tuple[list[ToDo], int]:
    wanted = RequestFilter(states=frozenset({RequestState.RETURNED}), maker_id=asked.actor.person_id)
    return _listed(connection, asked, wanted, None, RETURNED)


def _listed(
    connection: Connection, asked: Asked, wanted: RequestFilter, mine: Mine | None, kind: str
) -> tuple[list[ToDo], int]:
    """Requests as to-dos. One on a case is due when its rule says so, any other when it expires."""
    agency, left = asked.actor.agency_code, left_of(scope_of(asked.actor), asked.now)
    total, _ = approval_lists.totals(connection, wanted, mine=mine, agency_code=agency, left=left)
    rows = approval_lists.page(
        connection, wanted, mine=mine, agency_code=agency, left=left, sort="expires_at", descending=False, offset=0,
        limit=asked.limit,
    )  # fmt: skip
    of_cases = requests.of_approvals(connection, [one.request_id for one in rows if kind_of(one.kind) is not None])
    return [_todo(one, of_cases.get(one.request_id), kind) for one in rows], total


def _todo(one: ApprovalRequest, on_case: requests.CaseRequest | None, kind: str) -> ToDo:
    return ToDo(
        kind=kind,
        opens="approval" if on_case is None else "case_request",
        object_id=one.request_id if on_case is None else on_case.case_request_id,
        subject=one.object_id if on_case is None else on_case.loan_id,
        since_at=one.made_at,
        due_at=one.expires_at if on_case is None else min(on_case.due_at, one.expires_at),
        topic=one.kind,
        who=one.maker_name,
        amount_minor=one.amount_minor,
        currency=one.currency,
        arguments=one.arguments if on_case is None else {},
    )


register(APPROVAL, ("to approve", "待我审批"), "approvals.decide", _waiting)
register(RETURNED, ("returned to me", "退回给我"), "approvals.own", _returned)
