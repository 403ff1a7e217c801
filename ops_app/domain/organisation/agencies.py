"""Agencies (feature 10): their states, the moves between them, and who may make which."""

from __future__ import annotations

import re
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.people import Role
from ops_app.domain.organisation.permissions import ROLE_NAMES


class AgencyState(StrEnum):
    """Where an agency stands: 准入中 → 合作中 → 暂停 → 退出."""

    ONBOARDING = "onboarding"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


AGENCY_STATE_NAMES: dict[AgencyState, tuple[str, str]] = {
    AgencyState.ONBOARDING: ("being admitted", "准入中"),
    AgencyState.ACTIVE: ("working with us", "合作中"),
    AgencyState.SUSPENDED: ("suspended", "暂停"),
    AgencyState.ENDED: ("ended", "退出"),
}


class AgencyMove(StrEnum):
    """What may happen to an agency; the last by the night only."""

    ADMIT = "admit"
    SUSPEND = "suspend"
    RESUME = "resume"
    END = "end"
    EXPIRE = "expire"


AGENCY_MOVE_NAMES: dict[AgencyMove, tuple[str, str]] = {
    AgencyMove.ADMIT: ("admit", "准入"),
    AgencyMove.SUSPEND: ("suspend", "暂停合作"),
    AgencyMove.RESUME: ("resume", "恢复合作"),
    AgencyMove.END: ("end", "退出"),
    AgencyMove.EXPIRE: ("contract expired", "合同到期"),
}

MOVES: dict[AgencyState, dict[AgencyMove, AgencyState]] = {
    AgencyState.ONBOARDING: {AgencyMove.ADMIT: AgencyState.ACTIVE, AgencyMove.END: AgencyState.ENDED},
    AgencyState.ACTIVE: {AgencyMove.SUSPEND: AgencyState.SUSPENDED, AgencyMove.EXPIRE: AgencyState.SUSPENDED},
    AgencyState.SUSPENDED: {AgencyMove.RESUME: AgencyState.ACTIVE, AgencyMove.END: AgencyState.ENDED},
    AgencyState.ENDED: {},
}
"""State → move → next state. What is not here is refused: a working agency is suspended, and recalled from, before it
ends."""

MOVERS: dict[AgencyMove, frozenset[Role]] = {
    AgencyMove.ADMIT: frozenset({Role.MANAGER}),
    AgencyMove.SUSPEND: frozenset({Role.MANAGER, Role.SUPERVISOR, Role.COMPLIANCE}),
    AgencyMove.RESUME: frozenset({Role.MANAGER}),
    AgencyMove.END: frozenset({Role.MANAGER}),
    AgencyMove.EXPIRE: frozenset({Role.SYSTEM}),
}
"""Move → roles that may make it."""

NEEDS_NO_STOP = frozenset({AgencyMove.ADMIT, AgencyMove.RESUME})
"""Moves after which cases may be placed: nothing else may stand against placement."""


class NoSuchAgency(NotFound):
    """No such agency within reach."""

    def __init__(self) -> None:
        super().__init__("There is no such agency.", "没有该机构。", field="agency_code")


class MoveNotAllowed(Conflict):
    """The life cycle has no such move from the present state."""

    def __init__(self, state: AgencyState, what: AgencyMove) -> None:
        super().__init__(
            f"An agency that is {AGENCY_STATE_NAMES[state][0]} cannot be changed by: {AGENCY_MOVE_NAMES[what][0]}.",
            f"状态为“{AGENCY_STATE_NAMES[state][1]}”的机构不能执行“{AGENCY_MOVE_NAMES[what][1]}”。",
        )


class MoverNotAllowed(Refused):
    """The role may not make this move; says who may."""

    def __init__(self, what: AgencyMove, role: Role) -> None:
        who = [other for other in Role if other in MOVERS[what]]
        super().__init__(
            f"Your role ({ROLE_NAMES[role][0]}) may not do this: {AGENCY_MOVE_NAMES[what][0]}. It may be done by: "
            f"{', '.join(ROLE_NAMES[one][0] for one in who)}.",
            f"您的角色（{ROLE_NAMES[role][1]}）不能执行“{AGENCY_MOVE_NAMES[what][1]}”，"
            f"可由以下角色办理：{'、'.join(ROLE_NAMES[one][1] for one in who)}。",
        )


def move(state: AgencyState, what: AgencyMove, role: Role) -> AgencyState:
    """The state after ``what`` by ``role``; raises ``MoverNotAllowed`` or ``MoveNotAllowed``. The only way in which an
    agency changes state."""
    if role not in MOVERS[what]:
        raise MoverNotAllowed(what, role)
    try:
        return MOVES[state][what]
    except KeyError:
        raise MoveNotAllowed(state, what) from None


_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)


def checked_agency_code(agency_code: str) -> str:
    """The code without blanks around it; raises ``Invalid`` unless letters, digits, dashes and underscores."""
    code = agency_code.strip()
    if not _CODE.fullmatch(code):
        raise Invalid(
            "An agency code has letters, digits, dashes and underscores.",
            "机构代码由字母、数字、短横线和下划线组成。",
            field="agency_code",
        )
    return code
