"""Imports (导入): a file that a person brings, looked at before it counts, and taken back until it was used (27)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from enum import StrEnum
from pathlib import PurePosixPath, PureWindowsPath

from ops_app.domain.errors import Conflict, Invalid, NotFound

LONGEST_REASON = 300
_LONGEST_NAME = 120
_SUFFIXES = (".csv", ".txt", ".tsv", ".asc", ".xlsx", ".parquet", ".jsonl", ".ndjson", ".sta", ".mt940", ".940", ".xml")
_PACKED = (".gz", ".zst")


class ImportState(StrEnum):
    """Where an import stands. Nothing of it is in the warehouse before ``APPLIED`` nor after ``REVERSED``."""

    READING = "reading"
    PREVIEWED = "previewed"
    CONFIRMED = "confirmed"
    APPLIED = "applied"
    REPEATED = "repeated"
    REVERSING = "reversing"
    REVERSED = "reversed"
    DISCARDED = "discarded"


class ImportMove(StrEnum):
    """What may happen to an import; the first seven are done by people, the others by the work itself."""

    CORRECT = "correct"
    TYPE_TOTALS = "type_totals"
    CONFIRM = "confirm"
    REPLAY = "replay"
    REVERSE = "reverse"
    DISCARD = "discard"
    GIVE_UP = "give_up"
    READ = "read"
    APPLY = "apply"
    REPEAT = "repeat"
    SEND_BACK = "send_back"
    TAKE_BACK = "take_back"
    KEEP = "keep"
    DROP = "drop"


_S, _M = ImportState, ImportMove
MOVES: dict[ImportState, dict[ImportMove, ImportState]] = {
    _S.READING: {_M.READ: _S.PREVIEWED, _M.DISCARD: _S.DISCARDED},
    _S.PREVIEWED: {
        _M.CORRECT: _S.READING,
        _M.TYPE_TOTALS: _S.READING,
        _M.CONFIRM: _S.CONFIRMED,
        _M.DISCARD: _S.DISCARDED,
    },
    _S.CONFIRMED: {
        _M.APPLY: _S.APPLIED,
        _M.REPEAT: _S.REPEATED,
        _M.SEND_BACK: _S.PREVIEWED,
        _M.GIVE_UP: _S.CONFIRMED,
        _M.DROP: _S.DISCARDED,
    },
    _S.APPLIED: {_M.CORRECT: _S.APPLIED, _M.REPLAY: _S.APPLIED, _M.REVERSE: _S.REVERSING},
    _S.REVERSING: {_M.TAKE_BACK: _S.REVERSED, _M.KEEP: _S.APPLIED},
    _S.REPEATED: {},
    _S.REVERSED: {},
    _S.DISCARDED: {},
}
"""State → move → next state. What is not here is refused."""

STATE_NAMES: dict[ImportState, tuple[str, str]] = {
    _S.READING: ("being read", "读取中"),
    _S.PREVIEWED: ("waiting for a decision", "待确认"),
    _S.CONFIRMED: ("waiting to be applied", "待入库"),
    _S.APPLIED: ("applied", "已入库"),
    _S.REPEATED: ("known already, nothing done", "重复文件，未做处理"),
    _S.REVERSING: ("being reversed", "撤销中"),
    _S.REVERSED: ("reversed", "已撤销"),
    _S.DISCARDED: ("discarded", "已作废"),
}

NEVER_REVERSED = frozenset({"loan_totals", "loan_keys"})
"""Feeds from which rows of other feeds are worked out as they are loaded: an import of these stays."""

AGENCY_FEEDS = frozenset({"notes", "calls", "agency_payments", "claimed_commissions"})
"""What agencies bring back: notes, calls, payments they report, commission they claim. None of it is money received."""

FEEDS_WITH_AMOUNT = frozenset(
    {
        "agency_payments", "bank_lines", "claimed_commissions", "instalments", "loan_totals", "loans", "placements",
        "promises", "repayments", "settled_commissions", "standing_orders",
    }
)  # fmt: skip
"""Feeds that hold amounts, of which a sum can be typed beside a file."""

AGENCY_SOURCE = "AG-"
"""The beginning of the source codes of agencies; no template of a lender can have such a one."""

_LONGEST_CODE = 29
_SUM = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,2})?", re.ASCII)

WORKING = frozenset({ImportState.READING, ImportState.CONFIRMED, ImportState.REVERSING})
"""States that wait for work, not for a person."""


class NoSuchImport(NotFound):
    """No import of this id for this person."""

    def __init__(self) -> None:
        super().__init__("There is no such import.", "没有此导入。")


class ImportMoveNotAllowed(Conflict):
    """The import does not stand where this could be done to it."""

    def __init__(self, state: ImportState) -> None:
        en, zh = STATE_NAMES[state]
        super().__init__(f"This import is {en}; that cannot be done to it now.", f"该导入{zh}，不能执行此操作。")


class ImportChanged(Conflict):
    """Somebody else did something to the import since it was read."""

    def __init__(self, who: str, state: ImportState) -> None:
        en, zh = STATE_NAMES[state]
        super().__init__(
            f"{who} changed this import meanwhile; it is {en} now. Look at it again, then decide.",
            f"该导入已被{who}更改，当前{zh}。请重新查看后再处理。",
        )


class CodeTooLong(Conflict):
    """The agency's code leaves no room for a source code of its own."""

    def __init__(self) -> None:
        super().__init__(
            f"The code of your agency is longer than {_LONGEST_CODE} characters, so it has no files of its own. Ask the"
            " administrator of the asset company.",
            f"贵机构代码超过 {_LONGEST_CODE} 个字符，无法上传文件。请联系资产公司系统管理员。",
        )


