"""A workbook is refused for what it is before any parser opens it."""

from __future__ import annotations

import resource
import struct
import time
import zipfile
from pathlib import Path
from xml.parsers import expat

import pytest

from pipelines.readers.containers import CHUNK, FileRefused, Limits, check_xlsx
from tests.readers.workbooks import SHEET, workbook


def refusal(path: Path, limits: Limits | None = None, sheet: str | int | None = None) -> str:
    """The code ``path`` is refused with, ``accepted`` when it is not; both sentences must be there."""
    try:
        check_xlsx(path, limits, sheet=sheet)
    except FileRefused as error:
        return error.code if error.en and error.zh else "without a sentence"
    return "accepted"


CELLS = {
    "far corner": ('<row r="1"><c r="A1"/></row><row r="1048576"><c r="XFD1048576"/></row>', "far_cell"),
    "far row": ('<row r="1048576"><c/><c/><c/><c/><c/><c/><c/><c/><c/><c/>' + "<c/>" * 10 + "</row>", "far_cell"),
    "beyond the last row": ('<row r="9999999"><c/></row>', "far_cell"),
    "single quotes": ("<row r='1'><c r='XFD1'/></row><row r='9000'><c r='A9000'/></row>", "far_cell"),
    "character reference": ('<row r="9000"><c r="&#88;FD9000"/></row>', "far_cell"),
    "prefix": ('<x:row xmlns:x="u" r="9000"><x:c r="XFD9000"/></x:row>', "far_cell"),
    "greater-than sign in an attribute": ('<row r="9000"><c s=">" r="XFD9000"/></row>', "far_cell"),
    "no cell": ('<row r="1"><c r="１A"/></row>', "far_cell"),
    "letters without a row": ('<row r="1"><c r="A1"/><c r="A"/></row>', "far_cell"),
    "formula": ('<row r="1"><c r="B1"><f>A1*2</f><v>2</v></c></row>', "formula"),
    "not closed": ('<row r="1"><c r="B1">', "broken_xml"),
    "plain": ('<row r="1"><c r="A1"/><c r="B1"/></row><row><c/><c/></row>', "accepted"),
}


@pytest.mark.parametrize("name", CELLS)
def test_the_cells_of_a_sheet_decide(name: str, tmp_path: Path) -> None:
    rows, expected = CELLS[name]
    assert refusal(workbook(tmp_path / "a.xlsx", rows)) == expected


def test_a_sheet_under_an_unusual_name_is_scanned_too(tmp_path: Path) -> None:
    rows = CELLS["far corner"][0]
    for target in ("odd/place.xml", "/xl/odd/place.xml", "xl/odd.xml"):
        assert refusal(workbook(tmp_path / "a.xlsx", rows, target=target)) == "far_cell", target


def test_a_formula_is_refused_only_in_the_sheet_that_is_read(tmp_path: Path) -> None:
    other = SHEET.format(rows=CELLS["formula"][0]).encode()
    path = workbook(tmp_path / "a.xlsx", extra={"xl/worksheets/sheet2.xml": other})
    assert refusal(path, sheet="Data") == "accepted"
    assert refusal(path, sheet=0) == "accepted"
    assert refusal(path) == "formula"


