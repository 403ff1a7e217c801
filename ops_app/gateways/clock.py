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


class FixedClock:
    """A clock that stands still until it is moved: for business days run after the fact, and for tests."""

    def __init__(self, moment: datetime) -> None:
        if moment.tzinfo is None:
            raise ValueError("moments are aware")
        self._moment = moment.astimezone(UTC)

    def now(self) -> datetime:
        return self._moment

    def move_to(self, moment: datetime) -> None:
        """Set the clock to ``moment``."""
        self._moment = moment.astimezone(UTC)


def close_of(business_date: date, zone: ZoneInfo) -> datetime:
    """The last second of ``business_date`` in ``zone``, as UTC.

    A run of a past day acts at this moment, so that running it again writes the same rows.
    """
    next_midnight = datetime.combine(business_date + timedelta(days=1), time(0), tzinfo=zone)
    return (next_midnight - timedelta(seconds=1)).astimezone(UTC)
