"""Notices to people: what became of what they asked for, read or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, insert, select, update
from sqlalchemy.engine import Connection

from ops_app.store.organisation.approval_lists import about_left
from ops_app.store.tables.approvals import approval_requests as requests
from ops_app.store.tables.requests import notices


@dataclass(frozen=True)
class Notice:
    """One thing that one person is told: ``event`` (a move of a request, or ``late``) of a request of ``kind`` about an
    object, by whom and why."""

    notice_id: str
    person_id: str
    event: str
    kind: str
    object_type: str
    object_id: str
    request_id: str
    by_name: str
    reason: str
    created_at: datetime
    read_at: datetime | None


def add(connection: Connection, *rows: Notice) -> None:
    """Tell people, within the act that gives the reason to."""
    if rows:
        connection.execute(insert(notices), [vars(one) for one in rows])


def reach(agency_code: str | None, left: Sequence[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """The conditions that bind a person's notices to what they may read now: in an agency what its people asked for,
    and where cases are narrowed (``left``: the conditions on them) nothing about another case."""
    conditions = about_left(left)
    if agency_code is not None:
        conditions.append(requests.c.agency_code == agency_code)
    if not conditions:
        return []
    return [exists().where(requests.c.request_id == notices.c.request_id, *conditions).correlate(notices)]


def page(
    connection: Connection,
    person_id: str,
    within: Sequence[ColumnElement[bool]] = (),
    *,
    unread_only: bool,
    offset: int,
    limit: int,
) -> tuple[list[Notice], int]:
    """A person's notices ``within`` their reach, newest first, and how many there are."""
    conditions = [notices.c.person_id == person_id, *within]
    if unread_only:
        conditions.append(notices.c.read_at.is_(None))
    total: Any = connection.execute(select(func.count()).select_from(notices).where(*conditions)).scalar_one()
    rows = connection.execute(
        select(notices)
        .where(*conditions)
        .order_by(notices.c.created_at.desc(), notices.c.notice_id)
        .offset(offset)
        .limit(limit)
    )
    return [Notice(**row._mapping) for row in rows], int(total)


def count_unread(connection: Connection, person_id: str, within: Sequence[ColumnElement[bool]] = ()) -> int:
    """How many notices ``within`` their reach the person has not read."""
    query = select(func.count()).select_from(notices)
    unread = query.where(notices.c.person_id == person_id, notices.c.read_at.is_(None), *within)
    return int(connection.execute(unread).scalar_one())


def mark_read(connection: Connection, person_id: str, ids: Sequence[str] | None, now: datetime) -> int:
    """The person read these notices (``None``: all of them); how many of them were unread."""
    conditions = [notices.c.person_id == person_id, notices.c.read_at.is_(None)]
    if ids is not None:
        conditions.append(notices.c.notice_id.in_(list(ids)))
    return connection.execute(update(notices).where(*conditions).values(read_at=now)).rowcount
