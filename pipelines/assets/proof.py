"""The month-end proof: everything that must always hold, checked and kept as a sheet."""

import json
from dataclasses import asdict

import dagster as dg

from ops_app.config import Settings
from pipelines.assets.days import span_of
from pipelines.house import House
from pipelines.instance import WRITER_POOL
from pipelines.partitions import business_dates


def proof_assets(settings: Settings) -> dg.AssetsDefinition:
    """One proof sheet a business date, normally the last of a month."""

    @dg.asset(
        key=["proof", "sheet"],
        deps=[["published", "snapshots"]],
        partitions_def=business_dates(settings),
        group_name="proof",
        check_specs=[dg.AssetCheckSpec("everything_holds", asset=["proof", "sheet"], blocking=True)],
        pool=WRITER_POOL,
        required_resource_keys={"house"},
    )
    def sheet(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        house: House = context.resources.house
        _, last = span_of(context)
        from pipelines.verify import verify_everything  # only a month end pays for the import

        findings = verify_everything(house.app)
        folder = house.settings.evidence / "proof"
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps([asdict(one) for one in findings], ensure_ascii=False, indent=2, default=str)
        (folder / f"{last}.json").write_text(text, encoding="utf-8")
        broken = [one.name for one in findings if one.state == "broken"]
        house.note("proof", broken=broken, checked=len(findings))
        verdict = dg.AssetCheckResult(
            check_name="everything_holds", passed=not broken, metadata={"broken": ", ".join(broken)}
        )
        return dg.MaterializeResult(metadata={"invariants": len(findings)}, check_results=[verdict])

    return sheet
