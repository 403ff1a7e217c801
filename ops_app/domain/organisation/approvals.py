"""Approvals: what may become of a maker's request, and who may decide on it (R0.2, R0.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ops_app.domain.errors import Conflict, DomainError, Invalid, NotFound, Refused, SomeOfMany
from ops_app.domain.organisation.people import Role
from ops_app.domain.organisation.permissions import GRANTS, ROLE_NAMES
from ops_app.domain.organisation.rights import NOTHING_LESS, Rights


class RequestState(StrEnum):
    """Where a request stands. ``approved`` means carried out: the last approval and the command are one transaction."""

    WAITING = "waiting"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


REQUEST_STATE_NAMES: dict[RequestState, tuple[str, str]] = {
    RequestState.WAITING: ("waiting", "待审批"),
    RequestState.RETURNED: ("returned to the maker", "已退回经办人"),
    RequestState.APPROVED: ("approved and carried out", "已通过并执行"),
    RequestState.REJECTED: ("rejected", "已驳回"),
    RequestState.WITHDRAWN: ("withdrawn", "已撤回"),
    RequestState.EXPIRED: ("expired", "已过期"),
}


class RequestMove(StrEnum):
    """What may happen to a request: three by an approver, two by its maker, one by the clock."""

    APPROVE = "approve"
    APPROVE_LAST = "approve_last"
    REJECT = "reject"
    RETURN = "return"
    WITHDRAW = "withdraw"
    RESUBMIT = "resubmit"
    EXPIRE = "expire"


REQUEST_MOVE_NAMES: dict[RequestMove, tuple[str, str]] = {
    RequestMove.APPROVE: ("approve", "通过"),
    RequestMove.APPROVE_LAST: ("approve and carry out", "终审通过并执行"),
    RequestMove.REJECT: ("reject", "驳回"),
    RequestMove.RETURN: ("return to the maker", "退回经办人"),
    RequestMove.WITHDRAW: ("withdraw", "撤回"),
    RequestMove.RESUBMIT: ("submit again", "重新提交"),
    RequestMove.EXPIRE: ("expire", "过期"),
}

MOVES: dict[RequestState, dict[RequestMove, RequestState]] = {
    RequestState.WAITING: {
        RequestMove.APPROVE: RequestState.WAITING,
        RequestMove.APPROVE_LAST: RequestState.APPROVED,
        RequestMove.REJECT: RequestState.REJECTED,
        RequestMove.RETURN: RequestState.RETURNED,
        RequestMove.WITHDRAW: RequestState.WITHDRAWN,
        RequestMove.EXPIRE: RequestState.EXPIRED,
    },
    RequestState.RETURNED: {
        RequestMove.RESUBMIT: RequestState.WAITING,
        RequestMove.WITHDRAW: RequestState.WITHDRAWN,
        RequestMove.EXPIRE: RequestState.EXPIRED,
    },
    RequestState.APPROVED: {},
    RequestState.REJECTED: {},
    RequestState.WITHDRAWN: {},
    RequestState.EXPIRED: {},
}
"""State → move → next state. What is not here is refused."""

OPEN = frozenset({RequestState.WAITING, RequestState.RETURNED})
"""States in which a request still waits for somebody."""

BY_APPROVER = frozenset({RequestMove.APPROVE, RequestMove.APPROVE_LAST, RequestMove.REJECT, RequestMove.RETURN})
"""Moves that only an approver makes, never the maker."""

RANKS: dict[Role, int] = {
    Role.SUPERVISOR: 1,
    Role.FINANCE: 1,
    Role.COMPLIANCE: 1,
    Role.ADMINISTRATOR: 1,
    Role.MANAGER: 2,
}
"""Roles that a level may name, and how high they stand: power is delegated to the same role or a higher one."""

AGENCY_DECIDERS = frozenset({Role.AGENCY_SUPERVISOR})
"""Roles that decide within their own agency, on what that agency's people ask for. No rule names them: a kind that has
an agency's step says so itself, and nobody of another house stands in for them."""

FALLBACK_ROLE = Role.MANAGER
"""Who decides on a kind for which there is no rule."""


class NoSuchRequest(NotFound):
    """No such request, or one of another agency."""

    def __init__(self) -> None:
        super().__init__("There is no such request.", "没有该申请。")


class MoveNotAllowed(Conflict):
    """The life cycle has no such move from the present state."""

    def __init__(self, state: RequestState, move: RequestMove) -> None:
        super().__init__(
            f"A request that is {REQUEST_STATE_NAMES[state][0]} does not allow: {REQUEST_MOVE_NAMES[move][0]}.",
            f"状态为“{REQUEST_STATE_NAMES[state][1]}”的申请不能执行“{REQUEST_MOVE_NAMES[move][1]}”。",
        )
        self.state = state
        self.move = move


class RequestChanged(Conflict):
    """Somebody decided on or changed the request since it was read; says who and what it is now."""

    def __init__(self, who: str, state: RequestState) -> None:
        super().__init__(
            f"{who} changed this request meanwhile; it is now {REQUEST_STATE_NAMES[state][0]}. Please look again.",
            f"{who} 已先行处理该申请，现状态为“{REQUEST_STATE_NAMES[state][1]}”，请刷新后再看。",
        )
        self.who = who
        self.state = state


