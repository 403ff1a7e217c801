"""The demonstration: a seeded portfolio through full business days, ready to be looked at.

Every step may be the last before somebody stops it: the next ``recoup demo`` on the same home goes on from there, with
the portfolio it began with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
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
from pipelines.demo_money import agree_in_demo, begin_demo_money, settle_in_demo
from pipelines.house import Progress
from pipelines.run_day import DayResult, run_day
from pipelines.simulator import AnswerKey, check_size, deliver_due, simulate
from pipelines.simulator.answer_key import FILE_NAME

DAYS_ONE_BY_ONE = 3
"""The last days of the history are run day by day, the days before them as one backfill of the same assets."""


WORK_BEGINS = time(10)
"""When the demo's people begin to work, in the zone of the house."""


@dataclass(frozen=True)
class DemoResult:
    """What ``recoup demo`` prints."""

    seconds: float
    day_rows: list[list[Any]]
    sign_ins: list[list[str]]
    said: str = ""
    """What was found in the home and done about it, where it was not empty."""


def _row(app: App, result: DayResult, label: str) -> list[Any]:
    raw = result.stages.get("raw", {})
    found = count_breaks(SYSTEM, app.store, now=app.clock.now())
    unsettled = sum(count for (_, state), count in found.items() if state is BreakState.OPEN)
    counts = [raw.get("rows_in", 0), raw.get("accepted", 0), raw.get("quarantined", 0), unsettled]
    return [label, f"{result.seconds:.0f}", *(f"{n:,}" for n in counts)]


def run_demo(
    settings: Settings, *, loans: int, days: int, seed: int, progress: Progress | None = None, end: date | None = None
) -> DemoResult:
    """Simulate, run every day, create the demo people and let them work; goes on where an earlier call was stopped.
    Refuses a home that holds other data.

    Raises ``Invalid`` for a portfolio that is too small, ``Conflict`` when the home is not a demo's, ``DomainError``
    with the reason when a day fails.
    """
    started = monotonic()
    check_size(loans, days, faults=True)
    app = open_app(settings)
    try:
        done = runs.last_completed_date(SYSTEM, app.store)
        hidden = settings.home / "simulated"
        if not (hidden / FILE_NAME).is_file():  # written last: without it no simulation was finished
            if done is not None:
                raise Conflict(
                    "This home holds other data. Choose an empty one with RECOUP_HOME.",
                    "该目录中已有其他数据，请用 RECOUP_HOME 指定一个空目录。",
                )
            last = end or app.clock.now().astimezone(settings.zone).date() - timedelta(days=1)
            key = simulate(
                settings.inbound, loans=loans, days=days, seed=seed, faults=True, end_date=last, progress=progress
            )
            return _days(app, key, started, progress, done=None, said="")
        key = AnswerKey.load(hidden)
        return _days(app, key, started, progress, done=done, said=_found(key, done))
    finally:
        app.close()


def _found(key: AnswerKey, done: date | None) -> str:
    """What a demo that was begun before is, and where it goes on."""
    book = f"This home holds a demo of {key.loans:,} loans and {key.days} days (seed {key.seed}), which is kept"
    if done is None:
        return f"{book}; it goes on with its first day."
    return f"{book}; it is complete." if done >= key.end_date else f"{book}; it goes on after {done}."


def _days(
    app: App, key: AnswerKey, started: float, progress: Progress | None, *, done: date | None, said: str
) -> DemoResult:
    """Run the days that are not done yet. The people work before the first of the last days that is still to come, and
    what was earned since is settled before the last of them, so that the marts have what they did."""
    last = key.end_date
    one_by_one = [last - timedelta(days=n) for n in range(DAYS_ONE_BY_ONE - 1, -1, -1)]
    spans = [(key.first_date, one_by_one[0] - timedelta(days=1)), *((day, day) for day in one_by_one)]
    begins = next((day for day in one_by_one if done is None or day > done), last)
    people: list[list[str]] = []
    rows, worked = [], False
    for begin, day in spans:
        if day == begins:
            people = _people(app)
            worked = _work(app, day)
        if day == last:
            worked |= settle_in_demo(app, now=_morning(app, day), today=day, since=begins)
        if done is not None and day <= done and not (day == last and worked):
            continue
        deliver_due(app.settings.home / "simulated", app.settings.inbound, day)
        result = run_day(app, day, first=begin, progress=progress)
        if not result.succeeded:
            raise DomainError(f"{day}: {result.problem}", f"{day}:{result.problem}")
        rows.append(_row(app, result, f"{begin} to {day}" if begin < day else str(day)))
    return DemoResult(monotonic() - started, rows, people, said)


def _work(app: App, day: date) -> bool:
    """The demo's people work in the morning of a day that is not run yet; whether there was anything left to do."""
    zone, morning = app.settings.zone, _morning(app, day)
    did = begin_demo_money(app, now=morning, today=day)
    did |= create_demo_work(SYSTEM, app.store, now=app.clock.now(), morning=morning, zone=zone, demo=True)
    if did:
        agree_in_demo(app, now=morning, today=day)
    return did


def _morning(app: App, day: date) -> datetime:
    return datetime.combine(day, WORK_BEGINS, app.settings.zone).astimezone(UTC)


def _people(app: App) -> list[list[str]]:
    now = app.clock.now()
    made = create_demo_people(SYSTEM, app.store, now=now, demo=True)
    create_demo_organisation(SYSTEM, app.store, now=now, today=now.astimezone(app.settings.zone).date(), demo=True)
    return [[one.sign_in_name, one.password, one.role.value] for one in made]
