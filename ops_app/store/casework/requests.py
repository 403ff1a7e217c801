"""Requests on cases in the store: every query of them is bound to the reader's scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.casework.requests import CaseRequestKind, Outcome, Step, step_of
from ops_app.domain.casework.scope import Reach, Scope
from ops_app.domain.organisation.approvals import OPEN, RequestState
from ops_app.domain.organisation.people import Role
from ops_app.store import stored_json
from ops_app.store.casework.case_scope import left_of, within
from ops_app.store.tables.casework import cases
from ops_app.store.tables.requests import case_requests as requests

SORTABLE = ("due_at", "requested_at", "amount_minor", "kind", "state")


@dataclass(frozen=True)
class CaseRequest:
    """One request on a case. Amounts are minor units of ``currency``; ``balance_minor`` is the balance of the case
    when it was asked for. ``outcome`` and ``reply`` say how it ended; ``detail`` what the answer names."""

    case_request_id: str
    case_id: str
    kind: CaseRequestKind
    agency_code: str | None
    requested_by: str
    requested_by_name: str
    role: Role
    requested_at: datetime
    due_at: datetime
    form: Mapping[str, Any]
    amount_minor: int
    currency: str
    balance_minor: int
    reason: str
    needs_asset: bool
    approval_id: str | None
    state: RequestState
    awaited_role: str | None
    escalated_at: datetime | None
    outcome: Outcome | None
    reply: str | None
    replied_by: str | None
    replied_by_name: str | None
    detail: Mapping[str, Any]
    ended_at: datetime | None
    version: int
    loan_id: str = ""
    source_code: str = ""

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def step(self) -> Step:
        """Whose turn it is."""
        return step_of(self.state, self.awaited_role)

    def is_late(self, now: datetime) -> bool:
        """Whether it is open past the moment when it was due."""
        return self.is_open and now >= self.due_at


@dataclass(frozen=True)
class CaseRequestFilter:
    """What a list is narrowed by; empty means not at all. ``late_at``: open and due by then;
    ``not_awaiting``: a role whose turn it is not."""

    states: frozenset[RequestState] = OPEN
    kinds: frozenset[CaseRequestKind] = frozenset()
    agency_code: str | None = None
    requested_by: str | None = None
    case_id: str | None = None
    step: Step | None = None
    late_at: datetime | None = None
    not_awaiting: str | None = None
    text: str | None = None


def reach(scope: Scope, person_id: str, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions that bind a query of requests: the asset company's staff all, an agency what its own people asked
    for, a collector what she asked for and what her own house asked for on cases that are hers now. Whose cases are
    narrowed sees of these what is about a case that is left to them."""
    left = left_of(scope, now)
    return [*_reached(scope, person_id, now), *([_about_case(left)] if left else [])]


