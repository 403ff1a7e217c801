"""Write-offs (核销): their life, what is refused, and what the register (账销案存) holds of each component."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.ledger.accounts import COMPONENT_NAMES, Component


class WriteOffState(StrEnum):
    """Where a write-off stands (feature 20: 申请 → 审批 → 已入账 → （部分）收回 → 撤销)."""

    REQUESTED = "requested"
    IN_APPROVAL = "in_approval"
    RETURNED = "returned"
    BOOKED = "booked"
    PARTLY_RECOVERED = "partly_recovered"
    RECOVERED = "recovered"
    REVERSED = "reversed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


WRITE_OFF_STATE_NAMES: dict[WriteOffState, tuple[str, str]] = {
    WriteOffState.REQUESTED: ("requested", "申请"),
    WriteOffState.IN_APPROVAL: ("being approved", "审批中"),
    WriteOffState.RETURNED: ("returned to its maker", "已退回"),
    WriteOffState.BOOKED: ("booked", "已入账"),
    WriteOffState.PARTLY_RECOVERED: ("partly recovered", "部分收回"),
    WriteOffState.RECOVERED: ("recovered", "已收回"),
    WriteOffState.REVERSED: ("reversed", "已撤销"),
    WriteOffState.REJECTED: ("rejected", "已驳回"),
    WriteOffState.WITHDRAWN: ("withdrawn", "已撤回"),
    WriteOffState.LAPSED: ("lapsed", "已失效"),
}

PENDING = frozenset({WriteOffState.REQUESTED, WriteOffState.IN_APPROVAL, WriteOffState.RETURNED})
"""States in which it is asked for and nothing is posted."""

STANDING = frozenset({WriteOffState.BOOKED, WriteOffState.PARTLY_RECOVERED, WriteOffState.RECOVERED})
"""States in which it stands in the books."""

LIVE = PENDING | STANDING
"""States in which no other write-off may have the same component of the case."""


class WriteOffMove(StrEnum):
    """What may happen to a write-off."""

    APPROVE = "approve"
    BOOK = "book"
    RETURN = "return"
    RESUBMIT = "resubmit"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    RECOVER_PART = "recover_part"
    RECOVER_ALL = "recover_all"
    UNDO_RECOVERY = "undo_recovery"
    REVERSE = "reverse"


WRITE_OFF_MOVE_NAMES: dict[WriteOffMove, tuple[str, str]] = {
    WriteOffMove.APPROVE: ("approved at one level", "一级审批通过"),
    WriteOffMove.BOOK: ("approved and booked", "审批通过并入账"),
    WriteOffMove.RETURN: ("returned", "退回"),
    WriteOffMove.RESUBMIT: ("submitted again", "重新提交"),
    WriteOffMove.REJECT: ("rejected", "驳回"),
    WriteOffMove.WITHDRAW: ("withdrawn", "撤回"),
    WriteOffMove.LAPSE: ("lapsed", "失效"),
    WriteOffMove.RECOVER_PART: ("recovered in part", "部分收回"),
    WriteOffMove.RECOVER_ALL: ("recovered", "全部收回"),
    WriteOffMove.UNDO_RECOVERY: ("recovery taken back", "收回冲正"),
    WriteOffMove.REVERSE: ("reversed", "撤销核销"),
}

_S, _M = WriteOffState, WriteOffMove
_ASKED: dict[WriteOffMove, WriteOffState] = {
    _M.APPROVE: _S.IN_APPROVAL, _M.BOOK: _S.BOOKED, _M.RETURN: _S.RETURNED, _M.REJECT: _S.REJECTED,
    _M.WITHDRAW: _S.WITHDRAWN, _M.LAPSE: _S.LAPSED,
}  # fmt: skip
LIFE: dict[WriteOffState, dict[WriteOffMove, WriteOffState]] = {
    _S.REQUESTED: _ASKED,
    _S.IN_APPROVAL: _ASKED,
    _S.RETURNED: {_M.RESUBMIT: _S.REQUESTED, _M.WITHDRAW: _S.WITHDRAWN, _M.LAPSE: _S.LAPSED},
    _S.BOOKED: {_M.RECOVER_PART: _S.PARTLY_RECOVERED, _M.RECOVER_ALL: _S.RECOVERED, _M.REVERSE: _S.REVERSED},
    _S.PARTLY_RECOVERED: {
        _M.RECOVER_ALL: _S.RECOVERED, _M.UNDO_RECOVERY: _S.BOOKED, _M.REVERSE: _S.REVERSED,
    },
    _S.RECOVERED: {
        _M.RECOVER_PART: _S.PARTLY_RECOVERED, _M.UNDO_RECOVERY: _S.BOOKED, _M.REVERSE: _S.REVERSED,
    },
    _S.REVERSED: {},
    _S.REJECTED: {},
    _S.WITHDRAWN: {},
    _S.LAPSED: {},
}  # fmt: skip
"""State → move → next state. What is not here is refused: a standing write-off ends by its reversal alone, whatever is
posted or posted anew on its case (domain (f), Frappe #1365)."""


class NoSuchWriteOff(NotFound):
    """No such write-off within the actor's reach."""

    def __init__(self) -> None:
        super().__init__("There is no such write-off.", "没有该核销记录。")


class WriteOffMoveNotAllowed(Conflict):
    """The life cycle has no such move from the present state."""

    def __init__(self, state: WriteOffState, what: WriteOffMove) -> None:
        super().__init__(
            f"A write-off that is {WRITE_OFF_STATE_NAMES[state][0]} cannot be {WRITE_OFF_MOVE_NAMES[what][0]}.",
            f"状态为“{WRITE_OFF_STATE_NAMES[state][1]}”的核销不能执行“{WRITE_OFF_MOVE_NAMES[what][1]}”。",
        )


class WrittenOffBefore(Conflict):
    """A component of the case has a write-off that is asked for or stands."""

    def __init__(self, component: Component) -> None:
        super().__init__(
            f"The {COMPONENT_NAMES[component][0]} of this case has a write-off already.",
            f"该案件的{COMPONENT_NAMES[component][1]}已有核销。",
        )


class NotWhatIsOwed(Conflict):
    """The amount of a component is not what the ledger says of the effective date."""

    def __init__(self, component: Component, *, above: bool) -> None:
        name = COMPONENT_NAMES[component]
        if above:
            super().__init__(
                f"More {name[0]} is asked for than was owed on the effective date.",
                f"申请核销的{name[1]}超过生效日余额。",
            )
        else:
            super().__init__(
                f"The {name[0]} is not the balance of the effective date. Where all is written off, each component is "
                "written off as it stands. Ask anew with the present balance.",
                f"{name[1]}与生效日余额不一致。全额核销须与各项余额完全相符，请按当前余额重新申请。",
            )
        self.component = component


def next_state(state: WriteOffState, what: WriteOffMove) -> WriteOffState:
    """Where a write-off stands after ``what``; raises ``WriteOffMoveNotAllowed``."""
    found = LIFE[state].get(what)
    if found is None:
        raise WriteOffMoveNotAllowed(state, what)
    return found


@dataclass(frozen=True)
class Owed:
    """What a case owes of each component on a day, whole minor units: on the books, and in the register because the
    lender's feed or an earlier write-off took it off the books."""

    book_minor: Mapping[Component, int]
    memo_minor: Mapping[Component, int]

    def of(self, component: Component) -> int:
        """All that is owed of a component."""
        return self.book_minor.get(component, 0) + self.memo_minor.get(component, 0)


def checked_parts(
    parts: Mapping[Component, int], owed: Owed, *, whole: bool, has_one: frozenset[Component] = frozenset()
) -> dict[Component, int]:
    """What is posted of ``parts`` (component → claim to write off, whole minor units): as much as is on the books. What
    was charged off before is in the register already and is not posted twice (FINERACT-2356).

    ``whole``: each component without a write-off of its own (``has_one``) must be its balance. Raises ``Invalid``,
    ``WrittenOffBefore`` and ``NotWhatIsOwed``.
    """
    if any(amount < 0 for amount in parts.values()) or not any(parts.values()):
        raise Invalid("Say what is written off.", "请填写核销金额。", field="parts")
    posted = {}
    for component in Component:
        asked = parts.get(component, 0)
        if asked and component in has_one:
            raise WrittenOffBefore(component)
        if asked > owed.of(component):
            raise NotWhatIsOwed(component, above=True)
        if whole and component not in has_one and asked != owed.of(component):
            raise NotWhatIsOwed(component, above=False)
        posted[component] = max(0, asked - owed.memo_minor.get(component, 0))
    return posted


def standing_move(state: WriteOffState, recovered: int, remaining: int) -> WriteOffMove | None:
    """The move that a standing write-off makes when so much of its claim was ``recovered`` and so much of it is still
    owed (whole minor units), if any."""
    if state not in STANDING:
        return None
    to = (
        WriteOffState.BOOKED
        if recovered <= 0
        else WriteOffState.RECOVERED
        if remaining <= 0
        else WriteOffState.PARTLY_RECOVERED
    )
    return None if to is state else next(what for what, after in LIFE[state].items() if after is to)
