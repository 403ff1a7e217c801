"""The clock: time comes in through the door (``now`` is an argument everywhere inside)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Anything that can say what time it is."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def close_of(business_date: date, zone: ZoneInfo) -> datetime:
    """The last second of ``business_date`` in ``zone``, as UTC.

    A run of a past day acts at this moment, so that running it again writes the same rows.
    """
    next_midnight = datetime.combine(business_date + timedelta(days=1), time(0), tzinfo=zone)
    return (next_midnight - timedelta(seconds=1)).astimezone(UTC)