def _about_case(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    return exists().where(cases.c.case_id == requests.c.case_id, *conditions).correlate(requests)


def _reached(scope: Scope, person_id: str, now: datetime) -> list[ColumnElement[bool]]:
    if scope.reach in (Reach.ALL, Reach.NARROWED):
        return []
    own_house = (
        requests.c.agency_code.is_(None) if scope.agency_code is None else requests.c.agency_code == scope.agency_code
    )
    if scope.reach is Reach.AGENCY and scope.agency_code:
        return [own_house]
    if scope.reach is Reach.OWN:
        return [own_house, or_(requests.c.requested_by == person_id, _about_case(within(scope, now)))]
    return [false()]


def read(
    connection: Connection, case_request_id: str, conditions: Sequence[ColumnElement[bool]], *, lock: bool = False
) -> CaseRequest | None:
    """The request of its id, or of the id of its request for approval, if the conditions of the reader's reach hold;
    with ``lock`` (by its own id) nobody else changes it."""
    if lock:
        connection.execute(
            select(requests.c.version).where(requests.c.case_request_id == case_request_id).with_for_update()
        )
    known = or_(requests.c.case_request_id == case_request_id, requests.c.approval_id == case_request_id)
    row = connection.execute(_query().where(known, *conditions)).first()
    return None if row is None else _request(row)


def of_approval(connection: Connection, approval_id: str, *, lock: bool = False) -> CaseRequest | None:
    """The request that a request of the approvals engine stands for, whoever asks."""
    if lock:
        connection.execute(select(requests.c.version).where(requests.c.approval_id == approval_id).with_for_update())
    row = connection.execute(_query().where(requests.c.approval_id == approval_id)).first()
    return None if row is None else _request(row)


def of_ids(connection: Connection, case_request_ids: Sequence[str]) -> dict[str, CaseRequest]:
    """Id → the request on a case, whoever asks."""
    if not case_request_ids:
        return {}
    rows = connection.execute(_query().where(requests.c.case_request_id.in_(list(case_request_ids))))
    return {row.case_request_id: _request(row) for row in rows}


def of_approvals(connection: Connection, approval_ids: Sequence[str]) -> dict[str, CaseRequest]:
    """Request for approval → the request on a case that it stands for, whoever asks."""
    if not approval_ids:
        return {}
    rows = connection.execute(_query().where(requests.c.approval_id.in_(list(approval_ids))))
    return {row.approval_id: _request(row) for row in rows}


def is_open_on(connection: Connection, case_id: str, kind: CaseRequestKind) -> bool:
    """Whether a request of this kind is open on the case."""
    query = select(requests.c.case_request_id).where(
        requests.c.case_id == case_id, requests.c.kind == kind.value, requests.c.ended_at.is_(None)
    )
    return connection.execute(query.limit(1)).first() is not None


def granted_minor(connection: Connection, case_id: str, kind: CaseRequestKind) -> int:
    """What was granted on the case so far, in minor units: the sum of the amounts of its granted requests."""
    query = select(func.coalesce(func.sum(requests.c.amount_minor), 0)).where(
        requests.c.case_id == case_id, requests.c.kind == kind.value, requests.c.outcome == Outcome.GRANTED.value
    )
    return int(connection.execute(query).scalar_one())


def granted(connection: Connection, case_id: str, kind: CaseRequestKind) -> list[CaseRequest]:
    """The granted requests of this kind on the case, in the order in which they were granted."""
    rows = connection.execute(
        _query()
        .where(requests.c.case_id == case_id, requests.c.kind == kind.value)
        .where(requests.c.outcome == Outcome.GRANTED.value)
        .order_by(requests.c.ended_at, requests.c.requested_at, requests.c.case_request_id)
    )
    return [_request(row) for row in rows]


def add(connection: Connection, one: CaseRequest) -> None:
    """Enter a request; its approval is named by ``name_approval`` within the same act."""
    connection.execute(
        insert(requests).values(
            case_request_id=one.case_request_id,
            case_id=one.case_id,
            kind=one.kind.value,
            agency_code=one.agency_code,
            requested_by=one.requested_by,
            requested_by_name=one.requested_by_name,
            role_code=one.role.value,
            requested_at=one.requested_at,
            **asked(one),
            state=one.state.value,
            awaited_role=one.awaited_role,
            version=one.version,
        )
    )


def asked(one: CaseRequest) -> dict[str, Any]:
    """The columns that say what is asked for; they change when it is submitted again."""
    return {
        "due_at": one.due_at,
        "form_json": stored_json.write(one.form),
        "amount_minor": one.amount_minor,
        "currency": one.currency,
        "balance_minor": one.balance_minor,
        "reason": one.reason,
        "needs_asset": one.needs_asset,
        "escalated_at": one.escalated_at,
    }


def change(connection: Connection, before: CaseRequest, values: Mapping[str, Any]) -> bool:
    """Change a request that still is as it was read; says whether it did."""
    done = connection.execute(
        update(requests)
        .where(requests.c.case_request_id == before.case_request_id, requests.c.version == before.version)
        .values(**values, version=before.version + 1)
    )
    return done.rowcount == 1


def page(
    connection: Connection,
    wanted: CaseRequestFilter,
    conditions: Sequence[ColumnElement[bool]],
    *,
    sort: str,
    descending: bool,
    offset: int,
    limit: int,
) -> tuple[list[CaseRequest], int]:
    """One page of matching requests within reach, and how many match; equal sort values by id."""
    if sort not in SORTABLE:
        raise ValueError(f"requests on cases are not sorted by {sort}")
    narrowed = [*conditions, *_conditions(wanted)]
    counted = select(func.count()).select_from(requests).where(*narrowed)
    if wanted.text:
        counted = counted.join(cases, cases.c.case_id == requests.c.case_id)
    column = requests.c[sort]
    rows = connection.execute(
        _query()
        .where(*narrowed)
        .order_by(column.desc() if descending else column.asc(), requests.c.case_request_id)
        .offset(offset)
        .limit(limit)
    )
    return [_request(row) for row in rows], int(connection.execute(counted).scalar_one())


def late(connection: Connection, now: datetime, limit: int) -> list[CaseRequest]:
    """Open requests past their due moment that were not escalated yet, the longest late first."""
    rows = connection.execute(
        _query()
        .where(requests.c.ended_at.is_(None), requests.c.escalated_at.is_(None), requests.c.due_at <= now)
        .order_by(requests.c.due_at, requests.c.case_request_id)
        .limit(limit)
    )
    return [_request(row) for row in rows]


def left_behind(connection: Connection, limit: int) -> list[CaseRequest]:
    """Open requests of agencies that have the case no more. A dispute stays: the debtor's word does not end with a
    placement."""
    rows = connection.execute(
        _query()
        .where(
            requests.c.ended_at.is_(None),
            requests.c.agency_code.is_not(None),
            requests.c.kind != CaseRequestKind.DISPUTE.value,
            or_(cases.c.agency_code.is_(None), cases.c.agency_code != requests.c.agency_code),
        )
        .order_by(requests.c.requested_at, requests.c.case_request_id)
        .limit(limit)
    )
    return [_request(row) for row in rows]


def _query() -> Select[Any]:
    return select(requests, cases.c.loan_id, cases.c.source_code).join(cases, cases.c.case_id == requests.c.case_id)


def _conditions(wanted: CaseRequestFilter) -> list[ColumnElement[bool]]:
    c = requests.c
    found: list[ColumnElement[bool]] = []
    if wanted.states == OPEN:
        found.append(c.ended_at.is_(None))
    elif wanted.states:
        found.append(c.state.in_(sorted(state.value for state in wanted.states)))
    if wanted.kinds:
        found.append(c.kind.in_(sorted(kind.value for kind in wanted.kinds)))
    found += [
        c[name] == value
        for name in ("agency_code", "requested_by", "case_id")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.step is Step.AGENCY:
        found.append(c.awaited_role == Role.AGENCY_SUPERVISOR.value)
    elif wanted.step is Step.ASSET:
        found.append(and_(c.awaited_role.is_not(None), c.awaited_role != Role.AGENCY_SUPERVISOR.value))
    elif wanted.step is Step.REQUESTER:
        found.append(c.state == RequestState.RETURNED.value)
    elif wanted.step is Step.NOBODY:
        found.append(c.ended_at.is_not(None))
    if wanted.late_at is not None:
        found += [c.ended_at.is_(None), c.due_at <= wanted.late_at]
    if wanted.not_awaiting is not None:
        found.append(or_(c.awaited_role.is_(None), c.awaited_role != wanted.not_awaiting))
    if wanted.text:
        found.append(cases.c.loan_id.startswith(wanted.text, autoescape=True))
    return found


def _request(row: Any) -> CaseRequest:
    values = dict(row._mapping)
    outcome = values.pop("outcome")
    return CaseRequest(
        kind=CaseRequestKind(values.pop("kind")),
        role=Role(values.pop("role_code")),
        form=stored_json.read(values.pop("form_json")),
        state=RequestState(values.pop("state")),
        outcome=None if outcome is None else Outcome(outcome),
        detail=stored_json.read(values.pop("detail_json")) or {},
        **values,
    )
