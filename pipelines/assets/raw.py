"""Raw: what arrived, from the bytes to typed rows and quarantined ones."""

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg

from ops_app.config import Settings
from pipelines import arrivals, imports, replay
from pipelines.assets.days import span_of
from pipelines.expectations.definitions import feed_names
from pipelines.house import House
from pipelines.ingest import FileOutcome, ingest_inbound
from pipelines.instance import WRITER_POOL
from pipelines.operations_file import publish_operations
from pipelines.partitions import business_dates

ARRIVALS = dg.AssetKey(["raw", "arrivals"])


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


def arrival_assets(settings: Settings) -> dg.AssetsDefinition:
    """What arrived by the end of a business date; files are read once, in the order of their dates and names."""

    @dg.asset(
        key=ARRIVALS,
        partitions_def=business_dates(settings),
        group_name="raw",
        kinds={"duckdb"},
        check_specs=[dg.AssetCheckSpec("rows_accounted", asset=ARRIVALS, blocking=True)],
        backfill_policy=dg.BackfillPolicy.single_run(),
        # reading the same file again is a no-op, so a retry is safe
        retry_policy=dg.RetryPolicy(max_retries=1, delay=5),
        pool=WRITER_POOL,
        required_resource_keys={"house"},
    )
    def arrived(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        house: House = context.resources.house
        _, last = span_of(context)
        with house.warehouse.open():
            imports.work_within(house.app, house.warehouse, house.run_id, house.progress)
            replay.apply_corrections(house)
            outcomes = ingest_inbound(house.warehouse, house.settings, last, house.progress)
            lost = _report(house, last, outcomes)
            publish_operations(house.warehouse, house.settings, last)
        verdict = dg.AssetCheckResult(check_name="rows_accounted", passed=lost is None, metadata={"lost": lost or ""})
        return dg.MaterializeResult(metadata={"files": len(outcomes)}, check_results=[verdict])

    return arrived


def feed_assets() -> dg.AssetsDefinition:
    """One asset a feed, as dbt's sources know them, with what the warehouse holds of it.

    They have no partitions: Dagster writes an event for each asset and partition of a run (some 20 ms), and a history
    of twenty feeds would cost more in events than in rows. The days are those of ``raw/arrivals``.
    """
    feeds = feed_names()

    @dg.multi_asset(
        name="feeds",
        specs=[dg.AssetSpec(["raw", feed], deps=[ARRIVALS], group_name="raw", kinds={"duckdb"}) for feed in feeds],
        pool=WRITER_POOL,
        required_resource_keys={"house"},
    )
    def held(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        house: House = context.resources.house
        counts = arrivals.rows_by_feed(house.warehouse)
        for feed in feeds:
            yield dg.MaterializeResult(asset_key=["raw", feed], metadata={"dagster/row_count": counts.get(feed, 0)})

    return held
