"""Who saw data in full and tried nobody."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.casework.alerts import Shown, shown_untried

DAY = date(2026, 11, 24)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("tried", "left"),
    [
        ((), {"a", "b"}),
        ((("a", "eva", DAY),), {"b"}),
        ((("a", "eva", AFTER), ("b", "eva", DAY)), set()),
        ((("a", "eva", BEFORE),), {"a", "b"}),  # an attempt before the look is no reason for it
        ((("a", "eva", DAY), ("a", "eva", BEFORE)), {"b"}),
        ((("a", "someone else", DAY),), {"a", "b"}),
    ],
)
def test_a_case_counts_unless_the_same_person_tried_it_from_that_day_on(tried: tuple, left: set[str]) -> None:
    shown = [Shown("eva", "AG01", case_id, DAY) for case_id in ("a", "b", "b")]
    assert shown_untried(shown, tried).get(("eva", "AG01", DAY), set()) == left


people, cases, days = st.sampled_from("pq"), st.sampled_from("abc"), st.sampled_from([BEFORE, DAY, AFTER])


@given(
    st.lists(st.builds(Shown, people, st.just("AG01"), cases, days)),
    st.lists(st.tuples(cases, people, days)),
    st.tuples(cases, people, days),
)
def test_another_attempt_never_adds_a_case_and_the_order_does_not_matter(shown: list, tried: list, one: tuple) -> None:
    found = shown_untried(shown, tried)
    assert shown_untried(shown[::-1], tried[::-1]) == found
    fewer = shown_untried(shown, [*tried, one])
    assert all(fewer[key] <= found[key] for key in fewer)
    assert {key for key in found if fewer.get(key) != found[key]} <= {
        (one[1], "AG01", day) for day in (BEFORE, DAY, AFTER) if day <= one[2]
    }
