"""A case that is open is locked for a while: others read it, and what protects the debtor waits for nobody."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from ops_app.domain.casework.cases import CaseMove, CaseState, NoSuchCase
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.locks import CaseLocked
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.cases import read_case
from ops_app.services.casework.following import note_touches
from ops_app.services.casework.moving import clear_flag, move_case, set_flag
from ops_app.services.casework.tagging import tag_case
from ops_app.services.casework.viewing import open_case
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from tests.services.casework.casebook import (
    AG1,
    ALLOCATION,
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
from tests.services.organisation.parameters import set_to
from tests.services.organisation.planting import plant

LATER = NOW + timedelta(minutes=9)
COMPLIANCE = Actor("p-com", "Cao", Role.COMPLIANCE)


def move(store: Store, actor: Actor, case_id: str, what: CaseMove, now=LATER) -> None:
    version = now_is(store, case_id).version
    move_case(actor, store, now=now, case_id=case_id, version=version, move=what, reason=WHY)


def locks(store: Store) -> list[str]:
    with store.reading() as connection:
        rows = connection.execute(audit_log.select().where(audit_log.c.action == "case.locked")).all()
    return [row.actor_id for row in rows]


def test_who_opens_a_case_may_change_it_and_another_waits(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 2)
    open_case(SUPERVISOR, store, now=NOW, case_id=ids[0])
    with pytest.raises(CaseLocked, match="Sun has this case open and may change it for 1 more minutes at most"):
        move(store, ALLOCATION, ids[0], CaseMove.QUEUE)
    move(store, ALLOCATION, ids[1], CaseMove.QUEUE)
    move(store, SUPERVISOR, ids[0], CaseMove.QUEUE)


def test_a_lock_lasts_as_long_as_the_parameter_of_the_day_says(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 2)
    plant(store, set_to("casework.case_lock_minutes", 2, NOW.date() + timedelta(days=1)))
    for shift, over in ((timedelta(0), 10), (timedelta(days=1), 2)):
        case_id, opened = ids.pop(), NOW + shift
        open_case(SUPERVISOR, store, now=opened, case_id=case_id)
        end = opened + timedelta(minutes=over)
        with pytest.raises(CaseLocked):
            move(store, ALLOCATION, case_id, CaseMove.QUEUE, end - timedelta(seconds=1))
        move(store, ALLOCATION, case_id, CaseMove.QUEUE, end)


def test_the_record_says_who_has_it_open_to_whoever_waits(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    open_case(SUPERVISOR, store, now=NOW, case_id=ids[0])
    open_case(ALLOCATION, store, now=LATER, case_id=ids[0])
    seen = read_case(ALLOCATION, store, now=LATER, case_id=ids[0]).lock
    assert seen is not None
    assert (seen.held_by_name, seen.until_at) == ("Sun", NOW + timedelta(minutes=10))
    assert read_case(SUPERVISOR, store, now=LATER, case_id=ids[0]).lock is None
    assert locks(store) == [SUPERVISOR.person_id], "who comes second does not lock out the first"


def test_who_only_reads_locks_nobody_out(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    open_case(Actor("p-aud", "Ai", Role.AUDITOR), store, now=NOW, case_id=ids[0])
    assert locks(store) == []
    move(store, ALLOCATION, ids[0], CaseMove.QUEUE)


def test_what_protects_the_debtor_waits_for_nobody(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    open_case(SUPERVISOR, store, now=NOW, case_id=ids[0])
    version = now_is(store, ids[0]).version
    set_flag(COMPLIANCE, store, now=LATER, case_id=ids[0], version=version, flag=Flag.CEASE_CONTACT, reason=WHY)
    with pytest.raises(CaseLocked):
        clear_flag(
            COMPLIANCE, store, now=LATER, case_id=ids[0], version=version + 1, flag=Flag.CEASE_CONTACT, reason=WHY
        )
    move(store, COMPLIANCE, ids[0], CaseMove.SUSPEND)


def test_the_asset_company_waits_for_no_agency_and_an_agency_waits_for_it(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    placed(store, "AG01", *ids)
    mine = a_collector(store, "mine", "AG01")
    assigned(store, AG1, mine, *ids)
    open_case(mine, store, now=NOW, case_id=ids[0])
    with pytest.raises(CaseLocked):
        tag_case(AG1, store, now=LATER, case_id=ids[0], tag="promising")
    assert read_case(SUPERVISOR, store, now=LATER, case_id=ids[0]).lock is None
    open_case(SUPERVISOR, store, now=LATER, case_id=ids[0])
    with pytest.raises(CaseLocked):
        note_touches(mine, store, now=LATER, wanted=versions(store, *ids), reason=WHY)


def test_of_a_case_out_of_reach_no_lock_is_told(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    open_case(SUPERVISOR, store, now=NOW, case_id=ids[0])
    with pytest.raises(NoSuchCase):
        tag_case(AG1, store, now=LATER, case_id=ids[0], tag="promising")
    with pytest.raises(NoSuchCase):
        note_touches(AG1, store, now=LATER, wanted={ids[0]: 1}, reason=WHY)


def test_a_lock_of_yesterday_is_nothing_to_a_case_of_today(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    plant(store, set_to("casework.case_lock_minutes", 120, date(2000, 1, 1)))
    open_case(SUPERVISOR, store, now=NOW, case_id=ids[0])
    move(store, ALLOCATION, ids[0], CaseMove.QUEUE, NOW + timedelta(days=1))
    assert now_is(store, ids[0]).state is CaseState.TO_BE_PLACED
