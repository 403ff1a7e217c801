"""Business days: the days on which banks book, by rule pack; what is free and worked beside the week is data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ops_app.domain.errors import Invalid


@dataclass(frozen=True)
class Calendar:
    """``free``: weekdays without business, ``worked``: weekend days with it."""

    free: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()

    def is_business_day(self, day: date) -> bool:
        """Whether banks book on ``day``."""
        return day in self.worked or (day.weekday() < 5 and day not in self.free)

    def on_or_after(self, day: date) -> date:
        """``day`` itself if banks book on it, else the first day on which they do."""
        while not self.is_business_day(day):
            day += timedelta(days=1)
        return day

    def on_or_before(self, day: date) -> date:
        """``day`` itself if banks book on it, else the last day before on which they did."""
        while not self.is_business_day(day):
            day -= timedelta(days=1)
        return day

    def after(self, day: date, count: int) -> date:
        """The ``count``-th business day after ``day``; ``day`` itself for none. Raises ``ValueError`` below zero."""
        if count < 0:
            raise ValueError("business days are counted forward")
        while count:
            day += timedelta(days=1)
            count -= self.is_business_day(day)
        return day


def calendars_of(listed: Mapping[str, Mapping[str, Iterable[Any]]]) -> dict[str, Calendar]:
    """Rule pack → its calendar, from their file. Raises ``Invalid`` for what is no day, a free day at a weekend and a
    worked one within the week (a slip of a digit would go unseen)."""
    found = {}
    for pack, days in listed.items():
        free, worked = (frozenset(days.get(name) or ()) for name in ("free", "worked"))
        wrong = [one for one in (*free, *worked) if type(one) is not date]
        wrong += [one for one in free if type(one) is date and one.weekday() >= 5]
        wrong += [one for one in worked if type(one) is date and one.weekday() < 5]
        if wrong:
            raise Invalid(
                f"The holidays of {pack} are wrong: {wrong[0]}.", f"{pack} 的节假日有误：{wrong[0]}。", field="holidays"
            )
        found[pack] = Calendar(free, worked)
    return found
