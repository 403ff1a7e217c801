"""What an agency's administrator takes from their own people, and from nobody else; giving back needs compliance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops_app.domain.errors import Conflict, DomainError, Invalid, NotFound, Refused
from ops_app.domain.organisation.approvals import NotYourLevel
from ops_app.domain.organisation.ceilings import BeyondCeiling, WiderThanOwn
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import may
from ops_app.domain.organisation.rights import Narrowing, Rights
from ops_app.services.organisation import agency_rights, people
from ops_app.services.organisation.rights import narrow_right
from ops_app.services.organisation.sign_in import sign_in
from ops_app.store.organisation import approvals
from ops_app.store.organisation import rights as stored
from ops_app.store.store import Store
from tests.services.organisation.approving import a_person, decide
from tests.services.organisation.conftest import NOW, someone
from tests.services.organisation.planting import an_agency

OWN = someone(Role.AGENCY_ADMINISTRATOR, "AG01")


def of_agency(admin: Actor, store: Store, name: str, role: Role, agency: str = "AG01") -> people.CreatedPerson:
    an_agency(store, agency)
    return people.create_person(
        admin, store, now=NOW, sign_in_name=name, display_name=name, role=role, agency_code=agency
    )


def take(store: Store, person_id: str, kind: Narrowing, permission: str = "*", value=(), by: Actor = OWN) -> None:  # type: ignore[no-untyped-def]
    agency_rights.narrow_agency_right(
        by, store, now=NOW, person_id=person_id, kind=kind, permission=permission, value=value, reason="review"
    )


def back(store: Store, person_id: str, kind: Narrowing, permission: str, by: Actor = OWN, key: str = "k") -> str:
    return agency_rights.request_agency_widening(
        by, store, now=NOW, person_id=person_id, kind=kind, permission=permission, reason="better now", key=key
    )


def rights_of(store: Store, person_id: str) -> Rights:
    with store.reading() as connection:
        return stored.rights_of(connection, person_id)


def test_rights_amounts_and_cases_of_the_own_people_are_taken_at_once(store: Store, admin: Actor) -> None:
    made = of_agency(admin, store, "wang", Role.AGENCY_SUPERVISOR)
    who = made.person.person_id
    take(store, who, Narrowing.WITHHELD, "cases.tag")
    take(store, who, Narrowing.LIMIT, "requests.raise", {"CNY": 50_000})
    take(store, who, Narrowing.LIMIT, "requests.raise", {"CNY": 20_000})
    take(store, who, Narrowing.PORTFOLIO, value=["SIM"])
    actor = sign_in(store, now=NOW, name="wang", password=made.temporary_password).actor
    held = rights_of(store, who)
    assert held == Rights(
        frozenset({"cases.tag"}), frozenset({("requests.raise", "CNY", 20_000)}), None, frozenset({"SIM"})
    )
    actor = replace(actor, must_change_password=False, rights=held)
    assert not may(actor, "cases.tag")
    assert may(actor, "requests.raise")
    with pytest.raises(Conflict, match="give something back"):
        take(store, who, Narrowing.LIMIT, "requests.raise", {"CNY": 30_000})
    with pytest.raises(Conflict):
        take(store, who, Narrowing.PORTFOLIO, value=["SIM", "OTHER"])
    listed = agency_rights.list_agency_narrowed(OWN, store, now=NOW)
    assert {(one.kind, name) for one, name in listed} == {(kind, "wang") for kind in agency_rights.KINDS}


def test_nothing_is_taken_from_others_above_the_ceiling_or_from_oneself(store: Store, admin: Actor) -> None:
    foreign = of_agency(admin, store, "li", Role.COLLECTOR, "AG02").person.person_id
    in_house = people.create_person(
        admin, store, now=NOW, sign_in_name="na", display_name="Na", role=Role.COLLECTOR
    ).person.person_id
    equal = of_agency(admin, store, "boss", Role.AGENCY_ADMINISTRATOR).person.person_id
    own = of_agency(admin, store, "zhang", Role.COLLECTOR).person.person_id
    said = set()
    for nobody in (foreign, in_house, admin.person_id, "p-none"):
        with pytest.raises(NotFound) as refusal:
            take(store, nobody, Narrowing.WITHHELD, "cases.tag")
        said.add((refusal.value.en, refusal.value.zh))
        with pytest.raises(NotFound):
            back(store, nobody, Narrowing.WITHHELD, "cases.tag")
    assert len(said) == 1, "a foreign person is answered like nobody"
    with pytest.raises(BeyondCeiling):
        take(store, equal, Narrowing.WITHHELD, "people.manage_own_agency")
    with pytest.raises(Refused, match="Nobody changes their own rights"):
        take(store, OWN.person_id, Narrowing.WITHHELD, "cases.view")
    wrong: tuple[tuple[Narrowing, str, object], ...] = (
        (Narrowing.TEAM, "*", ["u-1"]), (Narrowing.WITHHELD, "cases.place", ()), (Narrowing.PORTFOLIO, "*", ()),
        (Narrowing.LIMIT, "requests.raise", {}), (Narrowing.WITHHELD, "session.own", ()),
    )  # fmt: skip
    for kind, permission, value in wrong:
        with pytest.raises(Invalid):
            take(store, own, kind, permission, value)
    narrow_right(
        admin, store, now=NOW, person_id=foreign, kind=Narrowing.WITHHELD, permission="cases.tag", reason="theirs"
    )
    assert agency_rights.list_agency_narrowed(OWN, store, now=NOW) == []
    assert rights_of(store, own) == Rights()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.AGENCY_ADMINISTRATOR])
def test_only_an_agency_administrator_does_so(store: Store, admin: Actor, role: Role) -> None:
    own = of_agency(admin, store, "zhang", Role.COLLECTOR).person.person_id
    with pytest.raises(Refused, match="may be done by: agency administrator"):
        take(store, own, Narrowing.WITHHELD, "cases.tag", by=someone(role, "AG01"))


def test_what_was_taken_is_given_back_by_compliance_alone(store: Store, admin: Actor) -> None:
    own = of_agency(admin, store, "zhang", Role.COLLECTOR).person.person_id
    narrow_right(
        admin, store, now=NOW, person_id=own, kind=Narrowing.WITHHELD, permission="cases.tag", reason="the house"
    )
    take(store, own, Narrowing.WITHHELD, "cases.attach")
    request_id = back(store, own, Narrowing.WITHHELD, "cases.tag")
    assert back(store, own, Narrowing.WITHHELD, "cases.tag") == request_id
    with store.reading() as connection:
        one = approvals.read(connection, request_id)
    assert one is not None
    assert (one.agency_code, one.levels) == ("AG01", (Role.COMPLIANCE,))
    sup = of_agency(admin, store, "sup", Role.AGENCY_SUPERVISOR).person.person_id
    others = (a_person(store, "Manager", Role.MANAGER), Actor(sup, "S", Role.AGENCY_SUPERVISOR, "AG01"))
    for other in others:
        with pytest.raises(NotYourLevel):
            decide(store, other, one, now=NOW)
    assert rights_of(store, own).withheld == {"cases.tag", "cases.attach"}
    decide(store, a_person(store, "Cora", Role.COMPLIANCE), one, now=NOW)
    assert rights_of(store, own).withheld == {"cases.attach"}
    with pytest.raises(NotFound):
        back(store, own, Narrowing.WITHHELD, "cases.tag", key="again")


def test_nobody_asks_back_for_others_what_was_taken_from_themself(store: Store, admin: Actor) -> None:
    own = of_agency(admin, store, "zhang", Role.COLLECTOR).person.person_id
    take(store, own, Narrowing.WITHHELD, "cases.view")
    less = replace(OWN, rights=Rights(withheld=frozenset({"cases.view"})))
    with pytest.raises(WiderThanOwn):
        back(store, own, Narrowing.WITHHELD, "cases.view", by=less)


def test_crafted_requests_of_the_kind_are_refused(store: Store, admin: Actor) -> None:
    """The general door to the approvals engine opens no way round the agency's own."""
    from ops_app.services.organisation.approvals import request_approval

    foreign = of_agency(admin, store, "li", Role.COLLECTOR, "AG02").person.person_id
    narrow_right(admin, store, now=NOW, person_id=foreign, kind=Narrowing.WITHHELD, permission="cases.tag", reason="x")
    arguments = {"person_id": foreign, "kind": "withheld", "permission": "cases.tag"}
    for maker in (OWN, someone(Role.AGENCY_SUPERVISOR, "AG01"), someone(Role.COLLECTOR, "AG01"), admin):
        for kind in (agency_rights.WIDEN, "rights.widen", "people.give_role"):
            if maker is admin and kind != agency_rights.WIDEN:
                continue
            with pytest.raises(DomainError):
                request_approval(
                    maker, store, now=NOW, kind=kind, object_type="person", object_id=foreign, arguments=arguments,
                    reason="crafted", key=f"{maker.role}{kind}",
                )  # fmt: skip


def test_amounts_are_withheld_from_one_of_the_own_people_at_once(store: Store, admin: Actor) -> None:
    made = of_agency(admin, store, "wang", Role.AGENCY_SUPERVISOR)
    take(store, made.person.person_id, Narrowing.WITHHELD, "fields.amounts")
    actor = sign_in(store, now=NOW, name="wang", password=made.temporary_password).actor
    actor = replace(actor, must_change_password=False, rights=rights_of(store, made.person.person_id))
    assert may(actor, "cases.view")
    assert not any(may(actor, right) for right in ("fields.amounts", "cases.file", "imports.make", "imports.view"))
    less = replace(OWN, rights=Rights(withheld=frozenset({"fields.amounts"})))
    with pytest.raises(WiderThanOwn):
        back(store, made.person.person_id, Narrowing.WITHHELD, "fields.amounts", by=less)
    assert back(store, made.person.person_id, Narrowing.WITHHELD, "fields.amounts")
