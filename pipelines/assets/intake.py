"""Intake: overdue loans of the feed become cases of the ops store, cured and paid ones close."""

import dagster as dg

from ops_app.config import Settings
from pipelines.assets.days import days_of
from pipelines.house import House
from pipelines.instance import WRITER_POOL
from pipelines.intake import take_in
from pipelines.partitions import business_dates


def intake_assets(settings: Settings) -> dg.AssetsDefinition:
    """Cases of the ops store; a backfill goes through its days one by one, as the days would have (decision 0003)."""

    @dg.asset(
        key=["casework", "cases"],
        deps=[["recon", "matches"], ["raw", "loans"], ["raw", "customers"], ["raw", "contacts"]],
        partitions_def=business_dates(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="intake",
        kinds={"duckdb"},
        pool=WRITER_POOL,
        required_resource_keys={"house"},
    )
    def cases(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        house: House = context.resources.house
        days = days_of(context)
        with house.warehouse.open():
            for number, day in enumerate(days, start=1):
                result = take_in(house.warehouse, house.app, day, now=house.acting_at(day))
                if house.progress and len(days) > 1:
                    house.progress(number, len(days), f"intake {day}")
        house.note("intake", **result.as_dict())
        return dg.MaterializeResult(metadata=result.as_dict())

    return cases
