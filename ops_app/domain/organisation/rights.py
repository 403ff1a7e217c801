"""What one person may less than their role: rights withheld, amounts limited, cases of a team or of some lenders only.

A role gives rights (``permissions.GRANTS``); what stands here only ever takes some away. Nobody gets more than their
role by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ops_app.domain.errors import Refused
from ops_app.domain.money import Money

SCOPED = ("cases.", "fields.", "requests.")
"""Families of rights whose services bind every query to the person's scope."""

NOT_BOUND = frozenset({"cases.push", "requests.rules"})
"""Rights of those families that are about no case, or none yet, so that no scope binds them."""

HOLD_NO_CASES = frozenset(
    {"session.own", "approvals.own", "rows.export", "organisation.view", "agencies.view", "parameters.view"}
)
"""Rights that show no case and no money of any. Whoever's scope is narrowed keeps these and the scoped ones alone."""


AMOUNTS = "fields.amounts"
"""The right to see amounts of money: of cases, payments, requests, and what they add up to."""

NEED_AMOUNTS = frozenset(
    {
        "audit.view", "books.export", "books.view", "cases.file", "cases.ledger", "cases.push", "dashboards.view",
        "differences.decide", "history.take_over", "history.view",
        "imports.make", "imports.view", "operations.view", "payments.record", "payments.view", "quarantine.correct",
        "reconciliation.decide", "reconciliation.run", "reconciliation.view", "refunds.pay", "refunds.request",
        "refunds.settle", "refunds.view", "sql.query", "suspense.decide", "suspense.view",
    }
)  # fmt: skip
"""Rights to what is made of amounts, or may hold one anywhere: nobody has them without ``AMOUNTS`` (decision 0017)."""


class Narrowing(StrEnum):
    """How a person may have less than their role gives."""

    WITHHELD = "withheld"
    LIMIT = "limit"
    TEAM = "team"
    PORTFOLIO = "portfolio"


@dataclass(frozen=True)
class Rights:
    """What is taken away from a person. ``limits``: (right, currency, most in minor units). ``units``: only cases of
    collectors in these units; ``sources``: only cases of these sources; ``None``: not narrowed."""

    withheld: frozenset[str] = frozenset()
    limits: frozenset[tuple[str, str, int]] = frozenset()
    units: frozenset[str] | None = None
    sources: frozenset[str] | None = None

    @property
    def is_scope_narrowed(self) -> bool:
        return self.units is not None or self.sources is not None

    def leaves(self, permission: str) -> bool:
        """Whether the person keeps a right of their role."""
        if permission in self.withheld or self.hides(permission):
            return False
        if not self.is_scope_narrowed:
            return True
        return permission in HOLD_NO_CASES or (permission.startswith(SCOPED) and permission not in NOT_BOUND)

    def hides(self, permission: str) -> bool:
        """Whether a right lapses because it is no use to somebody who sees no amounts."""
        return AMOUNTS in self.withheld and permission in NEED_AMOUNTS

    def check_seen(self, amount_minor: int | None) -> None:
        """Raise ``AmountsHidden`` where there is an amount and the person may not see it."""
        if amount_minor is not None and AMOUNTS in self.withheld:
            raise AmountsHidden

    def has_limit(self, permission: str) -> bool:
        """Whether amounts under a right are limited at all."""
        return any(right == permission for right, _, _ in self.limits)

    def check_amount(
        self, permission: str, amount_minor: int | None, currency: str | None, beside_minor: int = 0
    ) -> None:
        """Raise ``AboveLimit`` where ``amount_minor`` is more than the person may deal with under that right, alone or
        with what they dealt with beside it (``beside_minor``); without a limit of the amount's own currency a person
        who has limits deals with no amount of it."""
        limits = {code: most for right, code, most in self.limits if right == permission}
        if not limits or amount_minor is None or currency is None:
            return
        if amount_minor + beside_minor > limits.get(currency, -1):
            raise AboveLimit(limits.get(currency), currency, beside_minor, hidden=AMOUNTS in self.withheld)


NOTHING_LESS = Rights()
"""Everything that the role gives."""


class AmountsHidden(Refused):
    """Amounts are hidden from this person, and this cannot be done without seeing them."""

    def __init__(self) -> None:
        super().__init__(
            "Amounts are hidden from you, and this is not done without seeing them. It is done by somebody who sees"
            " amounts; an administrator can ask that the right be given back to you.",
            "金额已对您隐藏，此操作须在可见金额的情况下办理。请由可查看金额的人员办理，或请系统管理员申请恢复您的权限。",
        )


class AboveLimit(Refused):
    """The amount is more than this person deals with. ``hidden``: to somebody who sees no amounts no sums are said,
    which would tell what a case owes."""

    def __init__(self, most_minor: int | None, currency: str, beside_minor: int = 0, *, hidden: bool = False) -> None:
        if hidden:
            super().__init__(
                "This is more than your limit. Somebody with a higher limit, or none, decides on it.",
                "该事项超出您的权限金额上限，须由上限更高或无上限的人员办理。",
            )
            return
        most = f"{Money(most_minor or 0, currency).amount:,}"
        beside = f"{Money(beside_minor, currency).amount:,}"
        more = f", and {beside} {currency} of it is used within a day" if beside_minor else ""
        more_zh = f"，一日内已使用 {beside} {currency}" if beside_minor else ""
        super().__init__(
            f"Your limit for this is {most} {currency}{more}. Somebody with a higher limit, or none, decides on it.",
            f"您的权限金额上限为 {most} {currency}{more_zh}，须由上限更高或无上限的人员办理。",
        )
