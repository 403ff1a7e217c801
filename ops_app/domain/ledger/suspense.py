"""Suspense (暂收款): money that is here and pays nothing yet, why, whose it is to clear, and until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.ledger import accounts
from ops_app.domain.organisation.people import Role


class SuspenseReason(StrEnum):
    """Why money stands in suspense."""

    UNMATCHED = "unmatched"
    OVERPAID = "overpaid"
    OVERDRAWN = "overdrawn"


SUSPENSE_REASON_NAMES: dict[SuspenseReason, tuple[str, str]] = {
    SuspenseReason.UNMATCHED: ("no claim takes it", "无对应债权"),
    SuspenseReason.OVERPAID: ("more than was owed", "超过应还金额"),
    SuspenseReason.OVERDRAWN: ("more was taken back than was there", "退回金额超过留存"),
}

SUSPENSE_ACCOUNTS = (accounts.SUSPENSE_UNMATCHED, accounts.SUSPENSE_CASE)
"""The accounts whose balances the desk explains, payment by payment."""


def reason_of(account: str, held_minor: int) -> SuspenseReason:
    """Why ``held_minor`` stands on an account of suspense."""
    if held_minor < 0:
        return SuspenseReason.OVERDRAWN
    return SuspenseReason.UNMATCHED if account == accounts.SUSPENSE_UNMATCHED else SuspenseReason.OVERPAID


def owner_role(*, is_late: bool) -> Role:
    """Whose desk suspense is on while no person has taken it: finance's, past its limit a manager's too."""
    return Role.MANAGER if is_late else Role.FINANCE


def due_date(since: date, limit_days: int, is_workday: Callable[[date], bool]) -> date:
    """The last day of the time allowed: ``limit_days`` business days after ``since``."""
    day, left = since, limit_days
    while left > 0:
        day += timedelta(days=1)
        left -= is_workday(day)
    return day


class NoSuchSuspense(NotFound):
    """No such item of suspense."""

    def __init__(self) -> None:
        super().__init__("There is no such item of suspense.", "没有该暂收款项。")


class SuspenseChanged(Conflict):
    """It moved or changed hands since it was read."""

    def __init__(self) -> None:
        super().__init__("This item has changed meanwhile. Please look again.", "该暂收款已变化，请刷新后再看。")


class NoOwner(Invalid):
    """Nobody of that name may own suspense."""

    def __init__(self) -> None:
        super().__init__(
            "Choose somebody who is active and may decide on suspense.", "请选择在职且有暂收款处理权限的人员。",
            field="owner_id",
        )  # fmt: skip


class NoCaseTakesIt(Conflict):
    """The case cannot take the money."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(
            f"This case does not take the money: {english}.", f"该案件不能接收此款：{chinese}。", field="into_case_id"
        )
