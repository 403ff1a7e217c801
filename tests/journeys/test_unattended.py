"""A night nobody watches: the daemon under a moved clock runs the day, reconciles, and tells of a missing bank file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from ops_app.bootstrap import App, open_app
from ops_app.config import PROJECT_ROOT, Settings
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation.runs import Run, list_runs
from pipelines.instance import dagster_home
from pipelines.run_day import run_day
from pipelines.serve import TELEMETRY_OFF, commands
from pipelines.simulator import simulate
from tests.loopback import Mailbox, free_port

pytestmark = pytest.mark.slow
OPERATOR = Actor("test", "test", Role.OPERATOR)
PATIENCE_S = 240
DAYS = 10
MOVED_CLOCK = Path(__file__).parent / "moved_clock"


@pytest.fixture
def today() -> date:
    """The business date that ends tonight."""
    return datetime.now(UTC).astimezone(Settings.load().zone).date()


@pytest.fixture
def home_before_the_night(tmp_path: Path, today: date) -> Iterator[App]:
    """Everything up to yesterday is done; today's files have come, but not the bank's."""
    settings = Settings.load(home=tmp_path / "home", ops_url="", demo=True)
    settings.make_folders()
    app = open_app(settings)
    simulate(settings.inbound, loans=500, days=DAYS, seed=11, faults=False, end_date=today)
    for missing in settings.inbound.rglob(f"bank_lines_{today}*"):
        missing.unlink()
    result = run_day(app, today - timedelta(days=1), first=today - timedelta(days=DAYS - 1))
    assert result.succeeded, result.problem
    yield app
    app.close()


@contextmanager
def daemon(app: App, at: datetime, mail: str) -> Iterator[None]:
    """The installation's own daemon process, whose clock begins at ``at`` (aware)."""
    settings = app.settings
    environment = (
        os.environ
        | TELEMETRY_OFF
        | {"RECOUP_HOME": str(settings.home), "DAGSTER_HOME": str(dagster_home(settings))}
        | {"RECOUP_SMTP_URL": mail, "RECOUP_NOTIFY_TO": "ops@example.com"}
        | {"PYTHONPATH": f"{MOVED_CLOCK}{os.pathsep}{PROJECT_ROOT}"}
        | {"RECOUP_TEST_CLOCK_AHEAD": str((at - datetime.now(UTC)).total_seconds())}
    )
    command = [sys.executable, "-m", *commands(settings)["dagster_daemon"]]
    with (settings.logs / "daemon.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(app: App, kind: str) -> Run:
    """The newest run of ``kind`` once it has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = [one for one in list_runs(OPERATOR, app.store)[0] if one.kind == kind and one.ended_at]
        if found:
            return found[0]
        time.sleep(1)
    log = (app.settings.logs / "daemon.log").read_text(errors="replace")
    pytest.fail(f"no run of kind {kind} ended:\n{log[-3000:]}")


def test_the_house_keeps_its_hours_by_itself(home_before_the_night: App, today: date) -> None:
    app = home_before_the_night
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    mail = f"smtp://127.0.0.1:{server.port}"
    midnight = datetime.combine(today + timedelta(days=1), datetime.min.time(), tzinfo=app.settings.zone)
    try:
        with daemon(app, midnight + timedelta(hours=5, minutes=29, seconds=40), mail):
            night = wait_for(app, "day")
        with daemon(app, midnight + timedelta(hours=9, minutes=4, seconds=40), mail):
            hour = wait_for(app, "intraday")
            deadline = time.monotonic() + PATIENCE_S
            while not box.mails and time.monotonic() < deadline:
                time.sleep(1)
    finally:
        server.stop()
    assert (night.state, night.business_date) == ("succeeded", today)
    assert {"raw", "reconcile", "marts", "publish"} <= night.detail.keys()
    assert (hour.state, hour.business_date) == ("succeeded", today + timedelta(days=1))
    assert "reconcile" in hour.detail
    (letter,) = [one.content.decode() for one in box.mails if b"bank_lines" in one.content]
    assert str(today) in letter
