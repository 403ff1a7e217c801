"""When placements and assignments end: at the moment that was due, never before they began, whenever a job runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ops_app.domain.casework.cases import CaseState
from ops_app.domain.organisation.people import SYSTEM
from ops_app.domain.organisation.periods import Period
from ops_app.services.casework.cases import list_placements, read_case
from ops_app.services.casework.ending import end_due_placements
from ops_app.services.casework.expiry_recalls import recall_from_expiring
from ops_app.services.casework.following import collected_in, custody_until
from ops_app.services.casework.placing import SomeRefused, run_extend_cases
from ops_app.services.casework.verify import verify_one_owner
from ops_app.store.casework import notices, periods
from ops_app.store.ledger import payments
from ops_app.store.organisation import agency_contracts
from ops_app.store.store import Store
from tests.services.casework.casebook import (
    AG1,
    DAY,
    DUE,
    NOW,
    SUPERVISOR,
    WHY,
    ZONE,
    a_collector,
    a_spell,
    an_agency,
    assigned,
    closing,
    now_is,
    placed,
    recalled,
    some_cases,
    taken_in,
    versions,
)
from tests.services.casework.test_monitoring import a_payment

NEXT = DAY + timedelta(days=1)
CLOSE = NOW + timedelta(hours=1)
MORNING = NOW + timedelta(hours=8)
"""After the close of the business day, and before its run."""


def test_a_day_whose_run_comes_after_the_next_mornings_work_is_taken_in_all_the_same(
    store: Store, tmp_path: Path
) -> None:
    ids = some_cases(store, tmp_path, 3)
    placed(store, "AG01", *ids[:2], now=MORNING)
    assigned(store, AG1, a_collector(store, "hers", "AG01"), ids[0], now=MORNING + timedelta(hours=1))
    assigned(store, SUPERVISOR, a_collector(store, "his"), ids[2], now=MORNING)
    rows = [a_spell(n, **closing()) for n in (1, 2, 3)]
    assert taken_in(store, tmp_path, *rows, now=CLOSE, day=NEXT).closed == 3
    for one in ids:
        record = read_case(SUPERVISOR, store, now=MORNING, case_id=one)
        assert record.case.state is CaseState.CLOSED
        assert all(it.ended_at == it.placed_at == MORNING for it in record.placements)
        assert all(it.ended_at == it.assigned_at for it in record.assignments)
    assert verify_one_owner(store).state == "holds"


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=5)])
def test_a_lapsed_placement_has_ended_when_it_was_due_whenever_the_job_runs(
    store: Store, tmp_path: Path, late: timedelta
) -> None:
    ids = some_cases(store, tmp_path, 1)
    due = datetime(2026, 12, 23, 17, 0, tzinfo=UTC)  # the 24th in Shanghai
    placed(store, "AG01", ids[0], due_at=due)
    assigned(store, AG1, a_collector(store, "hers", "AG01"), ids[0])
    now = due + late
    assert end_due_placements(SYSTEM, store, now=now, today=(now + timedelta(hours=8)).date()) == 1
    record = read_case(SUPERVISOR, store, now=now, case_id=ids[0])
    assert [(it.ended_at, it.end_reason) for it in record.placements] == [(due, "lapsed")]
    assert [it.ended_at for it in record.assignments] == [due]
    assert record.placements[0].tail_until_date == date(2026, 12, 24) + timedelta(days=16)
    assert now_is(store, ids[0]).state is CaseState.RETURNED


def test_a_case_that_closes_after_its_placement_was_due_ends_it_as_of_then(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    placed(store, "AG01", ids[0])
    after = DUE + timedelta(days=3)
    day = after.date()
    assert taken_in(store, tmp_path, a_spell(1, **closing(day=day)), now=after, day=day).closed == 1
    record = read_case(SUPERVISOR, store, now=after, case_id=ids[0])
    assert [(it.ended_at, it.end_reason) for it in record.placements] == [(DUE, "lapsed")]
    assert record.placements[0].tail_until_date == DUE.date() + timedelta(days=16)


def test_a_case_that_closes_ends_its_placement_alike_whether_or_not_the_watch_ran(store: Store, tmp_path: Path) -> None:
    """Two placements were over as the day began; the watch saw the first of them, then both cases were paid off."""
    ids = some_cases(store, tmp_path, 2)
    day = DAY + timedelta(days=3)
    due, close = (datetime.combine(day, it, ZoneInfo(ZONE)).astimezone(UTC) for it in (time(), time(23, 59, 59)))
    placed(store, "AG01", ids[0], due_at=due - timedelta(minutes=1))
    placed(store, "AG01", ids[1], due_at=due)
    assert end_due_placements(SYSTEM, store, now=due - timedelta(seconds=30), today=day - timedelta(days=1)) == 1
    before = now_is(store, ids[1]).balance_minor
    rows = [a_spell(n, **closing(day=day)) for n in (1, 2)]
    assert taken_in(store, tmp_path, *rows, now=close, day=day).closed == 2
    first, second = (read_case(SUPERVISOR, store, now=close, case_id=one).placements[0] for one in ids)
    assert (first.end_reason, second.end_reason) == ("lapsed", "lapsed")
    assert second.ended_at == due
    assert second.ended_balance_minor == before
    assert custody_until(second, ZoneInfo(ZONE)) == day
    assert all(now_is(store, one).state is CaseState.CLOSED for one in ids)


def test_money_after_the_due_end_is_of_the_tail_though_the_job_came_late(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    placed(store, "AG01", ids[0])
    due, now = DUE.date(), DUE + timedelta(days=5)
    rows = [a_payment(n, due + timedelta(days=n), 10**n) for n in (0, 1, 15, 16)]
    with store.writing(SYSTEM, now) as transaction:
        payments.add_many(transaction.connection, [(one, "h" * 64) for one in rows], now)
        transaction.audit("payments.recorded", "payments", "SIM")

    def counted(ended: bool) -> tuple[int, int]:
        page = list_placements(SUPERVISOR, store, now=now, ended=ended)
        (found,) = collected_in(SUPERVISOR, store, now=now, zone=ZoneInfo(ZONE), placed=page.rows).values()
        return found.within_minor, found.tail_minor

    assert counted(False)[0] == 0, "the day it was due on is not the agency's any more"
    assert end_due_placements(SYSTEM, store, now=now, today=now.date()) == 1
    assert counted(True) == (0, 1 + 10 + 10**15)


def extended(store: Store, one: str, now: datetime) -> None:
    due_at = (now + timedelta(days=20)).isoformat()
    with store.writing(SUPERVISOR, now) as transaction:
        run_extend_cases(transaction, {"cases": versions(store, one), "due_at": due_at, "reason": WHY, "zone": ZONE})


def test_a_placement_whose_time_is_up_is_given_no_more(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 2)
    placed(store, "AG01", *ids)
    extended(store, ids[1], DUE - timedelta(seconds=1))
    with pytest.raises(SomeRefused) as refusal:
        extended(store, ids[0], DUE)
    (why,) = refusal.value.refused.values()
    assert why.en == "the time of its placement is up"
    assert end_due_placements(SYSTEM, store, now=DUE, today=DUE.date()) == 1


@pytest.fixture
def pg_store(postgresql_url: str) -> Store:
    """SQLite has one writer: nobody gets in between there."""
    return Store.open(postgresql_url)


def in_between(monkeypatch: pytest.MonkeyPatch, module: object, name: str, do: Callable[[], object]) -> None:
    """Somebody else's act is committed right after the first time that a transaction reads this."""
    reads, done = getattr(module, name), threading.Event()

    def read(connection, *args, **named):  # type: ignore[no-untyped-def]
        found = reads(connection, *args, **named)
        if connection.info.get("recoup_transaction") and not done.is_set():
            done.set()
            other = threading.Thread(target=do)
            other.start()
            other.join(20)
            assert not other.is_alive()
        return found

    monkeypatch.setattr(module, name, read)


