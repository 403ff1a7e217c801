"""Recalls that are announced: to which agency, from which moment on, and what became of each notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.casework.scope import Scope
from ops_app.store.casework.case_scope import within
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.casework import cases
from ops_app.store.tables.placing import recall_notices


@dataclass(frozen=True)
class Notice:
    """One announced recall: the placement ends at ``effective_at``; without the notice it would at ``due_before_at``.
    ``because`` is asked or agency_expiry."""

    notice_id: str
    case_id: str
    placement_id: str
    agency_code: str
    because: str
    reason: str
    given_by: str
    given_by_name: str
    given_at: datetime
    effective_at: datetime
    due_before_at: datetime
    ended_at: datetime | None = None
    end_kind: str | None = None


def add(connection: Connection, rows: Sequence[Notice]) -> None:
    """Enter notices; one runs for a placement at a time."""
    if rows:
        connection.execute(insert(recall_notices), [vars(one) for one in rows])


def running(connection: Connection, ids: Sequence[str]) -> dict[str, Notice]:
    """Case → its running notice."""
    found: dict[str, Notice] = {}
    for some in chunks(list(ids)):
        rows = connection.execute(
            select(recall_notices).where(recall_notices.c.case_id.in_(some), recall_notices.c.ended_at.is_(None))
        )
        found.update((row.case_id, Notice(**row._mapping)) for row in rows)
    return found


def of_agency(
    connection: Connection, agency_code: str, *, because: str | None = None, reach: tuple[Scope, datetime] | None = None
) -> list[Notice]:
    """The running notices of an agency, those that take effect first at the top; with ``reach`` those alone whose cases
    are within that scope at that moment."""
    c = recall_notices.c
    query = select(recall_notices).where(c.agency_code == agency_code, c.ended_at.is_(None))
    if reach is not None:
        query = query.where(exists().where(cases.c.case_id == c.case_id, *within(*reach)).correlate(recall_notices))
    if because is not None:
        query = query.where(c.because == because)
    return [Notice(**row._mapping) for row in connection.execute(query.order_by(c.effective_at, c.case_id))]


def how_many(connection: Connection, placement_ids: Sequence[str]) -> dict[str, int]:
    """Placement → how many notices it has had."""
    found: dict[str, int] = {}
    for some in chunks(list(placement_ids)):
        c = recall_notices.c
        rows = connection.execute(
            select(c.placement_id, func.count()).where(c.placement_id.in_(some)).group_by(c.placement_id)
        ).tuples()
        found.update((placement_id, int(count)) for placement_id, count in rows)
    return found


def end(connection: Connection, ids: Sequence[str], *, now: datetime, kind: str) -> None:
    """End the running notices of cases: recalled, withdrawn, or closed with the case."""
    for some in chunks(list(ids)):
        connection.execute(
            update(recall_notices)
            .where(recall_notices.c.case_id.in_(some), recall_notices.c.ended_at.is_(None))
            .values(ended_at=now, end_kind=kind)
        )
