"""Lists of requests for approval: filtered and sorted where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.engine import Connection

from ops_app.domain.casework.requests import CASE
from ops_app.domain.money import WHOLE_UNIT_CURRENCIES
from ops_app.domain.organisation.approvals import BY_APPROVER, RequestState
from ops_app.domain.organisation.people import Role
from ops_app.store import stored_json
from ops_app.store.organisation.approvals import ApprovalRequest, request_of, with_rounds
from ops_app.store.tables.approvals import approval_decisions as decisions
from ops_app.store.tables.approvals import approval_requests as requests
from ops_app.store.tables.casework import cases

SORTABLE = ("made_at", "expires_at", "amount_minor", "kind", "state")


@dataclass(frozen=True)
class RequestFilter:
    """What a list is narrowed by; empty means not at all.

    ``least_minor`` and ``most_minor`` (both included) are minor units of ``currency``, ``least_units`` whole units of
    whatever currency a request has. ``made_until`` is exclusive; ``text`` is looked for in the object and the id.
    """

    states: frozenset[RequestState] = frozenset({RequestState.WAITING})
    kinds: frozenset[str] = frozenset()
    flag: str | None = None
    is_flagged: bool | None = None
    maker_id: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    currency: str | None = None
    least_minor: int | None = None
    least_units: int | None = None
    most_minor: int | None = None
    made_until: datetime | None = None
    text: str | None = None


@dataclass(frozen=True)
class Mine:
    """A person's own queue: levels of ``roles`` in their own right, and of what others (``principals``: person → role)
    delegated; never what they or the principal made or decided before."""

    person_id: str
    roles: frozenset[Role]
    principals: tuple[tuple[str, Role], ...]
    at: datetime


def page(
    connection: Connection,
    wanted: RequestFilter,
    *,
    mine: Mine | None = None,
    agency_code: str | None = None,
    left: Sequence[ColumnElement[bool]] = (),
    sort: str,
    descending: bool,
    offset: int,
    limit: int,
) -> list[ApprovalRequest]:
    """One page of matching requests; equal sort values by id. ``left``: the conditions on cases that bind
    somebody whose cases are narrowed."""
    if sort not in SORTABLE:
        raise ValueError(f"requests are not sorted by {sort}")
    column = requests.c[sort]
    order = column.desc().nulls_last() if descending else column.asc().nulls_first()
    query = (
        with_rounds()
        .where(*_conditions(wanted, mine, agency_code), *about_left(left))
        .order_by(order, requests.c.request_id)
    )
    return [request_of(row) for row in connection.execute(query.offset(offset).limit(limit))]


def totals(
    connection: Connection,
    wanted: RequestFilter,
    *,
    mine: Mine | None = None,
    agency_code: str | None = None,
    left: Sequence[ColumnElement[bool]] = (),
) -> tuple[int, dict[str, int]]:
    """How many requests match, and what their amounts add up to per currency."""
    rows: Any = connection.execute(
        select(requests.c.currency, func.count(), func.coalesce(func.sum(requests.c.amount_minor), 0))
        .where(*_conditions(wanted, mine, agency_code), *about_left(left))
        .group_by(requests.c.currency)
        .order_by(requests.c.currency)
    ).all()
    return sum(int(count) for _, count, _ in rows), {
        currency: int(total) for currency, _, total in rows if currency is not None
    }


def about_left(left: Sequence[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """Requests about something else than a case, and those about a case that is left (all, where nothing is taken)."""
    if not left:
        return []
    case_left = exists().where(cases.c.case_id == requests.c.object_id, *left).correlate(requests)
    return [or_(requests.c.object_type != CASE, case_left)]


def is_left(connection: Connection, request_id: str, left: Sequence[ColumnElement[bool]]) -> bool:
    """Whether a request is about a case that is left, or about none."""
    query = select(requests.c.request_id).where(requests.c.request_id == request_id, *about_left(left))
    return not left or connection.execute(query).first() is not None


def _conditions(wanted: RequestFilter, mine: Mine | None, agency_code: str | None) -> list[ColumnElement[bool]]:
    c = requests.c
    conditions: list[ColumnElement[bool]] = []
    if agency_code is not None:
        conditions.append(c.agency_code == agency_code)
    if wanted.states:
        conditions.append(c.state.in_(sorted(state.value for state in wanted.states)))
    if wanted.kinds:
        conditions.append(c.kind.in_(sorted(wanted.kinds)))
    conditions += [
        c[name] == value
        for name in ("maker_id", "object_type", "object_id", "currency")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.flag is not None:
        conditions.append(c.flags_json.contains(stored_json.write(wanted.flag), autoescape=True))
    if wanted.is_flagged is not None:
        conditions.append((c.flags_json != "[]") if wanted.is_flagged else (c.flags_json == "[]"))
    if wanted.least_minor is not None:
        conditions.append(c.amount_minor >= wanted.least_minor)
    if wanted.least_units is not None:
        whole = c.currency.in_(sorted(WHOLE_UNIT_CURRENCIES))
        conditions.append(c.amount_minor >= case((whole, wanted.least_units), else_=wanted.least_units * 100))
    if wanted.most_minor is not None:
        conditions.append(c.amount_minor <= wanted.most_minor)
    if wanted.made_until is not None:
        conditions.append(c.made_at < wanted.made_until)
    if wanted.text:
        conditions.append(
            or_(*(c[name].contains(wanted.text, autoescape=True) for name in ("object_id", "request_id")))
        )
    if mine is not None:
        conditions.append(_waits_for(mine))
    return conditions


def _waits_for(mine: Mine) -> ColumnElement[bool]:
    c = requests.c
    own: Sequence[ColumnElement[bool]] = (c.awaited_role.in_(sorted(role.value for role in mine.roles)),)
    given = [
        and_(c.awaited_role == role.value, c.maker_id != principal, ~_decided_by(principal))
        for principal, role in mine.principals
    ]
    return and_(
        c.state == RequestState.WAITING.value,
        c.expires_at > mine.at,
        c.maker_id != mine.person_id,
        ~_decided_by(mine.person_id),
        or_(*own, *given),
    )


def _decided_by(person_id: str) -> ColumnElement[bool]:
    """Whether the person decided in the present round, themself or through somebody else."""
    return exists().where(
        decisions.c.request_id == requests.c.request_id,
        decisions.c.round_no == requests.c.round_no,
        decisions.c.decision.in_(sorted(what.value for what in BY_APPROVER)),
        or_(decisions.c.decided_by == person_id, decisions.c.principal_id == person_id),
    )
