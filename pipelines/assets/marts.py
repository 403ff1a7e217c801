"""Marts: every dbt model and seed as an asset, built by one invocation a run."""

from collections.abc import Iterator
from graphlib import TopologicalSorter

import dagster as dg
from dagster_dbt import build_dbt_asset_specs

from ops_app.config import Settings
from pipelines.build import BuildFailed, build, manifest
from pipelines.house import House
from pipelines.instance import WRITER_POOL

_BUILT = ("model", "seed")


def mart_assets(settings: Settings) -> dg.AssetsDefinition:
    """One asset a model or seed; tests are part of the build, and a failed one stops what follows.

    A build recomputes whatever partitions were touched, so the assets themselves have none.
    """
    specs = [
        spec.replace_attributes(group_name="marts", owners=[], automation_condition=None)
        for spec in build_dbt_asset_specs(manifest=manifest(settings))
    ]
    parents = {spec.key: [dep.asset_key for dep in spec.deps] for spec in specs}
    ordered = [key for key in TopologicalSorter(parents).static_order() if key in parents]
    keys = {key.path[-1]: key for key in ordered}
    sheet = keys["rpt_portfolio_daily"]

    @dg.multi_asset(
        name="marts",
        specs=specs,
        check_specs=[dg.AssetCheckSpec("dbt_tests_passed", asset=sheet, blocking=True)],
        pool=WRITER_POOL,
        required_resource_keys={"house"},
    )
    def marts(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        house: House = context.resources.house
        last = house.business_date
        try:
            result = build(house.settings.warehouse_path, house.settings, last, progress=house.progress)
        except BuildFailed as failure:
            house.report(last, marts_built=", ".join(name for name, _ in failure.failed[:5]))
            raise
        tests = sum(node.kind == "test" for node in result.nodes)
        house.report(last, marts_built=None)
        house.note(
            "marts",
            models=sum(node.kind in _BUILT for node in result.nodes),
            tests=tests,
            sql_s=round(result.sql_s, 2),
            dbt_start_s=round(result.dbt_start_s, 2),
        )
        passed = dg.AssetCheckResult(
            check_name="dbt_tests_passed", asset_key=sheet, passed=True, metadata={"tests": tests}
        )
        seconds = {node.name: node.seconds for node in result.nodes if node.kind in _BUILT}
        for name, key in keys.items():
            # what nothing moved to was left as it is, which is as good as made again
            metadata = {"seconds": seconds[name]} if name in seconds else {"unchanged": True}
            yield dg.MaterializeResult(asset_key=key, metadata=metadata, check_results=[passed] if key == sheet else [])

    return marts
