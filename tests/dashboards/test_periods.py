"""Which days a period holds, and which days it is compared with."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.periods import PERIODS, period_of
from dashboards.queries import month_ends


def run_of_days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


DAYS = run_of_days(date(2026, 6, 1), date(2026, 11, 23))
MONTH_OF_31 = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("code", "now", "before"),
    [
        ("month", ("2026-11-01", "2026-11-23"), ("2026-10-01", "2026-10-23")),
        ("last_month", ("2026-10-01", "2026-10-31"), ("2026-09-01", "2026-09-30")),
        ("days_7", ("2026-11-17", "2026-11-23"), ("2026-11-10", "2026-11-16")),
        ("days_30", ("2026-10-25", "2026-11-23"), ("2026-09-25", "2026-10-24")),
        ("nonsense", ("2026-11-01", "2026-11-23"), ("2026-10-01", "2026-10-23")),
    ],
)
def test_a_period_and_what_it_is_compared_with(code: str, now: tuple[str, str], before: tuple[str, str]) -> None:
    period = period_of(code, DAYS, DAYS[-1])
    assert (period.start.isoformat(), period.end.isoformat()) == now
    assert (period.before_start.isoformat(), period.before_end.isoformat()) == before


def test_a_whole_month_is_compared_with_a_whole_shorter_month() -> None:
    period = period_of("month", run_of_days(date(2026, 1, 1), MONTH_OF_31), MONTH_OF_31)
    assert (period.before_start, period.before_end) == (date(2026, 2, 1), date(2026, 2, 28))


def test_a_late_source_is_seen_as_of_the_snapshot_and_an_old_one_as_of_its_last_day() -> None:
    late = period_of("month", DAYS, date(2026, 11, 25))
    assert (late.end, late.stock_day) == (date(2026, 11, 25), date(2026, 11, 23))
    old = period_of("month", run_of_days(date(2011, 1, 1), date(2011, 12, 1)), date(2026, 11, 25))
    assert old.end == date(2011, 12, 1)


def test_stocks_stand_on_published_days_only() -> None:
    days = [date(2026, 10, 30), date(2026, 11, 2), date(2026, 11, 6)]
    period = period_of("custom", days, days[-1], date(2026, 11, 1), date(2026, 11, 5))
    assert (period.stock_day, period.opening_day) == (date(2026, 11, 2), date(2026, 10, 30))
    assert (period.before_stock_day, period.before_opening_day) == (date(2026, 10, 30), None)


@given(code=st.sampled_from(PERIODS[:-1]), last=st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_the_compared_days_end_before_the_period_begins(code: str, last: date) -> None:
    period = period_of(code, run_of_days(last - timedelta(days=200), last), last)
    assert period.before_start <= period.before_end < period.start <= period.end <= last


def test_a_month_end_is_known_once_the_month_is_over() -> None:
    assert month_ends(run_of_days(date(2026, 9, 10), date(2026, 11, 23))) == [date(2026, 9, 30), date(2026, 10, 31)]
    assert month_ends(run_of_days(date(2026, 10, 1), date(2026, 10, 31))) == [date(2026, 10, 31)]
    # the last day of September was never published: the last one that was stands for it
    assert month_ends([date(2026, 9, 29), date(2026, 10, 2)]) == [date(2026, 9, 29)]
    assert month_ends([]) == []
