"""What a day makes of its files in the ops store: repayments recorded and reconciled, overdue loans taken in as cases.

One step for both, because the acts of a backfill stand in the audit log day by day, as the days' own runs write them.
"""

from collections.abc import Iterator

import dagster as dg

from ops_app.config import Settings
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.accruing import accrue
from ops_app.services.ledger.agreement_judging import judge_agreements
from pipelines.assets.days import days_of
from pipelines.claimed_commissions import take_in_claimed
from pipelines.house import House
from pipelines.instalments import take_in_instalments
from pipelines.instance import WRITER_POOL
from pipelines.intake import take_in
from pipelines.partitions import business_dates
from pipelines.reconcile import reconcile as reconcile_day


def reconcile_assets(settings: Settings) -> dg.AssetsDefinition:
    """Recorded payments, matches, breaks and cases; a backfill goes through its days one by one (decision 0003)."""
    loans = ["raw", "loans"]
    matches = dg.AssetSpec(
        ["recon", "matches"],
        deps=[["raw", "repayments"], ["raw", "bank_lines"], loans],
        group_name="reconcile",
        kinds={"duckdb"},
    )
    cases = dg.AssetSpec(
        ["casework", "cases"],
        deps=[loans, ["raw", "customers"], ["raw", "contacts"], ["raw", "instalments"], ["raw", "claimed_commissions"]],
        group_name="reconcile",
        kinds={"duckdb"},
    )

    @dg.multi_asset(
        name="reconcile",
        specs=[matches, cases],
        partitions_def=business_dates(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[dg.AssetCheckSpec("explained_and_unexplained_add_up", asset=["recon", "matches"], blocking=True)],
        pool=WRITER_POOL,
        required_resource_keys={"house"},
    )
    def reconcile(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        house: House = context.resources.house
        days = days_of(context)
        with house.warehouse.open():
            for number, day in enumerate(days, start=1):
                # what accrues for the day is there when its payments are posted
                accrued = accrue(SYSTEM, house.app.store, now=house.acting_at(day), business_date=day)
                result = reconcile_day(house.warehouse, house.app, day, now=house.acting_at(day))
                taken = take_in(house.warehouse, house.app, day, now=house.acting_at(day))
                take_in_instalments(house.warehouse, house.app, day, now=house.acting_at(day))
                claimed = take_in_claimed(house.warehouse, house.app, day, now=house.acting_at(day))
                judged = judge_agreements(SYSTEM, house.app.store, now=house.acting_at(day), as_of=day)
                if house.progress and len(days) > 1:
                    house.progress(number, len(days), f"reconcile {day}")
        balanced = None if result.balanced else "explained and unexplained do not add up to the difference"
        house.report(days[-1], reconciliation_current=None, reconciliation_balanced=balanced)
        house.note("accrual", cases=accrued.cases, events=accrued.events)
        house.note("agreements", **vars(judged))
        house.note("intake", **taken.as_dict())
        house.note("claimed_commissions", **vars(claimed))
        house.note("reconcile", **result.as_dict())
        verdict = dg.AssetCheckResult(
            check_name="explained_and_unexplained_add_up", asset_key=matches.key, passed=result.balanced
        )
        yield dg.MaterializeResult(asset_key=matches.key, metadata=result.as_dict(), check_results=[verdict])
        yield dg.MaterializeResult(asset_key=cases.key, metadata=taken.as_dict())

    return reconcile
