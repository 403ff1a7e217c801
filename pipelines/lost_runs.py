"""Runs whose process was killed, as Dagster sees them: still started, and holding the writer's place.

Dagster finds out about a dead run only under launchers that can ask after a process. Ours is found out by its lease;
here Dagster is told, so that the dead run neither holds the pool of the warehouse nor counts as the one run allowed.
"""

from __future__ import annotations

import dagster as dg

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.organisation import runs

_UNDER_WAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def settle_lost_runs(instance: dg.DagsterInstance, app: App) -> int:
    """Fail in Dagster every run that was failed because its lease ran out, and free what it held; returns how many."""
    under_way = {run.run_id: run for run in instance.get_runs(filters=dg.RunsFilter(statuses=_UNDER_WAY))}
    lost = runs.lost_among(SYSTEM, app.store, run_ids=list(under_way)) if under_way else set()
    for run_id in lost:
        instance.report_run_failed(under_way[run_id], "Its lease ran out: the process of this run was killed.")
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return len(lost)
