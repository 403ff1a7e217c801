"""Files attached to announcements in the store; their bytes lie in the evidence folder under their hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, Row

from ops_app.store.tables.announcements import announcement_files as files


@dataclass(frozen=True)
class AnnouncementFile:
    """One file of an announcement, offered until it is taken off the draft."""

    file_id: str
    announcement_id: str
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str
    added_by: str
    added_by_name: str
    added_at: datetime

    def facts(self) -> dict[str, object]:
        """What the audit log keeps of a file."""
        return {
            "file_name": self.file_name, "media_type": self.media_type, "size_bytes": self.size_bytes,
            "sha256": self.sha256,
        }  # fmt: skip

    @property
    def as_approved(self) -> str:
        """Name and hash on one line: what an approver reads, and so approves these very bytes."""
        return f"{self.file_name} · SHA-256 {self.sha256}"


def of(connection: Connection, announcement_ids: Sequence[str]) -> dict[str, list[AnnouncementFile]]:
    """Announcement → its files, in the order in which they were added."""
    found: dict[str, list[AnnouncementFile]] = {one: [] for one in announcement_ids}
    if not found:
        return found
    rows = connection.execute(
        select(files)
        .where(files.c.announcement_id.in_(list(found)), files.c.removed_at.is_(None))
        .order_by(files.c.added_at, files.c.file_id)
    )
    for row in rows:
        found[row.announcement_id].append(_file(row))
    return found


def add(connection: Connection, one: AnnouncementFile) -> None:
    """Insert a file."""
    connection.execute(insert(files).values(**vars(one)))


def remove(connection: Connection, file_id: str, *, now: datetime, by: str) -> bool:
    """Offer a file no longer; its row stays as evidence. Says whether it was offered."""
    done = connection.execute(
        update(files)
        .where(files.c.file_id == file_id, files.c.removed_at.is_(None))
        .values(removed_at=now, removed_by=by)
    )
    return done.rowcount == 1


def _file(row: Row[Any]) -> AnnouncementFile:
    return AnnouncementFile(*(row._mapping[name] for name in AnnouncementFile.__dataclass_fields__))
