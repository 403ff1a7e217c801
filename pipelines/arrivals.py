"""What arrived and what did not: facts of ``raw.files`` that checks, notices and pages speak of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from pathlib import Path

from ops_app.config import Settings, yaml_of
from ops_app.domain.organisation.feeds import ExpectedFeed, MissingFeed, missing_feeds
from ops_app.gateways.clock import close_of
from pipelines.warehouse import Warehouse


def _read(path: Path) -> Iterable[ExpectedFeed]:
    if not path.exists():
        return []
    entries = yaml_of(path.read_text(encoding="utf-8")) or []
    return [ExpectedFeed(one["source_code"], one["feed"], time.fromisoformat(one["due"])) for one in entries]


def expected_feeds(settings: Settings) -> list[ExpectedFeed]:
    """The feeds this installation expects: the project's own list, and the home's in its place where it names them."""
    chosen = {(one.source_code, one.feed): one for one in _read(settings.reference_dir / "expected_feeds.yml")}
    chosen |= {(one.source_code, one.feed): one for one in _read(settings.home / "expected_feeds.yml")}
    return list(chosen.values())


def sources_sending(warehouse: Warehouse, business_date: date) -> set[str]:
    """Sources that had begun to send by ``business_date``; nothing is expected of one that had not."""
    found = warehouse.query("select source_code from raw.files group by 1 having min(file_date) <= ?", [business_date])
    return {row[0] for row in found}


def missing_on(
    warehouse: Warehouse, settings: Settings, business_date: date, now: datetime | None = None
) -> list[MissingFeed]:
    """Expected feeds without an accepted file of ``business_date``, as seen at ``now`` (default: the close of it)."""
    sending = sources_sending(warehouse, business_date)
    arrived = warehouse.query(
        "select distinct source_code, feed from raw.files where file_date = ? and state = 'accepted'", [business_date]
    )
    expected = [one for one in expected_feeds(settings) if one.source_code in sending]
    at = now or close_of(business_date, settings.zone)
    return missing_feeds(expected, [(row[0], row[1]) for row in arrived], business_date, at, settings.zone)


def rows_by_feed(warehouse: Warehouse) -> dict[str, int]:
    """Rows accepted so far, by feed."""
    return dict(warehouse.query("select feed, cast(sum(rows_accepted) as bigint) from raw.files group by feed"))


def refused_on(warehouse: Warehouse, business_date: date) -> list[str]:
    """Names of the files of ``business_date`` that were refused whole."""
    found = warehouse.query(
        "select file_name from raw.files where file_date = ? and state = 'refused' order by file_name", [business_date]
    )
    return [row[0] for row in found]


def unaccounted_files(warehouse: Warehouse) -> list[str]:
    """Files whose rows in are not rows accepted plus rows quarantined (invariant 12); must always be empty."""
    found = warehouse.query(
        "select file_name from raw.files where rows_in <> rows_accepted + rows_quarantined order by file_name"
    )
    return [row[0] for row in found]
