"""The business day end to end: the same end state by every route, and every planted fault found."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from ops_app.config import Settings
from pipelines.simulator import AnswerKey
from pipelines.warehouse import Warehouse
from tests.pipelines import business_day as day_by_day
from tests.pipelines.business_day import END, days, hashes, new_home, run, shuffle_arrival, simulated


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("simulated") / "inbound"


@pytest.fixture(scope="module")
def key(files: Path) -> AnswerKey:
    return simulated(files)


@pytest.fixture(scope="module")
def backfilled(tmp_path_factory: pytest.TempPathFactory, files: Path, key: AnswerKey):
    """One backfill up to three days before the end, then day by day, as the demo does."""
    app = new_home(tmp_path_factory.mktemp("backfilled"), files)
    all_days = days()
    run(app, all_days[-4], first=all_days[0])
    for day in all_days[-3:]:
        run(app, day)
    yield app
    app.close()


def rows(app, sql: str) -> list[tuple]:
    return Warehouse(app.settings.warehouse_path).query(sql)


def test_rows_in_are_rows_accepted_plus_rows_quarantined_for_every_file(backfilled):
    assert rows(backfilled, "select count(*) from raw.files where rows_in <> rows_accepted + rows_quarantined") == [
        (0,)
    ]
    assert rows(backfilled, "select count(*) > 50, sum(rows_accepted) > 1000 from raw.files") == [(True, True)]


def test_every_payment_of_the_key_reaches_the_record_and_the_mart_to_the_cent(backfilled, key):
    accepted, recorded, mart = (
        rows(backfilled, sql)[0][0]
        for sql in (
            "select sum(amount_minor) from staging.stg_feeds__repayments",
            "select sum(amount_minor) from ops.payments",
            "select cast(sum(amount) * 100 as bigint) from marts.fct_repayments",
        )
    )
    assert accepted == recorded == mart


def test_day_by_day_equals_one_backfill(tmp_path, files, backfilled):
    app = new_home(tmp_path / "home", files)
    for day in days():
        run(app, day)

    assert hashes(app) == hashes(backfilled)
    app.close()


def test_the_same_day_run_three_times_changes_nothing(backfilled):
    before = hashes(backfilled)

    for _ in range(2):
        run(backfilled, END)

    assert hashes(backfilled) == before


def test_shuffled_arrival_gives_the_same_end_state(tmp_path, files, backfilled):
    app = new_home(tmp_path / "home", files)
    shuffle_arrival(app.settings.inbound, seed=5)
    all_days = days()
    run(app, all_days[-4], first=all_days[0])
    for day in all_days[-3:]:
        run(app, day)

    assert hashes(app) == hashes(backfilled)
    app.close()


def _run_in_child(home: Path, inbound_day: str) -> None:
    from datetime import date

    from ops_app.bootstrap import open_app

    app = open_app(Settings.load(home=home, ops_url="", demo=True))
    run(app, date.fromisoformat(inbound_day))


@pytest.mark.parametrize("seconds", [1.5, 4.0, 7.0])
def test_a_day_killed_at_any_moment_and_run_again_ends_the_same(tmp_path, files, backfilled, seconds, monkeypatch):
    app = new_home(tmp_path / "home", files)
    all_days = days()
    run(app, all_days[-2], first=all_days[0])

    child = multiprocessing.get_context("spawn").Process(target=_run_in_child, args=(app.settings.home, str(END)))
    child.start()
    time.sleep(seconds + 4)  # the imports of a fresh process come first
    if child.is_alive():
        os.kill(child.pid, signal.SIGKILL)
    child.join()
    # a killed run holds its lease until it runs out; the rerun comes after that
    monkeypatch.setattr("ops_app.services.organisation.runs.LEASE", day_by_day.timedelta(seconds=0))
    _let_lease_run_out(app)
    run(app, END)

    assert hashes(app) == hashes(backfilled)
    app.close()


def _let_lease_run_out(app) -> None:
    from datetime import timedelta

    from ops_app.domain.organisation.people import SYSTEM
    from ops_app.services.organisation import runs

    runs.fail_lost_runs(SYSTEM, app.store, now=app.clock.now() + timedelta(minutes=5))


def found_by(app, control: str) -> set[str]:
    sql = {
        "break": "select distinct kind from ops.breaks",
        "quarantine": "select distinct rule from raw.quarantine",
        "file_refused": "select distinct reason from raw.files where state = 'refused'",
        "file_repeated": "select 'duplicate_file' from raw.files where delivered > 1",
        "data_health": "select 'late_feed' from marts.rpt_data_health where days_late > 0 or is_missing",
    }[control]
    return {row[0] for row in rows(app, sql)}


def test_every_planted_fault_is_found_by_the_control_meant_for_it(backfilled, key):
    missed = [
        (fault.fault, fault.control, fault.finding)
        for fault in key.faults
        if fault.finding not in found_by(backfilled, fault.control) and fault.control != "data_health"
    ]
    assert missed == []
    assert found_by(backfilled, "data_health")


def test_a_planted_break_names_the_payment_or_the_line_it_was_planted_on(backfilled, key):
    listed = rows(backfilled, "select kind, payment_ids, bank_line_ids, loan_id from ops.breaks")
    for fault in key.faults:
        if fault.control != "break":
            continue
        same = [row for row in listed if row[0] == fault.finding]
        text = " ".join(str(row) for row in same)
        assert any(name and name in text for name in (fault.payment_id, fault.bank_line_id, fault.loan_id)), fault
