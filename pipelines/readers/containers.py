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

from pipelines.readers.encodings import detect_encoding
from pipelines.readers.refusals import FileRefused
from pipelines.readers.sheets import Budget, CellTags, Sheet, WorkbookTags, parse_in_stream

__all__ = ["FileRefused", "Limits", "check_xlsx", "detect_encoding"]

CHUNK = 1 << 18
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")


@dataclass(frozen=True)
class Limits:
    """What a workbook may cost. Sizes in bytes; ``max_area`` is rows × columns of the box around all cells of a
    sheet, because parsers reserve memory for the whole box; ``max_tags`` counts the XML tags of all parts together."""

    max_file: int = 200 * 1024 * 1024
    max_members: int = 1000
    max_unpacked: int = 200 * 1024 * 1024
    max_ratio: int = 100
    max_area: int = 20_000_000
    max_tags: int = 3_000_000


def check_xlsx(path: Path, limits: Limits | None = None, *, sheet: str | int | None = None) -> None:
    """Refuse ``path`` unless it is a plain xlsx workbook within ``limits``.

    ``sheet`` is the sheet that will be read (name, or number from 0): formulas are refused in it alone, and it must
    exist and be visible; without it formulas are refused everywhere. Raises ``FileRefused`` with one of the codes
    ``too_large``, ``not_xlsx``, ``encrypted``, ``broken_zip``, ``zip_members``, ``zip_unpacked``, ``zip_ratio``,
    ``zip_nested``, ``macros``, ``broken_xml``, ``no_sheet``, ``hidden_sheet``, ``far_cell``, ``too_many_cells``,
    ``formula``. It returns nothing: a file that passes may be given to the parser.
    """
    limits = limits or Limits()
    size = path.stat().st_size
    if size > limits.max_file:
        raise FileRefused(
            "too_large",
            f"The file has {size:,} bytes; at most {limits.max_file:,} are read.",
            f"文件大小 {size:,} 字节，最多读取 {limits.max_file:,} 字节。",
        )
    budget = Budget(limits.max_tags)
    with path.open("rb") as file:
        _check_magic(file)
        members = {member.filename: member for member in _checked_directory(file, size, limits)}
        listed = _listed_sheets(file, members, budget)
        read = _sheet_to_read(listed, sheet)
        parts = {sheet.part for sheet in listed}
        for name, member in members.items():
            if name in parts or re.fullmatch(r"xl/\w*sheets/.+\.xml", name, re.IGNORECASE):
                tags = CellTags(
                    name,
                    budget,
                    max_area=limits.max_area,
                    formulas=read is not None and name != read.part,
                )
                parse_in_stream(name, _unpacked(file, member), tags)
            else:
                _check_plain_member(name, _unpacked(file, member))


def _listed_sheets(file: BinaryIO, members: dict[str, zipfile.ZipInfo], budget: Budget) -> list[Sheet]:
    tags = WorkbookTags("xl/workbook.xml", budget)
    for name in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
        if name in members:
            parse_in_stream(name, _unpacked(file, members[name]), tags)
    sheets = [sheet for sheet in tags.sheets() if sheet.part in members]
    if not sheets:
        raise _not_xlsx("a workbook without a worksheet", "没有工作表的工作簿")
    return sheets


def _sheet_to_read(sheets: list[Sheet], wanted: str | int | None) -> Sheet | None:
    if wanted is None:
        return None
    found = (
        next((sheet for sheet in sheets if sheet.name == wanted), None)
        if isinstance(wanted, str)
        else (sheets[wanted] if 0 <= wanted < len(sheets) else None)
    )
    if found is None:
        names = ", ".join(sheet.name for sheet in sheets[:20])
        raise FileRefused(
            "no_sheet", f"There is no sheet {wanted}; the sheets are {names}.", f"没有工作表 {wanted}；现有：{names}。"
        )
    if found.hidden:
        raise FileRefused(
            "hidden_sheet", f"Sheet {found.name} is hidden; show it and send again.", f"工作表 {found.name} 被隐藏。"
        )
    return found


def _not_xlsx(en: str, zh: str) -> FileRefused:
    return FileRefused("not_xlsx", f"This is not an xlsx workbook: it is {en}.", f"这不是 xlsx 工作簿：它是{zh}。")


