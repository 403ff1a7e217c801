"""The demonstration: a seeded portfolio through full business days, ready to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from time import monotonic
from typing import Any

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.errors import Conflict, DomainError
from ops_app.domain.ledger.breaks import BreakState
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.demo_work import create_demo_work
from ops_app.services.ledger.reconciliation import count_breaks
from ops_app.services.organisation import runs
from ops_app.services.organisation.demo_organisation import create_demo_organisation
from ops_app.services.organisation.demo_people import create_demo_people
from pipelines.house import Progress
from pipelines.run_day import DayResult, run_day
from pipelines.simulator import deliver_due, simulate
from pipelines.warehouse import Warehouse

DAYS_ONE_BY_ONE = 3
"""The last days of the history are run day by day, the days before them as one backfill of the same assets."""


@dataclass(frozen=True)
class DemoResult:
    """What ``recoup demo`` prints."""

    seconds: float
    day_rows: list[list[Any]]
    sign_ins: list[list[str]]


def _row(app: App, result: DayResult, label: str) -> list[Any]:
    raw = result.stages.get("raw", {})
    found = count_breaks(SYSTEM, app.store, now=app.clock.now())
    unsettled = sum(count for (_, state), count in found.items() if state is BreakState.OPEN)
    counts = [raw.get("rows_in", 0), raw.get("accepted", 0), raw.get("quarantined", 0), unsettled]
    return [label, f"{result.seconds:.0f}", *(f"{n:,}" for n in counts)]


def run_demo(
    settings: Settings, *, loans: int, days: int, seed: int, progress: Progress | None = None, end: date | None = None
) -> DemoResult:
    """Simulate, run every day, create the demo people. Refuses a home that holds other data.

    Raises ``Conflict`` when the home is not empty, ``DomainError`` with the reason when a day fails.
    """
    started = monotonic()
    app = open_app(settings)
    try:
        if runs.last_completed_date(SYSTEM, app.store) is not None:
            return _again(app, started)
        last = end or app.clock.now().astimezone(settings.zone).date() - timedelta(days=1)
        simulate(settings.inbound, loans=loans, days=days, seed=seed, faults=True, end_date=last, progress=progress)
        rows = []
        first = last - timedelta(days=days - 1)
        backfill_end = last - timedelta(days=DAYS_ONE_BY_ONE)
        spans = [(first, backfill_end)] + [(day, day) for day in (last - timedelta(days=n) for n in (2, 1, 0))]
        for begin, day in spans:
            if day == last:  # its people work before the last day, so that its marts have what they did
                _people(app)
                _work(app)
            deliver_due(settings.home / "simulated", settings.inbound, day)
            result = run_day(app, day, first=begin, progress=progress)
            if not result.succeeded:
                raise DomainError(f"{day}: {result.problem}", f"{day}:{result.problem}")
            rows.append(_row(app, result, f"{begin} to {day}" if begin < day else str(day)))
        return DemoResult(monotonic() - started, rows, _people(app))
    finally:
        app.close()


def _again(app: App, started: float) -> DemoResult:
    """A second ``recoup demo`` on the same home serves what is there, if it is a demo's."""
    if not Warehouse(app.settings.warehouse_path).query("select 1 from raw.files where source_code = 'SIM' limit 1"):
        raise Conflict(
            "This home holds other data. Choose an empty one with RECOUP_HOME.",
            "该目录中已有其他数据，请用 RECOUP_HOME 指定一个空目录。",
        )
    return DemoResult(monotonic() - started, [], _people(app))


def _work(app: App) -> None:
    now, zone = app.clock.now(), app.settings.zone
    create_demo_work(SYSTEM, app.store, now=now, today=now.astimezone(zone).date(), zone=zone, demo=True)


def _people(app: App) -> list[list[str]]:
    now = app.clock.now()
    made = create_demo_people(SYSTEM, app.store, now=now, demo=True)
    create_demo_organisation(SYSTEM, app.store, now=now, today=now.astimezone(app.settings.zone).date(), demo=True)
    return [[one.sign_in_name, one.password, one.role.value] for one in made]
