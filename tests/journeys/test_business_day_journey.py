"""A whole business day in the open: a planted fault becomes a break, a person resolves it, and everybody can see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from ops_app.bootstrap import App, open_app
from ops_app.config import PROJECT_ROOT, Settings
from ops_app.domain.ledger.breaks import BreakKind, break_id
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.organisation.demo_people import create_demo_people
from pipelines.run_day import run_day
from pipelines.simulator import AnswerKey, deliver_due, simulate
from tests.journeys.conftest import Visitor
from tests.loopback import free_port

pytestmark = pytest.mark.browser
DAYS = 10


@pytest.fixture(scope="module")
def last_day() -> date:
    """Yesterday: what a house that keeps its hours has done."""
    return datetime.now(UTC).astimezone(Settings.load().zone).date() - timedelta(days=1)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, last_day: date) -> Iterator[App]:
    """A demo of ten days, all of them run, with its people."""
    settings = Settings.load(home=tmp_path_factory.mktemp("home"), ops_url="", demo=True, port=free_port())
    settings.make_folders()
    app = open_app(settings)
    simulate(settings.inbound, loans=500, days=DAYS, seed=11, faults=True, end_date=last_day)
    deliver_due(settings.home / "simulated", settings.inbound, last_day)
    result = run_day(app, last_day, first=last_day - timedelta(days=DAYS - 1))
    assert result.succeeded, result.problem
    create_demo_people(SYSTEM, app.store, now=app.clock.now(), demo=True)
    yield app
    app.close()


def recoup(home: Path, *arguments: str) -> str:
    """What the command prints; fails with its own words."""
    done = subprocess.run(
        [sys.executable, "-m", "ops_app.cli", *arguments],
        env=os.environ | {"RECOUP_HOME": str(home), "RECOUP_DEMO": "true", "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sql(home: Path, query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(recoup(home, "sql", query, "--format", "json"))
    return rows


def open_breaks(visitor: Visitor) -> str:
    visitor.go("/data_health?lang=en")
    card = visitor.page.get_by_test_id("stMetric").filter(has_text="Open breaks").first
    return card.get_by_test_id("stMetricValue").inner_text()


def test_a_planted_fault_is_resolved_on_the_page_and_everybody_can_see_it(
    visitor: Visitor, installation: App, browser, address: str, last_day: date
) -> None:
    home = installation.settings.home
    key = AnswerKey.load(home / "simulated")
    (fault,) = key.of("missing_bank_line")
    identity = break_id(BreakKind.UNMATCHED_LENDER, "SIM", [str(fault.payment_id)], [])
    of_it = f"select state, decision, decided_by from fct_reconciliation_items where item_id = '{identity}'"
    assert [row["state"] for row in sql(home, of_it)] == ["open"]

    manager = Visitor(browser, address)
    manager.sign_in("manager")
    before = int(open_breaks(manager))

    visitor.sign_in("supervisor", f"/repayment_audit?breaks_id={identity}")
    expect(visitor.page.get_by_text(str(fault.payment_id)).first).to_be_visible()
    visitor.mark("reject")
    visitor.page.get_by_label("Reason").fill("The bank has confirmed in writing that nothing came")
    visitor.page.get_by_test_id("stFormSubmitButton").get_by_role("button").first.click()
    expect(visitor.page.get_by_text("Decided. The break is now: rejected")).to_be_visible()

    recoup(home, "run-day", "--date", str(last_day))

    (row,) = sql(home, of_it)
    assert (row["state"], row["decision"]) == ("rejected", "reject")
    (said,) = sql(
        home,
        "select actor_name, role_code, reason from fct_console_actions"
        f" where object_id = '{identity}' and action = 'break.reject'",
    )
    assert (said["actor_name"], said["role_code"]) == ("Chen Jing 陈静", "supervisor")
    assert "in writing" in said["reason"]
    assert sql(
        home, "select sum(items) as n from rpt_reconciliation where state = 'rejected' and kind = 'unmatched_lender'"
    ) == [{"n": 1}]
    assert int(open_breaks(manager)) == before - 1
    manager.context.close()

    stranger = Visitor(browser, address)
    stranger.sign_in("agency_supervisor", f"/repayment_audit?breaks_id={identity}")
    assert "您无权打开此页面" in stranger.text()
    assert str(fault.payment_id) not in stranger.page.content()
    stranger.context.close()
