"""Announcements in the store: write, list, and what a person has before them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, delete, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from ops_app.domain.organisation.announcements import (
    AnnouncementKind,
    AnnouncementState,
    Audience,
    Content,
    places_of,
    state_at,
)
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import Actor, Role
from ops_app.store.tables.announcements import announcement_audiences, announcement_reads, announcements
from ops_app.store.tables.approvals import approval_requests
from ops_app.store.tables.organisation import people

SORTABLE = ("drafted_at", "valid_from_at", "valid_until_at", "changed_at")


@dataclass(frozen=True)
class Announcement:
    """One announcement as it is kept. ``kept_state`` is never ``submitted`` nor ``expired``: ask ``state(now)``."""

    announcement_id: str
    kept_state: AnnouncementState
    content: Content
    drafted_by: str
    drafted_by_name: str
    drafted_at: datetime
    edited_by: str
    published_by: str | None
    published_by_name: str | None
    published_at: datetime | None
    withdrawn_at: datetime | None
    withdrawal_reason: str | None
    waiting_request_id: str | None
    waits_until_at: datetime | None
    changed_by_name: str
    changed_at: datetime
    version: int

    def state(self, now: datetime) -> AnnouncementState:
        """The state at ``now``."""
        waits = self.waits_until_at is not None and now < self.waits_until_at
        return state_at(self.kept_state, waits=waits, valid_until_at=self.content.valid_until_at, now=now)

    def facts(self) -> dict[str, object]:
        """What the audit log keeps of an announcement: its whole text, for it is what people were told."""
        return self.content.facts() | {"state": self.kept_state, "version": self.version}


@dataclass(frozen=True)
class AnnouncementFilter:
    """What a list of announcements is narrowed by; ``None`` means not at all. ``text`` is found in either title."""

    state: AnnouncementState | None = None
    kind: AnnouncementKind | None = None
    text: str | None = None


_DRAFTER = people.alias("drafter")
_PUBLISHER = people.alias("publisher")
_WAITING = approval_requests.alias("waiting")
_SELECTED = select(
    announcements,
    _DRAFTER.c.display_name.label("drafted_by_name"),
    _PUBLISHER.c.display_name.label("published_by_name"),
    _WAITING.c.request_id.label("waiting_request_id"),
    _WAITING.c.expires_at.label("waits_until_at"),
).select_from(
    announcements.outerjoin(_DRAFTER, _DRAFTER.c.person_id == announcements.c.drafted_by)
    .outerjoin(_PUBLISHER, _PUBLISHER.c.person_id == announcements.c.published_by)
    # one at most: the engine has one open request for one thing
    .outerjoin(
        _WAITING,
        (_WAITING.c.object_type == "announcement")
        & (_WAITING.c.object_id == announcements.c.announcement_id)
        & (_WAITING.c.state == RequestState.WAITING.value),
    )
)


def by_id(connection: Connection, announcement_id: str) -> Announcement | None:
    """The announcement of an id."""
    row = connection.execute(_SELECTED.where(announcements.c.announcement_id == announcement_id)).first()
    return _with_audiences(connection, [row])[0] if row is not None else None


def page(
    connection: Connection,
    wanted: AnnouncementFilter,
    now: datetime,
    *,
    sort: str,
    descending: bool,
    offset: int,
    limit: int,
) -> tuple[list[Announcement], int]:
    """One page of announcements and how many there are in all; ``sort`` is one of ``SORTABLE``."""
    if sort not in SORTABLE:
        raise ValueError(f"announcements are not sorted by {sort}")
    conditions = _conditions(wanted, now)
    counted = select(func.count()).select_from(announcements).where(*conditions)
    total: int = connection.execute(counted).scalar_one()
    column = announcements.c[sort]
    order = column.desc() if descending else column.asc()
    rows = connection.execute(
        _SELECTED.where(*conditions).order_by(order, announcements.c.announcement_id).offset(offset).limit(limit)
    ).all()
    return _with_audiences(connection, rows), total


def _conditions(wanted: AnnouncementFilter, now: datetime) -> list[ColumnElement[bool]]:
    table = announcements.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.state is AnnouncementState.EXPIRED:
        conditions += [table.state == AnnouncementState.PUBLISHED.value, table.valid_until_at <= now]
    elif wanted.state is AnnouncementState.PUBLISHED:
        conditions += [table.state == AnnouncementState.PUBLISHED.value, table.valid_until_at > now]
    elif wanted.state in {AnnouncementState.DRAFT, AnnouncementState.SUBMITTED}:
        waits = table.announcement_id.in_(_waiting(now))
        submitted = wanted.state is AnnouncementState.SUBMITTED
        conditions += [table.state == AnnouncementState.DRAFT.value, waits if submitted else ~waits]
    elif wanted.state is not None:
        conditions.append(table.state == wanted.state.value)
    if wanted.kind is not None:
        conditions.append(table.kind == wanted.kind.value)
    if wanted.text:
        text = wanted.text.strip()
        conditions.append(
            table.title_en.icontains(text, autoescape=True) | table.title_zh.icontains(text, autoescape=True)
        )
    return conditions


def _waiting(now: datetime) -> ScalarSelect[Any]:
    asked = approval_requests.c
    return (
        select(asked.object_id)
        .where(asked.object_type == "announcement", asked.state == RequestState.WAITING.value, asked.expires_at > now)
        .scalar_subquery()
    )


def for_actor(connection: Connection, actor: Actor, now: datetime) -> list[tuple[Announcement, datetime | None]]:
    """What stands before ``actor`` at ``now``, newest first, each with the moment of their receipt."""
    query = _standing_before(actor, now).order_by(announcements.c.valid_from_at.desc(), announcements.c.announcement_id)
    rows = connection.execute(query).all()
    return [(one, row.read_at) for one, row in zip(_with_audiences(connection, rows), rows, strict=True)]


def without_receipt(
    connection: Connection, actor: Actor, now: datetime, kinds: Iterable[AnnouncementKind]
) -> list[Announcement]:
    """Announcements of ``kinds`` before ``actor`` for which there is no receipt of theirs, oldest first."""
    query = _standing_before(actor, now).where(
        announcements.c.kind.in_([kind.value for kind in kinds]), announcement_reads.c.person_id.is_(None)
    )
    rows = connection.execute(query.order_by(announcements.c.valid_from_at, announcements.c.announcement_id)).all()
    return _with_audiences(connection, rows)


def _standing_before(actor: Actor, now: datetime) -> Select[Any]:
    """Published, valid at ``now``, and ``actor`` is of its audience: one condition for every way of reading."""
    meant = (
        select(announcement_audiences.c.announcement_id)
        .where(
            announcement_audiences.c.role_code == actor.role.value,
            announcement_audiences.c.place.in_(places_of(actor)),
        )
        .scalar_subquery()
    )
    return (
        _SELECTED.add_columns(announcement_reads.c.read_at)
        .outerjoin(
            announcement_reads,
            (announcement_reads.c.announcement_id == announcements.c.announcement_id)
            & (announcement_reads.c.person_id == actor.person_id),
        )
        .where(
            announcements.c.state == AnnouncementState.PUBLISHED.value,
            announcements.c.valid_from_at <= now,
            announcements.c.valid_until_at > now,
            announcements.c.announcement_id.in_(meant),
        )
    )


def add(connection: Connection, one: Announcement) -> None:
    """Insert an announcement with its audience."""
    connection.execute(
        insert(announcements).values(
            announcement_id=one.announcement_id,
            state=one.kept_state.value,
            drafted_by=one.drafted_by,
            drafted_at=one.drafted_at,
            edited_by=one.edited_by,
            changed_by_name=one.changed_by_name,
            changed_at=one.changed_at,
            version=one.version,
            **columns_of(one.content),
        )
    )
    _add_audience(connection, one.announcement_id, one.content.audience)


def columns_of(content: Content) -> dict[str, object]:
    """The columns that hold ``content``, its audience aside."""
    return {
        "kind": content.kind.value,
        "title_en": content.title_en,
        "body_en": content.body_en,
        "title_zh": content.title_zh,
        "body_zh": content.body_zh,
        "valid_from_at": content.valid_from_at,
        "valid_until_at": content.valid_until_at,
    }


def change(connection: Connection, announcement_id: str, version: int, values: Mapping[str, object]) -> bool:
    """Change an announcement if nobody did since ``version`` was read; says whether it did."""
    done = connection.execute(
        update(announcements)
        .where(announcements.c.announcement_id == announcement_id, announcements.c.version == version)
        .values(**values, version=announcements.c.version + 1)
    )
    return done.rowcount == 1


def replace_audience(connection: Connection, announcement_id: str, audience: Audience) -> None:
    """Give a draft another audience."""
    connection.execute(
        delete(announcement_audiences).where(announcement_audiences.c.announcement_id == announcement_id)
    )
    _add_audience(connection, announcement_id, audience)


def _add_audience(connection: Connection, announcement_id: str, audience: Audience) -> None:
    pairs = [
        {"announcement_id": announcement_id, "role_code": role.value, "place": place}
        for role, place in audience.pairs()
    ]
    connection.execute(insert(announcement_audiences), pairs)


def _with_audiences(connection: Connection, rows: Iterable[Row[Any]]) -> list[Announcement]:
    found = list(rows)
    ids = [row.announcement_id for row in found]
    pairs: dict[str, list[tuple[Role, str]]] = {identity: [] for identity in ids}
    if ids:
        meant = select(announcement_audiences).where(announcement_audiences.c.announcement_id.in_(ids))
        for pair in connection.execute(meant):
            pairs[pair.announcement_id].append((Role(pair.role_code), pair.place))
    return [_announcement(row, pairs[row.announcement_id]) for row in found]


def _announcement(row: Row[Any], pairs: list[tuple[Role, str]]) -> Announcement:
    audience = Audience(frozenset(role for role, _ in pairs), frozenset(place for _, place in pairs))
    return Announcement(
        announcement_id=row.announcement_id,
        kept_state=AnnouncementState(row.state),
        content=Content(
            AnnouncementKind(row.kind),
            row.title_en,
            row.body_en,
            row.title_zh,
            row.body_zh,
            audience,
            row.valid_from_at,
            row.valid_until_at,
        ),
        drafted_by=row.drafted_by,
        drafted_by_name=row.drafted_by_name or row.drafted_by,
        drafted_at=row.drafted_at,
        edited_by=row.edited_by,
        published_by=row.published_by,
        published_by_name=row.published_by_name,
        published_at=row.published_at,
        withdrawn_at=row.withdrawn_at,
        withdrawal_reason=row.withdrawal_reason,
        waiting_request_id=row.waiting_request_id,
        waits_until_at=row.waits_until_at,
        changed_by_name=row.changed_by_name,
        changed_at=row.changed_at,
        version=row.version,
    )
