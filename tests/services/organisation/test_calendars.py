"""The reference file of holidays: China's as the State Council announced them, and what the house works."""

from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar
import yaml

from ops_app.services.organisation.calendars import HOLIDAYS, calendar_of, is_workday


def test_chinas_business_days_are_those_announced() -> None:
    listed = yaml.safe_load(HOLIDAYS.read_text(encoding="utf-8"))["CN"]
    years = {day.year for days in listed.values() for day in days}
    assert len(years) >= 3
    days = [date(min(years), 1, 1) + timedelta(days=n) for n in range((max(years) - min(years) + 1) * 365)]
    wrong = [day for day in days if calendar_of("CN").is_business_day(day) != chinese_calendar.is_workday(day)]
    assert wrong == []


def test_a_pack_without_holidays_has_monday_to_friday_and_the_house_in_shanghai_has_chinas() -> None:
    national_day, made_up = date(2026, 10, 1), date(2026, 10, 10)
    assert (calendar_of("US").is_business_day(national_day), calendar_of(None).is_business_day(made_up)) == (
        True,
        False,
    )
    assert (is_workday(national_day), is_workday(made_up)) == (False, True)
