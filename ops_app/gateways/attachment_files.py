"""The bytes of files attached to cases and announcements: in the evidence folder under their hash, never under a name
that somebody chose, never executable, never changed."""

from __future__ import annotations

import os
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from ops_app.domain.casework.attachments import NoSuchAttachment, media_of
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import require
from ops_app.services.casework import attaching
from ops_app.services.casework.attaching import Attachment, Incoming
from ops_app.services.organisation import announcement_files
from ops_app.services.organisation.announcement_files import AnnouncementFile
from ops_app.services.organisation.announcements import read_announcement
from ops_app.store.store import Store


def attach_file(
    actor: Actor,
    store: Store,
    evidence: Path,
    *,
    now: datetime,
    case_id: str,
    name: str,
    data: bytes,
    note: str = "",
    for_agency: bool = False,
) -> Attachment:
    """Keep a file and enter it; raises as ``add_attachment``. The bytes lie on the disk before the store says so."""
    require(actor, "cases.attach")
    media_of(data, name)
    attaching.list_attachments(actor, store, now=now, case_id=case_id)  # no bytes are kept for a case out of reach
    digest = sha256(data).hexdigest()
    keep_bytes(evidence, digest, data)
    file = Incoming(name, data, digest, note, for_agency)
    return attaching.add_attachment(actor, store, now=now, case_id=case_id, file=file)


def fetch_attached(
    actor: Actor, store: Store, evidence: Path, *, now: datetime, case_id: str, attachment_id: str
) -> tuple[Attachment, bytes]:
    """The bytes of a file, after the fetch is audited; raises ``NoSuchAttachment``, also when they are not those that
    were attached."""
    one = attaching.fetch_attachment(actor, store, now=now, case_id=case_id, attachment_id=attachment_id)
    return one, kept_bytes(evidence, one.sha256)


def attach_to_announcement(
    actor: Actor,
    store: Store,
    evidence: Path,
    *,
    now: datetime,
    announcement_id: str,
    version: int,
    name: str,
    data: bytes,
) -> AnnouncementFile:
    """Keep a file of a draft and enter it; raises as ``add_announcement_file``."""
    require(actor, "announcements.manage")
    media_of(data, name)
    read_announcement(actor, store, now=now, announcement_id=announcement_id)  # no bytes are kept for none
    digest = sha256(data).hexdigest()
    keep_bytes(evidence, digest, data)
    return announcement_files.add_announcement_file(
        actor, store, now=now, announcement_id=announcement_id, version=version, name=name, data=data, sha256=digest
    )


def fetch_announced(
    actor: Actor, store: Store, evidence: Path, *, now: datetime, announcement_id: str, file_id: str
) -> tuple[AnnouncementFile, bytes]:
    """The bytes of a file of an announcement, after the fetch is audited; raises ``NoSuchAttachment``."""
    one = announcement_files.fetch_announcement_file(
        actor, store, now=now, announcement_id=announcement_id, file_id=file_id
    )
    return one, kept_bytes(evidence, one.sha256)


def keep_bytes(evidence: Path, digest: str, data: bytes) -> None:
    """Keep bytes under their hash, once."""
    _write_once(_path(evidence, digest), data)


def kept_bytes(evidence: Path, digest: str) -> bytes:
    """The bytes of a hash; raises ``NoSuchAttachment``, also when they are not those that were attached."""
    try:
        data = _path(evidence, digest).read_bytes()
    except OSError as error:
        raise NoSuchAttachment from error
    if sha256(data).hexdigest() != digest:
        raise NoSuchAttachment
    return data


def _path(evidence: Path, digest: str) -> Path:
    return evidence / "attachments" / digest[:2] / digest


def _write_once(path: Path, data: bytes) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