class NothingToLoad(Conflict):
    """The file as a whole is refused, so there is nothing that could be confirmed."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(f"The file cannot be applied: {en}", f"该文件不能入库：{zh}")


class ImportUsed(Conflict):
    """Something downstream has used the rows, so they stay; corrections are made by a later file."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(
            f"The import stays: {en} Send a file that corrects it.", f"该导入不能撤销：{zh}请以后续文件更正。"
        )


def move(state: ImportState, what: ImportMove) -> ImportState:
    """The state after ``what``; raises ``ImportMoveNotAllowed``."""
    try:
        return MOVES[state][what]
    except KeyError:
        raise ImportMoveNotAllowed(state) from None


def checked_file_name(name: str) -> str:
    """The name a file is kept under: its last part, printable, of a kind that can be read; raises ``Invalid``."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    kept = "".join(sign if sign.isprintable() else "_" for sign in last).strip().lstrip(".")
    plain = kept.lower()
    for packed in _PACKED:
        plain = plain.removesuffix(packed)
    suffix = next((one for one in _SUFFIXES if plain.endswith(one)), None)
    if suffix is None or len(plain) == len(suffix):
        raise Invalid(
            "The file is none that can be read: CSV, TXT, XLSX, Parquet, JSON lines or a bank statement, plain or"
            " packed as .gz or .zst.",
            "不支持该文件类型。可导入 CSV、TXT、XLSX、Parquet、JSONL 或银行对账文件，亦可为 .gz、.zst 压缩。",
            field="file",
        )
    if len(kept) > _LONGEST_NAME:
        tail = kept[len(plain) - len(suffix) :]
        kept = kept[: _LONGEST_NAME - len(tail)] + tail
    return kept


def checked_reason(reason: str) -> str:
    """Why something is done, on one line; raises ``Invalid``."""
    text = " ".join(reason.split())
    if not 3 <= len(text) <= LONGEST_REASON or not text.isprintable():
        raise Invalid(
            f"Say why, in 3 to {LONGEST_REASON} characters.",
            f"请用 3 至 {LONGEST_REASON} 个字说明原因。",
            field="reason",
        )
    return text


def checked_file_date(day: date | None, today: date) -> date:
    """The date the file speaks for; raises ``Invalid`` when it is missing or not yet there."""
    if day is None:
        raise Invalid("Say which date the file is of.", "请填写文件日期。", field="file_date")
    if day > today:
        raise Invalid("The date of the file is not yet there.", "文件日期不能晚于今天。", field="file_date")
    return day


def checked_decision(decision: str, corrected: Mapping[str, str | None], columns: Collection[str]) -> None:
    """A correction names columns of the row and says something, a discard says nothing; raises ``Invalid``."""
    if decision not in ("replay", "discard"):
        raise Invalid("Choose replay or discard.", "请选择更正重放或作废。", field="decision")
    if decision == "replay" and not corrected:
        raise Invalid("Nothing is corrected yet.", "尚未更正任何内容。", field="corrected")
    unknown = sorted(set(corrected) - set(columns))
    if unknown:
        raise Invalid(f"No such column: {', '.join(unknown)}.", f"没有此列：{'、'.join(unknown)}。", field=unknown[0])


def source_of_agency(agency_code: str) -> str:
    """The source code under which the files of an agency stand in the warehouse; raises ``CodeTooLong``."""
    if len(agency_code) > _LONGEST_CODE:
        raise CodeTooLong
    return AGENCY_SOURCE + agency_code


def agency_of_source(source_code: str) -> str | None:
    """The agency whose source code this is; None for that of a lender."""
    return source_code.removeprefix(AGENCY_SOURCE) if source_code.startswith(AGENCY_SOURCE) else None


def checked_typed_rows(rows: str | int | None) -> int | None:
    """The number of rows that was typed; None where nothing was. Raises ``Invalid``."""
    text = str(rows if rows is not None else "").replace(",", "").strip()
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
        raise Invalid("The number of rows is a whole number.", "行数须为整数。", field="typed_rows")
    return int(text)


def checked_typed_sum(total: str | None, *, has_amount: bool) -> str | None:
    """The sum that was typed, in major units; None where nothing was. ``has_amount``: the feed holds amounts. Raises
    ``Invalid``."""
    text = (total or "").replace(",", "").strip()
    if not text:
        return None
    if not has_amount:
        raise Invalid(
            "This feed holds no amounts; leave the sum empty.", "该数据源没有金额列，请勿填写合计。", field="typed_sum"
        )
    if not _SUM.fullmatch(text):
        raise Invalid(
            "The sum is an amount with at most two decimals, as 45678.90.",
            "合计须为最多两位小数的金额，如 45678.90。",
            field="typed_sum",
        )
    return text


def date_in_name(name: str) -> date | None:
    """The date that stands in a file's name as yyyy-mm-dd or yyyymmdd, where there is one."""
    found = re.search(r"(?<!\d)(20\d{2})-?(\d{2})-?(\d{2})(?!\d)", name)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def may_reverse(feed: str) -> bool:
    """Whether an import of ``feed`` can be taken back at all while it is unused."""
    return feed not in NEVER_REVERSED
