"""The house as a pipeline sees it: the installation, the lease of the run, and what each stage did.

One resource for every run: it takes the lease when the run begins, renews it while the run works, and records how the
run ended when its process gives the resource back. A killed process does none of that; its lease then runs out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import dagster as dg

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.organisation.people import SYSTEM
from ops_app.domain.organisation.readiness import Check, CheckState
from ops_app.gateways.clock import close_of
from ops_app.services.organisation import readiness, runs
from pipelines.lease import held_lease
from pipelines.lost_runs import settle_lost_runs
from pipelines.warehouse import Warehouse

KIND_TAG = "recoup/kind"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
LAST_STAGE = {"day": "publish", "backfill": "publish", "intraday": "reconcile", "month_end": "proof"}
"""Kind of run → the stage after which it counts as succeeded."""

Progress = Callable[[int, int, str], None]


@dataclass
class House:
    """What assets are given: the installation, its warehouse, and a place to say what was done."""

    app: App
    warehouse: Warehouse
    kind: str
    business_date: date
    run_id: str
    progress: Progress | None = None
    stages: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return self.app.settings

    def acting_at(self, business_date: date) -> datetime:
        """The moment that acts of this run carry: the close of the business day, or now while the day is open."""
        return min(close_of(business_date, self.settings.zone), self.app.clock.now())

    def note(self, stage: str, **what: Any) -> None:
        """Remember what ``stage`` did, for the run's record, and tell whoever watches."""
        self.stages[stage] = what
        if self.progress:
            self.progress(len(self.stages), 0, stage)

    def report(self, business_date: date, **found: str | None) -> None:
        """Report checks by name: None means green, a sentence means red and why."""
        as_of = self.acting_at(business_date)
        checks = [
            Check(name, CheckState.GREEN if reason is None else CheckState.RED, business_date, as_of, reason or "")
            for name, reason in found.items()
        ]
        readiness.report_checks(SYSTEM, self.app.store, now=as_of, checks=checks)


def _span(context: dg.InitResourceContext) -> tuple[str, date]:
    tags = dict(context.run.tags) if context.run else {}
    end = tags.get(RANGE_END_TAG) or tags.get("dagster/partition")
    if not end:
        raise dg.DagsterInvariantViolationError("every run is of a business date: choose a partition")
    return tags.get(KIND_TAG, "day"), date.fromisoformat(end[:10])


def house_resource(
    app: App | None = None, progress: Progress | None = None, holder: list[House] | None = None
) -> dg.ResourceDefinition:
    """The resource ``house``; opens the installation of the environment unless one is given.

    ``holder`` is given the house of the run, for a caller that wants to read its stages afterwards.
    """

    @dg.resource(description="The installation, its warehouse and the lease of this run")
    def house(context: dg.InitResourceContext) -> Iterator[House]:
        opened = app or open_app()
        kind, business_date = _span(context)
        try:
            with held_lease(opened, kind, business_date, context.run_id) as (run_id, _lost):
                settle_lost_runs(context.instance, opened)
                if kind == "day":
                    runs.take_requests(SYSTEM, opened.store, now=opened.clock.now(), business_date=business_date)
                made = House(opened, Warehouse(opened.settings.warehouse_path), kind, business_date, run_id, progress)
                if holder is not None:
                    holder.append(made)
                try:
                    yield made
                finally:
                    runs.end_run(
                        SYSTEM,
                        opened.store,
                        now=opened.clock.now(),
                        run_id=run_id,
                        succeeded=LAST_STAGE[kind] in made.stages,
                        detail=made.stages,
                    )
        finally:
            if app is None:
                opened.close()

    return house
