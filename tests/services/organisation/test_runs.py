"""Runs under a lease, requests for runs, readiness, notifications and corrections, on both stores."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from ops_app.domain.errors import Conflict, Invalid, NotReady, Refused
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.readiness import FRESH_FOR, NEEDS, Check, CheckState
from ops_app.services.organisation import notifications, quarantine, readiness, runs
from ops_app.store.store import SameKeyOtherContent, Store
from ops_app.store.tables.organisation import audit_log

DAY = date(2026, 10, 31)
NOW = datetime(2026, 11, 1, 1, 30, tzinfo=UTC)
operator = Actor("p-op", "Operator", Role.OPERATOR)
collector = Actor("p-co", "Collector", Role.COLLECTOR)


def start(store: Store, now: datetime = NOW) -> str:
    return runs.start_run(SYSTEM, store, now=now, kind="day", business_date=DAY)


def test_only_one_run_may_write_the_warehouse_at_a_time(store):
    start(store)

    with pytest.raises(Conflict, match="A run is under way"):
        start(store)


def test_a_run_whose_lease_ran_out_is_failed_and_the_next_one_starts(store):
    lost = start(store)

    later = NOW + runs.LEASE + timedelta(seconds=1)
    start(store, later)

    found, total = runs.list_runs(operator, store)
    assert total == 2
    assert {run.run_id: run.state for run in found}[lost] == "failed"


def test_a_renewed_lease_keeps_the_others_out(store):
    run_id = start(store)
    later = NOW + runs.LEASE - timedelta(seconds=1)

    assert runs.renew_lease(SYSTEM, store, now=later, run_id=run_id)

    with pytest.raises(Conflict):
        start(store, NOW + runs.LEASE + timedelta(seconds=1))


def test_a_run_that_was_failed_meanwhile_cannot_renew_nor_succeed(store):
    run_id = start(store)
    later = NOW + 2 * runs.LEASE
    runs.fail_lost_runs(SYSTEM, store, now=later)

    assert not runs.renew_lease(SYSTEM, store, now=later, run_id=run_id)
    runs.end_run(SYSTEM, store, now=later, run_id=run_id, succeeded=True, detail={})

    assert runs.last_completed_date(SYSTEM, store) is None


def test_the_last_completed_date_counts_only_runs_that_succeeded(store):
    run_id = start(store)
    assert runs.last_completed_date(SYSTEM, store) is None

    runs.end_run(SYSTEM, store, now=NOW, run_id=run_id, succeeded=True, detail={"raw": {"rows_in": 3}})

    assert runs.last_completed_date(SYSTEM, store) == DAY
    assert runs.list_runs(operator, store)[0][0].detail == {"raw": {"rows_in": 3}}


def ask(store: Store, actor: Actor = operator, key: str = "k1", reason: str = "bank file came late") -> str:
    return runs.request_run(actor, store, now=NOW, kind="day", business_date=DAY, reason=reason, key=key)


def test_a_double_click_asks_for_one_run_and_it_is_taken_once(store):
    assert ask(store) == ask(store)

    assert [request.business_date for request in runs.waiting_requests(SYSTEM, store)] == [DAY]
    assert runs.take_requests(SYSTEM, store, now=NOW, business_date=DAY) == 1
    assert runs.take_requests(SYSTEM, store, now=NOW, business_date=DAY) == 0
    assert runs.open_requests(operator, store) == []


def test_the_same_key_with_another_reason_is_refused(store):
    ask(store)

    with pytest.raises(SameKeyOtherContent):
        ask(store, reason="something else")


def test_a_collector_may_not_ask_for_a_run_and_is_told_who_may(store):
    with pytest.raises(Refused, match="operator"):
        ask(store, actor=collector)


def test_a_run_without_a_reason_is_refused_beside_the_field(store):
    with pytest.raises(Invalid) as refusal:
        ask(store, reason="  ")
    assert refusal.value.field == "reason"


def green(*names: str, day: date = DAY) -> list[Check]:
    return [Check(name, CheckState.GREEN, day, NOW) for name in names]


@pytest.mark.parametrize("decision", sorted(NEEDS))
def test_each_needed_check_alone_blocks_its_decision_by_name(store, decision):
    readiness.report_checks(SYSTEM, store, now=NOW, checks=green(*NEEDS[decision]))
    with store.reading() as connection:
        readiness.verdict_on(connection, decision, NOW).require()

    for name in NEEDS[decision]:
        red = Check(name, CheckState.RED, DAY, NOW, "planted")
        readiness.report_checks(SYSTEM, store, now=NOW, checks=[red])
        with store.reading() as connection, pytest.raises(NotReady, match="planted"):
            readiness.verdict_on(connection, decision, NOW).require()
        readiness.report_checks(SYSTEM, store, now=NOW, checks=green(name))


def test_a_decision_nobody_reported_on_is_not_ready(store):
    with store.reading() as connection:
        assert not readiness.verdict_on(connection, "repayment_audit", NOW).ready


@pytest.mark.parametrize("decision", sorted(NEEDS))
def test_green_counts_for_three_days_and_not_a_minute_longer(store, decision):
    readiness.report_checks(SYSTEM, store, now=NOW, checks=green(*NEEDS[decision]))

    with store.reading() as connection:
        readiness.verdict_on(connection, decision, NOW + FRESH_FOR).require()
        with pytest.raises(NotReady, match=f"stale .data as of: {DAY}"):
            readiness.verdict_on(connection, decision, NOW + FRESH_FOR + timedelta(minutes=1)).require()


def test_a_report_about_an_earlier_day_does_not_hide_a_later_one(store):
    red = Check("rows_accounted", CheckState.RED, DAY, NOW, "3 rows lost")
    readiness.report_checks(SYSTEM, store, now=NOW, checks=[red])

    readiness.report_checks(SYSTEM, store, now=NOW, checks=green("rows_accounted", day=DAY - timedelta(days=1)))

    with store.reading() as connection:
        assert readiness.known_checks(connection)["rows_accounted"].state is CheckState.RED


def announce(store: Store) -> bool:
    return notifications.announce(
        SYSTEM, store, now=NOW, kind="feed_missing", subject_key="SIM/bank_lines", business_date=DAY,
        text_en="The bank file has not arrived.", text_zh="银行流水尚未到达。",
    )  # fmt: skip


def test_the_same_thing_is_announced_once_a_day(store):
    assert announce(store)
    assert not announce(store)


def test_a_failed_delivery_is_tried_again_and_a_delivered_one_is_not(store):
    announce(store)
    answers = iter(["mail server refused", None])

    assert notifications.deliver_open(SYSTEM, store, now=NOW, deliver=lambda _: next(answers)) == (0, 1)
    assert notifications.list_notifications(operator, store)[0].last_error == "mail server refused"
    assert notifications.deliver_open(SYSTEM, store, now=NOW, deliver=lambda _: next(answers)) == (1, 0)
    assert notifications.deliver_open(SYSTEM, store, now=NOW, deliver=lambda _: next(answers)) == (0, 0)


def correct(store: Store, **changes: object) -> str:
    chosen = {
        "file_id": "f" * 64, "line_no": 7, "feed": "repayments", "source_code": "SIM", "decision": "replay",
        "corrected": {"amount": "12.50"}, "reason": "typing error at the branch", "key": "c1",
    }  # fmt: skip
    return quarantine.correct_row(operator, store, now=NOW, **(chosen | changes))


def test_a_correction_waits_for_the_next_run_and_is_applied_once(store):
    correction_id = correct(store)
    assert [c.corrected for c in quarantine.open_corrections(SYSTEM, store)] == [{"amount": "12.50"}]

    quarantine.note_replayed(SYSTEM, store, now=NOW, outcomes={correction_id: "accepted"})

    assert quarantine.open_corrections(SYSTEM, store) == []
    assert quarantine.list_corrections(operator, store)[0].outcome == "accepted"


def test_of_one_row_one_correction_waits_and_the_last_one_counts(store):
    first = correct(store)
    last = correct(store, corrected={"amount": "12.40"}, key="c2")
    other = correct(store, line_no=8, key="c3")

    assert {one.correction_id for one in quarantine.open_corrections(SYSTEM, store)} == {last, other}
    assert {one.correction_id: one.outcome for one in quarantine.list_corrections(operator, store)} == {
        first: quarantine.SUPERSEDED, last: None, other: None,
    }  # fmt: skip
    assert correct(store) == first  # the same press again is not a third correction
    with store.reading() as connection:
        said = connection.execute(select(audit_log).where(audit_log.c.action == "quarantine.superseded")).one()
    assert last in said.after_json


def test_the_store_itself_holds_one_open_correction_of_a_row(store, monkeypatch):
    correct(store)
    monkeypatch.setattr(quarantine, "_supersede", lambda *_: None)  # as where two press at the same moment
    with pytest.raises(Conflict, match="Somebody else corrects this row"):
        correct(store, key="c2")
    assert len(quarantine.list_corrections(operator, store)) == 1


def test_a_correction_that_corrects_nothing_is_refused(store):
    with pytest.raises(Invalid) as refusal:
        correct(store, corrected={})
    assert refusal.value.field == "corrected"
