"""Files attached to announcements (feature 2): put on a draft and taken off it, approved with its text, and handed out
to its audience alone. Their bytes are kept by ``gateways/attachment_files``."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from ops_app.domain.casework.attachments import NoSuchAttachment, media_of, safe_name
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.announcements import MOST_FILES, AnnouncementMove
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import may
from ops_app.services.act import act
from ops_app.services.organisation.announcements import OBJECT, change, found, moved
from ops_app.store.organisation import announcement_files, announcements
from ops_app.store.organisation.announcement_files import AnnouncementFile
from ops_app.store.store import Store

__all__ = ["AnnouncementFile", "add_announcement_file", "fetch_announcement_file", "remove_announcement_file"]


@act("announcements.manage")
def add_announcement_file(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    announcement_id: str,
    version: int,
    name: str,
    data: bytes,
    sha256: str,
) -> AnnouncementFile:
    """Put a file, whose bytes lie in the evidence folder already, on a draft; who does so is one of its writers.

    Raises ``Invalid`` (what ``media_of`` refuses, too many), ``Conflict`` (the same bytes, or changed meanwhile) and
    ``MoveNotAllowed`` for anything but a draft.
    """
    media_type = media_of(data, name)
    with store.writing(actor, now) as transaction:
        before = found(transaction, announcement_id)
        moved(before, AnnouncementMove.EDIT, now)
        known = announcement_files.of(transaction.connection, [announcement_id])[announcement_id]
        if any(one.sha256 == sha256 for one in known):
            raise Conflict("This file is attached already.", "该文件已附上。", field="file")
        if len(known) >= MOST_FILES:
            raise Invalid(
                f"An announcement has at most {MOST_FILES} files.", f"每则公告最多 {MOST_FILES} 个附件。", field="file"
            )
        made = AnnouncementFile(
            uuid4().hex, announcement_id, safe_name(name, media_type), media_type, len(data), sha256, actor.person_id,
            actor.name, now,
        )  # fmt: skip
        change(transaction, before, version, {"edited_by": actor.person_id})
        announcement_files.add(transaction.connection, made)
        transaction.audit("announcement.edited", OBJECT, announcement_id, after={"file_added": made.facts()})
    return made


@act("announcements.manage")
def remove_announcement_file(
    actor: Actor, store: Store, *, now: datetime, announcement_id: str, version: int, file_id: str
) -> None:
    """Take a file off a draft; row and bytes stay as evidence. Raises as ``add_announcement_file``, and
    ``NoSuchAttachment``."""
    with store.writing(actor, now) as transaction:
        before = found(transaction, announcement_id)
        moved(before, AnnouncementMove.EDIT, now)
        known = announcement_files.of(transaction.connection, [announcement_id])[announcement_id]
        one = next((one for one in known if one.file_id == file_id), None)
        if one is None or not announcement_files.remove(transaction.connection, file_id, now=now, by=actor.person_id):
            raise NoSuchAttachment
        change(transaction, before, version, {"edited_by": actor.person_id})
        transaction.audit("announcement.edited", OBJECT, announcement_id, before={"file_removed": one.facts()})


@act("session.own")
def fetch_announcement_file(
    actor: Actor, store: Store, *, now: datetime, announcement_id: str, file_id: str
) -> AnnouncementFile:
    """Audit one fetch before the bytes are handed over: to whoever has the announcement before them at this moment, and
    to those who make announcements. Raises ``NoSuchAttachment`` alike for a file that is missing, foreign, or of an
    announcement that is not before the actor (any more)."""
    with store.writing(actor, now) as transaction:
        connection = transaction.connection
        before = {one.announcement_id for one, _ in announcements.for_actor(connection, actor, now)}
        if announcement_id not in before and not may(actor, "announcements.manage"):
            raise NoSuchAttachment
        known = announcement_files.of(connection, [announcement_id])[announcement_id]
        one = next((one for one in known if one.file_id == file_id), None)
        if one is None:
            raise NoSuchAttachment
        transaction.audit("announcement.file_fetched", OBJECT, announcement_id, after=one.facts())
    return one