class ContentChanged(Conflict):
    """The request asks for something else than what the approver read."""

    def __init__(self) -> None:
        super().__init__(
            "What is asked for is not what you read. Please look again before you approve it.",
            "申请内容与您所见的不一致，请重新查看后再审批。",
        )


class RequestExpired(Conflict):
    """The time in which the request could be decided is over; ``expires_at`` is in the zone of its reader."""

    def __init__(self, expires_at: datetime) -> None:
        day = f"{expires_at:%Y-%m-%d %H:%M}"
        super().__init__(
            f"This request expired at {day}. Its maker may make a new one.",
            f"该申请已于 {day} 过期，经办人可另行提交。",
        )


class OwnRequest(Refused):
    """Maker is never checker."""

    def __init__(self) -> None:
        super().__init__(
            "You made this request: somebody else decides on it.", "该申请由您提交，须由他人审批（经办与审批分离）。"
        )


class DecidedBefore(Refused):
    """Each level is decided by another person."""

    def __init__(self) -> None:
        super().__init__(
            "You approved an earlier level of this request: somebody else decides on this one.",
            "您已审批过该申请的前一级，本级须由他人审批。",
        )


class NotYourLevel(Refused):
    """The level is decided by another role."""

    def __init__(self, role: Role) -> None:
        super().__init__(
            f"This is decided by: {ROLE_NAMES[role][0]}, or whom they delegated it to.",
            f"该级由以下角色或其受托人审批：{ROLE_NAMES[role][1]}。",
        )
        self.role = role


class OnlyTheMaker(Refused):
    """Only who made a request takes it back or submits it again."""

    def __init__(self) -> None:
        super().__init__("Only the maker of a request may do this.", "仅申请的经办人可办理。")


class OpenAlready(Conflict):
    """The same thing is asked for already."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(
            f"{en} asked for the same already, and it still waits to be decided.", f"{zh} 已提交同类申请，尚待审批。"
        )


class NotCarriedOut(Conflict):
    """The command of the request was refused when the last approval ran it, so nothing was decided."""

    def __init__(self, why: DomainError) -> None:
        super().__init__(
            f"Nothing was decided, because the request cannot be carried out: {why.en}",
            f"该申请无法执行，审批未生效：{why.zh}",
        )
        self.why = why


class NotAllDecided(SomeOfMany, Conflict):
    """Some of many requests cannot be decided, so none was; ``refused`` says which and why."""

    def __init__(self, refused: Mapping[str, DomainError]) -> None:
        first = next(iter(refused.values()))
        super().__init__(
            f"Nothing was decided: {len(refused)} of the requests cannot be. The first: {first.en}",
            f"未作任何审批：其中 {len(refused)} 项不能如此处理。首项原因：{first.zh}",
        )
        self.refused = dict(refused)


class ReasonMissing(Invalid):
    """This decision needs a reason that somebody else can read later."""

    def __init__(self) -> None:
        super().__init__("Please give a reason (3 to 500 characters).", "请填写理由（3 至 500 字）。", field="reason")


@dataclass(frozen=True)
class Decider:
    """A person as they stand at the moment of deciding, not as their session once began."""

    person_id: str
    role: Role
    active: bool
    agency_code: str | None = None
    rights: Rights = NOTHING_LESS


def move(state: RequestState, what: RequestMove) -> RequestState:
    """The state after ``what``; raises ``MoveNotAllowed``. The only way in which a request changes state."""
    try:
        return MOVES[state][what]
    except KeyError:
        raise MoveNotAllowed(state, what) from None


def checked_reason(reason: str) -> str:
    """``reason`` without blanks around it; raises ``ReasonMissing``."""
    text = reason.strip()
    if not 3 <= len(text) <= 500:
        raise ReasonMissing
    return text


def holds_level(decider: Decider, level: Role) -> bool:
    """Whether the person decides that level in their own right, as they now stand."""
    return _may_decide(decider) and decider.role is level


def may_stand_in(delegate: Decider, level: Role) -> bool:
    """Whether the person may hold that level for somebody else: active, of the same role or one of higher rank. An
    agency's level is held by its own role alone (the caller looks at the house: ``same_house``)."""
    if not _may_decide(delegate):
        return False
    if level in AGENCY_DECIDERS or delegate.role in AGENCY_DECIDERS:
        return delegate.role is level
    return delegate.role is level or RANKS.get(delegate.role, 0) > RANKS.get(level, 0)


def _may_decide(decider: Decider) -> bool:
    may = decider.role in GRANTS["approvals.decide"] and decider.rights.leaves("approvals.decide")
    return decider.active and may


def same_house(one: Decider, other: Decider) -> bool:
    """Whether both are of the same agency, or both of the asset company."""
    return one.agency_code == other.agency_code


def check_apart(maker_id: str, people: frozenset[str], earlier: frozenset[str]) -> None:
    """Raise unless those who decide (in person and on whose behalf) are neither the maker nor decided before."""
    if maker_id in people:
        raise OwnRequest
    if people & earlier:
        raise DecidedBefore