def test_a_recall_during_the_night_is_left_alone(
    pg_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = some_cases(pg_store, tmp_path, 2)
    placed(pg_store, "AG01", *ids)
    late = DUE + timedelta(hours=1)
    in_between(monkeypatch, periods, "lapsed", lambda: recalled(pg_store, ids[0], now=late))
    assert end_due_placements(SYSTEM, pg_store, now=late, today=late.date()) == 1
    ends = [read_case(SUPERVISOR, pg_store, now=late, case_id=one).placements[0].end_reason for one in ids]
    assert ends == ["recalled", "lapsed"]


def test_more_time_that_is_given_during_the_night_holds(
    pg_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = some_cases(pg_store, tmp_path, 2)
    placed(pg_store, "AG01", *ids)
    before = DUE - timedelta(minutes=1)
    in_between(monkeypatch, periods, "lapsed", lambda: extended(pg_store, ids[0], before))
    assert end_due_placements(SYSTEM, pg_store, now=DUE, today=DUE.date()) == 1
    assert now_is(pg_store, ids[0]).agency_code == "AG01"
    assert read_case(SUPERVISOR, pg_store, now=DUE, case_id=ids[0]).placements[0].due_at == before + timedelta(days=20)


def test_a_case_recalled_while_its_agency_is_looked_at_gets_no_notice(
    pg_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = some_cases(pg_store, tmp_path, 2)
    an_agency(pg_store, "AG01", day=NOW.date(), until=date(2026, 11, 30))
    placed(pg_store, "AG01", *ids)
    in_between(monkeypatch, periods, "running_with", lambda: recalled(pg_store, ids[0]))
    assert recall_from_expiring(SYSTEM, pg_store, now=NOW, today=date(2026, 11, 24), zone=ZONE) == 1
    with pg_store.reading() as connection:
        assert list(notices.running(connection, ids)) == [ids[1]]


def test_a_notice_that_ends_while_a_renewal_is_looked_at_is_not_taken_back(
    pg_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = some_cases(pg_store, tmp_path, 2)
    an_agency(pg_store, "AG01", day=NOW.date(), until=date(2026, 11, 30))
    placed(pg_store, "AG01", *ids)
    assert recall_from_expiring(SYSTEM, pg_store, now=NOW, today=date(2026, 11, 24), zone=ZONE) == 2
    with pg_store.writing(SYSTEM, NOW) as transaction:
        until = Period(date(2026, 11, 30), date(2027, 11, 30))
        agency_contracts.add_contract(transaction, "AG01", "C-2", until)
        transaction.audit("agency.contract_added", "agency", "AG01")
    in_between(monkeypatch, notices, "of_agency", lambda: recalled(pg_store, ids[0]))
    assert recall_from_expiring(SYSTEM, pg_store, now=NOW, today=date(2026, 11, 24), zone=ZONE) == 1
    assert now_is(pg_store, ids[0]).state is CaseState.RETURNED
    assert read_case(SUPERVISOR, pg_store, now=NOW, case_id=ids[1]).placements[0].due_at == DUE
