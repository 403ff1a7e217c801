"""Keep what arrived: the fingerprint of a file and the untouched copy kept under it."""

from __future__ import annotations

import hashlib
import os
import shutil
import unicodedata
from pathlib import Path

from ops_app.domain.errors import Invalid

_CHUNK = 8 << 20
_COPY_UP_TO = 64 << 20


def fingerprint(path: Path) -> str:
    """SHA-256 of the file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def keep_copy(path: Path, folder: Path) -> tuple[str, Path]:
    """(file id, path of the kept copy). The copy is named by the fingerprint of its own bytes and never written again.

    Large files are linked where the disk allows it; the fingerprint is taken of what is kept, so a file that
    changes while it is read cannot be loaded as something else.
    """
    if path.is_symlink() or not path.is_file():
        raise Invalid(f"{shown(path.name)} is no plain file.", f"{shown(path.name)} 不是普通文件。", field="file")
    folder.mkdir(parents=True, exist_ok=True)
    held = folder / f".incoming-{os.getpid()}-{path.stat().st_ino}"
    held.unlink(missing_ok=True)
    if path.stat().st_size > _COPY_UP_TO:
        try:
            os.link(path, held)
        except OSError:
            shutil.copyfile(path, held)
    else:
        shutil.copyfile(path, held)
    file_id = fingerprint(held)
    kept = folder / f"{file_id}{''.join(path.suffixes[-2:])[:24]}"
    if kept.exists():
        held.unlink()
    else:
        held.replace(kept)
    return file_id, kept


def shown(file_name: str) -> str:
    """A file name as it may be shown and stored: no control or direction marks, at most 200 characters."""
    return "".join("�" if unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Co", "Cn") else mark for mark in file_name)[
        :200
    ]
