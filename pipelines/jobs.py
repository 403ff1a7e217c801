"""Named jobs: what is run together, in one process, under one lease."""

from __future__ import annotations

import dagster as dg

from ops_app.config import Settings
from pipelines.house import KIND_TAG
from pipelines.partitions import business_dates

_RECONCILE = dg.AssetSelection.groups("raw", "reconcile")
_DAY = dg.AssetSelection.all() - dg.AssetSelection.groups("proof")


def jobs(settings: Settings) -> list[dg.UnresolvedAssetJobDefinition]:
    """``business_day`` (everything to publication), ``intraday`` (ingest and reconcile), ``month_end`` (the proof)."""
    days = business_dates(settings)

    def job(name: str, kind: str, selection: dg.AssetSelection, what: str) -> dg.UnresolvedAssetJobDefinition:
        return dg.define_asset_job(
            name,
            selection=selection,
            partitions_def=days,
            tags={KIND_TAG: kind},
            description=what,
            executor_def=dg.in_process_executor,
        )

    return [
        job("business_day", "day", _DAY, "One business day: ingest, check, reconcile, build, publish"),
        job("intraday", "intraday", _RECONCILE, "What has arrived today, reconciled against the bank"),
        job("month_end", "month_end", dg.AssetSelection.groups("proof"), "Proof that everything holds"),
    ]
