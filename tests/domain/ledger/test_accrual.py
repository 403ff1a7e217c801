"""Accrual: days add up to their span to the minor unit, caps hold, and fractions come to the same."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.accrual import CARRY_PARTS, AccrualTerms, DayCount, accrued

RATES = st.decimals(0, 1, places=8, allow_nan=False)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))
PRINCIPAL, INTEREST, PENALTY = Component.PRINCIPAL, Component.INTEREST, Component.PENALTY


def by_fractions(rate: Decimal, principal: int, days: int, year: int) -> Fraction:
    return Fraction(principal) * Fraction(rate) * days / year


@given(st.sampled_from(DayCount), RATES, RATES, st.integers(0, 10**13), DAYS, st.lists(st.integers(0, 90), max_size=8))
def test_spans_however_cut_add_up_to_what_fractions_say_of_the_whole(
    count: DayCount, interest: Decimal, penalty: Decimal, principal: int, first: date, cuts: list[int]
) -> None:
    terms = AccrualTerms(count, interest, penalty)
    at, sums, carry = first, {INTEREST: 0, PENALTY: 0}, {"interest_carry": 0, "penalty_carry": 0}
    for cut in cuts:
        until = at + timedelta(days=cut)
        made = accrued(terms, {PRINCIPAL: principal}, at, until, **carry)
        carry = {"interest_carry": made.interest_carry, "penalty_carry": made.penalty_carry}
        sums = {part: sums[part] + made.parts[part] for part in sums}
        at = until
    days = count.days(first, at)
    for part, rate, left in ((INTEREST, interest, carry["interest_carry"]), (PENALTY, penalty, carry["penalty_carry"])):
        exact = by_fractions(rate, principal, days, count.year)
        assert sums[part] == exact.numerator // exact.denominator
        assert sums[part] + Fraction(left, CARRY_PARTS) == exact


@given(st.sampled_from(DayCount), DAYS, DAYS, DAYS)
def test_days_of_every_count_add_up(count: DayCount, one: date, two: date, three: date) -> None:
    first, middle, end = sorted((one, two, three))
    assert count.days(first, middle) + count.days(middle, end) == count.days(first, end)
    assert count.days(first, end) >= 0


@pytest.mark.parametrize(
    ("count", "first", "end", "days"),
    [
        (DayCount.ACTUAL_360, date(2024, 2, 28), date(2024, 3, 1), 2),
        (DayCount.ACTUAL_365, date(2024, 1, 1), date(2025, 1, 1), 366),
        (DayCount.THIRTY_360, date(2024, 1, 31), date(2024, 2, 29), 29),
        (DayCount.THIRTY_360, date(2024, 1, 30), date(2024, 1, 31), 0),
        (DayCount.THIRTY_360, date(2024, 1, 1), date(2025, 1, 1), 360),
    ],
)
def test_days_are_counted_as_the_conventions_say(count: DayCount, first: date, end: date, days: int) -> None:
    assert count.days(first, end) == days


def test_a_month_of_a_loan_by_hand() -> None:
    terms = AccrualTerms(DayCount.ACTUAL_360, Decimal("0.18"), Decimal("0.09"))
    made = accrued(terms, {PRINCIPAL: 1_000_000}, date(2026, 1, 1), date(2026, 1, 31))
    assert made.parts == {INTEREST: 15_000, PENALTY: 7_500}


@given(RATES, RATES, RATES)
def test_the_annual_cap_holds_and_penalty_gives_way_first(interest: Decimal, penalty: Decimal, cap: Decimal) -> None:
    rates = AccrualTerms(DayCount.ACTUAL_365, interest, penalty, annual_cap=cap).rates
    plain = AccrualTerms(DayCount.ACTUAL_365, interest, penalty).rates
    assert sum(rates.values()) == min(sum(plain.values()), int(cap * 10**8))
    assert rates[INTEREST] == min(plain[INTEREST], int(cap * 10**8))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), RATES, st.integers(0, 2000))
def test_nothing_accrues_beyond_the_share_of_the_principal(
    principal: int, interest: int, penalty: int, share: Decimal, days: int
) -> None:
    terms = AccrualTerms(DayCount.ACTUAL_365, Decimal("0.24"), Decimal("0.12"), share_cap=share)
    owed = {PRINCIPAL: principal, INTEREST: interest, PENALTY: penalty}
    made = accrued(terms, owed, date(2020, 1, 1), date(2020, 1, 1) + timedelta(days=days))
    assert all(amount >= 0 for amount in made.parts.values())
    most = max(interest + penalty, int(Fraction(share) * principal))
    assert interest + penalty + sum(made.parts.values()) <= most


@pytest.mark.parametrize("rate", ["-0.01", "0.123456789"])
def test_a_rate_below_zero_or_too_fine_is_refused(rate: str) -> None:
    with pytest.raises(Invalid):
        AccrualTerms(DayCount.ACTUAL_365, Decimal(rate), Decimal(0))


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    terms = AccrualTerms(DayCount.ACTUAL_365, Decimal("0.1"), Decimal(0))
    with pytest.raises(ValueError, match="ends after it begins"):
        accrued(terms, {PRINCIPAL: 1}, date(2026, 1, 2), date(2026, 1, 1))
