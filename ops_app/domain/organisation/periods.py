"""Periods of validity: from a day on, up to and without another day (or open)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ops_app.domain.errors import Invalid


@dataclass(frozen=True)
class Period:
    """A half-open period of days: ``valid_from`` belongs to it, ``valid_to`` no longer does; ``None`` is open."""

    valid_from: date
    valid_to: date | None = None

    def __post_init__(self) -> None:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise Invalid(
                "The last day lies before the first: a period ends after it begins.",
                "截止日须晚于起始日。",
                field="valid_to",
            )

    def holds_on(self, day: date) -> bool:
        """Whether ``day`` belongs to the period."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def overlaps(self, other: Period) -> bool:
        """Whether the two have a day in common."""
        return ends_after(self.valid_to, other.valid_from) and ends_after(other.valid_to, self.valid_from)

    def within(self, other: Period) -> bool:
        """Whether every day of this one belongs to ``other``."""
        if other.valid_from > self.valid_from:
            return False
        return other.valid_to is None or (self.valid_to is not None and self.valid_to <= other.valid_to)


def ends_after(valid_to: date | None, day: date) -> bool:
    """Whether a period that ends with ``valid_to`` (``None``: open) still holds on ``day`` or later."""
    return valid_to is None or valid_to > day
