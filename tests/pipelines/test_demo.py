"""The whole demo on a small book: what its people did stands in the ops store and in what is published alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.errors import Invalid
from ops_app.store.tables.approvals import approval_requests
from ops_app.store.tables.casework import cases
from ops_app.store.tables.requests import case_requests
from pipelines import demo
from pipelines.demo import DAYS_ONE_BY_ONE, DemoResult, run_demo
from pipelines.run_day import DayResult, run_day
from pipelines.verify_life import verify_life
from pipelines.warehouse import Warehouse
from tests.pipelines.business_day import END, SEED

BACKFILL_END = END - timedelta(days=DAYS_ONE_BY_ONE)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The home of a demo of a few days that was stopped after its backfill and called again, with other wishes."""
    settings = Settings.load(home=tmp_path_factory.mktemp("demo"), ops_url="", demo=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(demo, "run_day", _stopped_after_the_backfill)
        with pytest.raises(KeyboardInterrupt):
            run_demo(settings, loans=500, days=10, seed=SEED, end=END)
    done = run_demo(settings, loans=600, days=12, seed=SEED + 1)
    assert done.said.endswith(f"500 loans and 10 days (seed {SEED}), which is kept; it goes on after 2026-10-28.")
    assert [row[0] for row in done.day_rows] == ["2026-10-29", "2026-10-30", "2026-10-31"]
    return settings


def _stopped_after_the_backfill(app: App, day: date, **other: Any) -> DayResult:
    if day > BACKFILL_END:
        raise KeyboardInterrupt
    return run_day(app, day, **other)


@pytest.mark.parametrize(("loans", "days"), [(499, 10), (500, 9)])
def test_a_demo_that_is_too_small_for_its_faults_is_refused_and_leaves_nothing(
    tmp_path: Path, loans: int, days: int
) -> None:
    settings = Settings.load(home=tmp_path / "home", ops_url="", demo=True)
    with pytest.raises(Invalid, match="at least 500 loans and 10 days"):
        run_demo(settings, loans=loans, days=days, seed=SEED, end=END)
    assert not (tmp_path / "home").exists()


def test_the_case_days_of_the_last_day_are_with_the_agencies_of_the_ops_store(home: Settings) -> None:
    app = open_app(home)
    with app.store.reading() as connection:
        query = select(cases.c.agency_code, func.count()).where(cases.c.agency_code.is_not(None))
        held = {tuple(row) for row in connection.execute(query.group_by("agency_code"))}
    assert verify_life(home, Warehouse(home.warehouse_path)).state == "holds"
    app.close()
    found = Warehouse(home.warehouse_path).query(
        "select agency_code, count(*) from marts.fct_case_days"
        f" where custody = 'agency' and business_date = date '{END}' group by 1"
    )
    assert set(found) == held


def test_the_marts_of_the_last_day_have_what_the_people_of_the_demo_did(home: Settings) -> None:
    app = open_app(home)
    with app.store.reading() as connection:
        stored = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (approval_requests, case_requests)
        }
        placed = select(cases.c.agency_code, func.count()).where(cases.c.agency_code.is_not(None))
        held = dict(connection.execute(placed.group_by("agency_code")).all())
    app.close()
    warehouse = Warehouse(home.warehouse_path)
    published = {
        "approval_requests": warehouse.query("select count(*) from marts.fct_approvals")[0][0],
        "case_requests": warehouse.query("select count(*) from marts.fct_requests")[0][0],
    }
    assert published == stored
    assert stored["approval_requests"] > stored["case_requests"] > 0
    assert set(held) == {"AG01", "AG02"}
    for code in held:
        acts = warehouse.query(f"select count(*) from marts.fct_console_actions where agency_code = '{code}'")
        assert acts[0][0] > 0, code


def test_a_second_demo_on_the_same_home_serves_what_is_there(home: Settings) -> None:
    before = datetime.now(UTC)
    again: DemoResult = run_demo(home, loans=500, days=10, seed=SEED, end=END)
    assert (again.day_rows, len(again.sign_ins)) == ([], 14)
    assert again.said.endswith("it is complete.")
    app = open_app(home)
    with app.store.reading() as connection:
        made = select(func.count()).select_from(approval_requests).where(approval_requests.c.made_at >= before)
        assert connection.execute(made).scalar_one() == 0
    app.close()
