"""Periods a person may choose, and the period each is compared with."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

PERIODS = ("month", "last_month", "days_7", "days_30", "days_90", "custom")
"""Codes in the order of the menu; they are what a link carries."""


@dataclass(frozen=True)
class Period:
    """Days from ``start`` to ``end``, both counted, and the earlier days they are compared with.

    ``stock_day`` is the last published day of the period and ``before_stock_day`` that of the compared one;
    ``opening_day`` and ``before_opening_day`` are the last published days before each begins. They are ``None``
    where nothing was published that early.
    """

    code: str
    start: date
    end: date
    before_start: date
    before_end: date
    stock_day: date | None
    before_stock_day: date | None
    opening_day: date | None
    before_opening_day: date | None


_LATE_DAYS = 31
"""A source silent for longer is history: it is looked at as it was on its last day."""


def period_of(
    code: str, days: Sequence[date], as_of: date, start: date | None = None, end: date | None = None
) -> Period:
    """The period ``code`` as seen on ``as_of``, or on the last of the published ``days`` when that lies far behind.

    ``days`` are ascending and not empty.

    ``custom`` needs ``start`` and ``end``; an end before its start is read as that one day, and an unknown code as
    the present month. A part of a month is compared with the same days of the month before, a whole month with the
    whole month before, any other stretch with as many days just before it.
    """
    last = as_of if (as_of - days[-1]).days <= _LATE_DAYS else days[-1]
    if code == "custom" and start and end:
        first, final = start, max(start, end)
    elif code == "last_month":
        final = last.replace(day=1) - timedelta(days=1)
        first = final.replace(day=1)
    elif code.startswith("days_") and code in PERIODS:
        first, final = last - timedelta(days=int(code[5:]) - 1), last
    else:
        code, first, final = "month", last.replace(day=1), last
    before_first, before_final = _before(code, first, final)
    return Period(
        code=code,
        start=first,
        end=final,
        before_start=before_first,
        before_end=before_final,
        stock_day=_last_day(days, final),
        before_stock_day=_last_day(days, before_final),
        opening_day=_last_day(days, first - timedelta(days=1)),
        before_opening_day=_last_day(days, before_first - timedelta(days=1)),
    )


def _before(code: str, first: date, final: date) -> tuple[date, date]:
    if code in {"month", "last_month"}:
        before_last = first - timedelta(days=1)
        same_day = min(final.day, before_last.day)
        whole = final.day == calendar.monthrange(final.year, final.month)[1]
        return before_last.replace(day=1), before_last if whole else before_last.replace(day=same_day)
    length = (final - first).days + 1
    return first - timedelta(days=length), first - timedelta(days=1)


def _last_day(days: Sequence[date], not_after: date) -> date | None:
    earlier = [day for day in days if day <= not_after]
    return earlier[-1] if earlier else None
