"""Acts on several cases that do what can be done: each case that is left out comes back with its own reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from ops_app.domain.casework.cases import CaseChanged, CaseState, NoSuchCase
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.locks import CaseLocked
from ops_app.domain.casework.placing import GroundDoesNotHold, RecallGround
from ops_app.services.casework.assigning import assign_cases
from ops_app.services.casework.following import note_touches
from ops_app.services.casework.moving import set_flag
from ops_app.services.casework.placing import SomeRefused, queue_cases
from ops_app.services.casework.recalling import recall_cases
from ops_app.services.casework.verify import verify_one_owner
from ops_app.services.casework.viewing import open_case
from ops_app.store.store import Store
from tests.services.casework.casebook import (
    AG1,
    NOW,
    SUPERVISOR,
    WHY,
    a_collector,
    assigned,
    now_is,
    placed,
    some_cases,
    versions,
)

GONE = "0" * 32


def flag(store: Store, one: str, which: Flag) -> None:
    set_flag(SUPERVISOR, store, now=NOW, case_id=one, version=now_is(store, one).version, flag=which, reason=WHY)


def test_cases_that_changed_are_gone_or_cannot_are_left_out_of_a_queue(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    read = versions(store, *ids[:4])
    flag(store, ids[1], Flag.COMPLAINT)  # changed since it was read
    queue_cases(SUPERVISOR, store, now=NOW, wanted=versions(store, ids[2]), reason=WHY)
    wanted = read | {ids[2]: now_is(store, ids[2]).version, GONE: 1}  # one is in the queue already
    with pytest.raises(NoSuchCase):
        queue_cases(SUPERVISOR, store, now=NOW, wanted=wanted, reason=WHY)
    done = queue_cases(SUPERVISOR, store, now=NOW, wanted=wanted, reason=WHY, leave_out=True)
    assert set(done.case_ids) == {ids[0], ids[3]}
    assert set(done.dropped) == {ids[1], ids[2], GONE}
    assert isinstance(done.dropped[ids[1]], CaseChanged)
    assert "Sun changed this case" in done.dropped[ids[1]].en
    assert isinstance(done.dropped[GONE], NoSuchCase)
    assert now_is(store, ids[1]).state is CaseState.TO_ASSIGN
    with pytest.raises(SomeRefused) as refusal:
        left = {one: wanted[one] for one in done.dropped}
        queue_cases(SUPERVISOR, store, now=NOW, wanted=left, reason=WHY, leave_out=True)
    assert set(refusal.value.refused) == set(done.dropped)


def test_an_assignment_leaves_out_what_the_collector_has_and_what_is_elsewhere(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:4])
    hers = a_collector(store, "hers", "AG01")
    assigned(store, AG1, hers, ids[0])
    done = assign_cases(
        AG1, store, now=NOW, wanted=versions(store, *ids[:5]), collector_id=hers.person_id, reason=WHY, leave_out=True
    )
    assert set(done.case_ids) == {ids[1], ids[2], ids[3]}
    assert "already" in done.dropped[ids[0]].en
    assert isinstance(done.dropped[ids[4]], NoSuchCase)  # with no agency: as if there were none
    assert verify_one_owner(store).state == "holds"


def test_an_attempt_leaves_out_the_case_that_somebody_has_open(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:3])
    flag(store, ids[1], Flag.CEASE_CONTACT)
    hers = a_collector(store, "hers", "AG01")
    assigned(store, AG1, hers, ids[2])
    open_case(hers, store, now=NOW, case_id=ids[2])
    done = note_touches(AG1, store, now=NOW, wanted=versions(store, *ids[:3]), reason=WHY, leave_out=True)
    assert done.case_ids == (ids[0],)
    assert isinstance(done.dropped[ids[2]], CaseLocked)
    assert "停止联系" in done.dropped[ids[1]].zh


def test_a_recall_at_once_leaves_out_cases_without_the_ground(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:3])
    for one in ids[:2]:
        flag(store, one, Flag.CEASE_CONTACT)
    common = {"now": NOW, "today": NOW.date(), "ground": RecallGround.PROTECTED, "reason": WHY}
    with pytest.raises(GroundDoesNotHold):
        recall_cases(SUPERVISOR, store, wanted=versions(store, *ids[:3]), **common)
    done = recall_cases(SUPERVISOR, store, wanted=versions(store, *ids[:3]), leave_out=True, **common)
    assert set(done.case_ids) == set(ids[:2])
    assert isinstance(done.dropped[ids[2]], GroundDoesNotHold)
    with store.reading() as connection:
        said = connection.execute(
            text("select after_json from audit_log where action = 'agency.recalled_now'")
        ).scalar_one()
    assert ids[2] not in said
    with pytest.raises(GroundDoesNotHold):
        recall_cases(SUPERVISOR, store, wanted=versions(store, ids[2]), leave_out=True, **common)
