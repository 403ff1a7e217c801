"""Acts on many cases lock agencies first and cases by their ids, so that on PostgreSQL no two wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ops_app.domain.casework.cases import case_id
from ops_app.domain.casework.placing import BatchKind
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.casework.assigning import assign_cases, move_all_cases
from ops_app.services.casework.batch_changes import resubmit_batch
from ops_app.services.casework.batches import OBJECT, RUNS, Asked, submit_batch
from ops_app.services.casework.conflicts import declare_conflict
from ops_app.services.casework.placing import queue_cases
from ops_app.services.casework.recalling import run_announce_recall
from ops_app.services.organisation import approvals
from ops_app.services.organisation.approvals import ApprovalRequest
from ops_app.store.casework import conflicts, intake
from ops_app.store.store import Store, StoreBusy
from tests.services.casework.casebook import (
    DAY,
    DUE,
    NOW,
    SUPERVISOR,
    WHY,
    ZONE,
    a_collector,
    a_debtor,
    a_spell,
    an_agency,
    assigned,
    now_is,
    placed,
    placing,
    some_cases,
    taken_in,
    versions,
)
from tests.services.organisation import approving

NEXT = DAY + timedelta(days=1)


@pytest.fixture
def store(postgresql_url: str) -> Iterator[Store]:
    """SQLite has one writer: there nobody waits within a transaction."""
    opened = Store.open(postgresql_url)
    yield opened
    opened.close()


def both(first: Callable[[], object], second: Callable[[], object]) -> list[BaseException]:
    """What two acts that run at once were refused with."""
    failed: list[BaseException] = []

    def run(do: Callable[[], object]) -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001 - any refusal is looked at by the test
            failed.append(error)

    threads = [threading.Thread(target=run, args=(do,)) for do in (first, second)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
        assert not one.is_alive()
    return failed


def test_the_night_and_a_bulk_act_wait_for_each_other_in_turn(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The night stops in the middle of its cases until the bulk act waits."""
    ids = some_cases(store, tmp_path, 2)
    numbers = sorted((1, 2), key=lambda n: case_id("SIM", f"L{n}", 1), reverse=True)
    wanted, half, refresh = versions(store, *ids), threading.Event(), intake.refresh

    def in_two(connection, rows, columns):  # type: ignore[no-untyped-def]
        refresh(connection, rows[:1], columns)
        half.set()
        waiting(store)
        refresh(connection, rows[1:], columns)

    monkeypatch.setattr(intake, "refresh", in_two)
    rows = [a_spell(n, balance_minor=5_000, as_of_date=NEXT) for n in numbers]

    def bulk() -> None:
        half.wait(30)
        queue_cases(SUPERVISOR, store, now=NOW, wanted=wanted, reason=WHY)

    assert both(lambda: taken_in(store, tmp_path, *rows, now=NOW, day=NEXT), bulk) == []
    assert [now_is(store, one).balance_minor for one in ids] == [5_000, 5_000]


def waiting(store: Store) -> None:
    """Returns when somebody waits for a lock."""
    query = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
    for _ in range(200):
        with store.reading() as connection:
            if connection.execute(query).scalar_one():
                return
        threading.Event().wait(0.05)
    raise AssertionError("nobody waits")


def asking(store: Store, batch: Asked) -> ApprovalRequest:
    """The request for a batch."""
    (made,) = submit_batch(SUPERVISOR, store, now=NOW, asked=batch, reason=WHY, key="first")
    (one,) = approvals.requests_on(SUPERVISOR, store, now=NOW, object_type=OBJECT, object_id=made.batch_id)
    return one


