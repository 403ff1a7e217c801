"""How much may be waived (feature 26): by component, and together on a case and for a debtor over a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from ops_app.domain.casework.waivers import COMPONENTS
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.accounts import COMPONENT_NAMES, Component
from ops_app.domain.money import Money


@dataclass(frozen=True)
class WaiverLimits:
    """What the policy allows for a lender and product: the components that may be waived, up to which share of what is
    owed of each, and the most that is waived on a case and for a debtor within ``period_days`` (an amount holds for
    cases of its own currency)."""

    components: frozenset[str]
    shares: Mapping[str, Decimal]
    case_limit: Money
    debtor_limit: Money
    period_days: int


@dataclass(frozen=True)
class LimitUse:
    """One limit and what is used of it, in whole minor units: granted ``before_minor``, ``asked_minor`` now, of
    ``most_minor``. ``code`` is a component, ``case`` or ``debtor``."""

    code: str
    most_minor: int
    before_minor: int
    asked_minor: int

    @property
    def is_over(self) -> bool:
        """Whether it would be exceeded by what is asked for."""
        return self.asked_minor > 0 and self.before_minor + self.asked_minor > self.most_minor


LIMIT_NAMES: dict[str, tuple[str, str]] = {
    **{part: (f"limit of {COMPONENT_NAMES[Component(part)][0]}", f"{COMPONENT_NAMES[Component(part)][1]}减免上限")
       for part in COMPONENTS},
    "case": ("limit of a case", "单案累计减免上限"),
    "debtor": ("limit of a debtor", "单一债务人累计减免上限"),
}  # fmt: skip


class OverTheLimit(Invalid):
    """More is asked for than the policy allows; says which limit, how much it is and what is used of it."""

    def __init__(self, use: LimitUse, currency: str) -> None:
        en, zh = LIMIT_NAMES[use.code]
        most, before, asked = (
            f"{Money(minor, currency).amount} {currency}"
            for minor in (use.most_minor, use.before_minor, use.asked_minor)
        )
        field = f"waived_{use.code}_minor" if use.code in COMPONENTS else "waived_principal_minor"
        super().__init__(
            f"This exceeds the {en}: at most {most}, granted before {before}, asked for {asked}.",
            f"超出{zh}：最多 {most}，此前已同意 {before}，本次申请 {asked}。",
            field=field,
        )
        self.use = use


def uses(
    limits: WaiverLimits, waived: Mapping[str, int], owed: Mapping[str, int], not_posted: Mapping[str, int],
    *, case_before_minor: int, debtor_before_minor: int, currency: str,
) -> list[LimitUse]:  # fmt: skip
    """Every limit that holds for a waiver (component → whole minor units), and what is used of it.

    ``not_posted`` is what waivers granted before still take from each component."""
    found = []
    for part in COMPONENTS:
        share = limits.shares.get(part, Decimal(1)) if part in limits.components else Decimal(0)
        most = int((owed.get(part, 0) * share).to_integral_value(ROUND_DOWN))
        found.append(LimitUse(part, most, not_posted.get(part, 0), waived.get(part, 0)))
    asked = sum(waived.get(part, 0) for part in COMPONENTS)
    for code, limit, before in (
        ("case", limits.case_limit, case_before_minor), ("debtor", limits.debtor_limit, debtor_before_minor),
    ):  # fmt: skip
        if limit.currency == currency:
            found.append(LimitUse(code, limit.minor, before, asked))
    return found


def check_limits(found: Sequence[LimitUse], currency: str) -> None:
    """Raise ``OverTheLimit`` for the first limit that would be exceeded."""
    for use in found:
        if use.is_over:
            raise OverTheLimit(use, currency)
