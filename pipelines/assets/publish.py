"""Publish: one immutable snapshot an audience, the pointer moved last."""

import dagster as dg

from ops_app.config import Settings
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.organisation.audit import checkpoint_audit
from pipelines.assets.days import span_of
from pipelines.house import House
from pipelines.instance import WRITER_POOL
from pipelines.live import publish_live
from pipelines.partitions import business_dates
from pipelines.publish import publish_snapshots


def publish_assets(settings: Settings, marts: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The published snapshots of a business date, after every mart of it."""

    @dg.asset(
        key=["published", "snapshots"],
        deps=marts,
        partitions_def=business_dates(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="publish",
        check_specs=[dg.AssetCheckSpec("every_snapshot_opens", asset=["published", "snapshots"], blocking=True)],
        pool=WRITER_POOL,
        required_resource_keys={"house"},
    )
    def snapshots(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        house: House = context.resources.house
        _, last = span_of(context)
        done = publish_snapshots(house.warehouse, house.settings, last)
        publish_live(house.settings)
        # signed outside the database each day, so that a cut or rewritten log is found out from here on
        checkpoint_audit(SYSTEM, house.app.store, now=house.app.clock.now(), evidence=house.settings.evidence)
        house.report(last, snapshot_published=None if done else "no audience has a snapshot")
        house.note("publish", **{one.audience: one.name for one in done})
        verdict = dg.AssetCheckResult(check_name="every_snapshot_opens", passed=bool(done))
        return dg.MaterializeResult(metadata={one.audience: one.name for one in done}, check_results=[verdict])

    return snapshots
