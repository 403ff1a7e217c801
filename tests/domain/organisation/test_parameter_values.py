"""What a parameter's value may be: by kind, by bounds, stored and typed."""

from __future__ import annotations

from datetime import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.errors import Invalid
from ops_app.domain.money import Money
from ops_app.domain.organisation.parameter_ranges import Range, check_ranges, code_of, typed_ranges
from ops_app.domain.organisation.parameter_values import ParameterKind, ValueRule, stored_form, stored_text

CODES = tuple(f"M{number}" for number in range(1, 9))
WHOLE = ValueRule(ParameterKind.WHOLE, Decimal(1), Decimal(90))
AMOUNT = ValueRule(ParameterKind.MONEY, Decimal(0), Decimal(100_000))
RATE = ValueRule(ParameterKind.DECIMAL, Decimal("-1"), Decimal("9.99"), places=2)
SHARE = ValueRule(ParameterKind.SHARE, Decimal(0), Decimal(1), places=4)
HOUR = ValueRule(ParameterKind.TIME)
ONE = ValueRule(ParameterKind.CODE, codes=("a", "b"))
SOME = ValueRule(ParameterKind.CODES, codes=("a", "b", "c"))
BANDS = ValueRule(ParameterKind.RANGES, codes=CODES)


@pytest.mark.parametrize(
    ("rule", "stored", "value"),
    [
        (WHOLE, 90, 90),
        (AMOUNT, {"minor": 5, "currency": "CNY"}, Money(5, "CNY")),
        (RATE, "1.5", Decimal("1.50")),
        (RATE, Decimal("9.99"), Decimal("9.99")),
        (SHARE, "1", Decimal("1.0000")),
        (HOUR, "22:00", time(22)),
        (ONE, "b", "b"),
        (SOME, ["c", "a"], ("a", "c")),
        (SOME, [], ()),
        (BANDS, [{"code": "M1", "first": 0, "last": None}], (Range("M1", 0, None),)),
    ],
)
def test_a_value_is_read_in_the_type_of_its_kind_and_stored_again_alike(rule, stored, value) -> None:
    assert rule.read(stored) == value
    assert rule.read(stored_form(rule.read(stored))) == value
    assert stored_text(rule.read(stored)) == stored_text(rule.read(stored_form(value)))


@pytest.mark.parametrize(
    ("rule", "stored", "words"),
    [
        (WHOLE, 0, "The least is 1"),
        (WHOLE, 91, "The most is 90"),
        (WHOLE, True, "no whole number"),
        (WHOLE, "7", "no whole number"),
        (WHOLE, None, "no whole number"),
        (AMOUNT, {"minor": 100_001, "currency": "CNY"}, "The most is 1000.00"),
        (AMOUNT, {"minor": "5", "currency": "CNY"}, "whole minor units"),
        (AMOUNT, {"minor": 5}, "whole minor units"),
        (AMOUNT, {"minor": 5, "currency": "yuan"}, "no currency code"),
        (AMOUNT, 5, "whole minor units"),
        (RATE, "1.555", "At most 2 decimals"),
        (RATE, "1e5", "no decimal number"),
        (RATE, "NaN", "no decimal number"),
        (RATE, 1.5, "no decimal number"),
        (SHARE, "1.0001", "The most is 1"),
        (HOUR, "24:00", "time of day"),
        (HOUR, "22", "time of day"),
        (HOUR, 22, "time of day"),
        (ONE, "c", "Choose one of: a, b"),
        (SOME, "a", "Codes are a list"),
        (SOME, ["a", "a"], "twice"),
        (SOME, ["z"], "Choose one of"),
        (BANDS, "M1 0+", "Ranges are a list"),
        (BANDS, [{"code": "M1", "first": 0}], "a first and a last"),
        (BANDS, [{"code": "M1", "first": "0", "last": None}], "whole numbers"),
    ],
)
def test_a_wrong_value_is_refused_beside_its_field_in_both_languages(rule, stored, words) -> None:
    with pytest.raises(Invalid) as refusal:
        rule.read(stored)
    assert words in refusal.value.en
    assert refusal.value.zh
    assert refusal.value.field in ("value", "currency")


