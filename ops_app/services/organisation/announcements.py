"""Announcements (公告) for those who make them: draft, submit, publish, withdraw, and see who has read what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ops_app.domain.canonical import content_hash, key_hash
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.announcements import (
    AnnouncementMove,
    AnnouncementState,
    Content,
    NoSuchAnnouncement,
    checked_content,
    checked_reason,
    move,
)
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_page, check_sort
from ops_app.services.act import act
from ops_app.store.organisation import announcement_files, announcement_reads, announcements
from ops_app.store.organisation.announcement_files import AnnouncementFile
from ops_app.store.organisation.announcement_reads import Receipt
from ops_app.store.organisation.announcements import SORTABLE, Announcement, AnnouncementFilter
from ops_app.store.store import Store, Transaction

__all__ = [
    "SORTABLE",
    "Announcement",
    "AnnouncementFilter",
    "AnnouncementRecord",
    "AnnouncementsPage",
    "Receipt",
    "draft_announcement",
    "edit_announcement",
    "list_agency_codes",
    "list_announcements",
    "read_announcement",
    "withdraw_announcement",
]

LONGEST_KEY = 120
OBJECT = "announcement"
"""What an announcement is called in the audit log and in a request for its publication."""


@dataclass(frozen=True)
class AnnouncementsPage:
    """One page of announcements, how many match in all, and how many receipts each row has."""

    rows: tuple[Announcement, ...]
    total: int
    page: int
    page_size: int
    receipts: Mapping[str, int]


@dataclass(frozen=True)
class AnnouncementRecord:
    """One announcement, who has read it and who of its audience has not (empty once nobody can)."""

    item: Announcement
    read: tuple[Receipt, ...]
    outstanding: tuple[Receipt, ...]
    files: tuple[AnnouncementFile, ...] = ()


@act("announcements.manage")
def draft_announcement(actor: Actor, store: Store, *, now: datetime, content: Content, key: str) -> Announcement:
    """Enter a draft. Raises ``Invalid`` naming the field; a repetition of ``key`` is given the same draft."""
    tidy = checked_content(content)
    _check_key(key)
    made = Announcement(
        announcement_id=key_hash("announcement", actor.person_id, key),
        kept_state=AnnouncementState.DRAFT,
        content=tidy,
        drafted_by=actor.person_id,
        drafted_by_name=actor.name,
        drafted_at=now,
        edited_by=actor.person_id,
        published_by=None,
        published_by_name=None,
        published_at=None,
        withdrawn_at=None,
        withdrawal_reason=None,
        waiting_request_id=None,
        waits_until_at=None,
        changed_by_name=actor.name,
        changed_at=now,
        version=1,
    )
    with store.writing(actor, now) as transaction:
        claim = transaction.claim("announcements", f"{actor.person_id}/{key}", content_hash(tidy.facts()))
        claim.refuse_conflict()
        if not claim.is_new:
            return found(transaction, made.announcement_id)
        announcements.add(transaction.connection, made)
        transaction.answer("announcements", f"{actor.person_id}/{key}", {"announcement_id": made.announcement_id})
        transaction.audit("announcement.drafted", OBJECT, made.announcement_id, after=made.facts())
    return made


@act("announcements.manage")
def edit_announcement(
    actor: Actor, store: Store, *, now: datetime, announcement_id: str, version: int, content: Content
) -> Announcement:
    """Write a draft anew. Raises ``MoveNotAllowed`` for anything but a draft, ``Conflict`` naming who changed it."""
    tidy = checked_content(content)
    with store.writing(actor, now) as transaction:
        before = found(transaction, announcement_id)
        moved(before, AnnouncementMove.EDIT, now)
        values = announcements.columns_of(tidy) | {"edited_by": actor.person_id}
        change(transaction, before, version, values)
        announcements.replace_audience(transaction.connection, announcement_id, tidy.audience)
        after = found(transaction, announcement_id)
        transaction.audit(
            "announcement.edited", "announcement", announcement_id, before=before.facts(), after=after.facts()
        )
    return after


@act("announcements.manage")
def withdraw_announcement(
    actor: Actor, store: Store, *, now: datetime, announcement_id: str, version: int, reason: str
) -> Announcement:
    """Take a published announcement from its audience, or give up a draft; it stays in history with its readers."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        before = found(transaction, announcement_id)
        state = moved(before, AnnouncementMove.WITHDRAW, now)
        values = {
            "state": state.value,
            "withdrawn_by": actor.person_id,
            "withdrawn_at": now,
            "withdrawal_reason": why,
        }
        change(transaction, before, version, values)
        after = found(transaction, announcement_id)
        transaction.audit(
            "announcement.withdrawn",
            "announcement",
            announcement_id,
            before={"state": before.kept_state, "version": before.version},
            after={"state": after.kept_state, "version": after.version},
            reason=why,
        )
    return after


