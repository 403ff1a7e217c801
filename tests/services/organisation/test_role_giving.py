"""Roles that decide are given by two people, nobody gives more than they have, and there is no way round it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ops_app.domain.errors import Conflict, Invalid, Refused
from ops_app.domain.organisation.agencies import AgencyMove
from ops_app.domain.organisation.approvals import NotCarriedOut, OwnRequest
from ops_app.domain.organisation.ceilings import WITH_A_SECOND, NeedsASecond, WiderThanOwn
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.rights import Rights
from ops_app.services.organisation import agencies, agency_staff, people, role_giving
from ops_app.services.organisation.approval_making import request_approval
from ops_app.services.organisation.memberships import leave_house
from ops_app.services.organisation.people_load import load_people, preview_people
from ops_app.services.organisation.sign_in import SignInRefused, sign_in
from ops_app.store.organisation import people as stored
from ops_app.store.store import Store
from tests.services.organisation.approving import a_person, decide, seen
from tests.services.organisation.conftest import NOW, someone
from tests.services.organisation.planting import an_agency

ALONE = sorted(frozenset(Role) - WITH_A_SECOND - {Role.SYSTEM})


def enter(admin: Actor, store: Store, role: Role, name: str = "huang") -> people.CreatedPerson:
    agency = an_agency(store, "AG01") if role.value.startswith("agency") else None
    return people.create_person(
        admin, store, now=NOW, sign_in_name=name, display_name=name, role=role, agency_code=agency
    )


def asked(admin: Actor, store: Store, role: Role = Role.FINANCE, name: str = "huang", key: str = "k") -> str:
    return role_giving.request_person(
        admin, store, now=NOW, sign_in_name=name, display_name=name, role=role, reason="joins", key=key
    )


def known(store: Store, name: str) -> stored.Person | None:
    with store.reading() as connection:
        return stored.by_name(connection, name)


@pytest.mark.parametrize("role", sorted(WITH_A_SECOND))
def test_a_role_that_decides_is_not_given_alone_by_any_path(store: Store, admin: Actor, role: Role) -> None:
    a_person(store, "Manager", Role.MANAGER)
    sun = enter(admin, store, Role.ANALYST, "sun").person
    common = {"now": NOW, "person_id": sun.person_id, "version": 1, "reason": "moves"}
    assert not role_giving.gives_alone(admin, store, now=NOW, role=role)
    with pytest.raises(NeedsASecond, match="approved by: manager") as refusal:
        enter(admin, store, role)
    assert "经以下角色审批：经理" in refusal.value.zh
    with pytest.raises(NeedsASecond):
        people.change_role(admin, store, role=role, **common)
    table = [["登录名", "姓名", "角色"], ["huang", "黄", role.value]]
    (line,) = preview_people(admin, store, now=NOW, today=date(2026, 11, 24), table=table)
    assert [problem.field for problem in line.problems] == ["role"]
    with pytest.raises(Invalid, match="Nothing was applied"):
        load_people(admin, store, now=NOW, today=date(2026, 11, 24), table=table, key="k")
    assert known(store, "huang") is None


def test_roles_that_only_work_or_look_are_given_by_the_administrator(store: Store, admin: Actor) -> None:
    a_person(store, "Manager", Role.MANAGER)
    for number, role in enumerate(ALONE):
        assert role_giving.gives_alone(admin, store, now=NOW, role=role)
        assert enter(admin, store, role, f"p{number}").person.role is role


def test_a_new_person_is_there_once_it_is_approved_and_opens_after_a_reset(store: Store, admin: Actor) -> None:
    manager = a_person(store, "Manager", Role.MANAGER)
    request_id = asked(admin, store)
    assert asked(admin, store) == request_id, "a repetition is the same request"
    assert known(store, "huang") is None
    one = seen(store, admin, request_id)
    with pytest.raises(OwnRequest):
        decide(store, replace(admin, must_change_password=False), one)
    decide(store, manager, one)
    made = known(store, "huang")
    assert made is not None
    assert made.role is Role.FINANCE
    for guess in ("", "huang", "!"):
        with pytest.raises(SignInRefused):
            sign_in(store, now=NOW, name="huang", password=guess)
    later = NOW + timedelta(minutes=10)
    word = people.reset_password(admin, store, now=later, person_id=made.person_id, version=1, reason="first")
    assert sign_in(store, now=later, name="huang", password=word).actor.role is Role.FINANCE
    with pytest.raises(Conflict, match="taken"):
        asked(admin, store, key="again")


def test_a_changed_role_holds_from_the_approval_on_and_not_for_oneself(store: Store, admin: Actor) -> None:
    manager, other = a_person(store, "Manager", Role.MANAGER), a_person(store, "Other", Role.MANAGER)
    given = {"now": NOW, "version": 1, "reason": "moves"}
    for who, role in ((manager, Role.ADMINISTRATOR), (other, Role.SUPERVISOR)):
        request_id = role_giving.request_role(
            admin, store, person_id=who.person_id, role=role, key=who.person_id, **given
        )
        one = seen(store, admin, request_id)
        if who is manager:
            with pytest.raises(NotCarriedOut, match="Nobody changes their own rights"):
                decide(store, manager, one)
            continue
        decide(store, manager, one)
        assert (found := known(store, "other")) is not None
        assert found.role is role
    with pytest.raises(Refused, match="Nobody changes their own rights"):
        role_giving.request_role(admin, store, person_id=admin.person_id, role=Role.FINANCE, key="own", **given)
    with pytest.raises(Conflict, match="meanwhile"):
        role_giving.request_role(admin, store, person_id=other.person_id, role=Role.FINANCE, key="stale", **given)


def test_a_house_is_furnished_by_one_until_somebody_can_decide_and_one_always_remains(
    store: Store, admin: Actor
) -> None:
    enter(admin, store, Role.FINANCE, "fin")
    only = enter(admin, store, Role.MANAGER, "boss").person
    with pytest.raises(NeedsASecond):
        enter(admin, store, Role.SUPERVISOR, "sup")
    common = {"now": NOW, "person_id": only.person_id, "version": 1, "reason": "out"}
    with pytest.raises(Refused, match="One active manager must remain"):
        people.deactivate_person(admin, store, **common)
    with pytest.raises(Refused, match="One active manager must remain"):
        people.change_role(admin, store, role=Role.ANALYST, **common)
    with pytest.raises(Refused, match="One active manager must remain"):
        leave_house(admin, store, left_date=date(2026, 11, 24), **common)
    a_person(store, "Next", Role.MANAGER)
    people.deactivate_person(admin, store, **common)


def test_who_reset_the_approvers_password_gets_no_approval_from_that_account(store: Store, admin: Actor) -> None:
    manager, other = a_person(store, "Manager", Role.MANAGER), a_person(store, "Other", Role.MANAGER)
    people.reset_password(admin, store, now=NOW, person_id=manager.person_id, version=1, reason="forgot")
    one = seen(store, admin, asked(admin, store))
    with pytest.raises(Refused, match="set your password anew"):
        decide(store, manager, one)
    assert known(store, "huang") is None
    decide(store, other, one)
    assert known(store, "huang") is not None


@pytest.mark.parametrize(
    "less",
    [
        Rights(withheld=frozenset({"cases.view"})),
        Rights(limits=frozenset({("cases.touch", "CNY", 100)})),
    ],
)
def test_nobody_gives_a_role_that_holds_what_was_taken_from_them(store: Store, admin: Actor, less: Rights) -> None:
    collector = agency_staff.create_agency_person(
        someone(Role.AGENCY_ADMINISTRATOR, "AG01"), store, now=NOW, sign_in_name="li", display_name="Li",
        role=Role.COLLECTOR,
    ).person  # fmt: skip
    common = {"now": NOW, "person_id": collector.person_id, "version": 1, "reason": "because"}
    less_of_agency = replace(someone(Role.AGENCY_ADMINISTRATOR, "AG01"), rights=less)
    mine = replace(admin, rights=less)
    for what in (
        lambda: enter(mine, store, Role.COLLECTOR),
        lambda: people.reset_password(mine, store, **common),
        lambda: people.change_role(mine, store, role=Role.COLLECTOR, **common),
        lambda: agency_staff.create_agency_person(
            less_of_agency, store, now=NOW, sign_in_name="huang", display_name="H", role=Role.COLLECTOR
        ),
        lambda: agency_staff.reset_agency_password(less_of_agency, store, **common),
    ):
        with pytest.raises(WiderThanOwn, match="nobody gives more than they have"):
            what()
    agency_staff.lock_agency_person(less_of_agency, store, **common)  # closing an account gives nothing
    with pytest.raises(WiderThanOwn):
        agency_staff.unlock_agency_person(less_of_agency, store, **common | {"version": 2})
    with pytest.raises(WiderThanOwn):
        people.reactivate_person(mine, store, **common | {"version": 2})
    assert enter(mine, store, Role.FIELD_VISITOR).person.role is Role.FIELD_VISITOR


def _in_the_agency(admin: Actor, store: Store, key: str = "k") -> str:
    return role_giving.request_person(
        admin, store, now=NOW, sign_in_name="huang", display_name="huang", role=Role.AGENCY_SUPERVISOR,
        agency_code="AG01", reason="joins", key=key,
    )  # fmt: skip


def test_nobody_is_asked_for_in_an_agency_that_is_not_there_or_ended_since(store: Store, admin: Actor) -> None:
    manager = a_person(store, "Manager", Role.MANAGER)
    with pytest.raises(Invalid, match="There is no agency AG01") as refusal:
        _in_the_agency(admin, store)
    assert refusal.value.field == "agency_code"
    an_agency(store, "AG01")
    one = seen(store, admin, _in_the_agency(admin, store))
    agencies.move_agency(
        someone(Role.MANAGER), store, now=NOW, agency_code="AG01", version=1, what=AgencyMove.END, today=NOW.date(),
        reason="closed",
    )  # fmt: skip
    with pytest.raises(NotCarriedOut, match="has ended"):
        decide(store, manager, one)
    assert known(store, "huang") is None


WHOLE = {"sign_in_name": "huang", "display_name": "Huang", "role": "finance", "agency_code": None, "language": "en",
         "why": "joins"}  # fmt: skip


@pytest.mark.parametrize(
    ("asked_for", "field"),
    [
        ({}, "agency_code"),
        ({**WHOLE, "role": "emperor"}, "role"),
        ({**WHOLE, "role": ["finance"]}, "role"),
        ({key: value for key, value in WHOLE.items() if key != "role"}, "role"),
        ({**WHOLE, "more": "x"}, "more"),
        ({"person_id": "p-1", "role": "finance", "agency_code": None, "why": "x"}, "version"),
        ({"person_id": "p-1", "role": "finance", "agency_code": None, "why": "x", "version": True}, "version"),
    ],
)
def test_a_request_whose_content_is_malformed_is_refused_by_its_field(
    store: Store, admin: Actor, asked_for: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid, match="not complete or not valid") as refusal:
        request_approval(
            admin, store, now=NOW, kind="people.give_role", object_type="person", object_id="p-1",
            arguments=asked_for, reason="joins", key="k",
        )  # fmt: skip
    assert refusal.value.field == field
