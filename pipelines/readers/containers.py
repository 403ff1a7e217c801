"""What a workbook file really is, before any parser opens it.

A spreadsheet parser can be killed by a few kilobytes: one cell at the far corner makes it ask for half a terabyte,
a repeated byte unpacks to gigabytes. Everything here reads in a stream, holds one chunk at a time, and refuses by a
named code. It is called before fastexcel, inside the same limited child process.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from pipelines.readers.encodings import detect_encoding
from pipelines.readers.refusals import FileRefused

__all__ = ["FileRefused", "Limits", "check_xlsx", "detect_encoding"]

CHUNK = 1 << 18
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})", re.ASCII)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")


@dataclass(frozen=True)
class Limits:
    """What a workbook may cost. Sizes in bytes; ``max_area`` is rows × columns of the box around all cells of a
    sheet, because parsers reserve memory for the whole box."""

    max_file: int = 200 * 1024 * 1024
    max_members: int = 1000
    max_unpacked: int = 200 * 1024 * 1024
    max_ratio: int = 100
    max_area: int = 20_000_000
    max_cells: int = 5_000_000
    max_depth: int = 64


def check_xlsx(path: Path, limits: Limits | None = None) -> None:
    """Refuse ``path`` unless it is a plain xlsx workbook within ``limits``.

    Raises ``FileRefused`` with one of the codes ``too_large``, ``not_xlsx``, ``encrypted``, ``broken_zip``,
    ``zip_members``, ``zip_unpacked``, ``zip_ratio``, ``zip_nested``, ``macros``, ``broken_xml``, ``far_cell``,
    ``too_many_cells``, ``formula``. It returns nothing: a file that passes may be given to the parser.
    """
    limits = limits or Limits()
    size = path.stat().st_size
    if size > limits.max_file:
        raise FileRefused(
            "too_large",
            f"The file has {size:,} bytes; at most {limits.max_file:,} are read.",
            f"文件大小 {size:,} 字节,最多读取 {limits.max_file:,} 字节。",
        )
    with path.open("rb") as file:
        _check_magic(file)
        members = _central_directory(file)
        _check_directory(members, size, limits)
        sheets = 0
        for member in members:
            if _is_sheet(member.filename):
                _scan_sheet(member.filename, _unpacked(file, member), limits)
                sheets += 1
            else:
                _check_plain_member(member.filename, _unpacked(file, member))
    if not sheets:
        raise _not_xlsx("a zip archive without a worksheet", "没有工作表的压缩包")


def _not_xlsx(en: str, zh: str) -> FileRefused:
    return FileRefused("not_xlsx", f"This is not an xlsx workbook: it is {en}.", f"这不是 xlsx 工作簿:它是{zh}。")


def _broken(detail: str) -> FileRefused:
    return FileRefused(
        "broken_zip", f"The workbook's container is damaged: {detail}.", f"工作簿压缩结构损坏:{detail}。"
    )


def _check_magic(file: BinaryIO) -> None:
    head = file.read(8)
    if head.startswith(b"PK\x03\x04"):
        return
    if head == _OLE:
        file.seek(0)
        body = file.read(1 << 20)
        if "EncryptedPackage".encode("utf-16-le") in body or "EncryptionInfo".encode("utf-16-le") in body:
            raise FileRefused("encrypted", "The workbook is encrypted.", "工作簿已加密。")
        raise _not_xlsx("an old .xls file; save it as .xlsx", "旧版 .xls 文件,请另存为 .xlsx")
    file.seek(0)
    start = file.read(512).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if start.startswith((b"<html", b"<!doctype", b"<table", b"<?xml", b"<meta", b"<head")):
        raise _not_xlsx("an HTML or XML page under another name", "改了扩展名的 HTML 或 XML 页面")
    raise _not_xlsx("an empty file", "空文件") if not head else _not_xlsx("something else", "其他内容")


def _central_directory(file: BinaryIO) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, struct.error, NotImplementedError) as error:
        raise _broken(str(error)) from error


def _check_directory(members: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    if len(members) > limits.max_members:
        raise FileRefused(
            "zip_members",
            f"The workbook holds {len(members):,} parts; at most {limits.max_members:,} are read.",
            f"工作簿含 {len(members):,} 个部件,最多 {limits.max_members:,} 个。",
        )
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.max_unpacked:
        raise FileRefused(
            "zip_unpacked",
            f"The workbook unpacks to {unpacked:,} bytes; at most {limits.max_unpacked:,} are read.",
            f"工作簿解压后 {unpacked:,} 字节,最多 {limits.max_unpacked:,} 字节。",
        )
    if unpacked > limits.max_ratio * size:
        raise FileRefused(
            "zip_ratio",
            f"The workbook unpacks to {unpacked // size} times its size; at most {limits.max_ratio} times is read.",
            f"工作簿解压后是原大小的 {unpacked // size} 倍,最多 {limits.max_ratio} 倍。",
        )
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise _broken("a part appears twice")
    if any(member.flag_bits & 0x1 for member in members):
        raise FileRefused("encrypted", "The workbook is encrypted.", "工作簿已加密。")
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise _broken("a part uses a compression that workbooks do not use")
    _check_names({name.lower() for name in names})


def _check_names(names: set[str]) -> None:
    if any(name.endswith("vbaproject.bin") or "macrosheets/" in name for name in names):
        raise FileRefused(
            "macros", "The workbook holds macros; save it without them.", "工作簿含有宏,请另存为无宏文件。"
        )
    if "xl/workbook.bin" in names:
        raise _not_xlsx("a binary .xlsb workbook; save it as .xlsx", "二进制 .xlsb 工作簿,请另存为 .xlsx")
    if "content.xml" in names and "mimetype" in names:
        raise _not_xlsx("an OpenDocument sheet; save it as .xlsx", "OpenDocument 表格,请另存为 .xlsx")
    if "xl/workbook.xml" not in names:
        raise _not_xlsx("another kind of zip archive", "另一种压缩包")


def _is_sheet(name: str) -> bool:
    return re.fullmatch(r"xl/(worksheets|chartsheets|dialogsheets)/[^/]+\.xml", name, re.IGNORECASE) is not None


def _unpacked(file: BinaryIO, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of one part, never more than the central directory declared: a lie there is refused."""
    file.seek(member.header_offset)
    raw = file.read(_LOCAL_HEADER.size)
    if len(raw) < _LOCAL_HEADER.size or not raw.startswith(b"PK\x03\x04"):
        raise _broken(f"{member.filename} has no header")
    *_, name_length, extra_length = _LOCAL_HEADER.unpack(raw)
    file.seek(name_length + extra_length, 1)
    inflate = None if member.compress_type == zipfile.ZIP_STORED else zlib.decompressobj(-zlib.MAX_WBITS)
    left, given = member.compress_size, 0
    while left > 0:
        chunk = file.read(min(CHUNK, left))
        if not chunk:
            raise _broken(f"{member.filename} is cut off")
        left -= len(chunk)
        for part in [chunk] if inflate is None else _inflated(inflate, chunk, member.filename):
            given += len(part)
            if given > member.file_size:
                raise FileRefused(
                    "zip_unpacked",
                    f"{member.filename} unpacks to more than the workbook declares.",
                    f"{member.filename} 解压后超过声明的大小。",
                )
            yield part
    if given != member.file_size:
        raise _broken(f"{member.filename} is shorter than declared")


