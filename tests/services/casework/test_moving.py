"""Placing, recalling, assigning, moving and flagging: all or none, on the version that was read, everything kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from ops_app.domain.casework.cases import CaseChanged, CaseMove, CaseState, Custody, MoveNotAllowed
from ops_app.domain.casework.flags import Flag, Forbidden
from ops_app.domain.errors import Conflict, DomainError, Invalid, Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.cases import read_case
from ops_app.services.casework.moving import clear_flag, move_case, set_flag
from ops_app.services.casework.placing import SomeRefused, queue_cases, run_extend_cases
from ops_app.store.store import Store
from ops_app.store.tables import casework as t
from ops_app.store.tables.organisation import audit_log
from tests.services.casework.casebook import (
    AG1,
    ALLOCATION,
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
    placing,
    recalled,
    some_cases,
    versions,
)


def move(store: Store, one: str, what: CaseMove, by: Actor = SUPERVISOR) -> None:
    move_case(by, store, now=NOW, case_id=one, version=now_is(store, one).version, move=what, reason=WHY)


def flag(store: Store, one: str, what: Flag, by: Actor = SUPERVISOR) -> None:
    set_flag(by, store, now=NOW, case_id=one, version=now_is(store, one).version, flag=what, reason=WHY)


def count(store: Store, table, *where) -> int:
    with store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def test_a_bulk_placement_is_all_or_none_and_names_every_reason(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    queue_cases(ALLOCATION, store, now=NOW, wanted=versions(store, *ids[:4]), reason=WHY)
    flag(store, ids[1], Flag.DECEASED)
    flag(store, ids[1], Flag.DISPUTE)
    move(store, ids[2], CaseMove.SUSPEND)
    wanted = versions(store, *ids[:4])
    an_agency(store, "AG01")
    with pytest.raises(SomeRefused) as refusal:
        placing(store, "AG01", wanted)
    assert set(refusal.value.refused) == {ids[1], ids[2]}
    assert "死亡" in refusal.value.refused[ids[1]].zh
    assert count(store, t.placements) == 0
    done = placing(store, "AG01", wanted, drop=True)
    assert (set(done.case_ids), set(done.dropped)) == ({ids[0], ids[3]}, {ids[1], ids[2]})
    one = now_is(store, ids[0])
    assert (one.state, one.custody, one.agency_code) == (CaseState.PLACED, Custody.PLACED, "AG01")
    with store.reading() as connection:
        kept = connection.execute(select(t.placements).where(t.placements.c.case_id == ids[0])).one()
    assert (kept.placed_balance_minor, kept.nth, kept.ended_at) == (one.balance_minor, 1, None)


def test_a_recall_ends_placement_and_assignment_and_keeps_both(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:3])
    mine = a_collector(store, "mine", "AG01")
    assigned(store, AG1, mine, *ids[:3])
    move(store, ids[2], CaseMove.DISPUTE)
    later = NOW + timedelta(days=2)
    recalled(store, *ids[:3], now=later, reason="back")
    for one, state in ((ids[0], CaseState.RETURNED), (ids[2], CaseState.DISPUTED)):
        record = read_case(SUPERVISOR, store, now=later, case_id=one)
        assert (record.case.state, record.case.custody) == (state, Custody.RECALLED)
        assert (record.case.agency_code, record.case.collector_id) == (None, None)
        assert [(it.end_reason, it.ended_at) for it in record.placements] == [("recalled", later)]
        assert [(it.end_reason, it.ended_at) for it in record.assignments] == [("recalled", later)]
        assert [it.nth for it in record.events] == list(range(1, len(record.events) + 1))
    with pytest.raises(SomeRefused):
        recalled(store, ids[0], now=later)


def test_a_transfer_cuts_the_credit_at_the_moment_and_leaves_no_gap(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    one, two = a_collector(store, "one", "AG01"), a_collector(store, "two", "AG01")
    assigned(store, AG1, one, ids[0])
    later = NOW + timedelta(days=1)
    assigned(store, AG1, two, ids[0], now=later)
    record = read_case(SUPERVISOR, store, now=later, case_id=ids[0])
    first, second = record.assignments
    assert (first.collector_id, first.ended_at, first.end_reason) == (one.person_id, later, "transferred")
    assert (second.collector_id, second.assigned_at, second.ended_at) == (two.person_id, later, None)
    assert record.case.collector_id == two.person_id
    with pytest.raises(Invalid, match="already"):
        assigned(store, AG1, two, ids[0], now=later)


def test_an_agency_assigns_to_its_own_collectors_and_the_company_to_its_own(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    others = (
        a_collector(store, "other", "AG02"), a_collector(store, "house"),
        a_collector(store, "chief", "AG01", Role.AGENCY_SUPERVISOR), Actor("p-nobody", "Nobody", Role.COLLECTOR),
    )  # fmt: skip
    answers = set()
    for other in others:
        with pytest.raises(Invalid) as refusal:
            assigned(store, AG1, other, ids[0])
        answers.add((refusal.value.en, refusal.value.field))
    assert len(answers) == 1
    with pytest.raises(Refused, match="its agency"):
        assigned(store, SUPERVISOR, a_collector(store, "mine", "AG01"), ids[0])
    assigned(store, SUPERVISOR, others[1], ids[1])
    assert now_is(store, ids[1]).state is CaseState.IN_HOUSE


def test_a_bulk_assignment_with_one_wrong_case_changes_none(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    house = a_collector(store, "house")
    move(store, ids[1], CaseMove.SUSPEND)
    with pytest.raises(Forbidden):
        assigned(store, SUPERVISOR, house, *ids[:3])
    assert count(store, t.assignments) == 0


def test_who_comes_second_is_told_who_changed_the_case(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    stale = versions(store, ids[0])
    flag(store, ids[0], Flag.VULNERABLE)
    with pytest.raises(CaseChanged, match="Sun changed this case") as refusal:
        queue_cases(ALLOCATION, store, now=NOW, wanted=stale, reason=WHY)
    assert "Sun" in refusal.value.zh


def test_a_move_with_an_act_of_its_own_is_no_plain_move(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    for what in (CaseMove.PLACE, CaseMove.RETAIN, CaseMove.TAKE, CaseMove.RECALL):
        with pytest.raises(MoveNotAllowed):
            move(store, ids[0], what)
    for what in (CaseMove.CLOSE, CaseMove.WRITE_OFF, CaseMove.REVIVE):
        with pytest.raises(Refused):
            move(store, ids[0], what)


def test_nobody_without_the_permission_of_a_move_makes_it(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    for what in CaseMove:
        for role in (Role.ANALYST, Role.AUDITOR, Role.FINANCE, Role.OPERATOR):
            with pytest.raises(Refused):
                move(store, ids[0], what, Actor("p-x", "X", role))
        with pytest.raises(DomainError):
            move(store, ids[0], what, AG1)


def test_a_retained_case_stays_longer_and_never_shorter(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    longer = DUE + timedelta(days=30)
    for due_at in (DUE, longer, longer + timedelta(days=1)):
        asked = {"cases": versions(store, ids[0]), "due_at": due_at.isoformat(), "reason": WHY, "zone": ZONE}
        with store.writing(SUPERVISOR, NOW) as transaction:
            if due_at == DUE:
                with pytest.raises(SomeRefused, match="does not end earlier"):
                    run_extend_cases(transaction, asked)
            else:
                run_extend_cases(transaction, asked)
        record = read_case(AG1, store, now=DUE - timedelta(days=1), case_id=ids[0])
        assert record.placements[0].due_at == due_at
        assert record.case.state is (CaseState.PLACED if due_at == DUE else CaseState.RETAINED)


def test_a_flag_is_set_once_and_cleared_with_its_history(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    assert read_case(AG1, store, now=NOW, case_id=ids[0]).against_contact == ()
    flag(store, ids[0], Flag.CEASE_CONTACT, AG1)
    with pytest.raises(Conflict):
        flag(store, ids[0], Flag.CEASE_CONTACT)
    assert [one.code for one in read_case(AG1, store, now=NOW, case_id=ids[0]).against_contact] == ["cease_contact"]
    with pytest.raises(Refused):
        clear_flag(AG1, store, now=NOW, case_id=ids[0], version=1, flag=Flag.CEASE_CONTACT, reason=WHY)
    version = now_is(store, ids[0]).version
    clear_flag(SUPERVISOR, store, now=NOW, case_id=ids[0], version=version, flag=Flag.CEASE_CONTACT, reason="answered")
    record = read_case(SUPERVISOR, store, now=NOW, case_id=ids[0])
    assert [(one.flag, one.clear_reason) for one in record.flags] == [(Flag.CEASE_CONTACT, "answered")]
    assert record.case.flags == frozenset()


def test_the_store_itself_refuses_a_second_placement_and_a_second_collector(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0])
    assigned(store, AG1, a_collector(store, "mine", "AG01"), ids[0])
    for table, key in ((t.placements, "placement_id"), (t.assignments, "assignment_id")):
        with pytest.raises(IntegrityError), store.writing(SUPERVISOR, NOW) as transaction:
            row = dict(transaction.connection.execute(select(table).where(table.c.case_id == ids[0])).one()._mapping)
            transaction.connection.execute(table.insert().values(**row | {key: "other", "nth": 2}))
    with pytest.raises(DBAPIError, match="append-only"), store.writing(SUPERVISOR, NOW) as transaction:
        transaction.connection.execute(t.case_events.delete())


def test_of_two_who_place_the_same_case_at_once_one_does(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    queue_cases(SUPERVISOR, store, now=NOW, wanted=versions(store, *ids), reason=WHY)
    wanted = versions(store, *ids)

    for code in ("AG01", "AG02", "AG03", "AG04"):
        an_agency(store, code)

    def place(agency: str) -> str:
        try:
            placing(store, agency, wanted)
        except CaseChanged:
            return "told"
        return "done"

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(place, ["AG01", "AG02", "AG03", "AG04"]))
    assert sorted(answers) == ["done", "told", "told", "told"]
    assert count(store, t.placements) == len(ids)


def test_every_change_of_a_case_by_a_person_is_an_event_and_an_audit_row(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    before = count(store, t.case_events)
    placed(store, "AG01", *ids[:3])
    assigned(store, AG1, a_collector(store, "mine", "AG01"), ids[0])
    flag(store, ids[1], Flag.COMPLAINT)
    recalled(store, ids[0])
    events = count(store, t.case_events) - before
    assert events == count(store, audit_log, audit_log.c.object_type == "case") == 9
