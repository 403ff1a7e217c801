"""An agency's administrator: own people below the ceiling, and nobody else; loading people from a file."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.ceilings import AGENCY_CEILING, BeyondCeiling
from ops_app.domain.organisation.people import AGENCY_ROLES, ROLES_OF_EITHER, Actor, Role
from ops_app.domain.organisation.units import UnitKind, unit_id_of
from ops_app.services.organisation import agency_staff, memberships, people, sign_in, units
from ops_app.services.organisation.agencies import AgencyDetails, add_agency
from ops_app.services.organisation.people_load import load_people, preview_people
from ops_app.store.store import Store
from ops_app.store.tables import organisation as t
from tests.services.organisation.conftest import NOW, someone
from tests.services.organisation.planting import an_agency

TODAY = date(2026, 11, 24)
OWN = someone(Role.AGENCY_ADMINISTRATOR, "AG01")


def create(admin: Actor, store: Store, name: str, role: Role, agency: str | None) -> people.Person:
    if agency is not None:
        an_agency(store, agency)
    return people.create_person(
        admin, store, now=NOW, sign_in_name=name, display_name=name, role=role, agency_code=agency
    ).person


ACTS = (agency_staff.lock_agency_person, agency_staff.unlock_agency_person, agency_staff.reset_agency_password)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM])
def test_an_agency_administrator_creates_below_the_ceiling_only(store: Store, role: Role) -> None:
    given = {"now": NOW, "sign_in_name": "new", "display_name": "New", "role": role}
    if role in AGENCY_CEILING:
        made = agency_staff.create_agency_person(OWN, store, **given)
        assert (made.person.agency_code, made.person.role) == ("AG01", role)
        assert made.person.must_change_password
    else:
        with pytest.raises(BeyondCeiling):
            agency_staff.create_agency_person(OWN, store, **given)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM])
def test_own_people_below_the_ceiling_are_managed_and_nobody_else(store: Store, admin: Actor, role: Role) -> None:
    places = ["AG01", "AG02"] if role in AGENCY_ROLES | ROLES_OF_EITHER else [None]
    places += [None] if role in ROLES_OF_EITHER else []
    for number, place in enumerate(places):
        who = create(admin, store, f"who{number}", role, place).person_id
        more = {"now": NOW, "person_id": who, "reason": "because"}
        if place != "AG01":
            for service in ACTS:
                with pytest.raises(NotFound) as foreign:
                    service(OWN, store, **more, version=1)
                with pytest.raises(NotFound) as missing:
                    service(OWN, store, **more | {"person_id": "p-none"}, version=1)
                assert (foreign.value.en, foreign.value.zh) == (missing.value.en, missing.value.zh)
        elif role not in AGENCY_CEILING:
            for service in ACTS:
                with pytest.raises(BeyondCeiling):
                    service(OWN, store, **more, version=1)
        else:
            assert not agency_staff.lock_agency_person(OWN, store, **more, version=1).active
            assert agency_staff.unlock_agency_person(OWN, store, **more, version=2).active
            password = agency_staff.reset_agency_password(OWN, store, **more, version=3)
            assert sign_in.sign_in(store, now=NOW, name=f"who{number}", password=password).actor.must_change_password
            with pytest.raises(Conflict):
                agency_staff.lock_agency_person(OWN, store, **more, version=1)
            with pytest.raises(Invalid):
                agency_staff.lock_agency_person(OWN, store, **more | {"reason": ""}, version=4)


def test_the_list_holds_the_own_people_only(store: Store, admin: Actor) -> None:
    for name, agency in (("one", "AG01"), ("two", "AG02"), ("three", None), ("four", "AG01")):
        create(admin, store, name, Role.COLLECTOR, agency)

    def names(**more: object) -> list[str]:
        page = agency_staff.list_agency_people(OWN, store, now=NOW, **more)  # type: ignore[arg-type]
        assert page.total == len(page.rows)
        return [person.sign_in_name for person in page.rows]

    assert names() == ["four", "one"]
    assert names(text="two") == []
    assert names(role=Role.AGENCY_SUPERVISOR) == []
    assert names(active=False) == []
    for wrong in ({"sort": "password_hash"}, {"page": 0}):
        with pytest.raises(Invalid):
            names(**wrong)


def test_only_an_agency_administrator_has_these_services() -> None:
    for role in Role:
        if role is not Role.AGENCY_ADMINISTRATOR:
            for service in (agency_staff.create_agency_person, agency_staff.list_agency_people, *ACTS):
                with pytest.raises(Refused, match="agency administrator"):
                    service(someone(role, "AG01"), None, now=NOW)  # type: ignore[call-arg]


def test_an_agency_administrator_does_not_manage_themselves(store: Store, admin: Actor) -> None:
    me = create(admin, store, "boss", Role.AGENCY_ADMINISTRATOR, "AG01")
    actor = Actor(me.person_id, "boss", Role.AGENCY_ADMINISTRATOR, "AG01")
    for service in ACTS:
        with pytest.raises(Refused):
            service(actor, store, now=NOW, person_id=me.person_id, version=1, reason="me")


@pytest.mark.parametrize("giver", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_whoever_is_granted_the_permission_one_day_still_has_a_ceiling(giver: Role) -> None:
    actor = someone(giver, "AG01" if giver in AGENCY_ROLES else None)
    create_unguarded = people.create_person.__wrapped__  # type: ignore[attr-defined]
    change_unguarded = people.change_role.__wrapped__  # type: ignore[attr-defined]
    with pytest.raises(BeyondCeiling):
        create_unguarded(
            actor, None, now=NOW, sign_in_name="new", display_name="New", role=Role.ADMINISTRATOR, agency_code=None
        )
    with pytest.raises(BeyondCeiling):
        change_unguarded(actor, None, now=NOW, person_id="p", version=1, role=Role.ADMINISTRATOR, reason="more")


def test_whom_the_asset_company_locked_the_agency_does_not_let_in_by_locking_again(store: Store, admin: Actor) -> None:
    who = create(admin, store, "col", Role.COLLECTOR, "AG01").person_id
    more = {"now": NOW, "person_id": who, "reason": "because"}
    people.deactivate_person(admin, store, **more, version=1)
    with pytest.raises(Conflict, match="locked already"):
        agency_staff.lock_agency_person(OWN, store, **more, version=2)
    with pytest.raises(Refused, match="asset company locked this account"):
        agency_staff.unlock_agency_person(OWN, store, **more, version=2)
    people.reactivate_person(admin, store, **more, version=2)
    agency_staff.lock_agency_person(OWN, store, **more, version=3)
    assert agency_staff.unlock_agency_person(OWN, store, **more, version=4).active  # their own lock is theirs to open
    agency_staff.lock_agency_person(OWN, store, **more, version=5)
    people.deactivate_person(admin, store, **more, version=6)  # the asset company takes the lock over
    with pytest.raises(Refused, match="asset company locked this account"):
        agency_staff.unlock_agency_person(OWN, store, **more, version=7)


def test_a_lock_of_the_asset_company_counts_behind_a_later_one_of_the_agency(store: Store, admin: Actor) -> None:
    who = create(admin, store, "col", Role.COLLECTOR, "AG01")
    people.deactivate_person(admin, store, now=NOW, person_id=who.person_id, reason="because", version=1)
    with store.writing(OWN, NOW) as transaction:  # as former versions allowed
        transaction.audit("person.deactivated", "person", who.person_id, reason="locked again")
    with pytest.raises(Refused, match="asset company locked this account"):
        agency_staff.unlock_agency_person(OWN, store, now=NOW, person_id=who.person_id, version=2, reason="open")


TITLES = ("登录名", "姓名", "角色", "机构", "语言", "组织")


@pytest.fixture
def house(store: Store, admin: Actor) -> Store:
    units.add_unit(
        admin, store, now=NOW, unit_code="HQ", name="Head", kind=UnitKind.HEAD_OFFICE, parent_id=None, valid_from=TODAY
    )
    add_agency(admin, store, now=NOW, agency_code="AG01", details=AgencyDetails("Agency One", "One"))
    return store


def count_people(store: Store) -> int:
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(t.people)).scalar_one()


def test_a_file_of_people_is_previewed_then_applied_whole(house: Store, admin: Actor) -> None:
    table = (TITLES, ("na", "李 娜", "催收员", "AG01", "中文", ""), ("ming", "Ming", "analyst", "", "en", "hq"))
    before = count_people(house)
    lines = preview_people(admin, house, now=NOW, today=TODAY, table=table)
    assert [line.problems for line in lines] == [(), ()]
    assert count_people(house) == before
    made = load_people(admin, house, now=NOW, today=TODAY, table=table, key="k")
    assert [one.person.sign_in_name for one in made] == ["na", "ming"]
    for one in made:
        signed = sign_in.sign_in(house, now=NOW, name=one.person.sign_in_name, password=one.temporary_password)
        assert signed.actor.must_change_password
    (stay,) = memberships.memberships_of(admin, house, now=NOW, person_id=made[1].person.person_id)
    assert (stay.unit_id, stay.period.valid_from) == (unit_id_of("HQ"), TODAY)
    with pytest.raises((Conflict, Invalid)):
        load_people(admin, house, now=NOW, today=TODAY, table=table, key="k")
    assert count_people(house) == before + 2
    with house.reading() as connection:
        log = str(connection.execute(select(t.audit_log)).all() + connection.execute(select(t.inbox)).all())
    assert not [one for one in made if one.temporary_password in log]


def test_one_wrong_row_keeps_the_whole_file_out(house: Store, admin: Actor) -> None:
    table = (
        TITLES,
        ("good", "Good", "analyst", "", "", ""),
        ("admin", "Taken", "analyst", "", "", ""),
        ("foreign", "F", "collector", "AG77", "", ""),
        ("lost", "L", "analyst", "", "", "NOWHERE"),
    )
    before = count_people(house)
    lines = preview_people(admin, house, now=NOW, today=TODAY, table=table)
    assert [[problem.field for problem in line.problems] for line in lines] == [
        [], ["sign_in_name"], ["agency_code"], ["unit_code"],
    ]  # fmt: skip
    with pytest.raises(Invalid, match="Rows with problems: 3") as refusal:
        load_people(admin, house, now=NOW, today=TODAY, table=table, key="k")
    assert refusal.value.field == "file"
    assert count_people(house) == before
