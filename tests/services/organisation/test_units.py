"""Units and who belongs to them: through the services, on both stores."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from ops_app.domain.errors import Conflict, DomainError, Invalid, NotFound, Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.units import (
    NoSuchUnit,
    UnitChangesLater,
    UnitKind,
    UnitStillHolds,
    WrongPlace,
    unit_id_of,
)
from ops_app.services.organisation import memberships, open_work, people, sign_in, units
from ops_app.services.organisation.open_work import PersonStillHolds
from ops_app.store.store import Store
from ops_app.store.tables import organisation as t
from ops_app.store.tables.units import memberships as memberships_table
from ops_app.store.tables.units import unit_periods
from tests.services.organisation.conftest import NOW, someone
from tests.services.organisation.planting import an_agency

TODAY = date(2026, 11, 24)
HQ, EAST, WEST, TEAM = (unit_id_of(code) for code in ("HQ", "EAST", "WEST", "TEAM"))


@pytest.fixture
def tree(store: Store, admin: Actor) -> Store:
    """Head office, two branches and a team in one of them."""
    for code, kind, parent in (
        ("HQ", UnitKind.HEAD_OFFICE, None),
        ("EAST", UnitKind.BRANCH, HQ),
        ("WEST", UnitKind.BRANCH, HQ),
        ("TEAM", UnitKind.TEAM, EAST),
    ):
        units.add_unit(
            admin, store, now=NOW, unit_code=code, name=code.title(), kind=kind, parent_id=parent, valid_from=TODAY
        )
    return store


def after(days: int) -> date:
    return TODAY + timedelta(days)


def close(admin: Actor, store: Store, unit_id: str, day: date, version: int = 1) -> None:
    units.close_unit(admin, store, now=NOW, unit_id=unit_id, version=version, valid_to=day, reason="merged")


def person(admin: Actor, store: Store, name: str = "grace", role: Role = Role.COLLECTOR, agency: str | None = None):
    if agency is not None:
        an_agency(store, agency)
    return people.create_person(
        admin, store, now=NOW, sign_in_name=name, display_name=name, role=role, agency_code=agency
    ).person


def join(admin: Actor, store: Store, who: str, unit_id: str, day: date):
    return memberships.join_unit(admin, store, now=NOW, person_id=who, unit_id=unit_id, valid_from=day)


def audited(store: Store) -> list:
    with store.reading() as connection:
        return list(connection.execute(select(t.audit_log).order_by(t.audit_log.c.seq)))


def test_the_tree_is_read_as_of_any_day(tree: Store, admin: Actor) -> None:
    units.change_unit(
        admin,
        tree,
        now=NOW,
        unit_id=TEAM,
        version=1,
        parent_id=WEST,
        name="Team 9",
        valid_from=after(5),
        reason="moved",
    )
    auditor = someone(Role.AUDITOR)
    before = units.read_tree(auditor, tree, now=NOW, day=after(4))
    later = units.read_tree(auditor, tree, now=NOW, day=after(5))
    assert [(one.depth, one.row.name) for one in before] == [(0, "Hq"), (1, "East"), (2, "Team"), (1, "West")]
    assert [(one.depth, one.row.name) for one in later] == [(0, "Hq"), (1, "East"), (1, "West"), (2, "Team 9")]
    assert units.read_tree(auditor, tree, now=NOW, day=after(-1)) == ()
    record = units.read_unit(auditor, tree, now=NOW, unit_id=TEAM, day=after(5))
    assert [one.name for one in record.path] == ["Hq", "West", "Team 9"]
    assert [one.period.valid_to for one in record.rows] == [after(5), None]
    said = audited(tree)[-1]
    assert (said.action, said.reason, json.loads(said.after_json)["parent_id"]) == ("unit.changed", "moved", WEST)


def test_only_an_administrator_changes_the_tree() -> None:
    for role in Role:
        if role is Role.ADMINISTRATOR:
            continue
        for service in (units.add_unit, units.change_unit, units.close_unit, memberships.join_unit):
            with pytest.raises(Refused, match="administrator"):
                service(someone(role), None, now=NOW)  # type: ignore[call-arg]


def test_a_code_belongs_to_one_unit_for_ever_and_there_is_one_head_office(tree: Store, admin: Actor) -> None:
    close(admin, tree, TEAM, after(3))
    for code, kind, parent in (("team", UnitKind.TEAM, HQ), ("HQ2", UnitKind.HEAD_OFFICE, None)):
        with pytest.raises((Conflict, Invalid)):
            units.add_unit(
                admin, tree, now=NOW, unit_code=code, name="x", kind=kind, parent_id=parent, valid_from=after(9)
            )


def test_a_stale_change_names_who_was_first(tree: Store, admin: Actor) -> None:
    close(admin, tree, TEAM, after(3))
    with pytest.raises(Conflict, match="Ada changed this unit"):
        close(admin, tree, TEAM, after(9))
    with pytest.raises(NoSuchUnit):
        close(admin, tree, "u-none", after(9))


def test_closing_is_refused_with_everything_that_is_open(tree: Store, admin: Actor) -> None:
    grace = person(admin, tree)
    join(admin, tree, grace.person_id, EAST, after(1))
    with pytest.raises(UnitStillHolds) as refusal:
        close(admin, tree, EAST, after(9))
    assert "people (1)" in refusal.value.en
    assert "units below it (1)" in refusal.value.en
    assert "下级组织（1）" in refusal.value.zh
    join(admin, tree, grace.person_id, WEST, after(9))
    close(admin, tree, TEAM, after(9))
    with pytest.raises(UnitStillHolds):
        close(admin, tree, EAST, after(8))
    close(admin, tree, EAST, after(9))
    assert {one.unit.unit_id for one in units.read_tree(admin, tree, now=NOW, day=after(9))} == {HQ, WEST}


def test_another_area_can_hold_a_unit_open(tree: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_work, "_OF_UNIT", {})
    open_work.register("cases", lambda _connection, unit_id: 7 if unit_id == TEAM else 0, ("cases", "案件"))
    with pytest.raises(UnitStillHolds, match=r"cases \(7\)") as refusal:
        close(admin, tree, TEAM, after(3))
    assert "案件（7）" in refusal.value.zh
    open_work.register("cases", lambda _connection, _unit: 0, ("cases", "案件"))
    close(admin, tree, TEAM, after(3))


def test_a_person_belongs_to_one_unit_on_one_day(tree: Store, admin: Actor) -> None:
    who = person(admin, tree).person_id
    join(admin, tree, who, EAST, after(0))
    stay = join(admin, tree, who, TEAM, after(4))
    found = memberships.memberships_of(admin, tree, now=NOW, person_id=who)
    assert [(one.unit_id, one.period.valid_from, one.period.valid_to) for one in found] == [
        (EAST, after(0), after(4)),
        (TEAM, after(4), None),
    ]
    assert stay == found[-1]
    for day in (after(4), after(2)):
        with pytest.raises(Conflict):
            join(admin, tree, who, WEST, day)
    memberships.leave_unit(admin, tree, now=NOW, person_id=who, valid_to=after(8), reason="break")
    with pytest.raises(NotFound):
        memberships.leave_unit(admin, tree, now=NOW, person_id=who, valid_to=after(9), reason="again")
    join(admin, tree, who, WEST, after(9))
    members = units.read_unit(admin, tree, now=NOW, unit_id=TEAM, day=after(7)).members
    assert [one.person_id for one in members] == [who]
    assert units.read_unit(admin, tree, now=NOW, unit_id=TEAM, day=after(8)).members == ()


def test_nobody_enters_a_unit_that_is_not_there_or_is_not_theirs(tree: Store, admin: Actor) -> None:
    who = person(admin, tree).person_id
    with pytest.raises(NoSuchUnit):
        join(admin, tree, who, EAST, after(-1))
    with pytest.raises(NotFound):
        join(admin, tree, "p-none", EAST, after(1))
    foreign = person(admin, tree, "wang", agency="AG01")
    with pytest.raises(Invalid, match="agency"):
        join(admin, tree, foreign.person_id, EAST, after(1))
    close(admin, tree, TEAM, after(5))
    assert join(admin, tree, who, TEAM, after(1)).period.valid_to == after(5)


def test_who_leaves_hands_over_first_and_is_out_at_once(
    tree: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = people.create_person(admin, tree, now=NOW, sign_in_name="grace", display_name="Grace", role=Role.COLLECTOR)
    who = made.person.person_id
    join(admin, tree, who, TEAM, after(0))
    token = sign_in.sign_in(tree, now=NOW, name="grace", password=made.temporary_password).token
    left = {"now": NOW, "person_id": who, "version": 1, "left_date": after(0), "reason": "retires"}
    monkeypatch.setattr(open_work, "_OF_PERSON", {})
    open_work.register_of_person("cases", lambda _connection, _person: 3, ("cases", "案件"))
    with pytest.raises(PersonStillHolds, match=r"cases \(3\)"):
        memberships.leave_house(admin, tree, **left)
    assert sign_in.actor_of(tree, token, now=NOW)
    open_work.register_of_person("cases", lambda _connection, _person: 0, ("cases", "案件"))
    gone = memberships.leave_house(admin, tree, **left)
    assert not gone.active
    assert sign_in.actor_of(tree, token, now=NOW) is None
    (stay,) = memberships.memberships_of(admin, tree, now=NOW, person_id=who)
    assert stay.period.valid_to == after(1)  # came and went on one day: was there for that day
    assert [row.action for row in audited(tree)][-2:] == ["membership.ended", "person.left"]
    with pytest.raises(Refused, match="another administrator"):
        memberships.leave_house(admin, tree, **left | {"person_id": admin.person_id})


def _write(store: Store, admin: Actor, statement: object) -> None:
    with store.writing(admin, NOW) as transaction:
        transaction.audit("test", "unit", "x")
        transaction.connection.execute(statement)  # type: ignore[call-overload]


def test_the_store_itself_refuses_overlaps_edits_and_empty_periods(tree: Store, admin: Actor) -> None:
    who = person(admin, tree).person_id
    join(admin, tree, who, EAST, after(0))
    memberships.leave_unit(admin, tree, now=NOW, person_id=who, valid_to=after(5), reason="break")
    row = {
        "person_id": who, "unit_id": WEST, "recorded_at": NOW, "recorded_by": "x", "membership_id": "m",
    }  # fmt: skip
    for begins, ends in ((-3, 1), (1, 2), (4, None), (-3, None), (0, 5), (9, 9), (9, 8)):
        with pytest.raises(IntegrityError):
            _write(
                tree,
                admin,
                insert(memberships_table).values(
                    **row, valid_from=after(begins), valid_to=None if ends is None else after(ends)
                ),
            )
    _write(tree, admin, insert(memberships_table).values(**row, valid_from=after(-3), valid_to=after(0)))
    for table in (memberships_table, unit_periods):
        for values in ({"unit_id": HQ}, {"valid_from": after(-9)}, {"recorded_by": "y"}):
            with pytest.raises(DBAPIError):
                _write(tree, admin, update(table).values(**values))
        with pytest.raises(DBAPIError):
            _write(tree, admin, text(f"delete from {table.name}"))
    with pytest.raises(DBAPIError):  # an end that is set stays
        _write(tree, admin, update(memberships_table).values(valid_to=after(20)))
    other = {"period_id": "p", "unit_id": EAST, "parent_id": HQ, "name": "x", "recorded_at": NOW, "recorded_by": "x"}
    with pytest.raises(IntegrityError):
        _write(tree, admin, insert(unit_periods).values(**other, valid_from=after(2)))


def test_a_change_before_the_last_one_is_refused(tree: Store, admin: Actor) -> None:
    move = {"now": NOW, "unit_id": TEAM, "parent_id": WEST, "name": "Team", "reason": "x"}
    units.change_unit(admin, tree, **move, version=1, valid_from=after(5))
    with pytest.raises(UnitChangesLater):
        units.change_unit(admin, tree, **move, version=2, valid_from=after(5))
    with pytest.raises(Invalid):
        units.change_unit(admin, tree, **move | {"name": " "}, version=2, valid_from=after(9))


def _at_once(*acts: Callable[[], object]) -> list[type | None]:
    """Run ``acts`` in threads that begin together; what each raised."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], object]) -> type | None:
        barrier.wait()
        try:
            act()
        except DomainError as error:
            return type(error)
        return None

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_two_moves_at_once_never_make_a_circle(tree: Store, admin: Actor) -> None:
    def move(unit_id: str, parent_id: str) -> Callable[[], object]:
        return lambda: units.change_unit(
            admin, tree, now=NOW, unit_id=unit_id, version=1, parent_id=parent_id, name="x", valid_from=after(3),
            reason="moved",
        )  # fmt: skip

    raised = _at_once(move(EAST, WEST), move(WEST, EAST))
    assert sorted(raised, key=str) == sorted([None, WrongPlace], key=str)
    assert len(units.read_tree(admin, tree, now=NOW, day=after(3))) == 4


def test_two_stays_entered_at_once_are_one(tree: Store, admin: Actor) -> None:
    who = person(admin, tree).person_id
    raised = _at_once(*(lambda unit=unit: join(admin, tree, who, unit, after(1)) for unit in (EAST, WEST, TEAM)))
    assert sorted(raised, key=str) == sorted([None, Conflict, Conflict], key=str)
    assert len(memberships.memberships_of(admin, tree, now=NOW, person_id=who)) == 1


def test_a_unit_is_not_closed_while_somebody_enters_it(tree: Store, admin: Actor) -> None:
    who = person(admin, tree).person_id
    raised = _at_once(lambda: close(admin, tree, TEAM, after(1)), lambda: join(admin, tree, who, TEAM, after(0)))
    (stay,) = memberships.memberships_of(admin, tree, now=NOW, person_id=who)
    ends = units.read_unit(admin, tree, now=NOW, unit_id=TEAM, day=after(0)).row.period.valid_to
    assert raised in ([None, None], [UnitStillHolds, None])
    assert stay.period.valid_to == ends
