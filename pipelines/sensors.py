"""Sensors: files that have arrived, runs that people asked for, and the watch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import dagster as dg

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.organisation import runs
from pipelines.durable import sha256_of
from pipelines.house import KIND_TAG
from pipelines.lost_runs import settle_lost_runs
from pipelines.warehouse import Warehouse
from pipelines.watch import watch

_RUNNING = dg.DefaultSensorStatus.RUNNING


def _stamp(path: Path) -> list[int]:
    seen = path.stat()
    return [seen.st_size, seen.st_mtime_ns]


def stable_files(inbound: Path, cursor: str | None) -> tuple[list[Path], str]:
    """Files that have not changed since the last look and are new since then, and the cursor for the next look.

    A file still being written differs between two looks and waits for the next one.
    """
    known = json.loads(cursor or "{}")
    present = {
        str(path.relative_to(inbound)): _stamp(path)
        for path in sorted(inbound.rglob("*"))
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith((".part", ".tmp"))
    }
    stable, after = [], {}
    for name, stamp in present.items():
        before = known.get(name)
        settled = bool(before) and before["stamp"] == stamp
        if settled and not before["told"]:
            stable.append(inbound / name)
        after[name] = {"stamp": stamp, "told": settled}
    return stable, json.dumps(after, sort_keys=True)


def sensors(
    settings: Settings, jobs: dict[str, dg.UnresolvedAssetJobDefinition], app: App | None = None
) -> list[dg.SensorDefinition]:
    """``inbound_files``, ``requested_runs`` and ``watch``."""

    def opened() -> App:
        return app or open_app(settings)

    @dg.sensor(job=jobs["intraday"], minimum_interval_seconds=30, default_status=_RUNNING)
    def inbound_files(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """New stable files start a run once per content."""
        stable, cursor = stable_files(settings.inbound, context.cursor)
        if not stable:
            return dg.SensorResult(skip_reason="nothing new and stable", cursor=cursor)
        contents = sorted(sha256_of(path) for path in stable)
        today = opened().clock.now().astimezone(settings.zone).date()
        key = hashlib.sha256("".join(contents).encode()).hexdigest()
        request = dg.RunRequest(run_key=key, partition_key=today.isoformat(), tags={KIND_TAG: "intraday"})
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    @dg.sensor(job=jobs["business_day"], minimum_interval_seconds=15, default_status=_RUNNING)
    def requested_runs(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Runs that somebody asked for on the operations page; the run itself marks the request as taken."""
        requests = [
            dg.RunRequest(run_key=one.request_id, partition_key=one.business_date.isoformat(), tags={KIND_TAG: "day"})
            for one in runs.waiting_requests(SYSTEM, opened().store)
        ]
        return dg.SensorResult(run_requests=requests)

    @dg.sensor(minimum_interval_seconds=60, default_status=_RUNNING)
    def watchman(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Late feeds, failed and lost runs: announced once each."""
        house = opened()
        found = watch(house, Warehouse(settings.warehouse_path), house.clock.now())
        settle_lost_runs(context.instance, house)
        return dg.SkipReason(json.dumps(found))

    return [inbound_files, requested_runs, watchman]
