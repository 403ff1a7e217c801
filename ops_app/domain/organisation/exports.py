"""Exports (导出文件): rows that leave the house as a file, by whom, why, and for how long (feature 28)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from ops_app.domain.canonical import key_hash
from ops_app.domain.errors import Conflict, Invalid, NotFound, NotReady
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import may

APPROVAL_LIFE = timedelta(days=3)
"""How long an approval waits for its file to be made."""

MOST_FETCHES = 5
"""How often a link gives its file."""

_GROWTH = 10
"""One in so many rows that a list may have grown by while its export waited for approval."""

PLACEMENT_FILE = "placement_file"
"""The export of what is placed with an agency: its rows in the standard layout and their control totals, packed."""

LONGEST_REASON = 300
FORMATS = ("csv", "xlsx")


class ExportState(StrEnum):
    """Where an export stands: handed over at once, or asked for, released by a second person, made, ended."""

    HANDED_OVER = "handed_over"
    REQUESTED = "requested"
    RELEASED = "released"
    READY = "ready"
    ENDED = "ended"


EXPORT_STATE_NAMES: dict[ExportState, tuple[str, str]] = {
    ExportState.HANDED_OVER: ("handed over", "已直接下载"),
    ExportState.REQUESTED: ("waiting for approval", "待审批"),
    ExportState.RELEASED: ("approved, to be made", "已批准，待生成"),
    ExportState.READY: ("ready", "可下载"),
    ExportState.ENDED: ("ended", "已失效"),
}


class ExportMove(StrEnum):
    """What may happen to an export."""

    RELEASE = "release"
    MAKE = "make"
    FETCH = "fetch"
    END = "end"


MOVES: dict[ExportState, dict[ExportMove, ExportState]] = {
    ExportState.HANDED_OVER: {},
    ExportState.REQUESTED: {ExportMove.RELEASE: ExportState.RELEASED, ExportMove.END: ExportState.ENDED},
    ExportState.RELEASED: {ExportMove.MAKE: ExportState.READY, ExportMove.END: ExportState.ENDED},
    ExportState.READY: {ExportMove.FETCH: ExportState.READY, ExportMove.END: ExportState.ENDED},
    ExportState.ENDED: {},
}
"""State → move → next state. What is not here is refused."""


class MoveNotAllowed(Conflict):
    """The export does not stand where this could be done to it: its file is made once, its approval is used once."""

    def __init__(self, state: ExportState) -> None:
        en, zh = EXPORT_STATE_NAMES[state]
        super().__init__(
            f"This export is {en}; that cannot be done to it now.", f"该导出状态为“{zh}”，不能执行此操作。"
        )


class NoSuchExport(NotFound):
    """No file behind this link for this person: never was, is somebody else's, or its link has ended."""

    def __init__(self) -> None:
        super().__init__(
            "There is no such file, or its link has ended. Ask for the export again.",
            "没有此文件，或其链接已失效，请重新申请导出。",
        )


class NotTheExport(Conflict):
    """A request says something else than the export it is about."""

    def __init__(self) -> None:
        super().__init__(
            "This is not what was asked to be exported. Ask anew from the list itself.",
            "该内容与原导出申请不一致，请从列表重新申请导出。",
        )


class ApprovalNeeded(NotReady):
    """More rows than a person takes within 24 hours with a reason alone; ``taken`` left already."""

    def __init__(self, rows: int, limit: int, taken: int) -> None:
        left = max(limit - taken, 0)
        super().__init__(
            f"{rows} rows are more than {limit}: somebody else approves this export first."
            if not taken
            else f"{rows} rows are more than the {left} that are left to you of {limit} within 24 hours: somebody else"
            " approves this export first.",
            f"{rows} 行超过 {limit} 行，须先经他人审批后方可导出。"
            if not taken
            else f"{rows} 行超过您 24 小时内的剩余额度 {left} 行（共 {limit} 行），须先经他人审批后方可导出。",
        )


