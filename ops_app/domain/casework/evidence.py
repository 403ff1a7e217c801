"""Evidence files: which kinds are taken, how large, and how each is told apart by its own bytes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from hashlib import sha256

from ops_app.domain.errors import Invalid, NotFound

MOST_BYTES = 10 * 1024 * 1024
"""One file; a scan of a contract of some thirty pages."""
MOST_FILES = 5
"""Files that one act brings."""

TYPES: dict[str, tuple[str, ...]] = {
    "application/pdf": ("pdf",),
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg"),
    "audio/wav": ("wav",),
    "audio/mpeg": ("mp3",),
}
"""Media type → the endings a name may have. Nothing that a browser or an office program would run."""

ENDINGS = tuple(ending for endings in TYPES.values() for ending in endings)
_NAME = re.compile(r"[^\w\-. ()\[\]（）【】·]")


class NoSuchFile(NotFound):
    """No such file within the actor's reach, or not the file that was kept."""

    def __init__(self) -> None:
        super().__init__("There is no such file.", "没有该文件。")


@dataclass(frozen=True)
class Upload:
    """A file as somebody sends it."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Checked:
    """A file that may be kept: a harmless name, its type by its content, the hash that becomes its name on the disk."""

    name: str
    media_type: str
    sha256: str
    data: bytes


def checked_files(uploads: tuple[Upload, ...], *, field: str = "files") -> tuple[Checked, ...]:
    """The files, each checked; raises ``Invalid`` (on ``field``) for too many, too large, empty or of another type.

    The same bytes twice are one file.
    """
    if len(uploads) > MOST_FILES:
        raise Invalid(f"At most {MOST_FILES} files at once.", f"一次最多上传 {MOST_FILES} 个文件。", field=field)
    found = {one.sha256: one for one in (_checked(upload, field) for upload in uploads)}
    return tuple(found.values())


def _checked(upload: Upload, field: str) -> Checked:
    name = safe_name(upload.name)
    if not upload.data:
        raise Invalid(f"{name} is empty.", f"{name} 是空文件。", field=field)
    if len(upload.data) > MOST_BYTES:
        most = MOST_BYTES // (1024 * 1024)
        raise Invalid(f"{name} is larger than {most} MB.", f"{name} 超过 {most} MB。", field=field)
    media_type = media_type_of(upload.data)
    ending = name.rpartition(".")[2].lower()
    if media_type is None or ending not in TYPES[media_type]:
        known = ", ".join(ENDINGS)
        raise Invalid(
            f"{name} is none of these kinds of file, or not what its name says: {known}.",
            f"{name} 的格式不受支持或与扩展名不符，可上传：{known}。",
            field=field,
        )
    return Checked(name, media_type, sha256(upload.data).hexdigest(), upload.data)


def media_type_of(data: bytes) -> str | None:
    """What the bytes say they are; ``None`` for a kind that is not taken."""
    if data.startswith(b"%PDF-"):
        return "application/pdf"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav"
    if data.startswith(b"ID3") or (len(data) > 1 and data[0] == 0xFF and data[1] in (0xFB, 0xF3, 0xF2)):
        return "audio/mpeg"
    return None


def safe_name(name: str) -> str:
    """A file name without folders, control characters or signs that some system reads as more than a name."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    tidy = " ".join(_NAME.sub("_", last).split()).lstrip(".-") or "file"
    stem, dot, ending = tidy.rpartition(".")
    return f"{stem[:100]}.{ending[:10]}" if dot else tidy[:100]
