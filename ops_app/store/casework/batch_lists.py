"""Lists of batches with the state of their request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.engine import Connection

from ops_app.domain.casework.placing import BatchKind
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.paging import MOST_COUNTED
from ops_app.store.casework.batches import OBJECT, Batch, asked_for
from ops_app.store.tables.approvals import approval_requests
from ops_app.store.tables.placing import case_batches

DECLARED: dict[str | None, tuple[str, ...]] = {
    **dict.fromkeys((None, "kind", "agency_code", "made_by"), ("made_at", "case_count")),
    "state": ("made_at",),
}
"""What the list is narrowed by (``None``: nothing), one at a time → what it is then sorted by, either way; by the time
of asking also within a period. Each has an index; a state is that of the request, which is asked for at the same moment
as its batch."""


@dataclass(frozen=True)
class ListedBatch:
    """A batch with its request and the state of that."""

    batch: Batch
    request_id: str
    state: RequestState


@dataclass(frozen=True)
class BatchFilter:
    """What the list is narrowed by: at most one of the first four, and a period of asking (``until`` excluded)."""

    kind: BatchKind | None = None
    agency_code: str | None = None
    made_by: str | None = None
    state: RequestState | None = None
    since: datetime | None = None
    until: datetime | None = None

    def named(self) -> dict[str, str]:
        """The filters that are set, without the period."""
        return {name: str(value) for name in DECLARED if name and (value := getattr(self, name)) is not None}


def page(
    connection: Connection, wanted: BatchFilter, *, sort: str, descending: bool, after: tuple[Any, str] | None,
    limit: int,
) -> list[ListedBatch]:  # fmt: skip
    """Up to ``limit`` batches behind ``after`` (the sort value and the id of the last row seen)."""
    query, order = _matching(
        select(case_batches, approval_requests.c.request_id, approval_requests.c.state), wanted, sort
    )
    if after is not None:
        row, mark = tuple_(*order), tuple_(*after, types=[one.type for one in order])
        query = query.where(row < mark if descending else row > mark)
    query = query.order_by(*(one.desc() if descending else one.asc() for one in order)).limit(limit)
    return [_listed(dict(row._mapping)) for row in connection.execute(query)]


def count(connection: Connection, wanted: BatchFilter, *, sort: str) -> int:
    """How many match, counted no further than ``MOST_COUNTED`` + 1."""
    query, order = _matching(select(case_batches.c.batch_id), wanted, sort)
    some = query.order_by(order[0]).limit(MOST_COUNTED + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def makers(connection: Connection) -> dict[str, str]:
    """Whoever asked for a batch: id and the name they had then."""
    rows = connection.execute(
        select(case_batches.c.made_by, func.max(case_batches.c.made_by_name)).group_by(case_batches.c.made_by)
    )
    return {str(person): str(name) for person, name in sorted(rows.tuples(), key=lambda one: one[1])}


def _matching(
    query: Select[Any], wanted: BatchFilter, sort: str
) -> tuple[Select[Any], tuple[ColumnElement[Any], ColumnElement[Any]]]:
    """The query of the batches that match, and what it is ordered by. It is led by the batches, of a state by the
    requests: outer joins, for a batch and its request are entered together, and what is joined outside never leads."""
    b, r = case_batches.c, approval_requests.c
    order: tuple[ColumnElement[Any], ColumnElement[Any]] = (b[sort], b.batch_id)
    if wanted.state is not None:
        order = (r.made_at, r.object_id)
        query = query.select_from(approval_requests).outerjoin(case_batches, b.batch_id == r.object_id)
        query = query.where(r.object_type == OBJECT, r.state == wanted.state.value)
    else:
        of = (r.object_type == OBJECT) & (r.object_id == b.batch_id)
        query = query.select_from(case_batches).outerjoin(approval_requests, of)
        query = query.where(*(b[name] == value for name, value in wanted.named().items()), asked_for())
    if wanted.since is not None:
        query = query.where(order[0] >= wanted.since)
    if wanted.until is not None:
        query = query.where(order[0] < wanted.until)
    return query, order


def _listed(values: dict[str, Any]) -> ListedBatch:
    request_id, state = values.pop("request_id"), RequestState(values.pop("state"))
    return ListedBatch(Batch(**values | {"kind": BatchKind(values["kind"])}), request_id, state)