@pytest.mark.parametrize(
    ("rule", "text", "value"),
    [
        (WHOLE, " 30 ", 30),
        (AMOUNT, "1,000.00", Money(100_000, "CNY")),
        (RATE, "-0.5", Decimal("-0.50")),
        (SHARE, "95%", Decimal("0.9500")),
        (SHARE, "0.95", Decimal("0.9500")),
        (SHARE, "62.5%", Decimal("0.6250")),
        (HOUR, "8:00", time(8)),
        (HOUR, "08:30", time(8, 30)),
        (BANDS, "M1 0-30\n\nM2 31–60\nM3 61+", (Range("M1", 0, 30), Range("M2", 31, 60), Range("M3", 61, None))),
    ],
)
def test_what_people_type_is_understood(rule, text, value) -> None:
    assert rule.typed(text, "CNY") == value


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (WHOLE, ""),
        (WHOLE, "3.5"),
        (WHOLE, "three"),
        (AMOUNT, "5.005"),
        (AMOUNT, "1 000"),
        (SHARE, "%"),
        (SHARE, "many%"),
        (SHARE, "101%"),
        (HOUR, "noon"),
        (BANDS, "M1 from 0"),
    ],
)
def test_what_cannot_be_understood_is_refused_beside_the_value(rule, text) -> None:
    with pytest.raises(Invalid) as refusal:
        rule.typed(text, "CNY")
    assert refusal.value.field == "value"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("M1 0-30\nM2 30-60\nM3 61+", "M1 (0–30) and M2 (30–60) overlap: both hold 30."),
        ("M1 0-30\nM2 21-40\nM3 41+", "M1 (0–30) and M2 (21–40) overlap: both hold 21–30."),
        ("M1 0-30\nM2 5-10\nM3 31+", "M1 (0–30) and M2 (5–10) overlap: both hold 5–10."),
        ("M1 0+\nM2 31+", "M1 (0+) and M2 (31+) overlap: both hold 31+."),
        ("M1 0-30\nM2 32-60\nM3 61+", "Between M1 (0–30) and M2 (32–60) there is a gap: 31 belongs to neither."),
        ("M1 0-30\nM2 41-60\nM3 61+", "Between M1 (0–30) and M2 (41–60) there is a gap: 31–40 belongs to neither."),
        ("M1 0-30\nM3 31-60\nM2 61+", "M2 (61+) may not follow M3 (31–60)"),
        ("M1 0-30\nM1 31+", "M1 (31+) may not follow M1 (0–30)"),
        ("M1 1-30\nM2 31+", "The first range, M1 (1–30), must begin at 0."),
        ("M1 0-30\nM2 31-60", "The last range, M2 (31–60), must be open at its end: write 31+."),
        ("M1 30-0\nM2 31+", "M1 (30–0) ends before it begins."),
        ("X1 0+", "X1 is not one of: M1, M2"),
        ("", "Give at least one range."),
        ("M1 0-10\nM2 20-30\nM3 11-19\nM4 31+", "Between M1 (0–10) and M2 (20–30) there is a gap: 11–19"),
        ("M1 0-10\nM2 31-60\nM3 11-30\nM4 61+", "Between M1 (0–10) and M2 (31–60) there is a gap"),
    ],
)
def test_ranges_that_overlap_or_leave_a_gap_are_refused_by_naming_both(text: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_ranges(typed_ranges(text), codes=CODES, least=0)
    assert sentence in refusal.value.en
    assert refusal.value.field == "value"


def test_a_range_that_lies_before_its_neighbour_is_not_called_an_overlap() -> None:
    with pytest.raises(Invalid, match="lies before M2"):
        check_ranges([Range("M2", 31, 60), Range("M3", 5, 6)], codes=CODES, least=31)


numbers = st.lists(st.integers(0, 400), min_size=1, max_size=7, unique=True).map(sorted)


@given(numbers, st.integers(0, 500))
def test_ranges_that_pass_put_every_number_into_exactly_one(edges: list[int], number: int) -> None:
    firsts = [0, *(edge + 1 for edge in edges)]
    lasts: list[int | None] = [*edges, None]
    ranges = [Range(code, first, last) for code, first, last in zip(CODES, firsts, lasts, strict=False)]
    check_ranges(ranges, codes=CODES, least=0)
    holding = [one.code for one in ranges if one.first <= number and (one.last is None or number <= one.last)]
    assert holding == [code_of(ranges, number)]


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9)), min_size=1, max_size=4))
def test_only_ranges_that_hold_every_number_once_pass(pairs: list[tuple[int, int | None]]) -> None:
    ranges = [Range(code, first, last) for code, (first, last) in zip(CODES, pairs, strict=False)]

    def holders(number: int) -> int:
        return sum(one.first <= number and (one.last is None or number <= one.last) for one in ranges)

    rising = all(one.last is None or one.first <= one.last for one in ranges)
    rising = rising and [one.first for one in ranges] == sorted(one.first for one in ranges)
    whole = rising and all(holders(number) == 1 for number in range(25))
    try:
        check_ranges(ranges, codes=CODES, least=0)
    except Invalid:
        assert not whole
    else:
        assert whole


def test_bounds_that_were_narrowed_later_do_not_undo_what_was_stored() -> None:
    assert WHOLE.kept(500) == 500
    with pytest.raises(Invalid):
        WHOLE.read(500)
