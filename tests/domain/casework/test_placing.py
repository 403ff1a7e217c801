"""What keeps a case in house and what stops an agency: every reason is named, and none that does not hold."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.casework.cases import HELD, PERMITS, CaseState, Position
from ops_app.domain.casework.flags import FORBIDS, Deed, Flag
from ops_app.domain.casework.placing import Criteria, agency_reasons, covers, exclusions, tail_until
from ops_app.domain.money import Money
from ops_app.domain.organisation.placement import PlacementStop

positions = st.sampled_from([state for state in CaseState if state not in HELD]).map(Position) | st.builds(
    Position, st.sampled_from(sorted(HELD)), st.sampled_from([CaseState.PLACED, CaseState.IN_HOUSE])
)
flag_sets = st.frozensets(st.sampled_from(list(Flag)))
money = st.integers(0, 10**9).map(lambda minor: Money(minor, "CNY"))


@given(positions, flag_sets, money, flag_sets, money, st.booleans())
def test_each_reason_is_named_and_holds(
    position: Position, flags: frozenset[Flag], balance: Money, excluded: frozenset[Flag], least: Money, waiting: bool
) -> None:
    criteria = Criteria(frozenset(flag.value for flag in excluded), least)
    codes = {one.code for one in exclusions(position, flags, balance, criteria, waiting=waiting)}
    assert (position.state.value in codes) == (not PERMITS[position.state].placement)
    for flag in Flag:
        expected = flag in flags and flag in excluded and Deed.PLACEMENT in FORBIDS[flag]
        assert (flag.value in codes) == expected
    assert ("below_minimum" in codes) == (balance.minor < least.minor)
    assert ("waiting" in codes) == waiting


def test_a_minimum_says_nothing_about_another_currency() -> None:
    criteria = Criteria(frozenset(), Money(10_000, "CNY"))
    assert exclusions(Position(CaseState.TO_BE_PLACED), (), Money(1, "USD"), criteria) == ()


@pytest.mark.parametrize(
    ("regions", "region", "there"),
    [
        (("310000",), "310000", True), (("310000",), "310115", True), (("310100",), "310115", True),
        (("310100",), "310200", False), (("500000",), "510000", False), (("110000",), "120000", False),
        ((), "310000", False), (("CA",), "CA", True), (("C",), "CA", False), (("310115",), "310000", False),
    ],
)  # fmt: skip
def test_an_agency_works_in_its_regions_and_all_that_lies_in_them(
    regions: tuple[str, ...], region: str, there: bool
) -> None:
    assert covers(regions, region) is there


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_there_is_room_for_what_the_capacity_leaves(capacity: int, load: int, more: int) -> None:
    found = agency_reasons((), collectors=0, certified=0, capacity=capacity, load=load, more=more)
    fits = more == 0 or load + more <= capacity
    assert [one.code for one in found] == ([] if fits else ["capacity"])


def test_every_stop_is_named_and_a_certificate_is_asked_only_of_who_has_collectors_here() -> None:
    stops = (PlacementStop.CONTRACT_EXPIRED, PlacementStop.LICENCE_EXPIRED)
    found = agency_reasons(stops, collectors=2, certified=0, capacity=9, load=0, more=1)
    assert [one.code for one in found] == ["contract_expired", "licence_expired", "no_certificate"]
    assert agency_reasons((), collectors=0, certified=0, capacity=9, load=0, more=1) == ()
    assert agency_reasons((), collectors=2, certified=1, capacity=9, load=0, more=1) == ()


def test_the_tail_ends_the_day_after_its_last_day() -> None:
    assert tail_until(date(2026, 12, 1), 15) == date(2026, 12, 17)
    assert tail_until(date(2026, 12, 1), 0) == date(2026, 12, 2)  # nothing after the day itself counts
