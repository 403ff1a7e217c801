"""Why a file or a row is refused, in both languages. Row checks here are those of every feed; a feed's own rules
stand in its YAML file."""

from __future__ import annotations

from dataclasses import dataclass


class FileRefused(Exception):
    """The whole file is refused: its envelope is broken. ``code`` is stable, the sentences are for people."""

    def __init__(self, code: str, en: str, zh: str, *, encoding: str = "") -> None:
        super().__init__(en)
        self.code = code
        self.en = en
        self.zh = zh
        self.encoding = encoding


@dataclass(frozen=True)
class Check:
    """One decision on a row. ``fails`` is an SQL predicate over the given (``g_``), read (``r_``) and final (``v_``)
    columns that is true where the row is refused; null counts as passed."""

    code: str
    column: str | None
    kind: str
    fails: str
    en: str
    zh: str


ROW_REASONS: dict[str, tuple[str, str]] = {
    "missing": ("A required value is missing.", "必填项缺失。"),
    "date": ("The value is not a date in the declared format.", "不是约定格式的日期。"),
    "moment": ("The value is not a date and time in the declared format.", "不是约定格式的日期时间。"),
    "amount": (
        "The value is not an amount in the declared grammar, or has more decimals than its currency.",
        "不是约定写法的金额，或小数位多于币种所允许。",
    ),
    "integer": ("The value is not a whole number.", "不是整数。"),
    "boolean": ("The value is neither true nor false.", "不是真或假。"),
    "id": (
        "The value is no identifier: too long, padded with blanks, or damaged by a spreadsheet.",
        "标识无效：过长、带空格或被电子表格损坏。",
    ),
    "code": ("The code is not known to the template, or too long.", "代码不在模板对照表内，或过长。"),
    "text": ("The text is too long.", "文本过长。"),
    "control_characters": ("The row holds control characters.", "该行含有控制字符。"),
    "ragged_row": ("The row has another number of columns than the header.", "该行列数与表头不一致。"),
    "broken_json": ("The line is no flat JSON object.", "该行不是扁平的 JSON 对象。"),
    "broken_quotes": ("The row's quotes are not closed.", "该行引号未闭合。"),
    "truncated_line": ("The last line of the file is cut.", "文件最后一行被截断。"),
    "repeated_header": ("The header is repeated inside the data.", "数据中重复出现表头。"),
    "ambiguous_key": (
        "Several rows of the file share the values that should name this loan; they cannot be told apart.",
        "文件中有多行的识别字段完全相同，无法区分是哪一笔借款。",
    ),
    "duplicate_row": ("The same row stands earlier in this file.", "本文件前面已有完全相同的一行。"),
    "not_of_this_feed": ("The template leaves this row out of this feed.", "按模板该行不属于此数据源。"),
    "not_in_custody": (
        "This case was not placed with your agency on the date of the row.",
        "该行日期当日，此案件未委托贵机构。",
    ),
    "file_refused": ("The whole file is refused.", "整个文件被拒收。"),
}
"""Code of a row check to its sentence in English and 中文."""

HARMLESS = frozenset({"duplicate_row", "repeated_header", "not_of_this_feed"})
"""Quarantined, but no sign of damage: these do not count towards ``max_refused_share``."""
