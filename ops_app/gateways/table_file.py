"""A small table that a person uploads, as rows of text: CSV here, a workbook in a child process with limits.

A workbook of a few kilobytes can make its parser ask for all the memory there is and take the whole process with it,
so it is never parsed in the process that serves pages.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Sequence

from ops_app.config import PROJECT_ROOT
from ops_app.domain.errors import Invalid

LARGEST = 2 * 1024 * 1024
MOST_CELLS = 50_000
_SECONDS = 20


class UnreadableFile(Invalid):
    """The file is no table that can be read; says why."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en, zh, field="file")


def read_table(data: bytes, file_name: str) -> tuple[tuple[str, ...], ...]:
    """The rows of a CSV (UTF-8 or GB18030) or of the first sheet of an XLSX, every cell as text.

    Raises ``UnreadableFile``.
    """
    if len(data) > LARGEST:
        raise UnreadableFile("The file is larger than 2 MB.", "文件超过 2 MB。")
    if file_name.lower().endswith(".xlsx"):
        rows = _workbook(data)
    elif file_name.lower().endswith(".csv"):
        rows = _csv(data)
    else:
        raise UnreadableFile("The file is CSV or XLSX.", "文件须为 CSV 或 XLSX 格式。")
    if sum(len(row) for row in rows) > MOST_CELLS:
        raise UnreadableFile("The table is too large.", "表格过大。")
    return tuple(tuple(row) for row in rows)


def _csv(data: bytes) -> Sequence[Sequence[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise UnreadableFile("The file is neither UTF-8 nor GB18030.", "文件编码既非 UTF-8 也非 GB18030。")
    if "\x00" in text:
        raise UnreadableFile("The file is no text.", "文件不是文本。")
    try:
        return list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise UnreadableFile(f"The file is not well-formed CSV: {error}.", "CSV 格式有误。") from error


def _workbook(data: bytes) -> Sequence[Sequence[str]]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ops_app.gateways.table_child"],
            input=data,
            capture_output=True,
            timeout=_SECONDS,
            cwd=PROJECT_ROOT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _costly() from error
    if done.returncode == 2:
        raise UnreadableFile("The file is no workbook that can be read.", "无法读取该工作簿。")
    if done.returncode != 0:
        raise _costly()
    rows: list[list[str]] = json.loads(done.stdout)
    return rows


def _costly() -> UnreadableFile:
    return UnreadableFile(
        "Reading the workbook took more memory or time than a table of people may. Save it as CSV.",
        "读取该工作簿占用过多内存或时间，请另存为 CSV 后再上传。",
    )