class ApprovalWaiting(NotReady):
    """The export was asked for and waits; nothing was made."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"Export {number} waits for the approval of somebody else. Once it is approved, export here again.",
            f"导出申请 {number} 待他人审批，批准后请在此处再次导出。",
        )


class MadeAlready(Conflict):
    """The file of this approval was made; it is fetched by its link."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"The file of export {number} was made already. Fetch it on the page My exports.",
            f"导出 {number} 的文件已生成，请在“我的导出”页面下载。",
        )


class GrownTooMuch(Conflict):
    """The list has many more rows now than were approved."""

    def __init__(self, approved: int, now: int) -> None:
        super().__init__(
            f"{approved} rows were approved and there are {now} now. Narrow the filters or ask again.",
            f"获批 {approved} 行，现有 {now} 行。请缩小筛选范围或重新申请。",
        )


def move(state: ExportState, what: ExportMove) -> ExportState:
    """The state after ``what``; raises ``MoveNotAllowed``."""
    try:
        return MOVES[state][what]
    except KeyError:
        raise MoveNotAllowed(state) from None


def state_at(kept: ExportState, *, waits: bool, until_at: datetime | None, fetches: int, now: datetime) -> ExportState:
    """The state at ``now``: a request that no longer ``waits``, an approval or a link whose time is over, and a link
    that is used up have ended without an act."""
    over = until_at is not None and now >= until_at
    ended = {
        ExportState.REQUESTED: not waits,
        ExportState.RELEASED: over,
        ExportState.READY: over or fetches >= MOST_FETCHES,
    }
    return move(kept, ExportMove.END) if ended.get(kept, False) else kept


def still_holds(actor: Actor, role: Role, agency_code: str | None) -> bool:
    """Whether ``actor`` still is what they were when they asked: the same role and agency, and may export."""
    return (actor.role, actor.agency_code) == (role, agency_code) and may(actor, "rows.export")


def check_growth(approved: int, now: int) -> None:
    """Raise ``GrownTooMuch`` when there are over a tenth more rows than were approved."""
    if now > approved + approved // _GROWTH:
        raise GrownTooMuch(approved, now)


def checked_format(file_format: str) -> str:
    """``csv`` or ``xlsx``; raises ``Invalid``."""
    if file_format not in FORMATS:
        raise Invalid(f"There is no format {file_format}.", f"不支持的格式：{file_format}。", field="file_format")
    return file_format


def checked_reason(reason: str) -> str:
    """Why the rows leave, on one line; raises ``Invalid`` where it is missing or too long."""
    text = " ".join(reason.split())
    if not 3 <= len(text) <= LONGEST_REASON or not text.isprintable():
        raise Invalid(
            f"Say in 3 to {LONGEST_REASON} characters what the rows are for.",
            f"请用 3 至 {LONGEST_REASON} 个字说明导出用途。",
            field="reason",
        )
    return text


def number_of(export_id: str, day: str) -> str:
    """The number people say: the day it was asked for and a mark that says nothing about the id behind the link."""
    return f"X{day}-{key_hash('export number', export_id)[:8].upper()}"


def file_name_of(what: str, filters: Mapping[str, str], number: str, file_format: str) -> str:
    """The name under which a file leaves: what it is and the number of the export, nothing that somebody typed."""
    if what == PLACEMENT_FILE:
        return f"{placement_file_name(filters, number)}.zip"
    return f"recoup_{_plain(what)[:60]}_{number}.{file_format}"


def placement_file_name(filters: Mapping[str, str], of: str) -> str:
    """Agency, batch (all: whatever is placed with it) and ``of`` (a day, or the number of the export with its day)."""
    return "_".join(("placements", _plain(filters["agency"]), _plain(filters.get("batch", "all")), _plain(of)))


def _plain(name: str) -> str:
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_-") else "_" for sign in name)


def used_filters(filters: Mapping[str, str]) -> dict[str, str]:
    """The filters that narrow the rows; empty ones do not."""
    return {name: value for name, value in sorted(filters.items()) if value}
