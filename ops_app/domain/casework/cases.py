"""Cases: one loan in one spell of collection, the states it goes through, and who may move it (background flow B1)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid, NotFound

_SEPARATOR = chr(31)


class CaseState(StrEnum):
    """Where a case stands in B1."""

    ENTERED = "entered"
    TO_ASSIGN = "to_assign"
    IN_HOUSE = "in_house"
    TO_BE_PLACED = "to_be_placed"
    PLACED = "placed"
    RETAINED = "retained"
    SUSPENDED = "suspended"
    VISITING = "visiting"
    LEGAL = "legal"
    DISPUTED = "disputed"
    RETURNED = "returned"
    WRITTEN_OFF = "written_off"
    CLOSED = "closed"


CASE_STATE_NAMES: dict[CaseState, tuple[str, str]] = {
    CaseState.ENTERED: ("entered", "入催"),
    CaseState.TO_ASSIGN: ("to be assigned", "待分"),
    CaseState.IN_HOUSE: ("collected in house", "在催（内）"),
    CaseState.TO_BE_PLACED: ("to be placed", "待委外"),
    CaseState.PLACED: ("placed with an agency", "委外中"),
    CaseState.RETAINED: ("retained by the agency", "留案"),
    CaseState.SUSPENDED: ("suspended", "停催"),
    CaseState.VISITING: ("being visited", "外访中"),
    CaseState.LEGAL: ("in legal proceedings", "法催中"),
    CaseState.DISPUTED: ("disputed", "争议/投诉"),
    CaseState.RETURNED: ("returned by the agency", "退案"),
    CaseState.WRITTEN_OFF: ("written off, still collected", "核销（账销案存）"),
    CaseState.CLOSED: ("closed", "结清/销案"),
}


class Custody(StrEnum):
    """In whose hands a case is; follows from its state (``custody_of``)."""

    IN_HOUSE = "in_house"
    TO_BE_PLACED = "to_be_placed"
    PLACED = "placed"
    RECALLED = "recalled"
    ENDED = "ended"


CUSTODY_NAMES: dict[Custody, tuple[str, str]] = {
    Custody.IN_HOUSE: ("in house", "内催"),
    Custody.TO_BE_PLACED: ("to be placed", "待委外"),
    Custody.PLACED: ("with an agency", "委外中"),
    Custody.RECALLED: ("recalled", "已退案"),
    Custody.ENDED: ("ended", "已结束"),
}


class CaseMove(StrEnum):
    """What may happen to a case."""

    OPEN_QUEUE = "queue_for_assignment"
    TAKE = "take_in_house"
    QUEUE = "queue_for_placement"
    WITHDRAW = "withdraw_from_placement"
    PLACE = "place"
    RETAIN = "retain"
    END_RETENTION = "end_retention"
    RECALL = "recall"
    SUSPEND = "suspend"
    DISPUTE = "dispute"
    RESUME = "resume"
    VISIT = "visit"
    END_VISIT = "end_visit"
    SUE = "sue"
    END_LEGAL = "end_legal"
    WRITE_OFF = "write_off"
    UNDO_WRITE_OFF = "undo_write_off"
    CLOSE = "close"
    REVIVE = "revive"


CASE_MOVE_NAMES: dict[CaseMove, tuple[str, str]] = {
    CaseMove.OPEN_QUEUE: ("queue for assignment", "转待分"),
    CaseMove.TAKE: ("take in house", "转内催"),
    CaseMove.QUEUE: ("queue for placement", "转待委外"),
    CaseMove.WITHDRAW: ("withdraw from placement", "撤回待委外"),
    CaseMove.PLACE: ("place", "委案"),
    CaseMove.RETAIN: ("retain", "留案"),
    CaseMove.END_RETENTION: ("end retention", "结束留案"),
    CaseMove.RECALL: ("recall", "退案"),
    CaseMove.SUSPEND: ("suspend", "停催"),
    CaseMove.DISPUTE: ("dispute", "登记争议"),
    CaseMove.RESUME: ("resume", "恢复催收"),
    CaseMove.VISIT: ("begin a visit", "开始外访"),
    CaseMove.END_VISIT: ("end the visit", "结束外访"),
    CaseMove.SUE: ("begin legal proceedings", "转法催"),
    CaseMove.END_LEGAL: ("end legal proceedings", "结束法催"),
    CaseMove.WRITE_OFF: ("write off", "核销"),
    CaseMove.UNDO_WRITE_OFF: ("reverse the write-off", "撤销核销"),
    CaseMove.CLOSE: ("close", "销案"),
    CaseMove.REVIVE: ("take up again", "恢复案件"),
}


class CloseReason(StrEnum):
    """Why a spell ended; ``withdrawn`` where later data shows that it never was one."""

    PAID = "paid"
    CURED = "cured"
    SOLD = "sold"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"


CLOSE_REASON_NAMES: dict[CloseReason, tuple[str, str]] = {
    CloseReason.PAID: ("paid", "结清"),
    CloseReason.CURED: ("cured", "恢复正常"),
    CloseReason.SOLD: ("sold", "已转让"),
    CloseReason.CANCELLED: ("cancelled", "已撤销"),
    CloseReason.WITHDRAWN: ("withdrawn by later data", "数据更正撤销"),
}


@dataclass(frozen=True)
class Permits:
    """What a state allows: contact with the debtor, a new placement, a new assignment."""

    contact: bool
    placement: bool
    assignment: bool


PERMITS: dict[CaseState, Permits] = {
    CaseState.ENTERED: Permits(contact=False, placement=False, assignment=False),
    CaseState.TO_ASSIGN: Permits(contact=False, placement=False, assignment=True),
    CaseState.IN_HOUSE: Permits(contact=True, placement=False, assignment=True),
    CaseState.TO_BE_PLACED: Permits(contact=False, placement=True, assignment=False),
    CaseState.PLACED: Permits(contact=True, placement=False, assignment=True),
    CaseState.RETAINED: Permits(contact=True, placement=False, assignment=True),
    CaseState.SUSPENDED: Permits(contact=False, placement=False, assignment=False),
    CaseState.VISITING: Permits(contact=True, placement=False, assignment=True),
    CaseState.LEGAL: Permits(contact=False, placement=False, assignment=False),
    CaseState.DISPUTED: Permits(contact=False, placement=False, assignment=False),
    CaseState.RETURNED: Permits(contact=False, placement=False, assignment=True),
    CaseState.WRITTEN_OFF: Permits(contact=True, placement=True, assignment=True),
    CaseState.CLOSED: Permits(contact=False, placement=False, assignment=False),
}

_BACK = None
"""The state a held case came from."""

_HOLD: dict[CaseMove, CaseState | None] = {
    CaseMove.SUSPEND: CaseState.SUSPENDED,
    CaseMove.DISPUTE: CaseState.DISPUTED,
    CaseMove.CLOSE: CaseState.CLOSED,
}
_HELD: dict[CaseMove, CaseState | None] = {CaseMove.RESUME: _BACK, CaseMove.CLOSE: CaseState.CLOSED}
_OFF: dict[CaseMove, CaseState | None] = {CaseMove.WRITE_OFF: CaseState.WRITTEN_OFF}

MOVES: dict[CaseState, dict[CaseMove, CaseState | None]] = {
    CaseState.ENTERED: {
        CaseMove.OPEN_QUEUE: CaseState.TO_ASSIGN, CaseMove.QUEUE: CaseState.TO_BE_PLACED, **_HOLD, **_OFF,
    },
    CaseState.TO_ASSIGN: {
        CaseMove.TAKE: CaseState.IN_HOUSE, CaseMove.QUEUE: CaseState.TO_BE_PLACED, CaseMove.SUE: CaseState.LEGAL,
        **_HOLD, **_OFF,
    },
    CaseState.IN_HOUSE: {
        CaseMove.OPEN_QUEUE: CaseState.TO_ASSIGN, CaseMove.QUEUE: CaseState.TO_BE_PLACED,
        CaseMove.VISIT: CaseState.VISITING, CaseMove.SUE: CaseState.LEGAL, **_HOLD, **_OFF,
    },
    CaseState.TO_BE_PLACED: {
        CaseMove.PLACE: CaseState.PLACED, CaseMove.WITHDRAW: CaseState.TO_ASSIGN, CaseMove.SUE: CaseState.LEGAL,
        **_HOLD, **_OFF,
    },
    CaseState.PLACED: {
        CaseMove.RETAIN: CaseState.RETAINED, CaseMove.RECALL: CaseState.RETURNED,
        CaseMove.VISIT: CaseState.VISITING, **_HOLD,
    },
    CaseState.RETAINED: {
        CaseMove.RETAIN: CaseState.RETAINED, CaseMove.END_RETENTION: CaseState.PLACED,
        CaseMove.RECALL: CaseState.RETURNED, CaseMove.VISIT: CaseState.VISITING, **_HOLD,
    },
    CaseState.VISITING: {
        CaseMove.END_VISIT: _BACK, CaseMove.RECALL: CaseState.RETURNED, **_HOLD,
    },
    CaseState.SUSPENDED: {
        CaseMove.DISPUTE: CaseState.DISPUTED, CaseMove.RECALL: CaseState.SUSPENDED, **_HELD,
    },
    CaseState.DISPUTED: {
        CaseMove.SUSPEND: CaseState.SUSPENDED, CaseMove.RECALL: CaseState.DISPUTED, **_HELD,
    },
    CaseState.LEGAL: {CaseMove.END_LEGAL: CaseState.RETURNED, **_HOLD, **_OFF},
    CaseState.RETURNED: {
        CaseMove.OPEN_QUEUE: CaseState.TO_ASSIGN, CaseMove.TAKE: CaseState.IN_HOUSE,
        CaseMove.QUEUE: CaseState.TO_BE_PLACED, CaseMove.SUE: CaseState.LEGAL, **_HOLD, **_OFF,
    },
    CaseState.WRITTEN_OFF: {
        CaseMove.OPEN_QUEUE: CaseState.TO_ASSIGN, CaseMove.TAKE: CaseState.IN_HOUSE,
        CaseMove.QUEUE: CaseState.TO_BE_PLACED, CaseMove.PLACE: CaseState.PLACED, CaseMove.SUE: CaseState.LEGAL,
        CaseMove.UNDO_WRITE_OFF: CaseState.TO_ASSIGN, **_HOLD,
    },
    CaseState.CLOSED: {CaseMove.REVIVE: CaseState.TO_ASSIGN},
}  # fmt: skip
"""State → move → next state (``None``: back to where a held case came from). What is not here is refused."""

HELD = frozenset({CaseState.SUSPENDED, CaseState.DISPUTED, CaseState.VISITING})
"""States that remember where the case came from and go back there."""

WITH_AGENCY = frozenset({CaseState.PLACED, CaseState.RETAINED})

MOVE_PERMISSIONS: dict[CaseMove, str] = {
    CaseMove.OPEN_QUEUE: "cases.move",
    CaseMove.TAKE: "cases.move",
    CaseMove.QUEUE: "cases.place",
    CaseMove.WITHDRAW: "cases.place",
    CaseMove.PLACE: "cases.place",
    CaseMove.RETAIN: "cases.place",
    CaseMove.END_RETENTION: "cases.place",
    CaseMove.RECALL: "cases.place",
    CaseMove.SUSPEND: "cases.hold",
    CaseMove.DISPUTE: "cases.hold",
    CaseMove.RESUME: "cases.move",
    CaseMove.VISIT: "cases.move",
    CaseMove.END_VISIT: "cases.move",
    CaseMove.SUE: "cases.move",
    CaseMove.END_LEGAL: "cases.move",
    CaseMove.WRITE_OFF: "cases.intake",
    CaseMove.UNDO_WRITE_OFF: "cases.intake",
    CaseMove.CLOSE: "cases.intake",
    CaseMove.REVIVE: "cases.intake",
}
"""Move → the permission it needs. A write-off follows an approved request or the lender's feed, a closing the feed."""