def _broken(detail: str) -> FileRefused:
    return FileRefused(
        "broken_zip", f"The workbook's container is damaged: {detail}.", f"工作簿压缩结构损坏：{detail}。"
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
        raise _not_xlsx("an old .xls file; save it as .xlsx", "旧版 .xls 文件，请另存为 .xlsx")
    file.seek(0)
    start = file.read(512).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if start.startswith((b"<html", b"<!doctype", b"<table", b"<?xml", b"<meta", b"<head")):
        raise _not_xlsx("an HTML or XML page under another name", "改了扩展名的 HTML 或 XML 页面")
    raise _not_xlsx("an empty file", "空文件") if not head else _not_xlsx("something else", "其他内容")


def _checked_directory(file: BinaryIO, size: int, limits: Limits) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, struct.error, NotImplementedError) as error:
        raise _broken(str(error)) from error
    _check_directory(members, size, limits)
    return members


def _check_directory(members: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    if len(members) > limits.max_members:
        raise FileRefused(
            "zip_members",
            f"The workbook holds {len(members):,} parts; at most {limits.max_members:,} are read.",
            f"工作簿含 {len(members):,} 个部件，最多 {limits.max_members:,} 个。",
        )
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.max_unpacked:
        raise FileRefused(
            "zip_unpacked",
            f"The workbook unpacks to {unpacked:,} bytes; at most {limits.max_unpacked:,} are read.",
            f"工作簿解压后 {unpacked:,} 字节，最多 {limits.max_unpacked:,} 字节。",
        )
    if unpacked > limits.max_ratio * size:
        raise FileRefused(
            "zip_ratio",
            f"The workbook unpacks to {unpacked // size} times its size; at most {limits.max_ratio} times is read.",
            f"工作簿解压后是原大小的 {unpacked // size} 倍，最多 {limits.max_ratio} 倍。",
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
            "macros", "The workbook holds macros; save it without them.", "工作簿含有宏，请另存为无宏文件。"
        )
    if "xl/workbook.bin" in names:
        raise _not_xlsx("a binary .xlsb workbook; save it as .xlsx", "二进制 .xlsb 工作簿，请另存为 .xlsx")
    if "content.xml" in names and "mimetype" in names:
        raise _not_xlsx("an OpenDocument sheet; save it as .xlsx", "OpenDocument 表格，请另存为 .xlsx")
    if "xl/workbook.xml" not in names:
        raise _not_xlsx("another kind of zip archive", "另一种压缩包")


def _unpacked(file: BinaryIO, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of one part, never more than the central directory declared: a lie there is refused."""
    file.seek(member.header_offset)
    raw = file.read(_LOCAL_HEADER.size)
    if len(raw) < _LOCAL_HEADER.size or not raw.startswith(b"PK\x03\x04"):
        raise _broken(f"{member.filename} has no header")
    *_, name_length, extra_length = _LOCAL_HEADER.unpack(raw)
    file.seek(name_length + extra_length, 1)
    given = 0
    for part in _inflated(file, member):
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


def _inflated(file: BinaryIO, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The part's bytes from where ``file`` stands, in chunks of at most ``CHUNK``."""
    inflate = None if member.compress_type == zipfile.ZIP_STORED else zlib.decompressobj(-zlib.MAX_WBITS)
    left = member.compress_size
    try:
        while left > 0:
            packed = file.read(min(CHUNK, left))
            if not packed:
                raise _broken(f"{member.filename} is cut off")
            left -= len(packed)
            if inflate is None:
                yield packed
                continue
            while packed:
                yield inflate.decompress(packed, CHUNK)
                packed = inflate.unconsumed_tail
        if inflate is not None:
            yield inflate.flush()  # the last match may still be inside
    except zlib.error as error:
        raise _broken(f"{member.filename} cannot be unpacked") from error


def _check_plain_member(name: str, parts: Iterator[bytes]) -> None:
    head = b""
    for part in parts:
        if len(head) < 8:
            head += part[: 8 - len(head)]
    if head.startswith(b"PK\x03\x04"):
        raise FileRefused("zip_nested", f"The workbook holds an archive ({name}).", f"工作簿内含压缩包（{name}）。")