@act("announcements.manage")
def list_announcements(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: AnnouncementFilter | None = None,
    sort: str = "changed_at",
    descending: bool = True,
    page: int = 1,
    page_size: int = 50,
) -> AnnouncementsPage:
    """One page (from 1) of all announcements, those withdrawn and expired too, sorted by one of ``SORTABLE``."""
    check_sort(sort, SORTABLE, "Announcements")
    check_page(page, page_size)
    with store.reading() as connection:
        rows, total = announcements.page(
            connection,
            wanted or AnnouncementFilter(),
            now,
            sort=sort,
            descending=descending,
            offset=(page - 1) * page_size,
            limit=page_size,
        )
        receipts = announcement_reads.counts(connection, [one.announcement_id for one in rows])
    return AnnouncementsPage(tuple(rows), total, page, page_size, receipts)


@act("announcements.manage")
def read_announcement(actor: Actor, store: Store, *, now: datetime, announcement_id: str) -> AnnouncementRecord:
    """One announcement with its readers. Raises ``NoSuchAnnouncement``."""
    with store.reading() as connection:
        item = announcements.by_id(connection, announcement_id)
        if item is None:
            raise NoSuchAnnouncement
        read = announcement_reads.given(connection, announcement_id)
        stands = item.state(now) is AnnouncementState.PUBLISHED
        left = announcement_reads.outstanding(connection, announcement_id, item.content.audience) if stands else []
        files = announcement_files.of(connection, [announcement_id])[announcement_id]
    return AnnouncementRecord(item, tuple(read), tuple(left), tuple(files))


@act("announcements.manage")
def list_agency_codes(actor: Actor, store: Store, *, now: datetime) -> list[str]:
    """Agencies to which an announcement may be addressed by name: those with people."""
    with store.reading() as connection:
        return announcement_reads.known_agencies(connection)


def found(transaction: Transaction, announcement_id: str) -> Announcement:
    """The announcement within an act; raises ``NoSuchAnnouncement``."""
    one = announcements.by_id(transaction.connection, announcement_id)
    if one is None:
        raise NoSuchAnnouncement
    return one


def moved(one: Announcement, what: AnnouncementMove, now: datetime) -> AnnouncementState:
    """The state after ``what``; raises ``MoveNotAllowed``."""
    return move(one.state(now), what)


class ChangedMeanwhile(Conflict):
    """Somebody changed the announcement since it was read; says who."""

    def __init__(self, one: Announcement) -> None:
        super().__init__(
            f"{one.changed_by_name} changed this announcement meanwhile. Look again; what you typed is still here.",
            f"{one.changed_by_name} 已先行更改该公告，请核对最新内容；您填写的内容仍保留。",
        )


def change(transaction: Transaction, one: Announcement, version: int, values: Mapping[str, object]) -> None:
    """Change an announcement within an act; raises ``ChangedMeanwhile`` where ``version`` is not what it is."""
    by = {"changed_by_name": transaction.actor.name, "changed_at": transaction.now}
    if not announcements.change(transaction.connection, one.announcement_id, version, {**values, **by}):
        raise ChangedMeanwhile(one)


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= LONGEST_KEY:
        raise Invalid("The key of the request is missing.", "缺少请求编号。", field="key")
