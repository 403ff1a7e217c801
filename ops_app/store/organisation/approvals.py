"""Requests for approval in the store: read, enter, move, and what was decided on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.organisation.approvals import BY_APPROVER, OPEN, Decider, RequestMove, RequestState
from ops_app.domain.organisation.people import Role
from ops_app.store import stored_json
from ops_app.store.organisation import rights
from ops_app.store.tables.approvals import approval_decisions as decisions
from ops_app.store.tables.approvals import approval_requests as requests
from ops_app.store.tables.approvals import approval_rounds as rounds
from ops_app.store.tables.organisation import people


@dataclass(frozen=True)
class ApprovalRequest:
    """One request as it stands, with what its present round asks for.

    ``amount_minor`` is in whole minor units of ``currency``; ``levels`` are the roles that decide, first to last, and
    ``level_no`` the one whose turn it is (or was). ``content_hash`` covers all that an approver reads.
    """

    request_id: str
    kind: str
    object_type: str
    object_id: str
    is_alone: bool
    maker_id: str
    maker_name: str
    agency_code: str | None
    arguments: Mapping[str, Any]
    amount_minor: int | None
    currency: str | None
    reason: str
    flags: tuple[str, ...]
    content_hash: str
    levels: tuple[Role, ...]
    round_no: int
    level_no: int
    state: RequestState
    made_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    result: Mapping[str, Any] | None
    version: int

    @property
    def awaited_role(self) -> Role | None:
        """Whose decision it waits for; ``None`` when it waits for no approver."""
        return self.levels[self.level_no - 1] if self.state is RequestState.WAITING else None

    @property
    def is_last_level(self) -> bool:
        """Whether one more approval carries it out."""
        return self.level_no == len(self.levels)


@dataclass(frozen=True)
class RequestDecision:
    """What somebody did to a request. ``principal_id`` is on whose behalf: the person themself unless delegated."""

    decision_id: str
    request_id: str
    nth: int
    decision: RequestMove
    round_no: int
    level_no: int
    content_hash: str
    maker_id: str
    decided_by: str
    decided_by_name: str
    role: Role
    principal_id: str
    principal_name: str
    reason: str
    decided_at: datetime
    key: str

    @property
    def is_delegated(self) -> bool:
        return self.principal_id != self.decided_by


def with_rounds() -> Select[Any]:
    """Requests joined with their present round and their maker's name."""
    return (
        select(
            requests,
            rounds.c.arguments_json,
            rounds.c.reason,
            rounds.c.levels_json,
            func.coalesce(people.c.display_name, requests.c.maker_id).label("maker_name"),
        )
        .join(rounds, (rounds.c.request_id == requests.c.request_id) & (rounds.c.round_no == requests.c.round_no))
        .outerjoin(people, people.c.person_id == requests.c.maker_id)
    )


def read(connection: Connection, request_id: str, *, lock: bool = False) -> ApprovalRequest | None:
    """The request; with ``lock`` nobody else changes it before this transaction ends."""
    if lock:
        connection.execute(select(requests.c.version).where(requests.c.request_id == request_id).with_for_update())
    row = connection.execute(with_rounds().where(requests.c.request_id == request_id)).first()
    return None if row is None else request_of(row)


