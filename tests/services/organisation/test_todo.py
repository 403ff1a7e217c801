"""To-dos and notices: each sees what waits for them alone, most urgent first; a notice is read by its own reader."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.errors import Invalid
from ops_app.services.organisation.notices import list_my_notices, mark_notices_read
from ops_app.services.organisation.todo import ToDoList, list_todos, register
from ops_app.store.store import Store
from tests.services.casework.asking import ZONE, House, ask, decide
from tests.services.casework.casebook import NOW, Actor, assigned, placed, some_cases

K = CaseRequestKind


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


@pytest.fixture
def ids(store: Store, tmp_path: Path, house: House) -> list[str]:
    made = some_cases(store, tmp_path, 4)
    placed(store, "AG01", *made[:2], due_at=NOW + timedelta(days=5))
    placed(store, "AG02", made[2])
    assigned(store, house.agency, house.caller, made[0])
    return made


def todos(store: Store, by: Actor, **other) -> ToDoList:
    return list_todos(by, store, now=other.pop("now", NOW), zone=ZONE, **other)


def test_each_sees_what_waits_for_them_by_due_time(store: Store, tmp_path: Path, house: House, ids: list[str]) -> None:
    one = ask(store, tmp_path, house.caller, ids[0], K.WAIVER)
    two = ask(store, tmp_path, house.supervisor, ids[3], K.STOP_COLLECTION)
    found = todos(store, house.agency)
    assert found.counts == {
        "approval": 1, "returned": 0, "late_case_request": 0, "unassigned_case": 1, "ending_placement": 2,
        "settlement_to_confirm": 0,
    }  # fmt: skip
    due = [it.due_at for it in found.rows]
    assert due == sorted(due)
    assert [(it.kind, it.object_id) for it in found.rows] == [
        ("unassigned_case", ids[1]), ("approval", one),
        *sorted([("ending_placement", ids[0]), ("ending_placement", ids[1])], key=lambda it: it[1]),
    ]  # fmt: skip
    assert todos(store, house.caller).rows == todos(store, house.in_house).rows == ()
    assert {it.object_id for it in todos(store, house.other).rows} == {ids[2]}
    assert [it.object_id for it in todos(store, house.second).rows] == [two]
    assert todos(store, house.supervisor).counts["approval"] == 0  # nobody is asked to decide on their own
    late = NOW + timedelta(hours=49)
    assert [it.object_id for it in todos(store, house.agency, now=late, late_only=True, kind="approval").rows] == [one]
    assert todos(store, house.manager, now=late).counts["late_case_request"] == 2
    decide(store, house.agency, one, "return", reason="which months")
    assert [(it.kind, it.object_id) for it in todos(store, house.caller).rows] == [("returned", one)]
    with pytest.raises(Invalid):
        todos(store, house.caller, kind="no such kind")
    with pytest.raises(LookupError):
        register("approval", ("twice", "重复"), "approvals.decide", lambda *_: ([], 0))


def test_a_notice_is_read_by_whom_it_was_written_for(
    store: Store, tmp_path: Path, house: House, ids: list[str]
) -> None:
    one = ask(store, tmp_path, house.caller, ids[0], K.WAIVER)
    decide(store, house.agency, one, "reject", reason="no proof in it")
    (notice,) = list_my_notices(house.caller, store, now=NOW, unread_only=True).rows
    assert (notice.event, notice.by_name, notice.reason) == ("reject", "Gao", "no proof in it")
    assert mark_notices_read(house.agency, store, now=NOW, ids=[notice.notice_id]) == 0
    assert mark_notices_read(house.agency, store, now=NOW) == 0
    page = list_my_notices(house.caller, store, now=NOW)
    assert (page.unread, page.total) == (1, 1)
    assert mark_notices_read(house.caller, store, now=NOW) == 1
    assert mark_notices_read(house.caller, store, now=NOW) == 0
    assert list_my_notices(house.caller, store, now=NOW).unread == 0
