"""What one person asked for or approved beside a request: amounts that add up where something is asked for in parts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.engine import Connection

from ops_app.domain.organisation.approvals import OPEN, RequestMove, RequestState
from ops_app.store.tables.approvals import approval_decisions as decisions
from ops_app.store.tables.approvals import approval_requests as requests
from ops_app.store.tables.approvals import approval_rounds as rounds

_OPEN = sorted(state.value for state in OPEN)
_APPROVING = (RequestMove.APPROVE.value, RequestMove.APPROVE_LAST.value)


@dataclass(frozen=True)
class Beside:
    """Which other requests count: those of ``kinds`` in ``currency``, other than ``but``, that wait at ``now`` or were
    asked for or decided after ``since``; with ``about`` (type, id) those about this thing alone, with ``maker_id``
    those of this maker alone."""

    kinds: Collection[str]
    currency: str
    since: datetime
    now: datetime
    but: str | None = None
    about: tuple[str, str] | None = None
    maker_id: str | None = None


def is_open_or_approved(now: datetime, since: datetime) -> ColumnElement[bool]:
    """Of a request: that it is open and its time is not over at ``now``, marked or not; or that it was approved, and
    what was approved, its present round, was asked for after ``since``: one that came back and was submitted again was
    asked for when it was submitted again."""
    asked_since = exists().where(
        rounds.c.request_id == requests.c.request_id,
        rounds.c.round_no == requests.c.round_no,
        rounds.c.entered_at > since,
    )
    return or_(
        and_(requests.c.state.in_(_OPEN), requests.c.expires_at > now),
        and_(requests.c.state == RequestState.APPROVED.value, asked_since),
    )


def asked_minor(connection: Connection, which: Beside) -> int:
    """Whole minor units of what the maker asked for and that is open or, asked for after ``since``, was approved."""
    query = select(func.coalesce(func.sum(requests.c.amount_minor), 0)).where(
        *_conditions(which), is_open_or_approved(which.now, which.since)
    )
    return int(connection.execute(query).scalar_one())


def approved_minor(connection: Connection, person_id: str, which: Beside) -> int:
    """Whole minor units of what the person, or somebody in their stead, approved after ``since`` and that others
    neither refused nor sent back, which makes an approval lapse; each request once."""
    approved = exists().where(
        decisions.c.request_id == requests.c.request_id,
        decisions.c.round_no == requests.c.round_no,
        or_(decisions.c.decided_by == person_id, decisions.c.principal_id == person_id),
        decisions.c.decision.in_(_APPROVING),
        decisions.c.decided_at > which.since,
    )
    query = select(func.coalesce(func.sum(requests.c.amount_minor), 0)).where(
        *_conditions(which),
        approved,
        or_(
            and_(requests.c.state == RequestState.WAITING.value, requests.c.expires_at > which.now),
            requests.c.state == RequestState.APPROVED.value,
        ),
    )
    return int(connection.execute(query).scalar_one())


def _conditions(which: Beside) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        requests.c.kind.in_(sorted(which.kinds)),
        requests.c.currency == which.currency,
    ]
    if which.but is not None:
        conditions.append(requests.c.request_id != which.but)
    if which.about is not None:
        conditions += [requests.c.object_type == which.about[0], requests.c.object_id == which.about[1]]
    if which.maker_id is not None:
        conditions.append(requests.c.maker_id == which.maker_id)
    return conditions
