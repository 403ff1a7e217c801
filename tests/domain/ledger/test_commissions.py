"""Fees by contract: every edge at −0.01, edge and +0.01; lines whose sum is always what is earned now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.commission_terms import Terms, stated, terms_of
from ops_app.domain.ledger.commissions import (
    Cash,
    Earned,
    LineKind,
    NewLine,
    Placed,
    Unearned,
    conduct_lines,
    exclusion,
    fee_of,
    lines_for,
    work_out,
)
from ops_app.domain.ledger.ownership import Custody, owner_of

DAY = date(2026, 11, 24)
PLACED = Placed("p", 1, 1_000_000, 800_000, "card")


def the(tiers: Sequence[Mapping[str, Any]] = ({"code": "A", "rate": "0.2"},), **other: Any) -> Terms:
    return terms_of({"currency": "CNY", "tiering": "whole", "age_basis": "entry", "tiers": list(tiers)} | other)


def cash(minor: int, name: str = "1", **other: Any) -> Cash:
    return Cash(name, **{"value_date": DAY, "cash_minor": minor, "age_days": 30, "bucket": "M3"} | other)


def fee(terms: Terms, *payments: Cash, placed: Placed = PLACED, of: str = "1") -> int:
    return work_out(terms, placed, payments)[of].fee_minor


@pytest.mark.parametrize(
    ("rate", "minor", "wanted"),
    [("0.2", 12, 2), ("0.2", 13, 3), ("0.25", 2, 1), ("0.25", 1, 0), ("0.005", 99, 0), ("0.005", 100, 1), ("1", 7, 7),
     ("0", 10**9, 0), ("0.333333", 3, 1)],
)  # fmt: skip
def test_a_fee_is_rate_times_cash_with_halves_up(rate: str, minor: int, wanted: int) -> None:
    assert fee(the([{"code": "A", "rate": rate}]), cash(minor)) == wanted


EDGED = [{"code": "low", "rate": "0.1", "liquidation": [None, "0.3"]},
         {"code": "high", "rate": "0.2", "liquidation": ["0.3", None]}]  # fmt: skip


@pytest.mark.parametrize(("minor", "wanted"), [(299_999, 30_000), (300_000, 60_000), (300_001, 60_000)])
def test_by_whole_amount_the_tier_reached_holds_for_all_of_it(minor: int, wanted: int) -> None:
    assert fee(the(EDGED), cash(minor)) == wanted


@pytest.mark.parametrize(
    ("minor", "wanted"), [(299_999, 30_000), (300_000, 30_000), (300_001, 30_000), (300_003, 30_001), (310_000, 32_000)]
)
def test_marginally_each_part_has_the_rate_of_its_tier(minor: int, wanted: int) -> None:
    assert fee(the(EDGED, tiering="marginal"), cash(minor)) == wanted


@pytest.mark.parametrize(("minor", "tiers"), [(49, ["low"]), (50, ["low"]), (51, ["low", "high"])])
def test_a_payment_across_an_edge_has_two_parts(minor: int, tiers: list[str]) -> None:
    terms = the(EDGED, tiering="marginal")
    fees = work_out(terms, PLACED, [cash(299_950, "0"), cash(minor, "1")])
    assert [part.tier for part in fees["1"].parts] == tiers


BANDS = [{"code": "s", "rate": "0.3", "balance": [None, 1_000_000]},
         {"code": "l", "rate": "0.1", "balance": [1_000_000, None]}]  # fmt: skip


@pytest.mark.parametrize(("balance", "wanted"), [(999_999, 300), (1_000_000, 100), (1_000_001, 100)])
def test_the_band_of_the_placed_balance_decides_by_whole_amount(balance: int, wanted: int) -> None:
    assert fee(the(BANDS), cash(1_000), placed=Placed("p", 1, balance, 0)) == wanted


@pytest.mark.parametrize(("days", "wanted"), [(89, 100), (90, 200), (91, 200), (365, 0)])
def test_the_age_decides_on_the_day(days: int, wanted: int) -> None:
    terms = the([{"code": "y", "rate": "0.1", "age": [0, 90]}, {"code": "o", "rate": "0.2", "age": [90, 365]}])
    assert fee(terms, cash(1_000, age_days=days)) == wanted


@pytest.mark.parametrize(("nth", "wanted"), [(1, 100), (2, 200), (3, 200)])
def test_the_number_of_the_placement_decides(nth: int, wanted: int) -> None:
    terms = the([{"code": "1", "rate": "0.1", "placement": [1, 2]}, {"code": "2", "rate": "0.2"}])
    assert fee(terms, cash(1_000), placed=Placed("p", nth, 1, 1)) == wanted


def test_bucket_and_product_decide_and_the_first_tier_that_fits_counts() -> None:
    terms = the([{"code": "m", "rate": "0.3", "buckets": ["M3"], "products": ["card"]}, {"code": "x", "rate": "0.1"}])
    assert fee(terms, cash(1_000)) == 300
    assert fee(terms, cash(1_000, bucket="M4")) == 100
    assert fee(terms, cash(1_000), placed=Placed("p", 1, 1, 1, "loan")) == 100


@pytest.mark.parametrize(
    ("minor", "wanted"), [(199_999, 40_000), (200_000, 40_000), (200_003, 40_000), (900_000, 40_000)]
)
def test_of_two_caps_the_lesser_applies(minor: int, wanted: int) -> None:
    terms = the(cap_share="0.05", cap_minor=50_000)  # 5 % of 8,000.00
    assert fee(terms, cash(minor)) == wanted
    assert fee(the(cap_share="0.5", cap_minor=40_000), cash(minor)) == wanted


def test_the_cap_is_used_up_in_the_order_of_value_dates() -> None:
    terms = the(cap_minor=500)
    fees = work_out(terms, PLACED, [cash(2_000, "b"), cash(2_000, "a", value_date=DAY + timedelta(days=1))])
    assert (fees["b"].fee_minor, fees["a"].fee_minor, fees["a"].cut_minor) == (400, 100, 300)


@pytest.mark.parametrize(
    ("minor", "wanted"), [(49, 49), (50, 50), (51, 50), (249, 50), (250, 50), (251, 50), (255, 51)]
)
def test_the_minimum_holds_up_to_the_cash_itself(minor: int, wanted: int) -> None:
    assert fee(the(minimum_minor=50), cash(minor)) == wanted


def test_what_the_contract_excludes_has_its_reason() -> None:
    terms = the(excluded_channels=["set_off"], agency_channels=["agency"], counted=["lender"], excludes_promises=True)
    assert exclusion(terms, "set_off", False, 1) is Unearned.CHANNEL
    assert exclusion(terms, "agency", False, 1) is Unearned.PAID_ELSEWHERE
    assert exclusion(terms, "bank", True, 1) is Unearned.PROMISED_BEFORE
    assert exclusion(terms, "bank", False, 0) is Unearned.NOTHING_ELIGIBLE
    assert exclusion(terms, "bank", False, 1) is None


@pytest.mark.parametrize(
    ("complaints", "bonus", "malus"), [(0, 50, 0), (1, 0, -70), (2, 0, -100), (9, 0, -100)]
)  # fmt: skip
def test_conduct_stands_apart_and_the_malus_has_an_end(complaints: int, bonus: int, malus: int) -> None:
    terms = the(conduct={"malus_minor": 70, "malus_most": "0.1", "bonus": "0.05"})
    assert conduct_lines(terms, 1_000, complaints) == {LineKind.BONUS: bonus, LineKind.MALUS: malus}


CUSTODY = Custody("one", 1, "A", DAY, DAY + timedelta(days=10), DAY + timedelta(days=15))


@pytest.mark.parametrize(
    ("offset", "tail", "owner", "why"),
    [(-1, None, None, Unearned.IN_HOUSE), (0, None, "one", None), (9, None, "one", None), (10, None, "one", None),
     (14, None, "one", None), (15, None, None, Unearned.AFTER_TAIL), (10, 0, None, Unearned.AFTER_TAIL),
     (12, 3, "one", None), (13, 3, None, Unearned.AFTER_TAIL)],
)  # fmt: skip
def test_a_placement_has_its_days_and_its_tail(
    offset: int, tail: int | None, owner: str | None, why: Unearned | None
) -> None:
    found, reason = owner_of(DAY + timedelta(days=offset), [CUSTODY], {"one": tail})
    assert (found.placement_id if found else None, reason) == (owner, why)


def test_who_has_the_case_has_the_payment_before_any_tail() -> None:
    later = Custody("two", 2, "B", DAY + timedelta(days=12), None, None)
    for offset, owner in ((11, "one"), (12, "two"), (40, "two")):
        found, _ = owner_of(DAY + timedelta(days=offset), [CUSTODY, later], {})
        assert found is not None
        assert found.placement_id == owner


@pytest.mark.parametrize(
    "change",
    [{"tiers": []}, {"tiering": "both"}, {"tiers": [{"code": "A", "rate": 0.2}]},
     {"tiers": [{"code": "A", "rate": "2"}]},
     {"tiers": [{"code": "A", "rate": "0.1"}] * 2}, {"cap_minor": -1}, {"cap_minor": True}, {"currency": "cny"},
     {"tiers": [{"code": "A", "rate": "0.1", "age": [3, 3]}]},
     {"tiers": [{"code": "A", "rate": "0.1", "age": ["1.5", 3]}]},
     {"surprise": 1}, {"conduct": {"x": 1}}, {"tax_rate": "nan"}, {"tiers": [{"code": "A", "rate": "0.1", "x": 1}]}],
)  # fmt: skip
def test_terms_that_do_not_hold_together_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        the(**change) if "tiers" not in change else the(change["tiers"])


def test_terms_are_read_back_as_they_were_written() -> None:
    terms = the(
        EDGED, tiering="marginal", cap_share="0.05", tail_days=7, agency_channels=["x"], conduct={"bonus": "0.1"}
    )
    assert terms_of(stated(terms)) == terms


AMOUNTS = st.lists(st.integers(0, 400_000), min_size=1, max_size=5)
TIERINGS = st.sampled_from(["whole", "marginal"])


@given(AMOUNTS, TIERINGS, st.integers(0, 10**9), st.integers(0, 300))
def test_fees_are_never_below_zero_never_above_the_cap_and_never_above_the_cash(
    amounts: list[int], tiering: str, cap: int, minimum: int
) -> None:
    terms = the(EDGED, tiering=tiering, cap_minor=cap, minimum_minor=minimum)
    fees = work_out(terms, PLACED, [cash(minor, str(at)) for at, minor in enumerate(amounts)])
    assert sum(one.fee_minor for one in fees.values()) <= cap
    for at, minor in enumerate(amounts):
        one = fees[str(at)]
        assert 0 <= one.fee_minor <= minor
        assert sum(part.cash_minor for part in one.parts) == one.cash_minor


@given(st.integers(0, 10**12), st.integers(0, 10**6))
def test_the_rounding_is_that_of_the_house(minor: int, ppm: int) -> None:
    terms = the([{"code": "A", "rate": format(Decimal(ppm).scaleb(-6), "f")}])
    exact = Decimal(ppm).scaleb(-6) * minor
    wanted = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    assert fee(terms, cash(minor)) == wanted


def told(so_far: Sequence[NewLine]) -> Earned | None:
    """What lines say, summed as the store sums them."""
    if not so_far:
        return None

    def full(*kinds: LineKind) -> int:
        return sum(one.full_minor for one in so_far if one.kind in kinds)

    return Earned(
        so_far[0].parts, sum(one.cash_minor for one in so_far),
        full(LineKind.EARNED, LineKind.CLAWBACK, LineKind.RESTORED), full(LineKind.TIER_ADJUSTMENT),
        sum(one.cut_minor for one in so_far), len(so_far),
    )  # fmt: skip


@given(st.lists(AMOUNTS, min_size=1, max_size=6), TIERINGS, st.integers(0, 60_000), st.integers(0, 300))
def test_after_every_change_the_lines_sum_up_to_what_is_earned_now(
    days: list[list[int]], tiering: str, cap: int, minimum: int
) -> None:
    terms = the(EDGED, tiering=tiering, cap_minor=cap, minimum_minor=minimum)
    lines: dict[str, list[NewLine]] = {}
    for amounts in days:
        fees = work_out(terms, PLACED, [cash(minor, str(at)) for at, minor in enumerate((*amounts, *[0] * 5)[:5])])
        for name, one in fees.items():
            mine = lines.setdefault(name, [])
            mine += lines_for(one, told(mine), minimum)
            assert sum(line.fee_minor for line in mine) == one.fee_minor
            assert sum(line.cash_minor for line in mine) == one.cash_minor
            assert [line.nth for line in mine] == list(range(1, len(mine) + 1))
            assert lines_for(one, told(mine), minimum) == []


@given(st.integers(1, 10**9), st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_goes_back_takes_exactly_what_it_earned_whatever_holds_now(minor: int, then: int, now: int) -> None:
    rates = [format(Decimal(ppm).scaleb(-6), "f") for ppm in (then, now)]
    first, second = (the([{"code": rate, "rate": rate}]) for rate in rates)
    made = lines_for(work_out(first, PLACED, [cash(minor)])["1"], None)
    back = lines_for(work_out(second, PLACED, [cash(0)])["1"], told(made))
    assert sum(line.fee_minor for line in made + back) == 0
    assert [line.kind for line in back] == [LineKind.CLAWBACK]
    assert back[0].parts == made[0].parts


def test_a_correction_goes_with_the_cash_that_went_back() -> None:
    earned = Earned((), 0, 0, 0, 0, 1, corrected_minor=150)
    back = lines_for(work_out(the(), PLACED, [cash(0)])["1"], earned)
    assert [(line.kind, line.fee_minor) for line in back] == [(LineKind.CORRECTION, -150)]


def test_a_fee_of_nothing_is_nothing() -> None:
    assert fee_of((), 100) == 0
    assert work_out(the(), PLACED, [cash(100, reason=Unearned.CHANNEL)])["1"].reason is Unearned.CHANNEL


def test_a_part_that_goes_back_is_clawed_back_at_the_original_rate_and_the_lost_tier_stands_apart() -> None:
    made = lines_for(work_out(the(EDGED), PLACED, [cash(300_000)])["1"], None)
    back = lines_for(work_out(the(EDGED), PLACED, [cash(200_000)])["1"], told(made))
    assert [(line.kind, line.cash_minor, line.fee_minor) for line in back] == [
        (LineKind.CLAWBACK, -100_000, -20_000), (LineKind.TIER_ADJUSTMENT, 0, -20_000),
    ]  # fmt: skip
