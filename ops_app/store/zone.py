"""The zone in which days begin, for queries that ask what holds on the day of a moment.

The services say it once for a process (``installation.settle``); until then it is that of the project.
"""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

HOUSE_ZONE = ZoneInfo("Asia/Shanghai")

_settled: list[ZoneInfo] = [HOUSE_ZONE]


def settle_zone(zone: ZoneInfo) -> None:
    """Say in which zone a day begins."""
    _settled[:] = [zone]


def day_of(moment: datetime) -> date:
    """The calendar day of ``moment``."""
    return moment.astimezone(_settled[0]).date()


def begin_of(day: date) -> datetime:
    """The first moment of a calendar day."""
    return datetime.combine(day, time.min, _settled[0])
