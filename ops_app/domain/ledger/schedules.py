"""Schedules of instalments: equal, first larger, or as agreed; they add up to what was agreed to the minor unit."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import pairwise

from ops_app.domain.errors import Invalid
from ops_app.domain.money import Money
from ops_app.domain.organisation.business_days import Calendar

Planned = list[tuple[date, int]]
"""Days and whole minor units, in the order of the days."""

MOST_INSTALMENTS = 60


class Shape(StrEnum):
    """How an amount is divided into instalments."""

    EQUAL = "equal"
    FIRST_LARGER = "first_larger"
    CUSTOM = "custom"


SHAPE_NAMES: dict[str, tuple[str, str]] = {
    Shape.EQUAL.value: ("equal instalments", "等额"),
    Shape.FIRST_LARGER.value: ("first one larger, the rest equal", "首期较大，其余等额"),
    Shape.CUSTOM.value: ("as agreed with the debtor", "按约定逐期填写"),
}


class BusinessDays(StrEnum):
    """What becomes of a due day on which banks do not book: a weekend, or a holiday of the rule pack."""

    AS_IT_IS = "as_it_is"
    NEXT = "next"
    PREVIOUS = "previous"


@dataclass(frozen=True)
class DueDays:
    """On which days instalments fall due: the rule, and the calendar of the loan's rule pack."""

    rule: BusinessDays = BusinessDays.AS_IT_IS
    calendar: Calendar = field(default_factory=Calendar)

    def of(self, day: date) -> date:
        """The day on which what is planned for ``day`` falls due."""
        if self.rule is BusinessDays.AS_IT_IS:
            return day
        if self.rule is BusinessDays.NEXT:
            return self.calendar.on_or_after(day)
        return self.calendar.on_or_before(day)


AS_PLANNED = DueDays()


def equal(total_minor: int, count: int, first: date) -> Planned:
    """``total_minor`` in ``count`` monthly parts that differ by one minor unit at most, the larger ones first; a month
    without the day has its last one."""
    part, left = divmod(total_minor, count)
    return [(months_after(first, number), part + (number < left)) for number in range(count)]


def first_larger(total_minor: int, count: int, first: date, first_minor: int) -> Planned:
    """``first_minor`` first and the rest in equal monthly parts. Raises ``Invalid`` unless the first is the largest and
    something is left for each of the others."""
    rest = total_minor - first_minor
    if count < 2 or rest < count - 1:
        raise Invalid("Nothing would be left for the other instalments.", "其余各期已无金额可还。", field="first_minor")
    others = equal(rest, count - 1, first)
    if first_minor < others[0][1]:
        raise Invalid("The first instalment is to be the largest.", "首期金额不得小于其余各期。", field="first_minor")
    return [(first, first_minor)] + [(months_after(first, n), minor) for n, (_, minor) in enumerate(others, start=1)]


_LINE = re.compile(r"(\d{4}-\d{2}-\d{2})[\s,，]+([0-9][0-9.,]*)", re.ASCII)


def typed(text: str, currency: str) -> Planned:
    """A schedule that was typed: a day and an amount in major units on each line. Raises ``Invalid`` (which line)."""
    found: Planned = []
    for number, line in enumerate((one.strip() for one in text.splitlines()), start=1):
        if not line:
            continue
        read = _LINE.fullmatch(line)
        try:
            if read is None:
                raise ValueError(line)
            found.append((date.fromisoformat(read[1]), Money.parse(read[2].replace(",", ""), currency).minor))
        except ValueError:
            raise _not_a_line(number) from None
        except Invalid as error:
            raise Invalid(error.en, error.zh, field="schedule") from error
    return found


def checked(planned: Planned, total_minor: int, *, field: str = "schedule") -> Planned:
    """A custom schedule that is whole: 1 to 60 rising days, amounts above zero that add up to ``total_minor``."""
    if not 1 <= len(planned) <= MOST_INSTALMENTS:
        raise Invalid(
            f"A plan has 1 to {MOST_INSTALMENTS} instalments.", f"分期须为 1 至 {MOST_INSTALMENTS} 期。", field=field
        )
    days = [day for day, _ in planned]
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise Invalid("Each instalment is due after the one before.", "各期还款日须依次递增。", field=field)
    if any(minor <= 0 for _, minor in planned):
        raise Invalid("The amount must be above zero.", "金额须大于零。", field=field)
    if sum(minor for _, minor in planned) != total_minor:
        raise Invalid(
            "The instalments do not add up to what the debtor pays.", "各期金额合计与应还总额不符。", field=field
        )
    return planned


def on_business_days(planned: Planned, days: DueDays) -> Planned:
    """The same amounts on business days, as the rule says; two never fall on one day."""
    if days.rule is BusinessDays.AS_IT_IS:
        return planned
    moved: Planned = []
    for day, minor in planned:
        at = days.of(day)
        if moved and at <= moved[-1][0]:
            at = days.calendar.after(moved[-1][0], 1)
        moved.append((at, minor))
    return moved


def kept_of(planned: Sequence[tuple[date, int]]) -> list[dict[str, object]]:
    """The schedule as a form keeps it."""
    return [{"due_date": day.isoformat(), "amount_minor": minor} for day, minor in planned]


def months_after(first: date, months: int) -> date:
    """The same day so many months later; a month without the day has its last one."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, min(first.day, calendar.monthrange(year, month + 1)[1]))


def _not_a_line(number: int) -> Invalid:
    return Invalid(
        f"Line {number}: write a day and an amount, such as 2027-01-15 500.00.",
        f"第 {number} 行：请填写日期与金额，例如 2027-01-15 500.00。",
        field="schedule",
    )
