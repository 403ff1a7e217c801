"""The chart of accounts (会计科目): what the journal posts to, as data of the installation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ops_app.domain.errors import Invalid


class Component(StrEnum):
    """A part of what is owed."""

    PRINCIPAL = "principal"
    INTEREST = "interest"
    FEES = "fees"
    PENALTY = "penalty"
    COSTS = "costs"


COMPONENT_NAMES: dict[Component, tuple[str, str]] = {
    Component.PRINCIPAL: ("principal", "本金"),
    Component.INTEREST: ("interest", "利息"),
    Component.FEES: ("fees", "费用"),
    Component.PENALTY: ("penalty interest", "罚息"),
    Component.COSTS: ("costs of collection", "追索费用"),
}


class AccountKind(StrEnum):
    """What an account is in the books; ``memo`` accounts stand outside the balance sheet."""

    ASSET = "asset"
    LIABILITY = "liability"
    CONTROL = "control"
    INCOME = "income"
    EXPENSE = "expense"
    MEMO = "memo"


ACCOUNT_KIND_NAMES: dict[AccountKind, tuple[str, str]] = {
    AccountKind.ASSET: ("asset", "资产"),
    AccountKind.LIABILITY: ("liability", "负债"),
    AccountKind.CONTROL: ("control account", "对照科目"),
    AccountKind.INCOME: ("income", "收入"),
    AccountKind.EXPENSE: ("expense", "支出"),
    AccountKind.MEMO: ("memorandum", "表外"),
}

CASH = "cash"
ALLOWANCE = "allowance"
SUSPENSE_UNMATCHED = "suspense_unmatched"
SUSPENSE_CASE = "suspense_case"
REFUNDS_PAYABLE = "refunds_payable"
OUTSIDE = "outside"
TAKEN_OVER = "taken_over"
ADJUSTMENTS = "adjustments"
RECOVERED = "recovered"
WAIVED = "waived"
WRITTEN_OFF_CLAIMS = "written_off_claims"
WRITTEN_OFF_CONTRA = "written_off_contra"


def claims(component: Component) -> str:
    """The account that says what a case owes of ``component`` on the books."""
    return f"claims_{component.value}"


def accrued(component: Component) -> str:
    """The account against which ``component`` accrues; principal does not accrue, it is adjusted."""
    return ADJUSTMENTS if component is Component.PRINCIPAL else f"accrued_{component.value}"


def charge_off(component: Component) -> str:
    """The account that bears a write-off of ``component`` by the direct method (domain e-7)."""
    return f"charge_off_{component.value}"


NEEDED = frozenset(
    {CASH, ALLOWANCE, SUSPENSE_UNMATCHED, SUSPENSE_CASE, REFUNDS_PAYABLE, OUTSIDE, TAKEN_OVER, ADJUSTMENTS, RECOVERED}
    | {WAIVED, WRITTEN_OFF_CLAIMS, WRITTEN_OFF_CONTRA}
    | {name(one) for one in Component for name in (claims, accrued, charge_off)}
)
"""The accounts that posting uses; a chart without one of them is refused."""


@dataclass(frozen=True)
class Account:
    """One account: ``number`` is what a voucher shows; ``sub_ledger`` accounts are kept by case."""

    code: str
    number: str
    kind: AccountKind
    name_en: str
    name_zh: str
    component: Component | None = None
    sub_ledger: bool = False


def chart_of(listed: Iterable[Mapping[str, Any]]) -> dict[str, Account]:
    """Code → account, in the order listed. Raises ``Invalid`` for a code or number that occurs twice, or where an
    account that posting uses is missing."""
    chart: dict[str, Account] = {}
    for row in listed:
        english, chinese = row["name"]
        component = row.get("component")
        one = Account(
            row["code"], str(row["number"]), AccountKind(row["kind"]), english, chinese,
            None if component is None else Component(component), bool(row.get("sub_ledger", False)),
        )  # fmt: skip
        if one.code in chart or any(other.number == one.number for other in chart.values()):
            raise _wrong(f"{one.code} {one.number}")
        chart[one.code] = one
    if missing := sorted(NEEDED - chart.keys()):
        raise _wrong(", ".join(missing))
    return chart


def _wrong(what: str) -> Invalid:
    return Invalid(f"The chart of accounts is wrong: {what}.", f"会计科目表有误：{what}。", field="accounts")