def flags_of(connection: Connection, request_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Request → the codes of what its approvers are warned of."""
    query = with_rounds().where(requests.c.request_id.in_(list(request_ids)))
    return {row.request_id: tuple(stored_json.read(row.flags_json)) for row in connection.execute(query)}


def open_of(connection: Connection, kind: str, object_type: str, object_id: str) -> list[ApprovalRequest]:
    """The open requests of one kind for one object, oldest first."""
    rows = connection.execute(
        with_rounds()
        .where(
            requests.c.kind == kind,
            requests.c.object_type == object_type,
            requests.c.object_id == object_id,
            requests.c.state.in_([state.value for state in OPEN]),
        )
        .order_by(requests.c.made_at, requests.c.request_id)
    )
    return [request_of(row) for row in rows]


def overdue(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Ids of open requests whose time is over, the oldest first."""
    rows = connection.execute(
        select(requests.c.request_id)
        .where(requests.c.state.in_([state.value for state in OPEN]), requests.c.expires_at <= now)
        .order_by(requests.c.expires_at, requests.c.request_id)
        .limit(limit)
    )
    return list(rows.scalars())


def add(connection: Connection, one: ApprovalRequest) -> None:
    """Enter a new request with its first round."""
    connection.execute(
        insert(requests).values(
            request_id=one.request_id,
            kind=one.kind,
            object_type=one.object_type,
            object_id=one.object_id,
            is_alone=one.is_alone,
            maker_id=one.maker_id,
            agency_code=one.agency_code,
            made_at=one.made_at,
            **_moving(one),
        )
    )
    add_round(connection, one, one.made_at)


def add_round(connection: Connection, one: ApprovalRequest, entered_at: datetime) -> None:
    """Enter what the request asks for in its present round."""
    connection.execute(
        insert(rounds).values(
            request_id=one.request_id,
            round_no=one.round_no,
            maker_id=one.maker_id,
            arguments_json=stored_json.write(one.arguments),
            amount_minor=one.amount_minor,
            currency=one.currency,
            reason=one.reason,
            flags_json=stored_json.write(list(one.flags)),
            content_hash=one.content_hash,
            levels_json=stored_json.write([role.value for role in one.levels]),
            entered_at=entered_at,
        )
    )


@dataclass(frozen=True)
class Round:
    """What a request asked for in one of its rounds, the levels that it needed then, and when it was entered."""

    round_no: int
    arguments: Mapping[str, Any]
    amount_minor: int | None
    currency: str | None
    reason: str
    flags: tuple[str, ...]
    levels: tuple[Role, ...]
    entered_at: datetime


def rounds_of(connection: Connection, request_id: str) -> list[Round]:
    """Every round of a request, the first first."""
    found = connection.execute(select(rounds).where(rounds.c.request_id == request_id).order_by(rounds.c.round_no))
    return [
        Round(
            row.round_no, stored_json.read(row.arguments_json), row.amount_minor, row.currency, row.reason,
            tuple(stored_json.read(row.flags_json)), tuple(Role(code) for code in stored_json.read(row.levels_json)),
            row.entered_at,
        )
        for row in found
    ]  # fmt: skip


def rewrite(connection: Connection, before: ApprovalRequest, after: ApprovalRequest) -> bool:
    """Write the request as it now is if nobody changed it since ``before`` was read; says whether it did."""
    done = connection.execute(
        update(requests)
        .where(requests.c.request_id == before.request_id, requests.c.version == before.version)
        .values(**_moving(after))
    )
    return done.rowcount == 1


def keep_result(connection: Connection, request_id: str, result: Mapping[str, Any]) -> None:
    """Keep what the command of an approved request answered."""
    connection.execute(
        update(requests).where(requests.c.request_id == request_id).values(result_json=stored_json.write(result))
    )


def history(connection: Connection, request_id: str) -> list[RequestDecision]:
    """What was decided on a request, first to last."""
    principals = people.alias("principals")
    rows = connection.execute(
        select(
            decisions,
            func.coalesce(people.c.display_name, decisions.c.decided_by).label("decided_by_name"),
            func.coalesce(principals.c.display_name, decisions.c.principal_id).label("principal_name"),
        )
        .outerjoin(people, people.c.person_id == decisions.c.decided_by)
        .outerjoin(principals, principals.c.person_id == decisions.c.principal_id)
        .where(decisions.c.request_id == request_id)
        .order_by(decisions.c.nth)
    )
    return [_decision(row._mapping) for row in rows]


def deciders_of_round(past: Sequence[RequestDecision], round_no: int) -> frozenset[str]:
    """Everybody who decided in that round, in person or through somebody else."""
    mine = [one for one in past if one.round_no == round_no and one.decision in BY_APPROVER]
    return frozenset({one.decided_by for one in mine} | {one.principal_id for one in mine})


def add_decision(connection: Connection, said: RequestDecision) -> None:
    """Enter a decision under its own key."""
    values = {name: getattr(said, name) for name in RequestDecision.__dataclass_fields__ if not name.endswith("_name")}
    role: Role = values.pop("role")
    connection.execute(insert(decisions).values(**values | {"decision": said.decision.value}, role_code=role.value))


def standing(connection: Connection, person_id: str, *, lock: bool = False) -> Decider | None:
    """A person as they stand now; with ``lock`` their role cannot change before this transaction ends."""
    query = select(people.c.role_code, people.c.active, people.c.agency_code).where(people.c.person_id == person_id)
    row = connection.execute(query.with_for_update(read=True) if lock else query).first()
    if row is None:
        return None
    less = rights.rights_of(connection, person_id)
    return Decider(person_id, Role(row.role_code), row.active, row.agency_code, less)


def request_of(row: Any) -> ApprovalRequest:
    """A row of ``with_rounds`` as a request."""
    values = dict(row._mapping)
    values.pop("awaited_role")
    return ApprovalRequest(
        arguments=stored_json.read(values.pop("arguments_json")),
        flags=tuple(stored_json.read(values.pop("flags_json"))),
        levels=tuple(Role(code) for code in stored_json.read(values.pop("levels_json"))),
        result=stored_json.read(values.pop("result_json")),
        state=RequestState(values.pop("state")),
        **values,
    )


def _moving(one: ApprovalRequest) -> dict[str, Any]:
    """The columns of a request that change along its life."""
    awaited = one.awaited_role
    return {
        "amount_minor": one.amount_minor,
        "currency": one.currency,
        "flags_json": stored_json.write(list(one.flags)),
        "round_no": one.round_no,
        "content_hash": one.content_hash,
        "level_no": one.level_no,
        "awaited_role": None if awaited is None else awaited.value,
        "state": one.state.value,
        "expires_at": one.expires_at,
        "ended_at": one.ended_at,
        "result_json": None if one.result is None else stored_json.write(one.result),
        "version": one.version,
    }


def _decision(row: Mapping[Any, Any]) -> RequestDecision:
    values = dict(row)
    return RequestDecision(decision=RequestMove(values.pop("decision")), role=Role(values.pop("role_code")), **values)