@pytest.mark.parametrize("kind", ["place", "extend", "transfer", "withdraw_recall", "submit", "resubmit"])
def test_who_holds_the_agency_is_waited_for_before_any_case_is_locked(store: Store, tmp_path: Path, kind: str) -> None:
    ids = some_cases(store, tmp_path, 2)
    placed(store, "AG01", ids[0])
    an_agency(store, "AG02", day=NOW.date())
    queue_cases(SUPERVISOR, store, now=NOW, wanted=versions(store, ids[1]), reason=WHY)
    one = ids[1] if kind == "place" else ids[0]
    if kind == "withdraw_recall":
        with store.writing(SUPERVISOR, NOW) as transaction:
            run_announce_recall(transaction, {"cases": versions(store, one), "reason": WHY, "zone": ZONE})
    wanted, agency = versions(store, one), "AG02" if kind in ("place", "transfer") else "AG01"
    batch = Asked(BatchKind.EXTEND, wanted, ZONE, None, DUE + timedelta(days=5))
    if kind == "resubmit":
        manager, returned = a_collector(store, "manager", role=Role.MANAGER), asking(store, batch)
        approving.decide(store, manager, returned, "return", now=NOW)
    arguments = {"cases": wanted, "agency_code": agency, "due_at": (DUE + timedelta(days=5)).isoformat(),
                 "reason": WHY, "zone": ZONE}  # fmt: skip
    held = threading.Event()

    def act() -> None:
        held.wait(30)
        if kind == "place":
            placing(store, agency, wanted)
        elif kind == "submit":
            asking(store, batch)
        elif kind == "resubmit":
            resubmit_batch(
                SUPERVISOR, store, now=NOW, batch_id=returned.object_id, expected_version=returned.version + 1,
                asked=batch, reason=WHY, key="again",
            )  # fmt: skip
        else:
            with store.writing(SUPERVISOR, NOW) as transaction:
                RUNS[BatchKind(kind)](transaction, arguments)

    def agency_then_case() -> None:
        with store.writing(SYSTEM, NOW) as transaction:
            lock = text("select 1 from agencies where agency_code = :code for update")
            transaction.connection.execute(lock, {"code": agency})
            held.set()
            waiting(store)
            transaction.connection.execute(text("select 1 from cases where case_id = :id for update"), {"id": one})

    assert both(agency_then_case, act) == []
    assert kind in ("submit", "resubmit") or now_is(store, one).version > wanted[one]


def test_who_is_ended_because_two_wait_for_each_other_is_told_to_try_again(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 2)
    meet = threading.Barrier(2, timeout=30)

    def locks(*order: str) -> Callable[[], None]:
        def run() -> None:
            with store.writing(SYSTEM, NOW) as transaction:
                for nth, one in enumerate(order):
                    if nth:
                        meet.wait()
                    transaction.connection.execute(
                        text("select 1 from cases where case_id = :id for update"), {"id": one}
                    )

        return run

    (failed,) = both(locks(*ids), locks(*reversed(ids)))
    assert isinstance(failed, StoreBusy)


@pytest.mark.parametrize("all_of_another", [False, True])
def test_a_case_is_not_given_to_who_declares_a_conflict_with_its_debtor_meanwhile(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_of_another: bool
) -> None:
    """The declaration has looked at what its collector holds, and waits until the other act does."""
    rows = [a_spell(1), a_spell(2, customer_id="C1")]
    taken_in(store, tmp_path, *rows, debtors=[a_debtor(1)])
    one, other = (row["case_id"] for row in rows)
    hers, his = a_collector(store, "hers"), a_collector(store, "his")
    assigned(store, SUPERVISOR, hers, one)
    assigned(store, SUPERVISOR, his, other)
    wanted, version = versions(store, other), now_is(store, one).version
    looked, between = threading.Event(), conflicts.cases_between

    def slowly(*given):  # type: ignore[no-untyped-def]
        found = between(*given)
        looked.set()
        waiting(store)
        return found

    monkeypatch.setattr(conflicts, "cases_between", slowly)

    def give() -> None:
        looked.wait(30)
        if all_of_another:
            move_all_cases(SUPERVISOR, store, now=NOW, from_id=his.person_id, to_id=hers.person_id, reason=WHY)
            return
        assign_cases(SUPERVISOR, store, now=NOW, wanted=wanted, collector_id=hers.person_id, reason=WHY)

    def declare() -> None:
        declare_conflict(hers, store, now=NOW, case_id=one, version=version, reason=WHY)

    (refused,) = both(declare, give)
    assert "conflict of interest" in str(refused)
    assert (now_is(store, one).collector_id, now_is(store, other).collector_id) == (None, his.person_id)
