"""The worksheets of a workbook, read as a stream of tags: how far their cells reach, and what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.parsers import expat

from pipelines.readers.refusals import FileRefused

_CELL = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})", re.ASCII)
LAST_ROW = 1_048_576


@dataclass(frozen=True)
class Sheet:
    """One sheet as the workbook lists it; ``part`` is the name of its XML inside the container."""

    name: str
    part: str
    hidden: bool


def parse_in_stream(name: str, parts: Iterator[bytes], handler: TagHandler) -> None:
    """Feed ``handler`` every opening tag of one XML part; damage or a document type refuses the file.

    The parser keeps no tree, so nesting costs nothing; the number of tags is bounded by the handler's budget.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = handler.start
    parser.StartDoctypeDeclHandler = handler.doctype
    try:
        for part in parts:
            parser.Parse(part, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise FileRefused(
            "broken_xml", f"{name} is not well-formed: {error}.", f"{name} 不是规范的 XML:{error}。"
        ) from error


class Budget:
    """How many tags the parts of one workbook may hold together."""

    def __init__(self, tags: int) -> None:
        self.tags = self.left = tags

    def spent(self) -> FileRefused:
        return FileRefused(
            "too_many_cells",
            f"The workbook has more than {self.tags:,} cells and marks; send it as CSV or Parquet.",
            f"工作簿的单元格和标记超过 {self.tags:,} 个，请改用 CSV 或 Parquet。",
        )


class TagHandler:
    """Counts tags against the budget and refuses document types; what a tag means is the subclass's."""

    def __init__(self, name: str, budget: Budget) -> None:
        self.name, self.budget = name, budget

    def doctype(self, *_: object) -> None:
        raise FileRefused("broken_xml", f"{self.name} declares a document type.", f"{self.name} 含有文档类型声明。")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.budget.left -= 1
        if self.budget.left < 0:
            raise self.budget.spent()
        self.seen(tag[tag.rfind(" ") + 1 :], attributes)

    def seen(self, tag: str, attributes: dict[str, str]) -> None:
        """One opening tag, without its namespace."""


class WorkbookTags(TagHandler):
    """The sheets of ``xl/workbook.xml`` and, of its ``.rels``, the part each identifier points to."""

    def __init__(self, name: str, budget: Budget) -> None:
        super().__init__(name, budget)
        self.listed: list[tuple[str, str, bool]] = []
        self.targets: dict[str, str] = {}

    def seen(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "sheet":
            plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
            hidden = plain.get("state", "visible") != "visible"
            self.listed.append((plain.get("name", ""), plain.get("id", ""), hidden))
        elif tag == "Relationship":
            target = attributes.get("Target", "").lstrip("/")
            self.targets[attributes.get("Id", "")] = target if target.startswith("xl/") else f"xl/{target}"

    def sheets(self) -> list[Sheet]:
        return [Sheet(name, self.targets.get(key, ""), hidden) for name, key, hidden in self.listed]


class CellTags(TagHandler):
    """Remembers the farthest cell; a cell or row without a reference follows the one before.

    It sees every cell of a large sheet, so the letters of a column are read once.
    """

    def __init__(self, name: str, budget: Budget, *, max_area: int, formulas: bool) -> None:
        super().__init__(name, budget)
        self.max_area, self.formulas = max_area, formulas
        self.row = self.column = self.last_row = self.last_column = 0
        self.columns: dict[str, int] = {}

    def seen(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            reference = attributes.get("r")
            if reference is None:
                self._reach(self.row, self.column + 1)
                return
            letters = reference.rstrip("0123456789")
            column = self.columns.get(letters)
            digits = reference[len(letters) :]
            if column is None or not 0 < len(digits) <= 7:
                column = self._new_column(reference)
            row = int(digits)
            if row > self.last_row or column > self.last_column:
                self._reach(row, column)
            self.row, self.column = row, column
        elif tag == "row":
            given = attributes.get("r", "")
            self._reach(int(given) if re.fullmatch("[0-9]{1,7}", given, re.ASCII) else self.row + 1, 0)
        elif tag == "f" and not self.formulas:
            at = f"{_letters(self.column)}{self.row}"
            raise FileRefused(
                "formula",
                f"Cell {at} of {self.name} is a formula; save the values and send the file again.",
                f"{self.name} 的单元格 {at} 是公式，请改为数值后重新发送。",
            )

    def _new_column(self, reference: str) -> int:
        found = _CELL.fullmatch(reference)
        if not found:
            shown = repr(reference[:20])
            raise FileRefused("far_cell", f"{shown} is no cell of a sheet.", f"{shown} 不是有效的单元格。")
        return self.columns.setdefault(found[1], _number(found[1]))

    def _reach(self, row: int, column: int) -> None:
        self.row, self.column = row, column
        self.last_row, self.last_column = max(self.last_row, row), max(self.last_column, column)
        if self.last_row > LAST_ROW or self.last_row * max(self.last_column, 1) > self.max_area:
            raise FileRefused(
                "far_cell",
                f"{self.name} reaches to row {self.last_row:,}, column {self.last_column:,}: too wide to read.",
                f"{self.name} 的范围到第 {self.last_row:,} 行第 {self.last_column:,} 列，超出可读取范围。",
            )


def _number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def _letters(number: int) -> str:
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