BY_THEIR_OWN_ACT = frozenset(
    {
        CaseMove.PLACE,
        CaseMove.RETAIN,
        CaseMove.RECALL,
        CaseMove.TAKE,
        CaseMove.WRITE_OFF,
        CaseMove.UNDO_WRITE_OFF,
        CaseMove.CLOSE,
        CaseMove.REVIVE,
    }
)
"""Moves that change more than the state (a placement, an assignment, dates): each has an act of its own."""


@dataclass(frozen=True)
class Position:
    """Where a case stands; ``before`` is where a held case came from, ``None`` for any other."""

    state: CaseState
    before: CaseState | None = None

    def __post_init__(self) -> None:
        if (self.before is not None) != (self.state in HELD):
            raise ValueError(f"{self.state} and {self.before} do not go together")

    @property
    def base(self) -> CaseState:
        """The state that decides custody."""
        return self.before or self.state

    @property
    def custody(self) -> Custody:
        """In whose hands the case is."""
        return custody_of(self.base)


def custody_of(base: CaseState) -> Custody:
    """The custody that a state (of a held case: the one it came from) stands for."""
    if base in WITH_AGENCY:
        return Custody.PLACED
    return {
        CaseState.TO_BE_PLACED: Custody.TO_BE_PLACED,
        CaseState.RETURNED: Custody.RECALLED,
        CaseState.CLOSED: Custody.ENDED,
    }.get(base, Custody.IN_HOUSE)


