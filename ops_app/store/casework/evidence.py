"""Evidence files: bytes on the disk under their own hash, and what they belong to in the store.

A small store for any object: ``keep`` writes the bytes before the transaction ends (bytes that no row names are
harmless, a row without its bytes is not), ``link`` says what they are evidence of. Rows are never changed nor removed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.evidence import Checked, NoSuchFile
from ops_app.store.tables.requests import evidence_files as files
from ops_app.store.tables.requests import evidence_links as links


@dataclass(frozen=True)
class Evidence:
    """One file as evidence of one object. ``part`` says of which part of it (what was asked, what was answered)."""

    evidence_id: str
    object_type: str
    object_id: str
    part: str
    sha256: str
    file_name: str
    media_type: str
    size_bytes: int
    added_by: str
    added_by_name: str
    added_at: datetime

    def facts(self) -> dict[str, object]:
        """What an approver reads of it and the audit log keeps."""
        return {"file_name": self.file_name, "sha256": self.sha256, "size_bytes": self.size_bytes}


def keep(folder: Path, one: Checked) -> None:
    """Write the bytes under their hash, whole or not at all; the same bytes are kept once. ``folder`` is that of the
    installation's evidence."""
    path = _path(folder, one.sha256)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(one.data)
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def fetch(folder: Path, digest: str) -> bytes:
    """The bytes of a hash; raises ``NoSuchFile`` when they are gone or no longer what was kept."""
    try:
        data = _path(folder, digest).read_bytes()
    except OSError as error:
        raise NoSuchFile from error
    if sha256(data).hexdigest() != digest:
        raise NoSuchFile
    return data


def link(
    connection: Connection,
    object_type: str,
    object_id: str,
    part: str,
    rows: Sequence[Checked],
    *,
    by: str,
    by_name: str,
    now: datetime,
) -> list[Evidence]:
    """Say that kept files are evidence of an object; those that are already stay. All of that part."""
    known = {one.sha256 for one in of(connection, object_type, [object_id]) if one.part == part}
    for one in rows:
        if one.sha256 in known:
            continue
        if connection.execute(select(files.c.sha256).where(files.c.sha256 == one.sha256)).first() is None:
            connection.execute(
                insert(files).values(
                    sha256=one.sha256, media_type=one.media_type, size_bytes=len(one.data), first_kept_at=now
                )
            )
        connection.execute(
            insert(links).values(
                evidence_id=key_hash("evidence", object_type, object_id, part, one.sha256),
                object_type=object_type,
                object_id=object_id,
                part=part,
                sha256=one.sha256,
                file_name=one.name,
                added_by=by,
                added_by_name=by_name,
                added_at=now,
            )
        )
    return [one for one in of(connection, object_type, [object_id]) if one.part == part]


def of(connection: Connection, object_type: str, ids: Sequence[str]) -> list[Evidence]:
    """The files of some objects of a kind, in the order in which they came."""
    rows = connection.execute(
        select(links, files.c.media_type, files.c.size_bytes)
        .join(files, files.c.sha256 == links.c.sha256)
        .where(links.c.object_type == object_type, links.c.object_id.in_(list(ids)))
        .order_by(links.c.added_at, links.c.file_name, links.c.evidence_id)
    )
    return [Evidence(**row._mapping) for row in rows]


def _path(folder: Path, digest: str) -> Path:
    return folder / "files" / digest[:2] / digest
