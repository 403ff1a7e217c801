"""To-dos of casework: late requests that others hold up, cases nobody has yet, placements about to end."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.engine import Connection

from ops_app.domain.casework.scope import scope_of
from ops_app.domain.organisation.people import Role
from ops_app.services.organisation.todo import Asked, ToDo, register
from ops_app.store.casework import requests, waiting
from ops_app.store.casework.requests import CaseRequestFilter
from ops_app.store.casework.waiting import WaitingCase

ENDING_WITHIN = timedelta(days=7)
"""How long before its end a placement is worth a look: to return the case, or to ask to keep it."""

FOLLOWED_BY = frozenset({Role.MANAGER, Role.AGENCY_SUPERVISOR, Role.SUPERVISOR})
"""Roles that see late requests of their reach, whoever's turn it is: they can ask why."""


def _late(connection: Connection, asked: Asked) -> tuple[list[ToDo], int]:
    if asked.actor.role not in FOLLOWED_BY:
        return [], 0
    # what waits for the reader's own role is among what they approve
    wanted = CaseRequestFilter(late_at=asked.now, not_awaiting=asked.actor.role.value)
    rows, total = requests.page(
        connection, wanted,
        requests.reach(scope_of(asked.actor), asked.actor.person_id, asked.now),
        sort="due_at", descending=False, offset=0, limit=asked.limit,
    )  # fmt: skip
    found = [
        ToDo("late_case_request", one.case_request_id, one.loan_id, one.requested_at, one.due_at,
             opens="case_request", topic=one.kind.approval_kind, who=one.requested_by_name,
             amount_minor=one.amount_minor, currency=one.currency)
        for one in rows
    ]  # fmt: skip
    return found, total


def _unassigned(connection: Connection, asked: Asked) -> tuple[list[ToDo], int]:
    rows, total = waiting.unassigned(connection, scope_of(asked.actor), asked.now, asked.limit)
    return [_case("unassigned_case", one) for one in rows], total


def _ending(connection: Connection, asked: Asked) -> tuple[list[ToDo], int]:
    until = asked.now + ENDING_WITHIN
    rows, total = waiting.ending(connection, scope_of(asked.actor), asked.now, until, asked.limit)
    return [_case("ending_placement", one) for one in rows], total


def _case(kind: str, one: WaitingCase) -> ToDo:
    return ToDo(
        kind,
        one.case_id,
        one.loan_id,
        one.placed_at,
        one.due_at,
        opens="case",
        amount_minor=one.balance_minor,
        currency=one.currency,
    )


register("late_case_request", ("late request on a case", "超时限未办结的案件申请"), "requests.view", _late)
register("unassigned_case", ("placed case without a collector", "待分派案件"), "cases.agency", _unassigned)
register("ending_placement", ("placement about to end", "即将到期的委外"), "cases.agency", _ending)
