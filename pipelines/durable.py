"""Files that are whole or absent after a power cut: written aside, synced, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def sync_file(path: Path) -> None:
    """Wait until the bytes of ``path`` are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in ``folder`` are on disk."""
    sync_file(folder)


def move_into_place(made: Path, wanted: Path) -> None:
    """Give the finished file its name; readers see it whole or not at all."""
    sync_file(made)
    made.replace(wanted)
    sync_folder(wanted.parent)


def write_pointer(path: Path, content: dict[str, Any]) -> None:
    """Replace a small JSON file in one step."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(content, sort_keys=True), encoding="utf-8")
    move_into_place(aside, path)


def read_pointer(path: Path) -> dict[str, Any] | None:
    """What a pointer says; None when there is none or it says nothing that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
