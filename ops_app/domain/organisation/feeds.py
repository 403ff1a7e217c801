"""Which feeds are due when: what the house expects of each sender each day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class ExpectedFeed:
    """One feed of one source, due by ``due`` local time on the day after its business date."""

    source_code: str
    feed: str
    due: time
    every: str = "day"

    def due_at(self, business_date: date, zone: ZoneInfo) -> datetime:
        """The moment at which the feed of ``business_date`` is late."""
        return datetime.combine(business_date + timedelta(days=1), self.due, tzinfo=zone)


@dataclass(frozen=True)
class MissingFeed:
    """A feed that has not arrived; ``late`` once its hour has passed."""

    source_code: str
    feed: str
    business_date: date
    due_at: datetime
    late: bool


def missing_feeds(
    expected: Iterable[ExpectedFeed],
    arrived: Iterable[tuple[str, str]],
    business_date: date,
    now: datetime,
    zone: ZoneInfo,
) -> list[MissingFeed]:
    """The expected feeds of ``business_date`` that are not among ``arrived`` (source, feed)."""
    have = set(arrived)
    out = []
    for feed in expected:
        if (feed.source_code, feed.feed) in have:
            continue
        due_at = feed.due_at(business_date, zone)
        out.append(MissingFeed(feed.source_code, feed.feed, business_date, due_at, now >= due_at))
    return out