class MoveNotAllowed(Conflict):
    """The life cycle has no such move from the present state."""

    def __init__(self, state: CaseState, what: CaseMove) -> None:
        super().__init__(
            f"A case that is {CASE_STATE_NAMES[state][0]} cannot be changed by: {CASE_MOVE_NAMES[what][0]}.",
            f"状态为“{CASE_STATE_NAMES[state][1]}”的案件不能执行“{CASE_MOVE_NAMES[what][1]}”。",
        )
        self.state = state
        self.move = what


class NoSuchCase(NotFound):
    """No such case within the actor's reach: missing and foreign look the same."""

    def __init__(self) -> None:
        super().__init__("There is no such case.", "没有该案件。")


class CaseChanged(Conflict):
    """Somebody changed the case since it was read; says who and what it is now."""

    def __init__(self, who: str, state: CaseState) -> None:
        super().__init__(
            f"{who} changed this case meanwhile; it is now {CASE_STATE_NAMES[state][0]}. Please look again.",
            f"{who} 已先行更改该案件，现状态为“{CASE_STATE_NAMES[state][1]}”，请刷新后再试。",
        )
        self.who = who
        self.state = state


def move(position: Position, what: CaseMove, back: CaseState | None = None) -> Position:
    """Where a case stands after ``what``; raises ``MoveNotAllowed``. The only way in which a case changes state.

    ``back`` is where a case was written off from: the reversal of its write-off leads there.
    """
    allowed = MOVES[position.state]
    if what not in allowed:
        raise MoveNotAllowed(position.state, what)
    if what is CaseMove.UNDO_WRITE_OFF and back is not None and CaseMove.WRITE_OFF in MOVES[back]:
        return Position(back)
    if what is CaseMove.RECALL:
        return _recalled(position)
    target = allowed[what]
    if target is None:
        assert position.before is not None
        return Position(position.before)
    if target in HELD:
        # a visit is called off by a hold, and one hold takes over from another: the way back stays
        return Position(target, position.before or position.state)
    return Position(target)


