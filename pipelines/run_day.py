"""One business day, or a backfill of many, through Dagster in this process; the same assets as the daemon runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any

import dagster as dg

from ops_app.bootstrap import App
from ops_app.config import Settings
from ops_app.domain.errors import NotFound
from ops_app.domain.organisation.people import SYSTEM
from ops_app.gateways.clock import close_of
from ops_app.services.organisation import runs
from pipelines.definitions import day_assets
from pipelines.extracts import extract_ops
from pipelines.house import KIND_TAG, RANGE_END_TAG, RANGE_START_TAG, House, Progress, house_resource
from pipelines.instance import open_instance
from pipelines.live import publish_live
from pipelines.publish import Published, publish_snapshots
from pipelines.readers.names import date_in_name
from pipelines.reconcile import reconcile
from pipelines.warehouse import Warehouse

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class DayResult:
    """What a run did, stage by stage; ``problem`` is the first sentence of what stopped it."""

    business_date: date
    succeeded: bool
    seconds: float
    stages: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {"business_date": self.business_date.isoformat()}

    def lines(self) -> list[tuple[str, str]]:
        """Stage and what it did, for people."""
        lines = [
            (stage, ", ".join(f"{k} {v}" for k, v in what.items() if v not in ([], "")))
            for stage, what in self.stages.items()
        ]
        if self.problem:
            lines.append(("stopped", self.problem))
        return [*lines, ("seconds", f"{self.seconds:.1f}")]


def last_business_date(app: App) -> date:
    """The last completed business date; raises ``NotFound`` before the first."""
    done = runs.last_completed_date(SYSTEM, app.store)
    if done is None:
        raise NotFound(
            "No business day has been completed yet: recoup run-day.", "尚未完成任何业务日，请先运行 recoup run-day。"
        )
    return done


def next_business_date(app: App) -> date:
    """The day after the last completed one; at first, the latest date among the files that wait, else yesterday."""
    done = runs.last_completed_date(SYSTEM, app.store)
    if done is not None:
        return done + timedelta(days=1)
    dates = [found for path in app.settings.inbound.rglob("*") if path.is_file() and (found := date_in_name(path.name))]
    return max(dates, default=app.clock.now().astimezone(app.settings.zone).date() - timedelta(days=1))


def _problem_of(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error:
            error = event.step_failure_data.error
            while error.cause is not None:
                error = error.cause
            return f"{event.step_key}: {error.message.strip().splitlines()[0]}"
    return "the run did not reach its last stage"


def run_day(app: App, business_date: date, *, first: date | None = None, progress: Progress | None = None) -> DayResult:
    """Run ``business_date`` (or every day from ``first`` to it as one backfill); never raises for what a run can say.

    Raises ``Conflict`` when another run holds the lease.
    """
    started = monotonic()
    holder: list[House] = []

    def watch(done: int, total: int, what: str) -> None:
        if progress:
            progress(done, total, what)

    tags = {KIND_TAG: "day"}
    if first is not None and first < business_date:
        tags = {KIND_TAG: "backfill", RANGE_START_TAG: first.isoformat(), RANGE_END_TAG: business_date.isoformat()}
    with open_instance(app.settings) as instance:
        result = dg.materialize(
            day_assets(app.settings),
            partition_key=business_date.isoformat() if RANGE_START_TAG not in tags else None,
            tags=tags,
            resources={"house": house_resource(app, watch, holder)},
            instance=instance,
            run_config=_QUIET,
            raise_on_error=False,
        )
    stages = holder[0].stages if holder else {}
    succeeded = result.success and "publish" in stages
    problem = "" if succeeded else _problem_of(result)
    return DayResult(business_date, succeeded, monotonic() - started, stages, problem)


def publish_again(settings: Settings) -> list[Published]:
    """Publish the present marts under the date they were built for."""
    warehouse = Warehouse(settings.warehouse_path)
    built = warehouse.query("select max(business_date) from marts.rpt_data_health")
    if not built or built[0][0] is None:
        raise NotFound(
            "There is nothing to publish yet: recoup run-day.", "尚无可发布的内容，请先运行 recoup run-day。"
        )
    done = publish_snapshots(warehouse, settings, built[0][0])
    publish_live(settings)
    return done


def reconcile_again(app: App, business_date: date) -> dict[str, Any]:
    """Reconcile as of ``business_date`` outside of a run and take the result into the warehouse's extracts."""
    warehouse = Warehouse(app.settings.warehouse_path)
    now: datetime = min(close_of(business_date, app.settings.zone), app.clock.now())
    result = reconcile(warehouse, app, business_date, now=now)
    extract_ops(warehouse, app.settings)
    return result.as_dict()
