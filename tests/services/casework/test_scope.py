"""Who sees which case, through every service: missing and foreign are one answer, and the end of access is at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ops_app.domain.casework.cases import CaseMove, NoSuchCase
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.personal import PersonalField, Term
from ops_app.domain.casework.scope import Reach, scope_of
from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.permissions import GRANTS
from ops_app.services.casework.assigning import assign_cases, unassign_cases
from ops_app.services.casework.cases import list_cases, list_placements, read_case
from ops_app.services.casework.finding import search_cases
from ops_app.services.casework.moving import clear_flag, move_case, set_flag
from ops_app.services.casework.unmasking import unmask
from ops_app.store.store import Store
from tests.services.casework.casebook import (
    AG1,
    AG2,
    DUE,
    NOW,
    SUPERVISOR,
    WHY,
    a_collector,
    assigned,
    placed,
    recalled,
    some_cases,
    versions,
)


def seen(actor: Actor, store: Store, now=NOW) -> set[str]:
    return {one.case_id for one in list_cases(actor, store, now=now).rows}


def test_each_sees_its_own_and_nothing_else(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0], ids[1])
    placed(store, "AG02", ids[2])
    mine, hers = a_collector(store, "mine", "AG01"), a_collector(store, "hers", "AG02")
    house = a_collector(store, "house")
    assigned(store, AG1, mine, ids[0])
    assigned(store, SUPERVISOR, house, ids[3])
    for role in Role:
        agency = "AG01" if role.value.startswith("agency") else None
        someone = Actor(f"p-{role.value}", role.value, role, agency)
        if role not in GRANTS["cases.view"]:
            with pytest.raises(Refused):
                list_cases(someone, store, now=NOW)
        elif scope_of(someone).reach is Reach.ALL:
            assert seen(someone, store) == set(ids), role
        else:
            assert seen(someone, store) == (set(ids[:2]) if agency else set()), role
    assert seen(AG2, store) == {ids[2]}
    assert seen(mine, store) == {ids[0]}
    assert seen(hers, store) == set()
    assert seen(house, store) == {ids[3]}


def test_missing_and_foreign_are_the_same_answer_through_every_service(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG02", ids[2])
    other = a_collector(store, "other", "AG01")
    answers = []
    for case_id in (ids[2], ids[4], "0" * 32, "x' or '1'='1"):
        for ask in (
            lambda one: read_case(AG1, store, now=NOW, case_id=one),
            lambda one: unmask(
                AG1, store, now=NOW, case_id=one, field=PersonalField.NAME, reason=WHY, evidence=tmp_path
            ),
            lambda one: set_flag(AG1, store, now=NOW, case_id=one, version=99, flag=Flag.DISPUTE, reason=WHY),
            lambda one: assign_cases(AG1, store, now=NOW, wanted={one: 99}, collector_id=other.person_id, reason=WHY),
            lambda one: unassign_cases(AG1, store, now=NOW, wanted={one: 1}, reason=WHY),
        ):
            with pytest.raises(NoSuchCase) as refusal:
                ask(case_id)
            answers.append((refusal.value.en, refusal.value.zh, refusal.value.field))
    assert len(set(answers)) == 1
    for term, text in ((Term.NAME, "王3"), (Term.PHONE_TAIL, "0003"), (Term.ID_TAIL, "0003"), (Term.LOAN, "L3"),
                       (Term.CASE, ids[2])):  # fmt: skip
        assert search_cases(AG1, store, now=NOW, term=term, text=text, evidence=tmp_path).rows == ()
        found = search_cases(AG2, store, now=NOW, term=term, text=text, evidence=tmp_path).rows
        assert [one.case_id for one in found] == [ids[2]], term
    assert list_placements(AG2, store, now=NOW).rows == ()


def test_access_begins_with_the_placement_and_ends_with_it(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[0], ids[1])
    mine = a_collector(store, "mine", "AG01")
    assigned(store, AG1, mine, ids[0], ids[1])
    assert seen(AG1, store, NOW - timedelta(seconds=1)) == set()
    assert seen(AG1, store, DUE - timedelta(seconds=1)) == seen(mine, store) == {ids[0], ids[1]}
    assert seen(AG1, store, DUE) == seen(mine, store, DUE) == set()
    recalled(store, ids[0])
    assert seen(AG1, store) == seen(mine, store) == {ids[1]}
    with pytest.raises(NoSuchCase):
        read_case(mine, store, now=NOW, case_id=ids[0])


def test_the_next_agency_does_not_read_what_the_last_one_did(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    placed(store, "AG01", ids[0])
    assigned(store, AG1, a_collector(store, "mine", "AG01"), ids[0])
    recalled(store, ids[0], now=NOW + timedelta(hours=1), reason="secret of AG01")
    later = NOW + timedelta(hours=2)
    placed(store, "AG02", ids[0], now=later)
    record = read_case(AG2, store, now=later, case_id=ids[0])
    assert [one.agency_code for one in record.placements] == ["AG02"]
    assert record.assignments == ()
    assert "AG01" not in repr(record)
    whole = read_case(SUPERVISOR, store, now=later, case_id=ids[0])
    assert [(one.agency_code, one.nth) for one in whole.placements] == [("AG01", 1), ("AG02", 2)]
    assert [one.what for one in whole.events][-3:] == ["recall", "queue_for_placement", "place"]


def test_a_collector_who_lost_a_case_has_lost_it_at_once(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    one, two = a_collector(store, "one"), a_collector(store, "two")
    assigned(store, SUPERVISOR, one, ids[0])
    assigned(store, SUPERVISOR, two, ids[0])
    assert (seen(one, store), seen(two, store)) == (set(), {ids[0]})
    move_case(
        SUPERVISOR, store, now=NOW, case_id=ids[0], version=versions(store, ids[0])[ids[0]],
        move=CaseMove.OPEN_QUEUE, reason=WHY,
    )  # fmt: skip
    assert seen(two, store) == set()


def test_an_actor_nobody_thought_of_sees_nothing() -> None:
    assert scope_of(Actor("x", "x", Role.FIELD_VISITOR)).reach is Reach.NONE
    assert scope_of(Actor("x", "x", Role.MANAGER, "AG01")).reach is Reach.NONE
    assert scope_of(Actor("x", "x", Role.AGENCY_SUPERVISOR)).reach is Reach.NONE
    assert scope_of(SYSTEM).reach is Reach.ALL


def test_a_case_that_changes_agencies_in_one_moment_says_nothing_of_the_first(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    placed(store, "AG01", ids[0])
    set_flag(
        AG1, store, now=NOW, case_id=ids[0], version=versions(store, ids[0])[ids[0]], flag=Flag.DISPUTE,
        reason="told to Gao of AG01",
    )  # fmt: skip
    clear_flag(
        SUPERVISOR, store, now=NOW, case_id=ids[0], version=versions(store, ids[0])[ids[0]], flag=Flag.DISPUTE,
        reason="answered",
    )  # fmt: skip
    set_flag(
        AG1, store, now=NOW, case_id=ids[0], version=versions(store, ids[0])[ids[0]], flag=Flag.COMPLAINT,
        reason="told to Gao of AG01",
    )  # fmt: skip
    clear = {"now": NOW, "case_id": ids[0], "flag": Flag.COMPLAINT, "reason": "answered"}
    recalled(store, ids[0], reason="secret of AG01")
    clear_flag(SUPERVISOR, store, version=versions(store, ids[0])[ids[0]], **clear)
    placed(store, "AG02", ids[0])
    record = read_case(AG2, store, now=NOW, case_id=ids[0])
    assert [one.what for one in record.events] == ["place"]
    assert "AG01" not in repr(record)


def test_a_flag_set_before_their_time_holds_and_tells_no_words(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    set_flag(
        SUPERVISOR, store, now=NOW, case_id=ids[0], version=versions(store, ids[0])[ids[0]], flag=Flag.VULNERABLE,
        reason="said by AG01",
    )  # fmt: skip
    placed(store, "AG02", ids[0], now=NOW + timedelta(hours=1))
    (flag,) = read_case(AG2, store, now=NOW + timedelta(hours=2), case_id=ids[0]).flags
    assert (flag.flag, flag.reason, flag.set_by) == (Flag.VULNERABLE, "–", "")
    (flag,) = read_case(SUPERVISOR, store, now=NOW + timedelta(hours=2), case_id=ids[0]).flags
    assert flag.reason == "said by AG01"
