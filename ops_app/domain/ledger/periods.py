"""Accounting periods: months of the installation, closed one after another, each once every check of it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ops_app.domain.errors import Invalid, NotReady
from ops_app.domain.organisation.readiness import CHECK_NAMES, NEEDS


class PeriodState(StrEnum):
    """Where a period stands. ``ready``: it has ended and every check holds or is set aside; ``asked``: a second person
    decides on its close. Closed is for ever."""

    OPEN = "open"
    READY = "ready"
    ASKED = "asked"
    CLOSED = "closed"


PERIOD_STATE_NAMES: dict[PeriodState, tuple[str, str]] = {
    PeriodState.OPEN: ("open", "未关账"),
    PeriodState.READY: ("ready to close", "可关账"),
    PeriodState.ASKED: ("waiting for a second person", "待复核"),
    PeriodState.CLOSED: ("closed", "已关账"),
}

CLOSE_CHECK_NAMES: dict[str, tuple[str, str]] = {
    **{name: CHECK_NAMES[name] for name in NEEDS["ledger_close"]},
    "breaks_settled": ("no break is older than the limit", "无超期未决的对账差异"),
    "differences_settled": ("ledger and feed do not differ", "账务与资方数据无未决差异"),
    "suspense_owned": ("parked items beyond the limit have owners", "超期挂账均有责任人"),
    "trial_balance_zero": ("the trial balance adds up", "试算平衡"),
    "sub_ledger_agrees": ("cases add up to their control accounts", "明细账与总账一致"),
    "payments_posted": ("every payment of the period is posted", "期间还款均已入账"),
    "messages_handled": ("no message waits to be handled", "无待处理报文"),
    "outbox_sent": ("nothing waits to be sent", "待发送队列已清空"),
}
"""Check of a close → what it says when it holds, in English and 中文."""

NEVER_OVERRIDDEN = frozenset({"trial_balance_zero", "sub_ledger_agrees"})
"""Checks that nobody sets aside: where they fail the books are wrong, not late."""


@dataclass(frozen=True)
class Span:
    """The days of a period from ``first_date`` until before ``end_date``."""

    first_date: date
    end_date: date

    @property
    def last_date(self) -> date:
        return date.fromordinal(self.end_date.toordinal() - 1)


@dataclass(frozen=True)
class CloseCheck:
    """What was found of a check: ``found`` (English, 中文) says why it fails; ``is_overridden``: two people set it
    aside for now."""

    name: str
    holds: bool
    found: tuple[str, str] = ("", "")
    is_overridden: bool = False

    @property
    def passed(self) -> bool:
        return self.holds or self.is_overridden


def month_of(first: date) -> Span:
    """From ``first`` until its month ends."""
    return Span(first, date(first.year + first.month // 12, first.month % 12 + 1, 1))


def check_ended(span: Span, today: date) -> None:
    """Raise ``Invalid`` unless the period has ended."""
    if span.end_date > today:
        raise Invalid(
            f"The period ends on {span.last_date}; it can be closed once it is over.",
            f"该期间至 {span.last_date} 结束，期满后方可关账。",
            field="first_date",
        )


def require_passed(checks: Sequence[CloseCheck]) -> None:
    """Raise ``NotReady`` naming every check that fails and is not set aside."""
    failed = [one for one in checks if not one.passed]
    if failed:
        english = "; ".join(f"{CLOSE_CHECK_NAMES[one.name][0]}: {one.found[0]}" for one in failed)
        chinese = "；".join(f"{CLOSE_CHECK_NAMES[one.name][1]}：{one.found[1]}" for one in failed)
        raise NotReady(
            f"The period cannot be closed while checks fail. {english}.",
            f"以下检查未通过，暂不可关账：{chinese}。",
        )
