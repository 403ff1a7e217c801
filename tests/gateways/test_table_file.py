"""Small tables that people upload: both formats, both encodings, and files that mean harm."""

from __future__ import annotations

import io
import zipfile

import pytest
import xlsxwriter

from ops_app.gateways.table_file import LARGEST, UnreadableFile, read_table

HEADERS, ROWS = ["登录名", "姓名", "角色"], [["007", "王 芳", "collector"], ["a1", "", "1e5"]]
READ = (("登录名", "姓名", "角色"), ("007", "王 芳", "collector"), ("a1", "", "1e5"))


def workbook(rows: list[list[str]]) -> bytes:
    """A workbook as any spreadsheet program saves it."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            sheet.write_string(number, column, text)
    book.close()
    return buffer.getvalue()


def far_cell() -> bytes:
    """A workbook of a few kilobytes whose two cells span a sheet of half a terabyte."""
    plain = zipfile.ZipFile(io.BytesIO(workbook([["a"], ["b"]])))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as changed:
        for name in plain.namelist():
            data = plain.read(name)
            if name.endswith("sheet1.xml"):
                data = data.replace(b'r="A2"', b'r="XFD1048576"').replace(b'<row r="2"', b'<row r="1048576"')
            changed.writestr(name, data)
    return made.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("\n".join(",".join(row) for row in [HEADERS, *ROWS]).encode("utf-8-sig"), "people.csv"),
        ("\n".join(",".join(row) for row in [HEADERS, *ROWS]).encode("gb18030"), "people.CSV"),
        (workbook([HEADERS, *ROWS]), "people.xlsx"),
    ],
)
def test_every_cell_is_read_as_text(data: bytes, name: str) -> None:
    assert read_table(data, name) == READ


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"a,b", "people.pdf"),
        (b"x" * (LARGEST + 1), "people.csv"),
        (b"\xff\xff\xff", "people.csv"),
        (b"a\x00b", "people.csv"),
        (b'a,"b', "people.csv"),
        (b"," * 60_000, "people.csv"),
        (b"no workbook", "people.xlsx"),
        (far_cell(), "people.xlsx"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_takes_nothing_with_it(data: bytes, name: str) -> None:
    with pytest.raises(UnreadableFile) as refusal:
        read_table(data, name)
    assert refusal.value.field == "file"
    assert refusal.value.zh
