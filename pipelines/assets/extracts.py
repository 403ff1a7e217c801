"""Extracts: what the ops store says, copied into the warehouse at one moment."""

from collections.abc import Iterator

import dagster as dg

from pipelines.extracts import EXTRACTED, extract_ops
from pipelines.house import House
from pipelines.instance import WRITER_POOL


def extract_assets() -> dg.AssetsDefinition:
    """One asset an extracted table of the ops store: each run copies all of it, so there are no partitions."""

    @dg.multi_asset(
        name="extracts",
        specs=[
            dg.AssetSpec(["ops", table], deps=[["recon", "matches"], ["casework", "cases"]], group_name="extracts")
            for table in EXTRACTED
        ],
        retry_policy=dg.RetryPolicy(max_retries=1, delay=5),
        pool=WRITER_POOL,
        required_resource_keys={"house"},
    )
    def extracts(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        house: House = context.resources.house
        counts = extract_ops(house.warehouse, house.settings)
        house.note("extracts", **counts)
        for table in EXTRACTED:
            yield dg.MaterializeResult(asset_key=["ops", table], metadata={"dagster/row_count": counts.get(table, 0)})

    return extracts
