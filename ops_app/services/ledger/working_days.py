"""Working days of the installation: China's with its make-up days where the house's day is Shanghai's, else Monday to
Friday."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import chinese_calendar

from ops_app.services.organisation.installation import installation

_CHINA = frozenset({"Asia/Shanghai", "Asia/Chongqing", "Asia/Urumqi", "PRC"})


def is_workday(day: date) -> bool:
    """Whether the house works on ``day``. Years the State Council has not announced fall back to Monday to Friday."""
    return _is_chinese_workday(day) if installation().zone.key in _CHINA else day.weekday() < 5


@lru_cache(maxsize=8192)
def _is_chinese_workday(day: date) -> bool:
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5
