"""The zone in which days begin, for queries that ask what holds on the day of a moment.

The services say it once for a process (``installation.settle``); until then it is that of the project.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HOUSE_ZONE = ZoneInfo("Asia/Shanghai")

_settled: list[ZoneInfo] = [HOUSE_ZONE]


def settle_zone(zone: ZoneInfo) -> None:
    """Say in which zone a day begins."""
    _settled[:] = [zone]


def day_of(moment: datetime) -> date:
    """The calendar day of ``moment``."""
    return moment.astimezone(_settled[0]).date()


def offsets(since: date, until: date) -> list[tuple[date, date, timedelta]]:
    """The days from ``since`` and before ``until`` in runs (first, end) whose ends are equally far from UTC."""
    found: list[tuple[date, date, timedelta]] = []
    day = since
    while day < until:
        away = begin_of(day + timedelta(days=1)).utcoffset() or timedelta(0)
        first = found.pop()[0] if found and found[-1][2] == away else day
        day += timedelta(days=1)
        found.append((first, day, away))
    return found


def zone_name() -> str:
    """The name of the zone."""
    return _settled[0].key


def begin_of(day: date) -> datetime:
    """The first moment of a calendar day."""
    return datetime.combine(day, time.min, _settled[0])
