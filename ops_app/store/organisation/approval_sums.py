"""What one person asked for or approved beside a request: amounts that add up where something is asked for in parts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.engine import Connection

from ops_app.domain.organisation.approvals import OPEN, RequestMove, RequestState
from ops_app.store.tables.approvals import approval_decisions as decisions
from ops_app.store.tables.approvals import approval_requests as requests

_OPEN = sorted(state.value for state in OPEN)
_APPROVING = (RequestMove.APPROVE.value, RequestMove.APPROVE_LAST.value)


@dataclass(frozen=True)
class Beside:
    """Which other requests count: those of ``kinds`` in ``currency``, other than ``but``, made or decided after
    ``since``; with ``about`` (type, id) those about this thing alone, with ``maker_id`` those of this maker alone."""

    kinds: Collection[str]
    currency: str
    since: datetime
    but: str | None = None
    about: tuple[str, str] | None = None
    maker_id: str | None = None


def asked_minor(connection: Connection, which: Beside) -> int:
    """Whole minor units of what the maker asked for and that waits or, made after ``since``, was approved."""
    query = select(func.coalesce(func.sum(requests.c.amount_minor), 0)).where(
        *_conditions(which),
        or_(
            requests.c.state.in_(_OPEN),
            and_(requests.c.state == RequestState.APPROVED.value, requests.c.made_at > which.since),
        ),
    )
    return int(connection.execute(query).scalar_one())


def approved_minor(connection: Connection, person_id: str, which: Beside) -> int:
    """Whole minor units of what the person, or somebody in their stead, approved after ``since`` and that was not
    refused by others; each request once."""
    approved = select(decisions.c.request_id).where(
        or_(decisions.c.decided_by == person_id, decisions.c.principal_id == person_id),
        decisions.c.decision.in_(_APPROVING),
        decisions.c.decided_at > which.since,
    )
    query = select(func.coalesce(func.sum(requests.c.amount_minor), 0)).where(
        *_conditions(which),
        requests.c.request_id.in_(approved),
        requests.c.state.in_([*_OPEN, RequestState.APPROVED.value]),
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
