"""Business days: working days of China, paydays, and how willing people are to pay on a day."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import chinese_calendar
import numpy as np

EPOCH = date(1970, 1, 1)


def number_of(day: date) -> int:
    """Days since 1970-01-01: how days are kept inside the simulator."""
    return (day - EPOCH).days


def date_of(number: int) -> date:
    return EPOCH + timedelta(days=int(number))


@lru_cache(maxsize=4096)
def is_workday(day: date) -> bool:
    """Whether banks book on ``day``. Years the State Council has not announced fall back to Monday to Friday."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5


def is_holiday(day: date) -> bool:
    """A public holiday: free, and neither Saturday nor Sunday."""
    return not is_workday(day) and day.weekday() < 5


def next_workday(day: date) -> date:
    """``day`` itself if banks book on it, else the first day on which they do."""
    while not is_workday(day):
        day += timedelta(days=1)
    return day


def is_month_end(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def willingness(day: date) -> float:
    """Factor on unprompted payments: paydays raise it, weekends and holidays lower it."""
    factor = {10: 1.6, 11: 1.3, 15: 1.5, 16: 1.25, 25: 1.3}.get(day.day, 1.0)
    if is_month_end(day):
        factor *= 1.25
    if is_holiday(day):
        return factor * 0.55
    return factor if is_workday(day) else factor * 0.75


def calling(day: date) -> tuple[float, float]:
    """Factors on robot and human calls."""
    if is_workday(day):
        return 1.0, 1.0
    if is_holiday(day) or day.weekday() == 6:
        return 0.5, 0.1
    return 0.8, 0.45


def due_table(first: date, months: int) -> np.ndarray:
    """Day number of the first of each month from ``first``'s month on."""
    start = np.datetime64(f"{first:%Y-%m}", "M")
    return (start + np.arange(months)).astype("datetime64[D]").astype(np.int64)
