"""The envelope of a delimited text file: unpacking, encoding, line ends, last line, trailer, header.

One pass over the bytes decides whether DuckDB may read the file where it lies; only files of another encoding or
with unusual line ends are written again as plain UTF-8. Raises ``FileRefused`` with the detected value.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import zstandard

from pipelines.readers.encodings import detect_encoding
from pipelines.readers.refusals import FileRefused
from pipelines.readers.templates import CsvFormat, Trailer
from pipelines.readers.texts import holds_controls

CHUNK = 4 << 20
MAX_LINE = 1 << 20
MAX_COLUMNS = 2000
_LIKE_ASCII = ("utf-8", "utf-8-sig", "ascii", "gb18030")


@dataclass(frozen=True)
class Limits:
    """What a file may cost; sizes in bytes. Past any of them the file is refused, never read in part."""

    max_file: int = 16 << 30
    max_unpacked: int = 16 << 30
    max_ratio: int = 200
    """Unpacked to packed size; text of the house packs about one to ten."""
    memory: int = 2 << 30
    """Address space of the reading process beyond what the interpreter itself maps."""
    seconds: int = 120
    """Longest reading time; grows by a second for every 2 MB."""


@dataclass
class TextFacts:
    """What one pass saw. ``path`` is UTF-8 text with \\n or \\r\\n line ends, ready for DuckDB."""

    path: Path
    encoding: str
    new_line: str = "\\n"
    lines: int = 0
    controls: bool = False
    exponents: bool = True
    """Whether ``E+`` stands anywhere."""
    last_line: bytes = b""
    ended: bool = True


def unpacked(path: Path, compression: str, work: Path, limits: Limits) -> Path:
    """The file itself, or its unpacked copy in ``work`` where it is gz or zst. Size and ratio are limited."""
    size = path.stat().st_size
    if size > limits.max_file:
        raise FileRefused("too_large", f"The file has {size:,} bytes.", f"文件有 {size:,} 字节，超出上限。")
    if compression == "none":
        return path
    most = min(limits.max_unpacked, max(size, 1) * limits.max_ratio)
    target, written = work / "unpacked", 0
    try:
        with path.open("rb") as packed, target.open("wb") as out:
            for chunk in _inflated(packed, compression):
                written += len(chunk)
                if written > most:
                    raise FileRefused(
                        "unpacks_too_large",
                        f"The file unpacks to more than {most:,} bytes.",
                        f"文件解压后超过 {most:,} 字节。",
                    )
                out.write(chunk)
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise FileRefused(
            "broken_compression",
            f"The {compression} container is damaged: {error}.",
            f"{compression} 压缩已损坏：{error}。",
        ) from error
    return target


def _inflated(packed: BinaryIO, compression: str) -> Iterator[bytes]:
    if compression == "gz":
        with gzip.GzipFile(fileobj=packed) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
        return
    with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(packed, read_across_frames=True) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def look_at_text(path: Path, how: CsvFormat, encoding: str, work: Path) -> TextFacts:
    """One pass over the bytes: empty, NUL, control characters, line length, line ends, encoding, last line."""
    if path.stat().st_size == 0:
        raise FileRefused("empty", "The file is empty.", "文件为空。")
    with path.open("rb") as file:
        if file.read(4).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or encoding.lower().startswith("utf-16"):
            detect_encoding(path, encoding)
    seen = _Pass(how)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            seen.take(chunk)
    codec = "utf-8" if seen.ascii and encoding == "auto" else detect_encoding(path, encoding)
    facts = TextFacts(
        path=path,
        encoding=codec,
        lines=seen.newlines + (0 if seen.ended else 1),
        controls=seen.controls,
        exponents=seen.exponents or codec not in _LIKE_ASCII,
        last_line=seen.tail_line(),
        ended=seen.ended,
    )
    return _made_plain(facts, seen, how, work)


class _Pass:
    """Counts over the chunks of one file."""

    def __init__(self, how: CsvFormat) -> None:
        self.how = how
        self.newlines = self.crlf = self.lone_cr = 0
        self.ascii, self.controls, self.quotes, self.exponents = True, False, False, False
        self.tail, self.ended, self.open_length = b"", True, 0

    def take(self, chunk: bytes) -> None:
        if b"\0" in chunk:
            raise FileRefused("nul", "The file holds NUL bytes: it is not text.", "文件含有 NUL 字节，不是文本。")
        self.ascii = self.ascii and chunk.isascii()
        if not self.controls:
            self.controls = holds_controls(np.frombuffer(chunk, np.uint8))
        if not self.exponents and b"+" in chunk:
            self.exponents = b"E+" in chunk or (self.tail[-1:] == b"E" and chunk[:1] == b"+")
        quote = self.how.quote.encode()
        self.quotes = self.quotes or bool(quote and quote in chunk)
        feeds = int(np.count_nonzero(np.frombuffer(chunk, np.uint8) == 10))
        returns = chunk.count(b"\r") if b"\r" in chunk else 0
        if returns:
            joined = self.tail[-1:] + chunk
            self.crlf += joined.count(b"\r\n")
            self.lone_cr += returns
        self._check_line_length(chunk, b"\n" if self.how.line_end != "cr" else b"\r")
        self.newlines += feeds if self.how.line_end != "cr" else returns
        self.tail = (self.tail + chunk)[-MAX_LINE - 2 :] if len(chunk) <= MAX_LINE + 2 else chunk[-MAX_LINE - 2 :]
        self.ended = chunk.endswith(b"\n" if self.how.line_end != "cr" else b"\r")

    def _check_line_length(self, chunk: bytes, end: bytes) -> None:
        """Every stretch without a line end is at most MAX_LINE bytes (quoted line ends count as line ends)."""
        first = chunk.find(end)
        longest = self.open_length + (first if first >= 0 else len(chunk))
        position = first
        while position >= 0 and longest <= MAX_LINE and position + MAX_LINE < len(chunk):
            following = chunk.rfind(end, position + 1, position + MAX_LINE + 1)
            if following < 0:
                longest = MAX_LINE + 1
            position = following
        if longest > MAX_LINE:
            raise FileRefused(
                "long_line", f"A line is longer than {MAX_LINE:,} bytes.", f"有一行超过 {MAX_LINE:,} 字节。"
            )
        last = chunk.rfind(end)
        self.open_length = len(chunk) - 1 - last if last >= 0 else self.open_length + len(chunk)

    def tail_line(self) -> bytes:
        """The last line that holds anything."""
        return re.split(rb"[\r\n]+", self.tail.rstrip(b"\r\n"))[-1]

    @property
    def pure_crlf(self) -> bool:
        return self.crlf > 0 and self.crlf == self.newlines and self.crlf == self.lone_cr


def _made_plain(facts: TextFacts, seen: _Pass, how: CsvFormat, work: Path) -> TextFacts:
    """Leaves UTF-8 with one kind of line end alone; writes anything else again so."""
    odd_ends = how.line_end != "lf" or (seen.crlf > 0 and not seen.pure_crlf)
    lone = seen.lone_cr - seen.crlf
    if how.line_end == "lf" and lone > 0 and not seen.quotes:
        ends = "\\r" if seen.newlines == 0 else "\\r\\r\\n" if lone == seen.newlines else "\\r / \\n"
        raise FileRefused(
            "line_ends",
            f"The lines end in {ends}; the template says \\n or \\r\\n.",
            f"行结束符为 {ends},与模板约定的 \\n 或 \\r\\n 不符。",
            encoding=facts.encoding,
        )
    if facts.encoding in ("utf-8", "utf-8-sig", "ascii") and not odd_ends:
        if seen.pure_crlf:
            facts.new_line = "\\r\\n"
        return facts
    facts.path = _rewritten(facts, how, work)
    facts.last_line = facts.last_line.decode(facts.encoding, errors="replace").encode()
    return facts


def _rewritten(facts: TextFacts, how: CsvFormat, work: Path) -> Path:
    """The same text in UTF-8 with \\n ends. Text is decoded strictly: the encoding was proved before."""
    target = work / "plain.csv"
    decoder = codecs.getincrementaldecoder(facts.encoding)("strict")
    held = ""
    with facts.path.open("rb") as source, target.open("w", encoding="utf-8", newline="") as out:
        while True:
            chunk = source.read(CHUNK)
            text = held + decoder.decode(chunk, final=not chunk)
            held = ""
            if chunk:
                kept = len(text.rstrip("\r"))
                text, held = text[:kept], text[kept:]
            if how.line_end == "crcrlf":
                text = text.replace("\r\r\n", "\n")
            text = text.replace("\r\n", "\n")
            if how.line_end == "cr":
                text = text.replace("\r", "\n")
            out.write(text)
            if not chunk:
                return target


def first_fields(facts: TextFacts, how: CsvFormat) -> list[str]:
    """The fields of the header line (after ``skip_rows``); an empty list when there is none."""
    with facts.path.open("r", encoding="utf-8-sig", newline="", errors="strict") as file:
        for _ in range(how.skip_rows):
            file.readline(MAX_LINE)
        head = file.read(MAX_LINE)
    rows = csv.reader(
        io.StringIO(head), delimiter=how.delimiter[0], quotechar=how.quote or None,
        quoting=csv.QUOTE_MINIMAL if how.quote else csv.QUOTE_NONE,
    )  # fmt: skip
    try:
        fields = next(rows, [])
    except csv.Error as error:
        raise FileRefused("header", f"The header cannot be read: {error}.", f"无法读取表头：{error}。") from error
    if len(fields) > MAX_COLUMNS:
        raise FileRefused("columns", f"The file has {len(fields):,} columns.", f"文件有 {len(fields):,} 列，超出上限。")
    return fields


def split_line(line: bytes, how: CsvFormat) -> list[str]:
    """The fields of one line by the file's own delimiter and quote."""
    text = line.decode("utf-8", errors="replace")
    return next(csv.reader([text], delimiter=how.delimiter[0], quotechar=how.quote or None), [])


def read_trailer(facts: TextFacts, how: CsvFormat, trailer: Trailer) -> tuple[int | None, dict[str, str]]:
    """Declared row count and sums of the trailer line; ({}) and None when it is absent and not required."""
    fields = split_line(facts.last_line, how)
    if not fields or fields[0] != trailer.marker:
        if trailer.required:
            raise FileRefused(
                "trailer",
                f"The last line is no {trailer.marker} control row.",
                f"最后一行不是控制行 {trailer.marker}。",
            )
        return None, {}
    try:
        declared = fields[trailer.rows] if trailer.rows is not None else ""
        sums = {column: fields[position] for column, position in trailer.sums.items()}
    except IndexError:
        raise FileRefused("trailer", "The control row is too short.", "控制行字段不足。") from None
    if declared and not re.fullmatch(r"[0-9]{1,12}", declared, re.ASCII):
        raise FileRefused("trailer", f"{declared!r} is no row count.", f"{declared!r} 不是行数。")
    return (int(declared) if declared else None), sums