def _inflated(inflate: zlib._Decompress, chunk: bytes, name: str) -> Iterator[bytes]:
    try:
        while chunk:
            part = inflate.decompress(chunk, CHUNK)
            chunk = inflate.unconsumed_tail
            if part:
                yield part
            if inflate.eof:
                return
    except zlib.error as error:
        raise _broken(f"{name} cannot be unpacked") from error


def _check_plain_member(name: str, parts: Iterator[bytes]) -> None:
    head = b""
    for part in parts:
        if len(head) < 8:
            head += part[: 8 - len(head)]
    if head.startswith(b"PK\x03\x04"):
        raise FileRefused("zip_nested", f"The workbook holds an archive ({name}).", f"工作簿内含压缩包({name})。")


def _scan_sheet(name: str, parts: Iterator[bytes], limits: Limits) -> None:
    """Parse one worksheet in a stream: no document type, bounded depth, bounded box of cells, no formulas."""
    scan = _SheetScan(name, limits)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    parser.StartDoctypeDeclHandler = scan.doctype
    try:
        for part in parts:
            parser.Parse(part, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise FileRefused(
            "broken_xml", f"{name} is not well-formed: {error}.", f"{name} 不是规范的 XML:{error}。"
        ) from error


class _SheetScan:
    """Counts cells and remembers the farthest one; a cell or row without a reference follows the one before."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self.depth = self.cells = self.row = self.column = self.max_row = self.max_column = 0
        self.at = ""

    def doctype(self, *_: object) -> None:
        raise FileRefused("broken_xml", f"{self.name} declares a document type.", f"{self.name} 含有文档类型声明。")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > self.limits.max_depth:
            raise FileRefused("broken_xml", f"{self.name} is nested too deeply.", f"{self.name} 嵌套过深。")
        local = tag.rpartition(" ")[2]
        if local == "c":
            self._cell(attributes.get("r"))
        elif local == "row":
            given = attributes.get("r", "")
            self.row = int(given) if re.fullmatch(r"[0-9]{1,7}", given, re.ASCII) else self.row + 1
            self.column = 0
            self._box()
        elif local == "f":
            raise FileRefused(
                "formula",
                f"Cell {self.at} of {self.name} is a formula; save the values and send the file again.",
                f"{self.name} 的单元格 {self.at} 是公式,请改为数值后重新发送。",
            )

    def end(self, _: str) -> None:
        self.depth -= 1

    def _cell(self, reference: str | None) -> None:
        self.cells += 1
        if self.cells > self.limits.max_cells:
            raise FileRefused(
                "too_many_cells",
                f"{self.name} has more than {self.limits.max_cells:,} cells; send it as CSV or Parquet.",
                f"{self.name} 超过 {self.limits.max_cells:,} 个单元格,请改用 CSV 或 Parquet。",
            )
        found = _CELL.fullmatch(reference) if reference else None
        if reference and not found:
            raise FileRefused(
                "far_cell", f"{reference[:20]!r} is no cell of a sheet.", f"{reference[:20]!r} 不是有效的单元格。"
            )
        if found:
            self.at = reference or ""
            self.column, self.row = _column_number(found[1]), int(found[2])
        else:
            self.column += 1
            self.at = f"{self.column} of row {self.row}"
        self._box()

    def _box(self) -> None:
        self.max_row, self.max_column = max(self.max_row, self.row), max(self.max_column, self.column)
        if self.max_row > 1_048_576 or self.max_row * max(self.max_column, 1) > self.limits.max_area:
            raise FileRefused(
                "far_cell",
                f"{self.name} reaches to row {self.max_row:,}, column {self.max_column:,}: too wide a sheet to read.",
                f"{self.name} 的范围到第 {self.max_row:,} 行第 {self.max_column:,} 列,超出可读取范围。",
            )


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number
