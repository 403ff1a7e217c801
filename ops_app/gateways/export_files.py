"""The files of released exports: kept under their internal id, whole or not at all, gone once their links are."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.exports import ExportMove, NoSuchExport, move
from ops_app.domain.organisation.people import Actor
from ops_app.services.organisation import exports
from ops_app.services.organisation.exports import Export
from ops_app.store.store import Store


@dataclass(frozen=True)
class Made:
    """The bytes of an export and how many rows they hold."""

    data: bytes
    rows: int


def make_file(
    actor: Actor, store: Store, folder: Path, *, now: datetime, export: Export, make: Callable[[], Made]
) -> tuple[Export, bytes]:
    """Make the file of a released export, once, and let its link live. Raises as ``finish_export``.

    The bytes lie on the disk before the store says that they do; a file of which it never says so is removed at the
    next sweep.
    """
    move(export.state(now), ExportMove.MAKE)
    sweep(actor, store, folder, now=now)
    made = make()
    digest = sha256(made.data).hexdigest()
    path = _path(folder, export.export_id, digest)
    _write(path, made.data)
    try:
        done = exports.finish_export(
            actor, store, now=now, export_id=export.export_id, rows=made.rows, sha256=digest, size=len(made.data)
        )
    except (DomainError, SQLAlchemyError):  # the store does not say that the file is there
        if path not in _living(actor, store, folder, now):  # unless the same bytes were faster
            path.unlink(missing_ok=True)
        raise
    return done, made.data


def fetch_file(actor: Actor, store: Store, folder: Path, *, now: datetime, export_id: str) -> tuple[Export, bytes]:
    """The bytes behind a link; counted and audited before they are handed over.

    Raises ``NoSuchExport`` as ``fetch_export`` does, and when the file is not the one that was made.
    """
    export = exports.fetch_export(actor, store, now=now, export_id=export_id)
    try:
        data = _path(folder, export.export_id, export.file_sha256 or "").read_bytes()
    except OSError as error:
        raise NoSuchExport from error
    if sha256(data).hexdigest() != export.file_sha256:
        raise NoSuchExport
    return export, data


def sweep(actor: Actor, store: Store, folder: Path, *, now: datetime) -> int:
    """Remove files whose links have ended, and those that were never finished; how many."""
    living = _living(actor, store, folder, now)
    dead = [path for path in folder.glob("*.*") if path not in living and _is_old(path, now)]
    for path in dead:
        path.unlink(missing_ok=True)
    return len(dead)


def _living(actor: Actor, store: Store, folder: Path, now: datetime) -> set[Path]:
    known = exports.living_files(actor, store, now=now)
    return {_path(folder, export_id, digest) for export_id, digest in known.items()}


def _is_old(path: Path, now: datetime) -> bool:
    try:
        return now.timestamp() - path.stat().st_mtime > _BEING_MADE_FOR
    except FileNotFoundError:  # another sweep was faster
        return False


_BEING_MADE_FOR = 3600
"""Seconds for which a file may lie there before the store knows of it."""


def _path(folder: Path, export_id: str, digest: str) -> Path:
    # the digest makes two files of two tries two names: the slower one cannot overwrite the one that counts
    return folder / f"{export_id}.{digest[:16]}.export"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
