"""Reconcile: the lender's repayments, recorded once, against the bank and against what is recorded."""

import dagster as dg

from ops_app.config import Settings
from pipelines.assets.days import days_of
from pipelines.house import House
from pipelines.instance import WRITER_POOL
from pipelines.partitions import business_dates
from pipelines.reconcile import reconcile as reconcile_day


def reconcile_assets(settings: Settings) -> dg.AssetsDefinition:
    """Recorded payments, matches and breaks; a backfill goes through its days one by one, as the days would have."""

    @dg.asset(
        key=["recon", "matches"],
        deps=[["raw", "repayments"], ["raw", "bank_lines"], ["raw", "loans"]],
        partitions_def=business_dates(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="reconcile",
        kinds={"duckdb"},
        check_specs=[dg.AssetCheckSpec("explained_and_unexplained_add_up", asset=["recon", "matches"], blocking=True)],
        pool=WRITER_POOL,
        required_resource_keys={"house"},
    )
    def matches(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        house: House = context.resources.house
        days = days_of(context)
        with house.warehouse.open():
            for number, day in enumerate(days, start=1):
                result = reconcile_day(house.warehouse, house.app, day, now=house.acting_at(day))
                if house.progress and len(days) > 1:
                    house.progress(number, len(days), f"reconcile {day}")
        balanced = None if result.balanced else "explained and unexplained do not add up to the difference"
        house.report(days[-1], reconciliation_current=None, reconciliation_balanced=balanced)
        house.note("reconcile", **result.as_dict())
        verdict = dg.AssetCheckResult(check_name="explained_and_unexplained_add_up", passed=result.balanced)
        return dg.MaterializeResult(metadata=result.as_dict(), check_results=[verdict])

    return matches
