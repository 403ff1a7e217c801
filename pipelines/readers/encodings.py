"""Which encoding a text file is written in: named by its template, strict UTF-8, strict GB18030, or refused."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from pipelines.readers.refusals import FileRefused

CHUNK = 1 << 20
_FOREIGN_MARKS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))
# A double-byte GBK character; in Chinese text nearly all have a second byte of A1 or more. Western text read as
# GBK swallows an ASCII letter or digit as the second byte instead.
_DOUBLE = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]")
_SWALLOWED = re.compile(rb"[\x81-\xfe][A-Za-z]")
MAX_SWALLOWED_SHARE = 0.25
# One damaged byte makes UTF-8 text invalid, yet GB18030 may still take all of it and give other characters.
_UTF8 = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_ASCII = bytes(range(128))
MAX_UTF8_SHARE = 0.8


def detect_encoding(source: bytes | Path, named: str = "auto") -> str:
    """The codec that reads ``source`` whole and strictly, as a name Python and polars know.

    ``named`` is what the template says; ``auto`` means strict UTF-8 (a byte order mark is taken off: ``utf-8-sig``),
    else strict GB18030, else refused. Western 8-bit text can be read as GB18030 without an error, each accented
    letter and its neighbour becoming one rare Chinese character; text of that shape is refused, so that a name is
    never changed in silence. Raises ``FileRefused`` with code ``encoding``.
    """
    if named != "auto":
        return _as_named(source, named)
    head = _head(source)
    for mark, name in _FOREIGN_MARKS:
        if head.startswith(mark):
            raise _refused(f"it is {name}", f"它是 {name} 编码")
    has_mark = head.startswith(codecs.BOM_UTF8)
    if _decodes(source, "utf-8"):
        return "utf-8-sig" if has_mark else "utf-8"
    if has_mark:
        raise _refused("it begins with a UTF-8 mark but is not UTF-8", "文件带有 UTF-8 标记，但内容不是 UTF-8")
    if not _decodes(source, "gb18030"):
        raise _refused("it is neither UTF-8 nor GB18030", "它既不是 UTF-8 也不是 GB18030")
    if _is_damaged_utf8(source):
        raise _refused("it is UTF-8 with damaged bytes", "它是 UTF-8，但含有损坏的字节")
    if _looks_western(source):
        raise _refused(
            "it is not UTF-8 and looks like Western 8-bit text, not GB18030",
            "它不是 UTF-8，看上去是西文 8 位编码而不是 GB18030",
        )
    return "gb18030"


def _as_named(source: bytes | Path, named: str) -> str:
    try:
        codec = codecs.lookup(named).name
    except LookupError:
        raise _refused(f"the template names an unknown encoding {named}", f"模板写的编码 {named} 不存在") from None
    if not _decodes(source, codec):
        raise _refused(f"it is not {named}, which the template names", f"它不是模板所写的 {named}")
    return "utf-8-sig" if codec == "utf-8" and _head(source).startswith(codecs.BOM_UTF8) else codec


def _refused(en: str, zh: str) -> FileRefused:
    return FileRefused(
        "encoding",
        f"The encoding of this file cannot be told: {en}. Name the right encoding in the template.",
        f"无法确定文件编码：{zh}。请在模板中写明正确的编码。",
    )


def _chunks(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        for start in range(0, len(source), CHUNK):
            yield source[start : start + CHUNK]
        return
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _head(source: bytes | Path) -> bytes:
    return next(_chunks(source), b"")[:4]


def _is_utf8(source: bytes | Path) -> bool:
    """Strict UTF-8: no surrogates, no overlong forms, nothing cut off. Some ten times as quick as decoding."""
    held = b""
    for chunk in _chunks(source):
        data = held + chunk
        whole = len(data) - _begun(data)
        if not data[:whole].isascii():
            try:
                pl.Series([data[:whole]], dtype=pl.Binary).cast(pl.String)
            except pl.exceptions.PolarsError:
                return False
        held = data[whole:]
    return not held


def _begun(data: bytes) -> int:
    """Length of a character at the end of ``data`` that may go on in the next chunk."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 != 0x80:
            wanted = 1 + (byte >= 0xC0) + (byte >= 0xE0) + (byte >= 0xF0)
            return back if wanted > back else 0
    return 0


def _decodes(source: bytes | Path, codec: str) -> bool:
    if codec == "utf-8":
        return _is_utf8(source)
    decoder = codecs.getincrementaldecoder(codec)("strict")
    try:
        for chunk in _chunks(source):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except (UnicodeDecodeError, UnicodeError):
        return False
    return True


def _looks_western(source: bytes | Path) -> bool:
    doubles = swallowed = 0
    for chunk in _chunks(source):
        found = _DOUBLE.findall(chunk)
        doubles += len(found)
        swallowed += sum(1 for pair in found if _SWALLOWED.fullmatch(pair))
    return doubles > 0 and swallowed / doubles > MAX_SWALLOWED_SHARE


def _is_damaged_utf8(source: bytes | Path) -> bool:
    whole = high = 0
    for chunk in _chunks(source):
        rest = chunk.translate(None, _ASCII)
        high += len(rest)
        whole += sum(map(len, _UTF8.findall(chunk)))
    return whole > MAX_UTF8_SHARE * high
