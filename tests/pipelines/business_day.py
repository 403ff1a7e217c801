"""Homes for tests of whole business days: a small simulated book, and ways to run it."""

from __future__ import annotations

import os
import random
import shutil
from datetime import date, timedelta
from pathlib import Path

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from pipelines.house import Progress
from pipelines.marts_hash import mart_hashes
from pipelines.run_day import DayResult, run_day
from pipelines.simulator import AnswerKey, deliver_due, simulate

END = date(2026, 10, 31)
DAYS = 10
LOANS = 500
SEED = 11


def days(count: int = DAYS) -> list[date]:
    return [END - timedelta(days=n) for n in range(count - 1, -1, -1)]


def simulated(folder: Path, *, loans: int = LOANS, count: int = DAYS, faults: bool = True) -> AnswerKey:
    """Feed files of a small book in ``folder`` (an inbound folder)."""
    return simulate(folder, loans=loans, days=count, seed=SEED, faults=faults, end_date=END)


def new_home(folder: Path, files: Path) -> App:
    """An installation at ``folder`` with a copy of the simulated inbound ``files``."""
    settings = Settings.load(home=folder, ops_url="", demo=True)
    settings.make_folders()
    shutil.copytree(files, settings.inbound, dirs_exist_ok=True)
    shutil.copytree(files.parent / "simulated", settings.home / "simulated", dirs_exist_ok=True)
    return open_app(settings)


def copied(home: Path, folder: Path) -> App:
    """An installation at ``folder`` that is a copy of another ``home`` nobody has open."""
    shutil.copytree(home, folder)
    return open_app(Settings.load(home=folder, ops_url="", demo=True))


def run(app: App, day: date, first: date | None = None, progress: Progress | None = None) -> DayResult:
    """One day (or a backfill from ``first``); what is due late arrives first. Fails with the day's own words."""
    deliver_due(app.settings.home / "simulated", app.settings.inbound, day)
    result = run_day(app, day, first=first, progress=progress)
    assert result.succeeded, result.problem
    return result


def hashes(app: App) -> dict[str, str]:
    """The fingerprint of every mart in the warehouse."""
    return mart_hashes(app.settings.warehouse_path)


def shuffle_arrival(inbound: Path, seed: int) -> None:
    """Give the files arrival times in a random order; names and contents stay."""
    files = sorted(path for path in inbound.rglob("*") if path.is_file())
    random.Random(seed).shuffle(files)
    for number, path in enumerate(files):
        os.utime(path, (1_790_000_000 + number, 1_790_000_000 + number))
