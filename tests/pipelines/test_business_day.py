"""The business day end to end: the same end state by every route, and every planted fault found."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import and_, case, null, select

from ops_app.config import Settings
from ops_app.store.tables.casework import cases
from pipelines.instance import open_instance
from pipelines.simulator import AnswerKey
from pipelines.simulator.fault_names import EXPECTED
from pipelines.verify import verify_everything
from pipelines.warehouse import Warehouse
from tests.pipelines.business_day import DAYS, END, copied, days, hashes, new_home, run, shuffle_arrival, simulated


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("simulated") / "inbound"


@pytest.fixture(scope="module")
def key(files: Path) -> AnswerKey:
    return simulated(files)


@pytest.fixture(scope="module")
def missed() -> set[tuple[str, date]]:
    """Feed and day of what the data health report called missing, at the time of each run."""
    return set()


@pytest.fixture(scope="module")
def day_before(tmp_path_factory: pytest.TempPathFactory, files: Path, key: AnswerKey, missed: set[tuple[str, date]]):
    """A home before its last day: one backfill up to three days before the end, then day by day, as the demo does."""
    app = new_home(tmp_path_factory.mktemp("day_before"), files)
    all_days = days()
    for first, day in [(all_days[0], all_days[-4]), *((one, one) for one in all_days[-3:-1])]:
        run(app, day, first=first)
        missed.update(rows(app, "select feed, business_date from marts.rpt_data_health where is_missing"))
    home = app.settings.home
    app.close()
    return home


@pytest.fixture(scope="module")
def backfilled(tmp_path_factory: pytest.TempPathFactory, day_before: Path):
    """The same home with its last day run."""
    app = copied(day_before, tmp_path_factory.mktemp("backfilled") / "home")
    run(app, END)
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
    # planted payments are numbered from 9,000,000 a day; what is left is what the key sums
    honest = "where substr(payment_id, 10, 1) <> '9'"
    recorded, mart = (
        rows(backfilled, f"{sql} {honest}")[0][0]
        for sql in (
            "select sum(amount_minor) from ops.payments",
            "select cast(sum(amount) * 100 as bigint) from marts.fct_repayments",
        )
    )
    assert recorded == mart == key.cents["repayments"]["amount"]


def test_every_accepted_payment_counts_once_with_its_first_content(backfilled):
    accepted, recorded, mart = (
        rows(backfilled, f"select source_code, payment_id, amount_minor from ({sql}) order by all")
        for sql in (
            "select source_code, payment_id, arg_min(amount_minor, (file_date, file_id, line_no)) as amount_minor"
            " from staging.stg_feeds__repayments group by source_code, payment_id",
            "select source_code, payment_id, amount_minor from ops.payments",
            "select source_code, payment_id, cast(amount * 100 as bigint) as amount_minor from marts.fct_repayments",
        )
    )
    assert accepted == recorded == mart


def test_the_cases_of_the_ops_store_are_those_of_the_mart(backfilled):
    wanted = rows(
        backfilled,
        "select case_id, loan_id, spell_no, customer_key, currency, opened_date, closed_date, close_reason"
        " from marts.dim_cases order by case_id",
    )
    names = ("case_id", "loan_id", "spell_no", "debtor_key", "currency", "opened_date", "closed_date", "close_reason")
    with backfilled.store.reading() as connection:
        # a payment closes its case at once; the mart has that when a later file of the lender says so
        by_payment = and_(cases.c.closed_date.is_not(None), cases.c.closed_file_id.is_(None))
        ends = ("closed_date", "close_reason")
        columns = [case((by_payment, null()), else_=cases.c[one]) if one in ends else cases.c[one] for one in names]
        kept = connection.execute(select(*columns).order_by(cases.c.case_id))
        assert [tuple(row) for row in kept] == wanted
        early = connection.execute(select(cases.c.closed_date).where(by_payment)).scalars().all()
        assert set(early) <= {END}
    assert len(wanted) > 100


@pytest.mark.parametrize(
    "ends",
    [
        pytest.param((4, 9), id="in two steps"),
        pytest.param(range(DAYS), id="day by day", marks=pytest.mark.slow),  # ten runs instead of two
    ],
)
def test_day_by_day_equals_one_backfill(tmp_path, files, backfilled, ends):
    app = new_home(tmp_path / "home", files)
    all_days, first = days(), 0
    for last in ends:
        run(app, all_days[last], first=all_days[first])
        first = last + 1

    assert hashes(app) == hashes(backfilled)
    app.close()


def test_the_same_day_run_three_times_changes_nothing(backfilled):
    before = hashes(backfilled)

    for _ in range(2):
        run(backfilled, END)

    assert hashes(backfilled) == before


@pytest.mark.slow  # a minute; that a day killed and run again ends the same is tried each time
def test_shuffled_arrival_gives_the_same_end_state(tmp_path, files, backfilled):
    app = new_home(tmp_path / "home", files)
    shuffle_arrival(app.settings.inbound, seed=5)
    all_days = days()
    run(app, all_days[-4], first=all_days[0])
    for day in all_days[-3:]:
        run(app, day)

    assert hashes(app) == hashes(backfilled)
    app.close()


def _run_in_child(home: Path, inbound_day: str, told: Connection) -> None:
    from ops_app.bootstrap import open_app

    app = open_app(Settings.load(home=home, ops_url="", demo=True))
    run(app, date.fromisoformat(inbound_day), progress=lambda done, total, what: told.send((done, total, what)))


AT = {
    "while files are read": lambda done, total, what: what.endswith(".csv"),
    "once files are loaded": lambda done, total, what: what == "raw",
    "once matches are made": lambda done, total, what: what == "reconcile",
    "amid the marts": lambda done, total, what: 0 < total // 3 < done < total and not what.endswith(".csv"),
    "before publication": lambda done, total, what: what == "marts",
}


EVERY_TIME = ("once files are loaded", "amid the marts")
"""Moments tried in each run of the tests; each costs a day run twice."""


@pytest.mark.parametrize(
    "moment", [pytest.param(one, marks=() if one in EVERY_TIME else pytest.mark.slow) for one in AT]
)
def test_a_day_killed_at_any_moment_and_run_again_ends_the_same(tmp_path, day_before, backfilled, moment):
    app = copied(day_before, tmp_path / "home")
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe(duplex=False)
    child = processes.Process(target=_run_in_child, args=(app.settings.home, str(END), theirs))
    child.start()
    theirs.close()
    while not AT[moment](*ours.recv()):  # ends with an error if the child ends before that moment
        pass
    time.sleep(random.Random(moment).random() * 0.3)
    child.kill()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    _let_lease_run_out(app)
    run(app, END)

    assert hashes(app) == hashes(backfilled)
    with open_instance(app.settings) as instance:
        assert not instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    app.close()


def _let_lease_run_out(app) -> None:
    """A killed run holds its lease until it runs out; the rerun comes after that."""
    from ops_app.domain.organisation.people import SYSTEM
    from ops_app.services.organisation import runs

    runs.fail_lost_runs(SYSTEM, app.store, now=app.clock.now() + timedelta(minutes=5))


def found_by(app, control: str) -> set[str]:
    sql = {
        "break": "select distinct kind from ops.breaks",
        "quarantine": "select distinct rule from raw.quarantine",
        "file_refused": "select distinct reason from raw.files where state = 'refused'",
        "file_repeated": "select 'delivered' from raw.files where delivered > 1",
    }[control]
    return {row[0] for row in rows(app, sql)}


def test_every_planted_fault_is_found_by_the_control_meant_for_it(backfilled, key, missed):
    found = {
        fault.fault: (fault.finding, fault.business_date) in missed
        if fault.control == "data_health"
        else fault.finding in found_by(backfilled, fault.control)
        for fault in key.faults
    }
    for fault in key.faults:
        print(f"{fault.fault:24} {fault.control:14} {fault.finding:34} {'found' if found[fault.fault] else 'MISSED'}")
    assert set(found) == set(EXPECTED)
    assert [fault for fault, was_found in found.items() if not was_found] == []


def test_everything_that_is_built_holds_after_these_days(backfilled):
    found = verify_everything(backfilled)

    assert [one for one in found if one.state == "broken"] == []
    assert {one.invariant for one in found if one.state == "holds"} >= {1, 2, 8, 10, 12}


def test_a_planted_break_names_the_payment_or_the_line_it_was_planted_on(backfilled, key):
    listed = rows(backfilled, "select kind, payment_ids, bank_line_ids, loan_id from ops.breaks")
    for fault in key.faults:
        if fault.control != "break":
            continue
        same = [row for row in listed if row[0] == fault.finding]
        text = " ".join(str(row) for row in same)
        assert any(name and name in text for name in (fault.payment_id, fault.bank_line_id, fault.loan_id)), fault
