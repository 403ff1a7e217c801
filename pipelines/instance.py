"""Dagster's own home: telemetry off, one writer of the warehouse, a bounded history."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import yaml

from ops_app.config import Settings, yaml_of

WRITER_POOL = "warehouse_writer"

_INSTANCE = {
    "telemetry": {"enabled": False},
    "concurrency": {"runs": {"max_concurrent_runs": 1}, "pools": {"default_limit": 1}},
    # what a step prints goes to the process's own log; capturing it costs two processes a step
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"},
    "run_monitoring": {"enabled": True, "start_timeout_seconds": 300, "poll_interval_seconds": 60},
    "retention": {
        "schedule": {"purge_after_days": 90},
        "sensor": {"purge_after_days": {"skipped": 3, "failure": 30, "success": -1}},
    },
}


def dagster_home(settings: Settings) -> Path:
    """The folder of Dagster's instance, with its settings written where they are not yet."""
    folder = settings.dagster_home.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = folder / "dagster.yaml"
    said = yaml_of(chosen.read_text(encoding="utf-8")) if chosen.exists() else dict(_INSTANCE)
    events = {
        "module": "pipelines.event_storage",
        "class": "RunEventStorage",
        "config": {"base_dir": str(folder / "history" / "runs")},
    }
    if said.get("event_log_storage") != events:
        # of a home that moved, too: the rest of the file stays as its operator left it
        chosen.write_text(yaml.safe_dump({**said, "event_log_storage": events}, sort_keys=False), encoding="utf-8")
    return folder


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance in which runs of the command line and of the daemon are recorded alike."""
    return dg.DagsterInstance.from_config(str(dagster_home(settings)))