def test_a_missing_or_hidden_sheet_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", state=' state="veryHidden"')
    assert refusal(path, sheet="Data") == "hidden_sheet"
    assert refusal(path, sheet="Other") == "no_sheet"
    assert refusal(path, sheet=7) == "no_sheet"


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("xl/vbaProject.bin", "macros"),
        ("xl/macrosheets/sheet1.xml", "macros"),
        ("xl/workbook.bin", "not_xlsx"),
        ("xl/embeddings/inner.xlsx", "zip_nested"),
        ("xl/media/image1.png", "accepted"),
    ],
)
def test_what_lies_beside_the_sheets_decides(member: str, expected: str, tmp_path: Path) -> None:
    body = b"PK\x03\x04 and more" if expected == "zip_nested" else b"\x89PNG plain"
    assert refusal(workbook(tmp_path / "a.xlsx", extra={member: body})) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "not_xlsx"),
        (b"<html><table></table></html>", "not_xlsx"),
        (b"\xef\xbb\xbf\r\n<?xml version='1.0'?><Workbook/>", "not_xlsx"),
        (b"a,b\n1,2\n", "not_xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "not_xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (b"PK\x03\x04 but nothing follows", "broken_zip"),
    ],
)
def test_another_file_under_the_name_of_a_workbook_is_refused(body: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "renamed.xlsx"
    path.write_bytes(body)
    assert refusal(path) == expected


def test_a_zip_of_something_else_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.csv", "a,b")
    assert refusal(path) == "not_xlsx"


def test_the_central_directory_is_held_to_its_limits(tmp_path: Path) -> None:
    many = workbook(tmp_path / "many.xlsx", extra={f"xl/media/{n}.txt": b"x" for n in range(1000)})
    assert refusal(many) == "zip_members"
    ratio = workbook(tmp_path / "ratio.xlsx", extra={"xl/media/a.txt": b"0" * 5_000_000})
    assert refusal(ratio) == "zip_ratio"
    assert refusal(ratio, Limits(max_unpacked=1_000_000)) == "zip_unpacked"
    assert refusal(ratio, Limits(max_file=1_000)) == "too_large"


def test_an_encrypted_part_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx")
    body = bytearray(path.read_bytes())
    entry = body.rindex(b"PK\x01\x02")
    body[entry + 8] |= 1
    path.write_bytes(bytes(body))
    assert refusal(path) == "encrypted"


def test_a_part_that_unpacks_to_more_than_it_declares_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", sheet=SHEET.format(rows="<row/>" * 500_000).encode())
    body = bytearray(path.read_bytes())
    entry = body.rindex(b"PK\x01\x02")
    body[entry + 24 : entry + 28] = struct.pack("<I", 100)
    path.write_bytes(bytes(body))
    assert refusal(path) == "zip_unpacked"


def test_a_part_that_is_cut_off_or_appears_twice_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx")
    body = bytearray(path.read_bytes())
    entry = body.rindex(b"PK\x01\x02")
    body[entry + 20 : entry + 24] = struct.pack("<I", 1_000_000)
    path.write_bytes(bytes(body))
    assert refusal(path) in {"broken_zip", "broken_xml"}
    twice = tmp_path / "b.xlsx"
    workbook(twice)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(twice, "a") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    assert refusal(twice) == "broken_zip"


def test_every_byte_of_a_part_is_read_whatever_its_length(tmp_path: Path) -> None:
    for length in range(CHUNK - 300, CHUNK + 301, 25):
        body = SHEET.format(rows="<row/>").encode()
        body += b" " * (2 * length - len(body))
        assert refusal(workbook(tmp_path / "a.xlsx", sheet=body), Limits(max_ratio=10_000)) == "accepted"


def test_a_document_type_is_refused(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 100 + b'">]><worksheet>&b;</worksheet>'
    assert refusal(workbook(tmp_path / "a.xlsx", sheet=bomb)) == "broken_xml"


BOMBS = {
    "a far cell in five kilobytes": (SHEET.format(rows=CELLS["far corner"][0]).encode(), "far_cell"),
    "millions of empty cells": (b"<worksheet><row>" + b"<c/>" * 7_000_000 + b"</row></worksheet>", "zip_ratio"),
    "millions of empty cells within the ratio": (
        b"<worksheet>" + b"".join(b'<c r="A%d"/>' % (n * 7919 % 900_001) for n in range(3_100_000)) + b"</worksheet>",
        "too_many_cells",
    ),
    "deep nesting": (b"<worksheet>" + b"<a>" * 200_000 + b"</a>" * 200_000 + b"</worksheet>", "zip_ratio"),
}


def bare_parse_of_what_is_allowed() -> float:
    """Seconds of processor that a parser needs on this machine, now, for as many tags as a workbook may have."""
    parser, part, tenth = expat.ParserCreate(), b'<c r="A1"/>' * 1000, Limits().max_tags // 10_000
    parser.StartElementHandler = lambda tag, attributes: None
    began = time.process_time()
    parser.Parse(b"<row>")
    for _ in range(tenth):
        parser.Parse(part)
    return 10 * (time.process_time() - began)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_no_more_than_the_largest_workbook_and_little_memory(name: str, tmp_path: Path) -> None:
    sheet, expected = BOMBS[name]
    path = workbook(tmp_path / "bomb.xlsx", sheet=sheet)
    limit = 10 * bare_parse_of_what_is_allowed()
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert refusal(path) == expected
    assert time.process_time() - began < limit
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024
