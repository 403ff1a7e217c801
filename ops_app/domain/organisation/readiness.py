"""Readiness: which checks must be green before a decision may be taken (R0.4).

A failed check blocks the decision itself, not only a chart of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from ops_app.domain.errors import NotReady


class CheckState(StrEnum):
    """What is known of a check. Unknown and stale are treated as red; stale is judged at the moment, never stored."""

    GREEN = "green"
    RED = "red"
    UNKNOWN = "unknown"
    STALE = "stale"


FRESH_FOR = timedelta(days=3)
"""How long a green check may be relied on: a weekend and a day. After that the house has not run, and nobody knows."""


@dataclass(frozen=True)
class Check:
    """The last known state of one check, and the business date it speaks of."""

    name: str
    state: CheckState
    business_date: date | None
    as_of: datetime | None
    reason: str = ""


CHECK_NAMES: dict[str, tuple[str, str]] = {
    "rows_accounted": ("every row of every file is accepted or quarantined", "每个文件的每一行均已接收或隔离"),
    "feeds_arrived": ("all feeds of the day have arrived", "当日数据均已到达"),
    "no_refused_file": ("no file of the day is refused", "当日没有被拒收的文件"),
    "reconciliation_current": ("reconciliation has run for the day", "当日对账已完成"),
    "reconciliation_balanced": ("explained and unexplained add up to the difference", "已解释与未解释之和等于差额"),
    "marts_built": ("the marts are built and their tests passed", "数据集市已构建并通过检验"),
    "snapshot_published": ("the snapshot of the day is published", "当日快照已发布"),
}
"""Check → what it says when green, in English and 中文."""

NEEDS: dict[str, tuple[str, ...]] = {
    "repayment_audit": ("rows_accounted", "reconciliation_current", "reconciliation_balanced"),
    "allocation": ("rows_accounted", "feeds_arrived", "marts_built", "snapshot_published"),
    "dial_lists": ("rows_accounted", "feeds_arrived", "reconciliation_current", "marts_built", "snapshot_published"),
    "commission_close": (
        "rows_accounted",
        "feeds_arrived",
        "no_refused_file",
        "reconciliation_current",
        "reconciliation_balanced",
        "marts_built",
        "snapshot_published",
    ),
    "ledger_close": (
        "rows_accounted",
        "feeds_arrived",
        "no_refused_file",
        "reconciliation_current",
        "reconciliation_balanced",
        "marts_built",
    ),
}
"""Decision → the checks it needs."""

DECISION_NAMES: dict[str, tuple[str, str]] = {
    "repayment_audit": ("repayment audit", "还款审核"),
    "allocation": ("allocation", "分案"),
    "dial_lists": ("dial lists", "拨打名单"),
    "commission_close": ("commission close", "佣金结算"),
    "ledger_close": ("close of an accounting period", "会计期间关账"),
}


@dataclass(frozen=True)
class Verdict:
    """Whether a decision may be taken, with every failed check, not the first."""

    decision: str
    failed: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        return not self.failed

    def require(self) -> None:
        """Raise ``NotReady`` naming every failed check."""
        if self.ready:
            return
        name_en, name_zh = DECISION_NAMES[self.decision]
        en = "; ".join(
            f"{CHECK_NAMES[c.name][0]}: {c.state}{f' ({c.reason})' if c.reason else ''}" for c in self.failed
        )
        zh = ";".join(f"{CHECK_NAMES[c.name][1]}：未满足{f'({c.reason})' if c.reason else ''}" for c in self.failed)
        raise NotReady(
            f"{name_en.capitalize()} waits for a check that is not green. {en}.",
            f"{name_zh}暂不可办理，以下检查未通过：{zh}。",
        )


def at_present(check: Check, now: datetime) -> Check:
    """The check as it counts at ``now`` (aware): green no longer, once it speaks of a moment too long ago."""
    if check.state is CheckState.GREEN and (check.as_of is None or now - check.as_of > FRESH_FOR):
        return replace(check, state=CheckState.STALE, reason=f"data as of: {check.business_date}")
    return check


def needed(decision: str, known: Mapping[str, Check], now: datetime) -> list[Check]:
    """The checks that ``decision`` needs as they count at ``now``; one that nobody has reported is unknown."""
    unknown = (known.get(name, Check(name, CheckState.UNKNOWN, None, None)) for name in NEEDS[decision])
    return [at_present(check, now) for check in unknown]


def judge(decision: str, known: Mapping[str, Check], now: datetime) -> Verdict:
    """The verdict on ``decision`` at ``now`` from the known checks."""
    return Verdict(
        decision, tuple(check for check in needed(decision, known, now) if check.state is not CheckState.GREEN)
    )
