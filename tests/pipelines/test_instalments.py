"""Schedules of loans in collection: from the feed of instalments into the ops store, the latest day of each."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.cases import read_case
from ops_app.store.tables.casework import cases
from ops_app.store.tables.ledger import loan_instalments
from pipelines.ingest import ingest_inbound
from pipelines.instalments import take_in_instalments
from pipelines.intake import take_in
from pipelines.warehouse import Warehouse
from tests.pipelines.business_day import days, new_home, simulated

DAYS = days(3)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> App:
    """Three simulated days, ingested and taken in without their schedules."""
    files = tmp_path_factory.mktemp("simulated") / "inbound"
    simulated(files, loans=200, count=len(DAYS), faults=False)
    app = new_home(tmp_path_factory.mktemp("home"), files)
    warehouse = Warehouse(app.settings.warehouse_path)
    with warehouse.open():
        ingest_inbound(warehouse, app.settings, DAYS[-1])
        for day in DAYS:
            take_in(warehouse, app, day)
    return app


def test_schedules_of_open_cases_alone_come_in_once_and_agree_with_the_lender(home: App, tmp_path: Path) -> None:
    warehouse = Warehouse(home.settings.warehouse_path)
    entered = take_in_instalments(warehouse, home, DAYS[-1])
    assert entered > 0
    assert take_in_instalments(warehouse, home, DAYS[-1]) == 0
    with home.store.reading() as connection:
        known = set(connection.execute(select(loan_instalments.c.loan_id)).scalars())
        open_ones = dict(
            connection.execute(select(cases.c.loan_id, cases.c.case_id).where(cases.c.closed_date.is_(None))).all()
        )
    assert known
    assert known <= set(open_ones)
    now = home.clock.now()
    found = [
        record.by_schedule.days_apart
        for loan in sorted(known)
        if (record := read_case(SYSTEM, home.store, now=now, case_id=open_ones[loan])).by_schedule is not None
    ]
    assert len(found) == len(known)
    # the simulator counts days from the oldest instalment that is not paid: both ways say the same
    assert found.count(0) >= 0.9 * len(found), found


def test_an_earlier_day_says_nothing_of_a_later_one(home: App) -> None:
    warehouse = Warehouse(home.settings.warehouse_path)
    take_in_instalments(warehouse, home, DAYS[-1])
    assert take_in_instalments(warehouse, home, DAYS[0]) == 0
    with home.store.reading() as connection:
        latest: date = max(connection.execute(select(loan_instalments.c.as_of_date)).scalars())
    assert latest <= DAYS[-1]
