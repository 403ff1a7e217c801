"""A clock of the tests."""

from __future__ import annotations

from datetime import UTC, datetime


class FixedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, moment: datetime) -> None:
        if moment.tzinfo is None:
            raise ValueError("moments are aware")
        self._moment = moment.astimezone(UTC)

    def now(self) -> datetime:
        return self._moment

    def move_to(self, moment: datetime) -> None:
        """Set the clock to ``moment``."""
        self._moment = moment.astimezone(UTC)
