"""Announcements as their audience meets them: what stands before a person, and the receipt that they have read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ops_app.domain.organisation.announcements import ACKNOWLEDGED, Content, NoSuchAnnouncement
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.store.organisation import announcement_files, announcement_reads, announcements
from ops_app.store.organisation.announcement_files import AnnouncementFile
from ops_app.store.organisation.announcements import Announcement
from ops_app.store.store import Store


@dataclass(frozen=True)
class Shown:
    """An announcement before a person: what it says, when they confirmed that they read it (``None``: not yet), and
    whether it must be acknowledged."""

    announcement_id: str
    content: Content
    published_at: datetime | None
    read_at: datetime | None
    files: tuple[AnnouncementFile, ...] = ()

    @property
    def must_be_acknowledged(self) -> bool:
        return self.content.kind in ACKNOWLEDGED


@act("session.own")
def list_my_announcements(actor: Actor, store: Store, *, now: datetime) -> list[Shown]:
    """What is published to ``actor`` and valid at ``now``, newest first."""
    with store.reading() as connection:
        found = announcements.for_actor(connection, actor, now)
        files = announcement_files.of(connection, [one.announcement_id for one, _ in found])
    return [_shown(one, read_at, files) for one, read_at in found]


@act("session.own")
def list_unacknowledged(actor: Actor, store: Store, *, now: datetime) -> list[Shown]:
    """Changes of rules that ``actor`` must acknowledge before anything else, oldest first. Asked on every run of every
    page."""
    with store.reading() as connection:
        found = announcements.without_receipt(connection, actor, now, ACKNOWLEDGED)
        files = announcement_files.of(connection, [one.announcement_id for one in found])
    return [_shown(one, None, files) for one in found]


@act("session.own")
def confirm_reading(actor: Actor, store: Store, *, now: datetime, announcement_id: str) -> None:
    """Enter that ``actor`` has read (a change of rules: acknowledged) an announcement that stands before them.

    Once a person: a repetition changes nothing. Raises ``NoSuchAnnouncement`` for one that is not before them.
    """
    with store.writing(actor, now) as transaction:
        connection = transaction.connection
        before = {one.announcement_id: one for one, _ in announcements.for_actor(connection, actor, now)}
        one = before.get(announcement_id)
        if one is None:
            raise NoSuchAnnouncement
        receipt = "acknowledged" if one.content.kind in ACKNOWLEDGED else "read"
        language, _, _ = one.content.in_language(actor.language)
        if announcement_reads.add(connection, announcement_id, actor, receipt, language, now):
            transaction.audit(
                f"announcement.{receipt}",
                "announcement",
                announcement_id,
                after={"language": language, "version": one.version},
            )


def _shown(one: Announcement, read_at: datetime | None, files: Mapping[str, Sequence[AnnouncementFile]]) -> Shown:
    return Shown(one.announcement_id, one.content, one.published_at, read_at, tuple(files[one.announcement_id]))
