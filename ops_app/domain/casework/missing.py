"""Loans in collection that a full feed did not have: a difference that a person explains, never a closing."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid


class MissingState(StrEnum):
    """Where the difference stands."""

    OPEN = "open"
    EXPLAINED = "explained"
    PARKED = "parked"
    RETURNED = "returned"


MISSING_STATE_NAMES: dict[MissingState, tuple[str, str]] = {
    MissingState.OPEN: ("open", "待处理"),
    MissingState.EXPLAINED: ("explained", "已说明"),
    MissingState.PARKED: ("parked", "挂起"),
    MissingState.RETURNED: ("sent again", "已重新报送"),
}


class MissingAct(StrEnum):
    """What a person may do about it."""

    EXPLAIN = "explain"
    PARK = "park"
    REOPEN = "reopen"


MISSING_ACT_NAMES: dict[MissingAct, tuple[str, str]] = {
    MissingAct.EXPLAIN: ("explain", "说明"),
    MissingAct.PARK: ("park until a day", "挂起至某日"),
    MissingAct.REOPEN: ("open again", "重新打开"),
}

ALLOWED: dict[MissingState, frozenset[MissingAct]] = {
    MissingState.OPEN: frozenset({MissingAct.EXPLAIN, MissingAct.PARK}),
    MissingState.PARKED: frozenset({MissingAct.EXPLAIN, MissingAct.REOPEN}),
    MissingState.EXPLAINED: frozenset({MissingAct.REOPEN}),
    MissingState.RETURNED: frozenset(),
}
"""State → acts. What is not here is refused."""


class ActNotAllowed(Conflict):
    """The difference does not stand where this could be done to it."""

    def __init__(self, loan_id: str, state: MissingState) -> None:
        en, zh = MISSING_STATE_NAMES[state]
        super().__init__(
            f"Loan {loan_id} is {en}; that cannot be done to it now.", f"借据 {loan_id} 为“{zh}”，不能执行此操作。"
        )


class MissingChanged(Conflict):
    """Somebody did something about it since it was read."""

    def __init__(self, loan_id: str, who: str) -> None:
        super().__init__(
            f"{who} dealt with loan {loan_id} meanwhile. Look again, then decide.",
            f"{who} 已处理借据 {loan_id}。请刷新后再决定。",
        )


def state_of(last: str | None, until_date: date | None, cleared_date: date | None, today: date) -> MissingState:
    """The state of a difference whose ``last`` act this was. What was parked is open again on ``until_date``; what was
    sent again is over, whatever was said before."""
    if cleared_date is not None:
        return MissingState.RETURNED
    if last == MissingAct.EXPLAIN:
        return MissingState.EXPLAINED
    if last == MissingAct.PARK and until_date is not None and today < until_date:
        return MissingState.PARKED
    return MissingState.OPEN


def require_allowed(loan_id: str, state: MissingState, what: MissingAct) -> None:
    """Raise ``ActNotAllowed`` unless the table allows it."""
    if what not in ALLOWED[state]:
        raise ActNotAllowed(loan_id, state)


def checked_until(what: MissingAct, until_date: date | None, today: date) -> date | None:
    """Until when it is parked: a later day, within a year; nothing for other acts. Raises ``Invalid``."""
    if what is not MissingAct.PARK:
        return None
    if until_date is None or not today < until_date <= date.fromordinal(today.toordinal() + 366):
        raise Invalid(
            "Choose the day on which it is looked at again, within a year.", "请选择再次查看的日期，一年以内。",
            field="until_date",
        )  # fmt: skip
    return until_date
