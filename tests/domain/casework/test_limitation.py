"""The limitation clock: what must hold whatever interrupted a claim, and in whatever order it was entered."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.casework.limitation import Interruption, InterruptionKind, clock_of, years_after

DUE = date(2020, 2, 29)
KINDS = [kind.value for kind in InterruptionKind]
happened = st.integers(-400, 6000).map(lambda days: DUE + timedelta(days=days))
records = st.lists(st.tuples(st.sampled_from(list(InterruptionKind)), happened), max_size=8).map(
    lambda found: [Interruption(nth, kind, day) for nth, (kind, day) in enumerate(found, start=1)]
)


def clock(rows, years=3, kinds=KINDS):
    return clock_of(DUE, rows, lambda day: years, lambda day: kinds)


@given(records, st.integers(1, 10))
def test_it_never_expires_before_the_period_from_the_due_date(rows, years) -> None:
    found = clock(rows, years)
    assert found.expires_date >= years_after(DUE, years)
    assert found.expires_date == years_after(found.started_date, years)
    assert found.started_date in {DUE, *(row.happened_date for row in rows)}


@given(records, st.randoms())
def test_the_order_in_which_interruptions_were_entered_does_not_matter(rows, chance) -> None:
    mixed = rows[:]
    chance.shuffle(mixed)
    assert clock(mixed).expires_date == clock(rows).expires_date


@given(records, st.sampled_from(list(InterruptionKind)), happened)
def test_one_interruption_more_never_shortens_the_period(rows, kind, day) -> None:
    assert clock([*rows, Interruption(99, kind, day)]).expires_date >= clock(rows).expires_date


@given(records)
def test_what_does_not_interrupt_by_the_rule_changes_nothing(rows) -> None:
    only = [row for row in rows if row.kind is InterruptionKind.SUIT]
    assert clock(rows, kinds=["suit"]) == clock(only, kinds=["suit"])


@given(records, st.sampled_from(list(InterruptionKind)), st.integers(1, 3000))
def test_what_comes_after_the_last_day_does_not_revive_the_claim(rows, kind, late) -> None:
    before = clock(rows)
    day = before.expires_date + timedelta(days=late)
    assert clock([*rows, Interruption(99, kind, day)]) == before


@pytest.mark.parametrize(
    ("day", "expires"),
    [
        (date(2020, 2, 28), date(2023, 2, 28)),  # before it fell due
        (date(2021, 5, 1), date(2024, 5, 1)),
        (date(2023, 2, 28), date(2026, 2, 28)),  # on the last day
        (date(2023, 3, 1), date(2023, 2, 28)),  # a day too late
    ],
)
def test_the_days_at_the_edges(day: date, expires: date) -> None:
    assert clock([Interruption(1, InterruptionKind.DEMAND, day)]).expires_date == expires


def test_each_period_has_the_years_of_the_day_on_which_it_began() -> None:
    change = date(2021, 1, 1)
    found = clock_of(
        DUE,
        [Interruption(1, InterruptionKind.DEMAND, date(2021, 6, 1))],
        lambda day: 3 if day < change else 5,
        lambda day: KINDS,
    )
    assert (found.expires_date, found.years, found.counted) == (date(2026, 6, 1), 5, (1,))
