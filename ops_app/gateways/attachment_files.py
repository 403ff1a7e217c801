"""The bytes of files attached to cases: in the evidence folder under their hash, never under a name that somebody
chose, never executable, never changed."""

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
    _write_once(_path(evidence, digest), data)
    file = Incoming(name, data, digest, note, for_agency)
    return attaching.add_attachment(actor, store, now=now, case_id=case_id, file=file)


def fetch_attached(
    actor: Actor, store: Store, evidence: Path, *, now: datetime, case_id: str, attachment_id: str
) -> tuple[Attachment, bytes]:
    """The bytes of a file, after the fetch is audited; raises ``NoSuchAttachment``, also when they are not those that
    were attached."""
    one = attaching.fetch_attachment(actor, store, now=now, case_id=case_id, attachment_id=attachment_id)
    try:
        data = _path(evidence, one.sha256).read_bytes()
    except OSError as error:
        raise NoSuchAttachment from error
    if sha256(data).hexdigest() != one.sha256:
        raise NoSuchAttachment
    return one, data


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
