"""Accrual (计提) of interest and penalty by Recoup itself, where a lender's feed does not bring them.

Simple interest on the principal that is on the books (nothing is compounded): principal × rate a year × days of the
basis. Amounts are whole minor units; what is less than one is carried to the next day, exactly, so that days add up to
their span (a day here and a day there make what both make at once). No floats: ``CARRY_PARTS`` parts make one minor
unit, and every rate of at most eight decimals on every basis comes out in whole parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from math import lcm

from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.accounts import Component

RATE_PARTS = 10**8
"""A rate is kept to eight decimals."""

CARRY_PARTS = lcm(360, 365) * RATE_PARTS
"""Parts of one minor unit in which a carry is counted: 360 and 365 both divide it."""


class AccrualBy(StrEnum):
    """Who computes interest and penalty between feeds."""

    LENDER = "lender_accrues"
    RECOUP = "recoup_accrues"


class DayCount(StrEnum):
    """How the days between two dates are counted, and how many make a year."""

    ACTUAL_360 = "actual_360"
    ACTUAL_365 = "actual_365"
    THIRTY_360 = "thirty_360"

    @property
    def year(self) -> int:
        """The days of a year by this count."""
        return 365 if self is DayCount.ACTUAL_365 else 360

    def days(self, first: date, end: date) -> int:
        """The days from ``first`` until ``end``; months of thirty days by 30E/360, so that spans add up."""
        if self is not DayCount.THIRTY_360:
            return (end - first).days
        return _thirty(end) - _thirty(first)


def _thirty(day: date) -> int:
    return day.year * 360 + day.month * 30 + min(day.day, 30)


@dataclass(frozen=True)
class AccrualTerms:
    """The terms of a day. Rates are shares a year of the principal (0.24 is 24 %). ``annual_cap``: interest and penalty
    together accrue at no more than this rate, penalty gives way first. ``share_cap``: nothing accrues beyond the day on
    which interest and penalty owed reach this share of the principal. ``None``: no such cap."""

    day_count: DayCount
    interest_rate: Decimal
    penalty_rate: Decimal
    annual_cap: Decimal | None = None
    share_cap: Decimal | None = None

    def __post_init__(self) -> None:
        for rate in (self.interest_rate, self.penalty_rate, self.annual_cap, self.share_cap):
            if rate is not None and (rate < 0 or rate * RATE_PARTS != int(rate * RATE_PARTS)):
                raise Invalid(
                    "A rate is a share of at most eight decimals, not below zero.",
                    "利率应为不小于零、最多八位小数的比例。",
                    field="rate",
                )

    @property
    def rates(self) -> dict[Component, int]:
        """Component → its rate a year after the annual cap, in parts of ``RATE_PARTS``."""
        interest, penalty = int(self.interest_rate * RATE_PARTS), int(self.penalty_rate * RATE_PARTS)
        if self.annual_cap is not None:
            most = int(self.annual_cap * RATE_PARTS)
            interest = min(interest, most)
            penalty = min(penalty, most - interest)
        return {Component.INTEREST: interest, Component.PENALTY: penalty}


@dataclass(frozen=True)
class Accrued:
    """What a span comes to: ``parts`` by component in whole minor units, and what is carried to the next."""

    parts: dict[Component, int]
    interest_carry: int = 0
    penalty_carry: int = 0


def accrued(
    terms: AccrualTerms, owed: dict[Component, int], first: date, end: date, *, interest_carry: int = 0,
    penalty_carry: int = 0,
) -> Accrued:  # fmt: skip
    """What accrues from ``first`` until ``end`` on the principal of ``owed`` (whole minor units, as it stands all the
    while), with what an earlier span left over. Raises ``ValueError`` for a span that ends before it begins.

    Where the share cap is reached the amount is cut to it, penalty first, and nothing is carried on."""
    if end < first:
        raise ValueError("a span ends after it begins")
    principal = max(0, owed.get(Component.PRINCIPAL, 0))
    carried = {Component.INTEREST: interest_carry, Component.PENALTY: penalty_carry}
    each, left = {}, {}
    days = terms.day_count.days(first, end)
    for component, rate in terms.rates.items():
        parts = carried[component] + principal * rate * days * (CARRY_PARTS // RATE_PARTS // terms.day_count.year)
        each[component], left[component] = divmod(parts, CARRY_PARTS)
    if terms.share_cap is not None:
        standing = owed.get(Component.INTEREST, 0) + owed.get(Component.PENALTY, 0)
        room = max(0, int(principal * int(terms.share_cap * RATE_PARTS)) // RATE_PARTS - standing)
        if sum(each.values()) > room:
            each[Component.INTEREST] = min(each[Component.INTEREST], room)
            each[Component.PENALTY] = room - each[Component.INTEREST]
            left = dict.fromkeys(left, 0)
    return Accrued(each, left[Component.INTEREST], left[Component.PENALTY])
