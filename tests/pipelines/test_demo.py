"""The whole demo on a small book: what its people did stands in the ops store and in what is published alike."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from ops_app.bootstrap import open_app
from ops_app.config import Settings
from ops_app.store.tables.approvals import approval_requests
from ops_app.store.tables.casework import cases
from ops_app.store.tables.requests import case_requests
from pipelines.demo import DemoResult, run_demo
from pipelines.warehouse import Warehouse
from tests.pipelines.business_day import END, SEED


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The home of a demo of a few days."""
    settings = Settings.load(home=tmp_path_factory.mktemp("demo"), ops_url="", demo=True)
    run_demo(settings, loans=500, days=10, seed=SEED, end=END)
    return settings


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
    assert (again.day_rows, len(again.sign_ins)) == ([], 13)
    app = open_app(home)
    with app.store.reading() as connection:
        made = select(func.count()).select_from(approval_requests).where(approval_requests.c.made_at >= before)
        assert connection.execute(made).scalar_one() == 0
    app.close()
