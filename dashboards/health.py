"""Which feeds have not arrived, so that no page shows an old figure as a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dashboards.labels import Labels
from dashboards.published import Published


@dataclass(frozen=True)
class MissingFeed:
    """A feed of a source that should have been there on the newest business date."""

    feed: str
    source_code: str
    last_file_date: date | None

    def said(self, labels: Labels) -> str:
        feed = labels.code("feed", self.feed)
        if self.last_file_date is None:
            return labels.texts("header.missing_never", feed=feed, source=self.source_code)
        day = labels.day(self.last_file_date)
        return labels.texts("header.missing_one", feed=feed, source=self.source_code, day=day)


def missing_feeds(published: Published, sources: Sequence[str]) -> Mapping[str, list[MissingFeed]]:
    """Feed → who has not sent it on the newest day of data health, of ``sources`` alone when some are named."""
    if not published.has("rpt_data_health", "is_missing"):
        return {}
    frame = published.frame(
        "select feed, source_code, last_file_date from rpt_data_health "
        "where is_missing and business_date = (select max(business_date) from rpt_data_health) "
        "order by feed, source_code"
    )
    found: dict[str, list[MissingFeed]] = {}
    for row in frame.iter_rows(named=True):
        if not sources or row["source_code"] in sources:
            found.setdefault(row["feed"], []).append(MissingFeed(**row))
    return found
