"""Raw: every feed of the house, from the bytes that arrived to typed rows and quarantined ones."""

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg

from ops_app.config import Settings
from pipelines import arrivals, replay
from pipelines.assets.days import span_of
from pipelines.expectations.definitions import feed_names
from pipelines.house import House
from pipelines.ingest import FileOutcome, ingest_inbound
from pipelines.instance import WRITER_POOL
from pipelines.operations_file import publish_operations
from pipelines.partitions import business_dates


def _of_feed(outcomes: Sequence[FileOutcome], feed: str) -> dict[str, int]:
    mine = [one for one in outcomes if one.feed == feed]
    return {
        "files": len(mine),
        "refused_files": sum(one.state == "refused" for one in mine),
        "rows_in": sum(one.rows_in for one in mine),
        "dagster/row_count": sum(one.rows_accepted for one in mine),
        "rows_quarantined": sum(one.rows_quarantined for one in mine),
    }


def _report(house: House, last: date, outcomes: Sequence[FileOutcome]) -> str | None:
    """Tell readiness what arrived; returns what is unaccounted for, or None."""
    unaccounted = arrivals.unaccounted_files(house.warehouse)
    lost = f"rows of {', '.join(unaccounted)} are neither accepted nor quarantined" if unaccounted else None
    late = [f"{one.source_code}/{one.feed}" for one in arrivals.missing_on(house.warehouse, house.settings, last)]
    refused = arrivals.refused_on(house.warehouse, last)
    house.report(
        last,
        rows_accounted=lost,
        feeds_arrived=f"not arrived: {', '.join(late)}" if late else None,
        no_refused_file=f"refused: {', '.join(refused)}" if refused else None,
    )
    house.note(
        "raw",
        files=len(outcomes),
        rows_in=sum(one.rows_in for one in outcomes),
        accepted=sum(one.rows_accepted for one in outcomes),
        quarantined=sum(one.rows_quarantined for one in outcomes),
        refused=[one.file_name for one in outcomes if one.state == "refused"],
        missing=late,
    )
    return lost


def raw_assets(settings: Settings) -> dg.AssetsDefinition:
    """One asset a feed, filled by one step: files are read once, in the order of their dates and names."""
    feeds = feed_names()
    days = business_dates(settings)

    @dg.multi_asset(
        name="raw",
        specs=[dg.AssetSpec(["raw", feed], partitions_def=days, group_name="raw", kinds={"duckdb"}) for feed in feeds],
        check_specs=[dg.AssetCheckSpec("rows_accounted", asset=["raw", feed], blocking=True) for feed in feeds],
        backfill_policy=dg.BackfillPolicy.single_run(),
        # reading the same file again is a no-op, so a retry is safe
        retry_policy=dg.RetryPolicy(max_retries=1, delay=5),
        pool=WRITER_POOL,
        required_resource_keys={"house"},
    )
    def raw(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        house: House = context.resources.house
        _, last = span_of(context)
        replay.apply_corrections(house)
        outcomes = ingest_inbound(house.warehouse, house.settings, last)
        lost = _report(house, last, outcomes)
        publish_operations(house.warehouse, house.settings, last)
        for feed in feeds:
            key = dg.AssetKey(["raw", feed])
            verdict = dg.AssetCheckResult(
                check_name="rows_accounted", asset_key=key, passed=lost is None, metadata={"lost": lost or ""}
            )
            yield dg.MaterializeResult(asset_key=key, metadata=_of_feed(outcomes, feed), check_results=[verdict])

    return raw