def _recalled(position: Position) -> Position:
    if position.base not in WITH_AGENCY:
        raise MoveNotAllowed(position.state, CaseMove.RECALL)
    if position.state in (CaseState.SUSPENDED, CaseState.DISPUTED):
        return Position(position.state, CaseState.RETURNED)
    return Position(CaseState.RETURNED)


def moves_from(position: Position) -> tuple[CaseMove, ...]:
    """The moves that ``move`` takes from here."""
    found = []
    for what in MOVES[position.state]:
        try:
            move(position, what)
        except MoveNotAllowed:
            continue
        found.append(what)
    return tuple(found)


def key_of(*parts: str) -> str:
    """MD5 of the parts with the unit separator between them: the bytes of dbt's macro ``key_of``."""
    return hashlib.md5(_SEPARATOR.join(parts).encode(), usedforsecurity=False).hexdigest()


def case_id(source_code: str, loan_id: str, spell_no: int) -> str:
    """The id of a case: one loan in one spell, as dbt's macro ``case_id`` makes it."""
    return key_of(source_code, loan_id, str(spell_no))


def debtor_key(source_code: str, customer_id: str) -> str:
    """The key of a debtor within a source, as the column ``customer_key`` of the marts."""
    return key_of(source_code, customer_id)


def checked_reason(reason: str, *, least: int = 3) -> str:
    """``reason`` with its blanks tidied; raises ``Invalid`` unless it has ``least`` to 500 characters."""
    text = " ".join(reason.split())
    if not least <= len(text) <= 500:
        raise Invalid(
            f"Please give a reason ({least} to 500 characters).", f"请填写理由（{least} 至 500 字）。", field="reason"
        )
    return text


def listed(sentences: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Several reasons as one sentence in English and one in 中文: a verdict names every reason."""
    return "; ".join(en for en, _ in sentences), ";".join(zh for _, zh in sentences)
