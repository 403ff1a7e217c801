"""The one way rows leave a console as a file: CSV that Excel opens in 中文, or XLSX; formulas never run."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal

import xlsxwriter
from xlsxwriter.format import Format as CellFormat
from xlsxwriter.worksheet import Worksheet

Format = Literal["csv", "xlsx"]
MIME: dict[Format, str] = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_EXACT_DIGITS = 15
"""Digits a spreadsheet's number keeps; a longer amount goes as text."""
_LONGEST_HEADER = 200
"""Characters of the head of a printed page (a spreadsheet takes 255)."""
MAX_ROWS = 200_000
"""Rows of one export; above it a person narrows the list first."""

_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]+)?", re.ASCII)


def formula_safe(value: object) -> object:
    """Text a spreadsheet would run as a formula gets a leading apostrophe; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    # leading blanks and control characters are skipped by spreadsheets before they look for the sign
    stripped = value.lstrip(" \t\r\n\0\ufeff")
    if stripped[:1] in {"=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"} and not _PLAIN_NUMBER.fullmatch(
        value
    ):
        return "'" + value
    return "'" + value if value[:1] in {"\t", "\r"} else value


@dataclass(frozen=True)
class Watermark:
    """Who took the rows, when, why and under which number: ``line`` on one line, ``note`` whole on several; ``column``
    heads the column that carries the line through a CSV (decision 0004)."""

    column: str
    line: str
    note: str


def to_csv(headers: Sequence[str], rows: Iterable[Sequence[object]], *, mark: Watermark) -> bytes:
    """CSV in UTF-8 with a byte order mark (without it Excel reads 中文 as rubbish); the last column is the mark."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([formula_safe(header) for header in (*headers, mark.column)])
    line = formula_safe(mark.line)
    for row in rows:
        writer.writerow([*(formula_safe(_plain(value)) for value in row), line])
    return b"\xef\xbb\xbf" + buffer.getvalue().encode("utf-8")


def refusal(sentence: str, file_format: Format) -> bytes:
    """A file that opens and says why it holds no rows."""
    if file_format == "csv":
        return b"\xef\xbb\xbf" + sentence.encode("utf-8")
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.add_worksheet().write_string(0, 0, sentence)
    return buffer.getvalue()


def to_xlsx(headers: Sequence[str], rows: Iterable[Sequence[object]], *, mark: Watermark, fixed: bool = False) -> bytes:
    """A first sheet that says who took what, when and why, and the rows under the same on one line: on the screen, and
    at the head of every printed page. ``fixed``: nothing of the moment is in the file, so that the same rows under the
    same mark are the same bytes."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    if fixed:
        book.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC)})
    about, sheet = book.add_worksheet("about"), book.add_worksheet("rows")
    about.set_column(0, 0, 100)
    for line, text in enumerate(mark.note.splitlines()):
        about.write_string(line, 0, text)
    sheet.write_string(0, 0, mark.line, book.add_format({"italic": True, "font_color": "#8a4b00"}))
    sheet.set_header("&L" + mark.line.replace("&", "&&")[:_LONGEST_HEADER])
    sheet.repeat_rows(0, 1)
    sheet.freeze_panes(2, 0)
    bold = book.add_format({"bold": True, "bottom": 1})
    for column, header in enumerate(headers):
        sheet.write_string(1, column, header, bold)
        sheet.set_column(column, column, max(12, min(40, len(header) * 2)))
    amount = book.add_format({"num_format": "#,##0.00"})
    for place, row in enumerate(rows, start=2):
        for column, value in enumerate(row):
            _write(sheet, place, column, value, amount)
    sheet.activate()
    book.close()
    return buffer.getvalue()


def _write(sheet: Worksheet, place: int, column: int, value: object, amount: CellFormat) -> None:
    if isinstance(value, Decimal) and len(value.as_tuple().digits) <= _EXACT_DIGITS:
        sheet.write_number(place, column, value, amount)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15:
        sheet.write_number(place, column, value)
    elif value is not None:
        sheet.write_string(place, column, str(_plain(value)))


def _plain(value: object) -> object:
    """Values as a machine reads them back: ISO dates, exact decimals."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return "" if value is None else value
