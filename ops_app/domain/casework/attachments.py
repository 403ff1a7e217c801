"""Attachments of a case: which files are taken, told by their content, and under which name they are given out."""

from __future__ import annotations

import re
import unicodedata

from ops_app.domain.errors import Invalid, NotFound

LARGEST_BYTES = 10 * 2**20
MOST_OF_A_CASE = 100
MOST_BYTES_A_DAY = 200 * 2**20
"""What one person may add within a day."""

MEDIA: dict[str, tuple[str, ...]] = {
    "application/pdf": ("pdf",),
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg"),
    "audio/wav": ("wav",),
    "audio/mpeg": ("mp3",),
    "text/plain": ("txt",),
}
"""What is taken → the endings it may have."""

EXTENSIONS = tuple(ending for endings in MEDIA.values() for ending in endings)

_ACTIVE = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFile|RichMedia|XFA)\b")
_PNG_HEAD, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)


class NoSuchAttachment(NotFound):
    """No such file within reach: missing, foreign and withdrawn look the same."""

    def __init__(self) -> None:
        super().__init__("There is no such file.", "没有该文件。")


def media_of(data: bytes, name: str) -> str:
    """What a file is, by its content; the ending of ``name`` must agree.

    Raises ``Invalid``: empty, too large, of a kind that is not taken, another kind than its name says, with something
    behind its end, or with parts that act by themselves.
    """
    if not data:
        raise _wrong("The file is empty.", "文件为空。")
    if len(data) > LARGEST_BYTES:
        most = LARGEST_BYTES // 2**20
        raise _wrong(f"The file is larger than {most} MB.", f"文件超过 {most} MB。")
    ending = name.rpartition(".")[2].casefold()
    found = _by_content(data, ending)
    if found is None:
        listed = ", ".join(EXTENSIONS)
        raise _wrong(f"Files of this kind are not taken. Taken are: {listed}.", f"不接受此类文件，可上传：{listed}。")
    if ending not in MEDIA[found]:
        raise _wrong(
            f"The name says .{ending}, but the content is {MEDIA[found][0]}.",
            f"文件名后缀为 .{ending}，但内容是 {MEDIA[found][0]}。",
        )
    if found == "application/pdf" and _ACTIVE.search(data):
        raise _wrong(
            "This PDF has scripts or embedded files. Print it to a plain PDF first.",
            "该 PDF 含有脚本或内嵌文件，请先另存为普通 PDF。",
        )
    return found


def _by_content(data: bytes, ending: str) -> str | None:
    if data.startswith(b"%PDF-") and b"%%EOF" in data[-1024:]:
        return "application/pdf"
    if data.startswith(_PNG_HEAD) and data.endswith(_PNG_END):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff") and data.rstrip(b"\x00").endswith(b"\xff\xd9"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav"
    if data.startswith(b"ID3") or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 in (0xE2, 0xE4, 0xE6)):
        return "audio/mpeg"
    if ending == "txt" and _is_plain(data):
        return "text/plain"
    return None


def _is_plain(data: bytes) -> bool:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return all(one in "\t\r\n" or unicodedata.category(one) != "Cc" for one in text)


def safe_name(name: str, media_type: str) -> str:
    """``name`` as it is kept and given out: no path, no control or direction marks, no hidden or reserved name, at most
    120 characters, the ending of what it is."""
    text = unicodedata.normalize("NFKC", name).replace("\\", "/").rpartition("/")[2]
    text = "".join(one for one in text if unicodedata.category(one)[0] != "C")
    stem = text.rpartition(".")[0] if "." in text else text
    stem = re.sub(r'[<>:"|?*%;=@+]', "_", stem)
    stem = " ".join(stem.split()).strip(". _-")[:110].strip()
    if not stem or _RESERVED.match(stem):
        stem = "file"
    ending = name.rpartition(".")[2].casefold()
    return f"{stem}.{ending if ending in MEDIA[media_type] else MEDIA[media_type][0]}"


def _wrong(en: str, zh: str) -> Invalid:
    return Invalid(en, zh, field="file")
