"""When somebody's reach over cases became smaller: what they took along before then is no longer theirs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, or_, select
from sqlalchemy.engine import Connection

from ops_app.store.tables.casework import assignments, placements


def narrowed_since(connection: Connection, agency_code: str, person_id: str, since: datetime, now: datetime) -> bool:
    """Whether between ``since`` and ``now`` a placement with the agency ended or lapsed, or a case was taken from the
    person."""
    lapsed = (placements.c.due_at > since) & (placements.c.due_at <= now) & (placements.c.placed_at <= since)
    placement_over = exists().where(
        placements.c.agency_code == agency_code,
        or_((placements.c.ended_at > since) & (placements.c.placed_at <= since), lapsed),
    )
    assignment_over = exists().where(
        assignments.c.collector_id == person_id, assignments.c.assigned_at <= since, assignments.c.ended_at > since
    )
    return bool(connection.execute(select(or_(placement_over, assignment_over))).scalar())
