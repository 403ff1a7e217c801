"""Internal monitoring: what is found once, whose it is, when it is settled; deadlines; what came in in a placement."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Thread
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection

from ops_app.domain.casework.alerts import AlertChanged, AlertKind, NoSuchAlert
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.personal import PersonalField
from ops_app.domain.errors import Refused
from ops_app.domain.ledger.breaks import BreakKind
from ops_app.domain.ledger.repayments import Repayment, RepaymentKind
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.casework.cases import list_placements, read_case
from ops_app.services.casework.following import collected_in, deadlines, note_touches
from ops_app.services.casework.monitoring import AlertFilter, close_alerts, find_alerts, list_alerts, take_alerts
from ops_app.services.casework.moving import set_flag
from ops_app.services.casework.placing import SomeRefused
from ops_app.services.casework.unmasking import unmask
from ops_app.store.casework import alerts
from ops_app.store.ledger import payments
from ops_app.store.store import Store
from tests.services.casework.casebook import (
    AG1,
    NOW,
    SUPERVISOR,
    WHY,
    a_collector,
    an_agency,
    assigned,
    now_is,
    placed,
    recalled,
    some_cases,
    versions,
)
from tests.services.ledger.people import a_break, applied
from tests.services.organisation.parameters import set_to
from tests.services.organisation.planting import plant

TODAY = date(2026, 11, 24)
LATE = NOW + timedelta(hours=49)
"""After the 48 hours within which a placed case is tried first."""


def set_now(store: Store, code: str, value: int) -> None:
    plant(store, set_to(code, value, date(2000, 1, 1)))


def look(store: Store, now=LATE) -> tuple[int, int]:
    found = find_alerts(SYSTEM, store, now=now, today=now.date())
    return found.found, found.settled


def touch(store: Store, *ids: str, now=NOW, by: Actor = AG1) -> None:
    note_touches(by, store, now=now, wanted=versions(store, *ids), reason="nobody answered")


def test_a_case_that_nobody_tried_in_time_is_found_once_and_settled_by_an_attempt(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:2])
    touch(store, ids[0], now=NOW + timedelta(hours=1))
    assert look(store, LATE - timedelta(hours=2)) == (0, 0)
    assert (look(store), look(store)) == ((1, 0), (0, 0))
    page = list_alerts(SUPERVISOR, store, now=LATE)
    (one,) = page.rows
    assert (one.kind, one.case_id, one.agency_code, one.loan_id) == (AlertKind.NO_FIRST_CONTACT, ids[1], "AG01", "L2")
    assert (one.since_at, one.due_at) == (NOW + timedelta(hours=48), LATE + timedelta(days=2))
    assert page.counts == {AlertKind.NO_FIRST_CONTACT: (1, 0)}
    touch(store, ids[1], now=LATE)
    assert look(store) == (0, 1)
    (closed,) = list_alerts(SUPERVISOR, store, now=LATE, wanted=AlertFilter(is_open=False)).rows
    assert (closed.closing_note, closed.closed_by) == ("no longer so", "system")


def test_a_gap_between_attempts_is_found_and_each_gap_anew(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    touch(store, ids[0])
    gap = timedelta(days=7)
    assert look(store, NOW + gap - timedelta(minutes=1)) == (0, 0)
    assert look(store, NOW + gap) == (1, 0)
    touch(store, ids[0], now=NOW + gap)
    assert look(store, NOW + gap) == (0, 1)
    assert look(store, NOW + 2 * gap) == (1, 0)
    recalled(store, ids[0], now=NOW + 2 * gap)
    assert look(store, NOW + 2 * gap) == (0, 1)


def test_what_a_person_closed_is_not_found_again_while_it_lasts(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    look(store)
    (one,) = list_alerts(SUPERVISOR, store, now=LATE).rows
    assert one.owner_id is None
    mine = a_collector(store, "mine", role=Role.SUPERVISOR)
    take_alerts(mine, store, now=LATE, wanted={one.alert_id: 1}, reason=WHY)
    with pytest.raises(AlertChanged):
        close_alerts(SUPERVISOR, store, now=LATE, wanted={one.alert_id: 1}, note=WHY)
    (taken,) = list_alerts(mine, store, now=LATE, wanted=AlertFilter(owner_id=mine.person_id)).rows
    close_alerts(mine, store, now=LATE, wanted={one.alert_id: taken.version}, note="called the agency")
    assert look(store) == (0, 0)
    with pytest.raises(NoSuchAlert):
        close_alerts(mine, store, now=LATE, wanted={"0" * 64: 1}, note=WHY)
    for role in (Role.COLLECTOR, Role.AGENCY_SUPERVISOR, Role.ANALYST, Role.FINANCE):
        with pytest.raises(Refused):
            list_alerts(Actor("x", "X", role), store, now=LATE)


def test_a_note_that_a_person_closes_with_during_the_look_stays(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:2])
    look(store)
    rows = {one.case_id: one for one in list_alerts(SUPERVISOR, store, now=LATE).rows}
    recalled(store, *ids[:2], now=LATE)
    read, mine = alerts.open_ids, rows[ids[0]]

    def meanwhile(connection: Connection) -> set[str]:
        found = read(connection)
        monkeypatch.setattr(alerts, "open_ids", read)  # between the first look and the act
        note = {"now": LATE, "wanted": {mine.alert_id: mine.version}, "note": "settled by phone"}
        someone = Thread(target=lambda: close_alerts(SUPERVISOR, store, **note))
        someone.start()
        someone.join()
        return found

    monkeypatch.setattr(alerts, "open_ids", meanwhile)
    assert look(store) == (0, 1)
    closed = {one.case_id: one for one in list_alerts(SUPERVISOR, store, now=LATE, wanted=AlertFilter(False)).rows}
    assert (closed[ids[0]].closing_note, closed[ids[0]].version) == ("settled by phone", 2)
    assert closed[ids[1]].closing_note == "no longer so"


def test_what_was_found_or_closed_meanwhile_is_left_as_it_is(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    look(store)
    (one,) = list_alerts(SUPERVISOR, store, now=LATE).rows
    close_alerts(SUPERVISOR, store, now=LATE, wanted={one.alert_id: 1}, note="settled by phone")
    with store.writing(SYSTEM, LATE) as transaction:
        assert alerts.add_new(transaction.connection, {one.alert_id: one}) == set()
        assert alerts.close_open(transaction.connection, {one.alert_id}, {"closing_note": "no longer so"}) == set()
        transaction.audit("case_alert.found", "case_alert", "x")


def test_an_agency_that_may_not_hold_cases_or_holds_too_many_is_found(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    an_agency(store, "AG01", capacity_cases=2)
    placed(store, "AG01", *ids[:2])
    assert look(store, NOW) == (0, 0)
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(text("update agencies set capacity_cases = 1, white_listed = false"))
        transaction.audit("agency.changed", "agency", "AG01")
    assert look(store, NOW) == (2, 0)
    kinds = {one.kind for one in list_alerts(SUPERVISOR, store, now=NOW).rows}
    assert kinds == {AlertKind.AGENCY_STOPPED, AlertKind.OVER_CAPACITY}


def show_in_full(store: Store, evidence: Path, her: Actor, *ids: str, now=NOW) -> None:
    for case_id in ids:
        unmask(her, store, now=now, case_id=case_id, field=PersonalField.NAME, reason=WHY, evidence=evidence)


def test_who_sees_many_in_full_and_tries_none_is_found_when_the_day_is_over_and_stays(
    store: Store, tmp_path: Path
) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids)
    her, other = a_collector(store, "hers", "AG01"), a_collector(store, "other", "AG01")
    assigned(store, AG1, her, *ids[:3])
    assigned(store, AG1, other, *ids[3:])
    set_now(store, "casework.shown_untried_cases", 2)
    show_in_full(store, tmp_path, her, *ids[:3])
    show_in_full(store, tmp_path, other, *ids[3:])
    touch(store, ids[0], by=her)
    touch(store, *ids[4:], by=other)
    assert look(store, NOW) == (0, 0), "the day is not over"
    tomorrow = NOW + timedelta(hours=24)
    assert (look(store, tomorrow), look(store, tomorrow)) == ((1, 0), (0, 0))
    (one,) = list_alerts(SUPERVISOR, store, now=tomorrow).rows
    assert (one.kind, one.person_id, one.person_name, one.quantity, one.agency_code, one.case_id) == (
        AlertKind.SHOWN_UNTRIED, her.person_id, "Hers", 2, "AG01", None,
    )  # fmt: skip
    touch(store, ids[0], by=her, now=tomorrow + timedelta(days=9))
    kinds = AlertFilter(kind=AlertKind.SHOWN_UNTRIED)
    look(store, tomorrow + timedelta(days=10))
    (still,) = list_alerts(SUPERVISOR, store, now=tomorrow, wanted=kinds).rows
    close_alerts(SUPERVISOR, store, now=tomorrow, wanted={still.alert_id: 1}, note="asked her about it")
    look(store, tomorrow)
    assert not list_alerts(SUPERVISOR, store, now=tomorrow, wanted=kinds).rows, "it is not found again"


def test_a_repayment_of_a_placed_case_that_stays_unmatched_is_found_and_ends_with_its_break(
    store: Store, tmp_path: Path
) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    mine = {"day": TODAY, "now": NOW}
    of_placed = a_break(BreakKind.UNMATCHED_LENDER, 10_000, payments=("P1",))
    of_another = a_break(BreakKind.UNMATCHED_LENDER, 500, payments=("P2",), loan_id="L2")
    applied(store, of_placed, of_another, **mine)
    assert look(store, NOW + timedelta(days=1)) == (0, 0)
    wanted = AlertFilter(kind=AlertKind.UNMATCHED_PAYMENT)
    late = NOW + timedelta(days=3)
    look(store, late)
    (one,) = list_alerts(SUPERVISOR, store, now=late, wanted=wanted).rows
    assert (one.case_id, one.agency_code, one.loan_id) == (ids[0], "AG01", "L1")
    assert one.since_at == datetime(2026, 11, 24, tzinfo=ZoneInfo("Asia/Shanghai"))
    applied(store, of_another, day=late.date(), now=late)
    look(store, late)
    assert not list_alerts(SUPERVISOR, store, now=late, wanted=wanted).rows


def test_the_next_agency_is_told_of_a_repayment_that_is_unmatched_still(store: Store, tmp_path: Path) -> None:
    (one,) = some_cases(store, tmp_path, 1)
    placed(store, "AG01", one)
    applied(store, a_break(BreakKind.UNMATCHED_LENDER, 10_000, payments=("P1",)), day=TODAY, now=NOW)
    wanted = AlertFilter(kind=AlertKind.UNMATCHED_PAYMENT, is_open=True)

    def told(now: datetime) -> list[str | None]:
        look(store, now)
        return [it.agency_code for it in list_alerts(SUPERVISOR, store, now=now, wanted=wanted).rows]

    late = NOW + timedelta(days=3)
    assert told(late) == ["AG01"]
    assert told(late) == ["AG01"], "it is found once"
    recalled(store, one, now=late)
    assert told(late + timedelta(hours=1)) == []
    placed(store, "AG02", one, now=late + timedelta(hours=2))
    assert told(late + timedelta(days=1)) == ["AG02"]


def test_an_attempt_is_entered_by_who_has_the_case_and_not_where_contact_is_forbidden(
    store: Store, tmp_path: Path
) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:2])
    hers = a_collector(store, "hers", "AG01")
    assigned(store, AG1, hers, ids[0])
    touch(store, ids[0], now=NOW + timedelta(hours=2), by=hers)
    touch(store, ids[0], now=NOW + timedelta(hours=1), by=hers)  # entered late
    record = read_case(hers, store, now=NOW + timedelta(hours=2), case_id=ids[0])
    its = record.placements[0]
    assert (its.first_touch_at, its.last_touch_at) == (NOW + timedelta(hours=1), NOW + timedelta(hours=2))
    assert record.events[-1].what == "touched"
    found = deadlines(hers, store, now=NOW, today=TODAY, placed=[(record.case, its)])[ids[0]]
    assert (found.first_contact_due_at, found.touch_due_at) == (None, NOW + timedelta(days=7, hours=2))
    version = now_is(store, ids[1]).version
    set_flag(SUPERVISOR, store, now=NOW, case_id=ids[1], version=version, flag=Flag.CEASE_CONTACT, reason=WHY)
    with pytest.raises(SomeRefused, match="contact must cease"):
        touch(store, ids[1])


def a_payment(number: int, day: date, minor: int, kind: RepaymentKind = RepaymentKind.PAYMENT) -> Repayment:
    values = dict.fromkeys(Repayment.__dataclass_fields__)
    values |= {"source_code": "SIM", "payment_id": f"P{number}", "loan_id": "L1", "kind": kind, "value_date": day,
               "amount_minor": minor, "currency": "CNY", "paid_at": NOW}  # fmt: skip
    if kind is not RepaymentKind.PAYMENT:
        values["reverses_payment_id"] = "P1"
    return Repayment(**values)


def test_payments_count_within_the_placement_and_its_tail_net_of_reversals(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    ended = NOW + timedelta(days=10)  # 4 December; the tail is in until the 19th
    recalled(store, ids[0], now=ended)
    rows = [
        a_payment(0, date(2026, 11, 23), 1), a_payment(1, date(2026, 11, 24), 1_000),
        a_payment(2, date(2026, 12, 4), 500), a_payment(3, date(2026, 12, 4), 200, RepaymentKind.REVERSAL),
        a_payment(4, date(2026, 12, 5), 30), a_payment(5, date(2026, 12, 19), 7), a_payment(6, date(2026, 12, 20), 9),
    ]  # fmt: skip
    with store.writing(SYSTEM, ended) as transaction:
        payments.add_many(transaction.connection, [(one, "h" * 64) for one in rows], ended)
        transaction.audit("payments.recorded", "payments", "SIM")
    page = list_placements(SUPERVISOR, store, now=ended, ended=True)
    found = collected_in(SUPERVISOR, store, now=ended, zone=ZoneInfo("Asia/Shanghai"), placed=page.rows)
    ((placement, _),) = page.rows
    assert placement.tail_until_date == date(2026, 12, 20)
    assert (found[placement.placement_id].within_minor, found[placement.placement_id].tail_minor) == (1_000, 337)
    assert collected_in(AG1, store, now=ended, zone=ZoneInfo("UTC"), placed=page.rows) == {}
