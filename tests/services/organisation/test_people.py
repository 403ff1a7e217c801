"""People: creating, listing, changing, and what an administrator may not do."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.agencies import AgencyMove
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.organisation import agencies, people, sign_in
from ops_app.services.organisation.demo_people import create_demo_people
from ops_app.services.organisation.first_administrator import create_first_administrator
from ops_app.services.organisation.people import PeopleFilter, Person
from ops_app.services.organisation.sign_in import SignInRefused, actor_of
from ops_app.store.store import Store
from ops_app.store.tables import organisation as t
from tests.services.organisation.conftest import NOW, PASSWORD, someone
from tests.services.organisation.planting import an_agency


def create(admin: Actor, store: Store, name: str, role: Role = Role.SUPERVISOR, **more: str) -> people.CreatedPerson:
    return people.create_person(
        admin, store, now=NOW, sign_in_name=name, display_name=more.pop("display_name", name), role=role, **more
    )


def last_audit(store: Store):
    with store.reading() as connection:
        return connection.execute(select(t.audit_log).order_by(t.audit_log.c.seq.desc()).limit(1)).one()


def signed_in(store: Store, created: people.CreatedPerson) -> str:
    return sign_in.sign_in(store, now=NOW, name=created.person.sign_in_name, password=created.temporary_password).token


def test_a_created_person_is_audited_without_the_password(store: Store, admin: Actor) -> None:
    created = create(admin, store, "Chen.Jing", display_name="陈 静")
    row = last_audit(store)
    assert (row.action, row.actor_id, row.object_id) == ("person.created", admin.person_id, created.person.person_id)
    assert json.loads(row.after_json)["display_name"] == "陈 静"
    assert created.temporary_password not in str(row)
    assert created.person.sign_in_name == "chen.jing"


def test_a_sign_in_name_belongs_to_one_person_for_ever(store: Store, admin: Actor) -> None:
    create(admin, store, "grace")
    with pytest.raises(Conflict) as refusal:
        create(admin, store, "GRACE")
    assert refusal.value.field == "sign_in_name"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("sign_in_name", {"sign_in_name": "a"}),
        ("sign_in_name", {"sign_in_name": "with space"}),
        ("sign_in_name", {"sign_in_name": "имя"}),
        ("display_name", {"display_name": "  "}),
        ("display_name", {"display_name": "x\x00"}),
        ("language", {"language": "fr"}),
        ("role", {"role": Role.SYSTEM}),
        ("agency_code", {"role": Role.AGENCY_SUPERVISOR}),
        ("agency_code", {"role": Role.ANALYST, "agency_code": "A01"}),
        ("agency_code", {"role": Role.COLLECTOR, "agency_code": "A 01"}),
    ],
)
def test_a_wrong_input_is_refused_by_its_field(store: Store, admin: Actor, field: str, values: dict) -> None:
    given = {"sign_in_name": "grace", "display_name": "Grace", "role": Role.SUPERVISOR} | values
    with pytest.raises(Invalid) as refusal:
        people.create_person(admin, store, now=NOW, **given)
    assert refusal.value.field == field


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_only_an_administrator_manages_people(role: Role) -> None:
    agency = "A01" if role.value.startswith("agency") else None
    for service in (
        people.create_person,
        people.list_people,
        people.change_role,
        people.reset_password,
        people.deactivate_person,
        people.reactivate_person,
    ):
        with pytest.raises(Refused, match="administrator"):
            service(someone(role, agency), None, now=NOW)  # refused before anything is read


def test_a_list_is_filtered_sorted_and_paged(store: Store, admin: Actor) -> None:
    for number in range(7):
        create(admin, store, f"collector{number}", Role.COLLECTOR, agency_code=an_agency(store, f"A0{number % 2}"))
    create(admin, store, "under_score", display_name="100% 王")

    def names(page: people.PeoplePage) -> list[str]:
        return [person.sign_in_name for person in page.rows]

    of_agency = PeopleFilter(role=Role.COLLECTOR, agency_code="A00")
    first = people.list_people(admin, store, now=NOW, wanted=of_agency, descending=True, page_size=3)
    second = people.list_people(admin, store, now=NOW, wanted=of_agency, descending=True, page_size=3, page=2)
    assert (names(first), first.total) == (["collector6", "collector4", "collector2"], 4)
    assert names(second) == ["collector0"]
    for text, found in (("王", ["under_score"]), ("ADA", ["admin"]), ("%", ["under_score"]), ("_", ["under_score"])):
        assert names(people.list_people(admin, store, now=NOW, wanted=PeopleFilter(text=text))) == found
    by_agency = people.list_people(admin, store, now=NOW, sort="agency_code")
    assert [person.agency_code for person in by_agency.rows][:3] == [None, None, "A00"]
    assert names(people.list_people(admin, store, now=NOW, wanted=PeopleFilter(text="x' or 1=1 --"))) == []
    with pytest.raises(Invalid):
        people.list_people(admin, store, now=NOW, sort="password_hash")
    with pytest.raises(Invalid):
        people.list_people(admin, store, now=NOW, page=0)


def test_a_changed_role_ends_the_sessions_and_counts_at_once(store: Store, admin: Actor) -> None:
    created = create(admin, store, "grace")
    token = signed_in(store, created)
    after = people.change_role(
        admin, store, now=NOW, person_id=created.person.person_id, version=1, role=Role.ANALYST, reason="moved"
    )
    assert actor_of(store, token, now=NOW) is None
    again = sign_in.sign_in(store, now=NOW, name="grace", password=created.temporary_password)
    assert again.actor.role is Role.ANALYST
    assert after.version == 2
    with store.reading() as connection:
        row = connection.execute(select(t.audit_log).where(t.audit_log.c.action == "person.role_changed")).one()
    assert json.loads(row.before_json)["role_code"] == "supervisor"
    assert json.loads(row.after_json)["role_code"] == "analyst"
    assert row.reason == "moved"


def test_who_was_changed_meanwhile_is_not_overwritten(store: Store, admin: Actor) -> None:
    grace = create(admin, store, "grace").person
    people.change_role(admin, store, now=NOW, person_id=grace.person_id, version=1, role=Role.ANALYST, reason="first")
    with pytest.raises(Conflict):
        people.change_role(
            admin, store, now=NOW, person_id=grace.person_id, version=1, role=Role.MANAGER, reason="second"
        )


def test_who_is_deactivated_is_out_within_one_request(store: Store, admin: Actor) -> None:
    created = create(admin, store, "grace")
    token = signed_in(store, created)
    who = created.person.person_id
    people.deactivate_person(admin, store, now=NOW, person_id=who, version=1, reason="left")
    assert actor_of(store, token, now=NOW) is None
    with pytest.raises(SignInRefused):
        signed_in(store, created)
    people.reactivate_person(admin, store, now=NOW, person_id=who, version=2, reason="back")
    assert actor_of(store, token, now=NOW) is None
    assert signed_in(store, created)


def test_a_reset_password_replaces_the_old_one(store: Store, admin: Actor) -> None:
    created = create(admin, store, "grace")
    token = signed_in(store, created)
    password = people.reset_password(
        admin, store, now=NOW, person_id=created.person.person_id, version=1, reason="forgot"
    )
    assert actor_of(store, token, now=NOW) is None
    assert sign_in.sign_in(store, now=NOW, name="grace", password=password).actor.must_change_password
    with pytest.raises(SignInRefused):
        signed_in(store, created)


def test_nobody_changes_their_own_rights(store: Store, admin: Actor) -> None:
    more = {"now": NOW, "person_id": admin.person_id, "version": 1, "reason": "because"}
    for service in (people.deactivate_person, people.reactivate_person, people.reset_password):
        with pytest.raises(Refused, match="another administrator"):
            service(admin, store, **more)
    with pytest.raises(Refused, match="another administrator"):
        people.change_role(admin, store, role=Role.MANAGER, **more)


def test_one_administrator_always_remains(store: Store, admin: Actor) -> None:
    ghost = someone(Role.ADMINISTRATOR)  # an administrator whose own account is not among the people
    with pytest.raises(Refused, match="must remain"):
        people.deactivate_person(ghost, store, now=NOW, person_id=admin.person_id, version=1, reason="out")
    create(admin, store, "second", Role.ADMINISTRATOR)
    people.deactivate_person(ghost, store, now=NOW, person_id=admin.person_id, version=1, reason="out")


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_change_of_rights_says_why(store: Store, admin: Actor, reason: str) -> None:
    grace = create(admin, store, "grace").person
    with pytest.raises(Invalid) as refusal:
        people.deactivate_person(admin, store, now=NOW, person_id=grace.person_id, version=1, reason=reason)
    assert refusal.value.field == "reason"


def test_a_person_who_is_not_there_is_not_found(store: Store, admin: Actor) -> None:
    with pytest.raises(NotFound):
        people.deactivate_person(admin, store, now=NOW, person_id="p-none", version=1, reason="x")


def test_there_is_one_first_administrator(store: Store) -> None:
    password = create_first_administrator(store, now=NOW, sign_in_name="root", display_name="Root")
    assert sign_in.sign_in(store, now=NOW, name="root", password=password).actor.must_change_password
    with pytest.raises(Refused):
        create_first_administrator(store, now=NOW, sign_in_name="other", display_name="Other", password=PASSWORD)


def test_demo_people_exist_in_demo_mode_only_and_once(store: Store) -> None:
    with pytest.raises(Refused, match="demo mode"):
        create_demo_people(SYSTEM, store, now=NOW, demo=False)
    first = create_demo_people(SYSTEM, store, now=NOW, demo=True)
    assert create_demo_people(SYSTEM, store, now=NOW, demo=True) == first
    assert {person.sign_in_name for person in first} >= {"admin", "manager", "supervisor", "agency_supervisor"}
    for person in first:
        actor = sign_in.sign_in(store, now=NOW, name=person.sign_in_name, password=person.password).actor
        assert (actor.role, actor.must_change_password) == (person.role, False)
    with pytest.raises(Refused):
        create_demo_people(someone(Role.ADMINISTRATOR), store, now=NOW, demo=True)


def test_a_person_carries_nothing_secret() -> None:
    assert not {name for name in Person.__dataclass_fields__ if "hash" in name or name == "password"}


def test_nobody_is_added_to_an_agency_that_is_not_there_or_has_ended(store: Store, admin: Actor) -> None:
    grace = create(admin, store, "grace", Role.COLLECTOR).person
    change = {"now": NOW, "person_id": grace.person_id, "version": 1, "role": Role.COLLECTOR, "reason": "moves"}
    for code, said in (("A09", "There is no agency A09"), ("A01", "has ended")):
        if code == "A01":
            manager = someone(Role.MANAGER)
            agencies.move_agency(
                manager, store, now=NOW, agency_code=an_agency(store, "A01"), version=1, what=AgencyMove.END,
                today=NOW.date(), reason="closed",
            )  # fmt: skip
        with pytest.raises(Invalid, match=said) as refusal:
            create(admin, store, "wang", Role.COLLECTOR, agency_code=code)
        assert refusal.value.field == "agency_code"
        with pytest.raises(Invalid, match=said) as refusal:
            people.change_role(admin, store, agency_code=code, **change)
        assert refusal.value.field == "agency_code"
    assert [one.sign_in_name for one in people.list_people(admin, store, now=NOW).rows] == ["admin", "grace"]
    people.change_role(admin, store, agency_code=an_agency(store, "A02"), **change)
