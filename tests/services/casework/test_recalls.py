"""Recalls: announced and effective by themselves, at once on a ground that holds, by an ending contract; what an end
freezes and cuts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from ops_app.domain.canonical import moment_text
from ops_app.domain.casework.cases import CaseState, NoSuchCase
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.placing import GroundDoesNotHold, RecallGround
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.agencies import AgencyMove
from ops_app.domain.organisation.exports import ExportState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.periods import Period
from ops_app.services.casework.assigning import assign_cases, move_all_cases
from ops_app.services.casework.cases import list_cases, read_case
from ops_app.services.casework.ending import end_due_placements
from ops_app.services.casework.expiry_recalls import recall_from_expiring
from ops_app.services.casework.moving import set_flag
from ops_app.services.casework.placing import SomeRefused
from ops_app.services.casework.recalling import (
    announced_recalls,
    recall_cases,
    run_announce_recall,
    run_withdraw_recall,
)
from ops_app.services.casework.verify import verify_one_owner
from ops_app.services.organisation import agencies as agency_services
from ops_app.services.organisation import memberships
from ops_app.services.organisation.exports import Asked, new_export
from ops_app.services.organisation.open_work import AgencyStillHolds, PersonStillHolds
from ops_app.store.casework import notices
from ops_app.store.organisation import agency_contracts
from ops_app.store.organisation import exports as stored_exports
from ops_app.store.store import Store
from ops_app.store.tables.exports import exports
from tests.services.casework.casebook import (
    AG1,
    CERTIFIED_UNTIL,
    DAY,
    DUE,
    NOW,
    SUPERVISOR,
    WHY,
    ZONE,
    a_collector,
    an_agency,
    assigned,
    now_is,
    placed,
    recalled,
    some_cases,
    versions,
)

TODAY = date(2026, 11, 24)
MANAGER = Actor("p-man", "Mei", Role.MANAGER)
EFFECTIVE = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
"""Midnight in Shanghai, seven days after ``TODAY``."""


def announce(store: Store, *ids: str, now: datetime = NOW):
    arguments = {"cases": versions(store, *ids), "reason": "the agency is slow", "zone": ZONE}
    with store.writing(SUPERVISOR, now) as transaction:
        return run_announce_recall(transaction, arguments)


def take_back(store: Store, *ids: str, now: datetime = NOW) -> None:
    with store.writing(MANAGER, now) as transaction:
        run_withdraw_recall(transaction, {"cases": versions(store, *ids), "reason": WHY, "zone": ZONE})


def seen(store: Store, now: datetime, by: Actor = AG1) -> set[str]:
    return {one.case_id for one in list_cases(by, store, now=now).rows}


def test_an_announced_recall_is_seen_coming_and_takes_effect_by_itself(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:3])
    announce(store, *ids[:2])
    (coming,) = announced_recalls(AG1, store, now=NOW)
    assert (coming.count, coming.effective_at, coming.reason) == (2, EFFECTIVE, "the agency is slow")
    assert announced_recalls(Actor("x", "X", Role.AGENCY_SUPERVISOR, "AG02"), store, now=NOW, agency_code="AG01") == []
    assert seen(store, EFFECTIVE - timedelta(seconds=1)) == set(ids[:3])
    assert seen(store, EFFECTIVE) == {ids[2]}  # nothing ran at that moment
    with pytest.raises(SomeRefused, match="announced already"):
        announce(store, ids[0])
    assert end_due_placements(SYSTEM, store, now=EFFECTIVE, today=TODAY + timedelta(days=7)) == 2
    assert end_due_placements(SYSTEM, store, now=EFFECTIVE, today=TODAY + timedelta(days=7)) == 0
    record = read_case(SUPERVISOR, store, now=EFFECTIVE, case_id=ids[0])
    assert record.case.state is CaseState.RETURNED
    (was,) = record.placements
    assert (was.end_reason, was.end_note, was.ended_at) == ("recalled", "the agency is slow", EFFECTIVE)
    assert was.tail_until_date == date(2026, 12, 17)  # fifteen days after 1 December are in
    assert was.ended_balance_minor == record.case.balance_minor
    assert verify_one_owner(store).state == "holds"


def test_a_recall_that_is_taken_back_leaves_the_placement_as_it_was(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:2])
    announce(store, ids[0])
    with pytest.raises(SomeRefused):
        take_back(store, *ids[:2])
    take_back(store, ids[0])
    assert announced_recalls(AG1, store, now=NOW) == []
    assert seen(store, DUE - timedelta(seconds=1)) == set(ids[:2])
    announce(store, ids[0])  # and may be announced again


def test_a_recall_that_took_effect_is_not_taken_back(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:2])
    announce(store, *ids[:2])
    take_back(store, ids[0], now=EFFECTIVE - timedelta(seconds=1))
    with pytest.raises(SomeRefused, match="took effect"):
        take_back(store, ids[1], now=EFFECTIVE)
    assert seen(store, EFFECTIVE) == {ids[0]}


def test_an_agency_that_may_hold_nothing_keeps_no_case_by_a_recall_taken_back(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    announce(store, ids[0])
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(text("update agencies set state = 'suspended'"))
        transaction.audit("agency.suspend", "agency", "AG01")
    with pytest.raises(SomeRefused, match="not working with us"):
        take_back(store, ids[0])


def test_a_placement_that_ends_sooner_is_not_announced(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0], due_at=NOW + timedelta(days=2))
    with pytest.raises(SomeRefused, match="ends before that day"):
        announce(store, ids[0])


def test_a_recall_at_once_needs_a_ground_that_holds(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:3])
    version = now_is(store, ids[0]).version
    set_flag(SUPERVISOR, store, now=NOW, case_id=ids[0], version=version, flag=Flag.CEASE_CONTACT, reason=WHY)

    def recall(ground: RecallGround, *some: str) -> None:
        recall_cases(SUPERVISOR, store, now=NOW, today=TODAY, wanted=versions(store, *some), ground=ground, reason=WHY)

    for ground, some in ((RecallGround.PROTECTED, ids[:2]), (RecallGround.AGENCY_STOPPED, ids[:1])):
        with pytest.raises(GroundDoesNotHold, match="For this case"):
            recall(ground, *some)
    recall(RecallGround.PROTECTED, ids[0])
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(text("update agencies set state = 'suspended'"))
        transaction.audit("agency.suspend", "agency", "AG01")
    recall(RecallGround.AGENCY_STOPPED, ids[1])
    assert seen(store, NOW) == {ids[2]}


def test_an_ending_contract_announces_the_recall_and_a_renewal_takes_it_back(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    an_agency(store, "AG01", until=date(2026, 12, 4))
    placed(store, "AG01", *ids[:2], due_at=NOW + timedelta(days=90))
    run = {"zone": ZONE}
    assert recall_from_expiring(SYSTEM, store, now=NOW, today=TODAY, **run) == 0  # ten days ahead
    later = NOW + timedelta(days=4)
    assert recall_from_expiring(SYSTEM, store, now=later, today=TODAY + timedelta(days=4), **run) == 2
    assert recall_from_expiring(SYSTEM, store, now=later, today=TODAY + timedelta(days=4), **run) == 0
    ends = datetime(2026, 12, 3, 16, 0, tzinfo=UTC)
    with pytest.raises(SomeRefused, match="contract ends"):
        take_back(store, ids[0], now=later)
    assert [(one.count, one.effective_at) for one in announced_recalls(AG1, store, now=later)] == [(2, ends)]
    with store.writing(SYSTEM, later) as transaction:
        period = Period(date(2026, 12, 4), date(2027, 12, 4))
        agency_contracts.add_contract(transaction, "AG01", "C-2", period)
        transaction.audit("agency.contract_recorded", "agency", "AG01")
    assert recall_from_expiring(SYSTEM, store, now=later, today=TODAY + timedelta(days=5), **run) == 2
    assert announced_recalls(AG1, store, now=later) == []
    assert seen(store, NOW + timedelta(days=80)) == set(ids[:2])


def test_cases_come_home_at_once_when_the_contract_is_over(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    an_agency(store, "AG01", until=date(2026, 11, 26))
    placed(store, "AG01", *ids[:2])
    late = NOW + timedelta(days=5)
    assert recall_from_expiring(SYSTEM, store, now=late, today=TODAY + timedelta(days=5), zone=ZONE) == 2
    assert seen(store, late) == set()
    assert now_is(store, ids[0]).state is CaseState.RETURNED


def test_export_links_of_the_agency_die_with_a_placement(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:2])
    _an_export(store, "AG01")
    _an_export(store, "AG02")
    recalled(store, ids[0])
    with store.reading() as connection:
        found = dict(connection.execute(select(exports.c.agency_code, exports.c.ended_because)).tuples().all())
    assert found == {"AG01": "placement_ended", "AG02": None}


def _an_export(store: Store, agency_code: str) -> None:
    by = a_collector(store, f"chief{agency_code}", agency_code, Role.AGENCY_SUPERVISOR)
    asked = Asked("cases", "Cases", {}, 3, "csv", "for the work of the agency")
    made = new_export(NOW, by, asked, ExportState.REQUESTED)
    with store.writing(SYSTEM, NOW) as transaction:
        stored_exports.add(transaction.connection, made)
        transaction.audit("export.requested", "export", made.number)


def test_nobody_leaves_and_no_agency_ends_with_cases_until_they_are_moved(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:2])
    one, two = a_collector(store, "one", "AG01"), a_collector(store, "two", "AG01")
    assigned(store, AG1, one, *ids[:2])
    admin = Actor("p-admin", "Admin", Role.ADMINISTRATOR)

    def leave() -> None:
        memberships.leave_house(
            admin, store, now=NOW, person_id=one.person_id, version=1, left_date=DAY, reason="retires"
        )

    with pytest.raises(PersonStillHolds, match=r"cases \(2\)"):
        leave()
    manager = Actor("p-man", "Man", Role.MANAGER)
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(text("update agencies set state = 'suspended'"))
        transaction.audit("agency.suspend", "agency", "AG01")

    def end() -> None:
        agency_services.move_agency(
            manager, store, now=NOW, agency_code="AG01", version=1, what=AgencyMove.END, today=TODAY, reason=WHY
        )

    with pytest.raises(AgencyStillHolds, match=r"cases \(2\)"):
        end()
    version = now_is(store, ids[0]).version
    set_flag(SUPERVISOR, store, now=NOW, case_id=ids[0], version=version, flag=Flag.DISPUTE, reason=WHY)
    moved = move_all_cases(
        AG1, store, now=NOW, from_id=one.person_id, to_id=two.person_id, reason="she retires", today=TODAY
    )
    assert set(moved) == set(ids[:2])
    leave()
    assert seen(store, NOW, two) == set(ids[:2])
    recalled(store, *ids[:2])
    end()


def test_a_collector_of_an_agency_without_a_valid_certificate_is_given_nothing(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    hers = a_collector(store, "hers", "AG01")
    late = CERTIFIED_UNTIL
    with pytest.raises(Invalid, match="no certificate") as refusal:
        assign_cases(
            AG1, store, now=NOW, wanted=versions(store, ids[0]), collector_id=hers.person_id, reason=WHY, today=late
        )
    assert refusal.value.field == "collector_id"


def test_of_another_agency_nobody_moves_anything(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG02", ids[0])
    hers, other = a_collector(store, "hers", "AG02"), a_collector(store, "other", "AG02")
    assigned(store, Actor("p-2", "Guo", Role.AGENCY_SUPERVISOR, "AG02"), hers, ids[0])
    with pytest.raises(Invalid, match="no such collector"):
        move_all_cases(AG1, store, now=NOW, from_id=hers.person_id, to_id=other.person_id, reason=WHY)
    with pytest.raises(NoSuchCase), store.writing(MANAGER, NOW) as transaction:
        run_withdraw_recall(transaction, {"cases": {"0" * 32: 1}, "reason": WHY, "zone": ZONE})


def withdraws(store: Store, case_id: str, now: datetime, agency: str, asked_at: datetime) -> None:
    with store.writing(MANAGER, now) as transaction:
        run_withdraw_recall(
            transaction,
            {"cases": versions(store, case_id), "reason": WHY, "zone": ZONE, "agency_code": agency,
             "asked_at": moment_text(asked_at)},
        )  # fmt: skip


def test_a_withdrawal_that_waited_takes_back_no_recall_announced_since_nor_one_of_another_agency(
    store: Store, tmp_path: Path
) -> None:
    (case_id, *_) = some_cases(store, tmp_path)
    placed(store, "AG01", case_id)
    an_agency(store, "AG02")
    announced, later = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    announce(store, case_id, now=announced)
    for agency, asked_at in (("AG02", later), ("AG01", announced - timedelta(microseconds=1))):
        with pytest.raises(SomeRefused) as refusal:
            withdraws(store, case_id, later, agency, asked_at)
        assert "another one was announced since" in str(refusal.value.refused[case_id])
    withdraws(store, case_id, later, "AG01", announced)
    with store.reading() as connection:
        assert notices.running(connection, [case_id]) == {}
