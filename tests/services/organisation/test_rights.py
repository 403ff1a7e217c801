"""What one person may less than their role: taken at once, given back by two; and the review of what is unused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.personal import PersonalField
from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.approvals import NotYourLevel, OwnRequest
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import GRANTS, may
from ops_app.domain.organisation.rights import HOLD_NO_CASES, SCOPED, AboveLimit, Narrowing, Rights
from ops_app.domain.organisation.units import UnitKind, unit_id_of
from ops_app.services.casework.cases import list_cases, read_case
from ops_app.services.casework.unmasking import unmask
from ops_app.services.organisation import approvals, memberships, rights, sign_in, units
from ops_app.services.organisation.approval_delegations import delegate
from ops_app.services.organisation.people import create_person
from ops_app.store.organisation import rights as stored
from ops_app.store.store import Store
from tests.services.casework.casebook import NOW as CASE_NOW
from tests.services.casework.casebook import SUPERVISOR, WHY, assigned, now_is, some_cases
from tests.services.organisation.approving import NOW as ASKED
from tests.services.organisation.approving import a_person, ask, decide, kinds_of_the_tests, with_rules
from tests.services.organisation.conftest import NOW, someone

ADMIN = someone(Role.ADMINISTRATOR)


@pytest.fixture
def kinds() -> Iterator[None]:
    with kinds_of_the_tests():
        yield


def narrow(store: Store, who: Actor, kind: Narrowing, permission: str = "*", value=(), **other) -> None:  # type: ignore[no-untyped-def]
    given = {"now": NOW, "person_id": who.person_id, "kind": kind, "permission": permission, "value": value,
             "reason": "review"}  # fmt: skip
    rights.narrow_right(other.pop("by", ADMIN), store, **given | other)


def now_with(store: Store, who: Actor) -> Actor:
    """The actor as the next run of a page finds them."""
    with store.reading() as connection:
        return replace(who, rights=stored.rights_of(connection, who.person_id))


def test_a_right_that_is_withheld_is_gone_at_the_next_click_and_nothing_else_is(store: Store, admin: Actor) -> None:
    made = create_person(admin, store, now=NOW, sign_in_name="sun", display_name="Sun", role=Role.SUPERVISOR)
    token = sign_in.sign_in(store, now=NOW, name="sun", password=made.temporary_password).token
    narrow(store, Actor(made.person.person_id, "Sun", Role.SUPERVISOR), Narrowing.WITHHELD, "cases.place", by=admin)
    actor = sign_in.actor_of(store, token, now=NOW)
    assert actor is not None
    actor = replace(actor, must_change_password=False)
    held = {code for code, roles in GRANTS.items() if Role.SUPERVISOR in roles}
    assert {code for code in GRANTS if may(actor, code)} == held - {"cases.place"}
    with pytest.raises(Refused, match="withheld from you"):
        from ops_app.services.casework.placing import queue_cases

        queue_cases(actor, store, now=NOW, wanted={}, reason=WHY)


def test_only_the_administrator_takes_only_from_others_only_what_they_have(store: Store) -> None:
    sun = a_person(store, "Sun", Role.SUPERVISOR)
    for role in Role:
        if role is not Role.ADMINISTRATOR:
            with pytest.raises(Refused):
                narrow(store, sun, Narrowing.WITHHELD, "cases.place", by=someone(role))
    with pytest.raises(Refused, match="Nobody changes their own rights"):
        narrow(store, ADMIN, Narrowing.WITHHELD, "audit.view")
    with pytest.raises(NotFound):
        narrow(store, someone(Role.FINANCE), Narrowing.WITHHELD, "payments.view")
    for kind, permission, value in (
        (Narrowing.WITHHELD, "people.manage", ()), (Narrowing.WITHHELD, "session.own", ()),
        (Narrowing.WITHHELD, "no.such", ()), (Narrowing.LIMIT, "approvals.decide", {}),
        (Narrowing.LIMIT, "approvals.decide", {"CNY": 1.5}), (Narrowing.LIMIT, "approvals.decide", {"yuan": 1}),
        (Narrowing.PORTFOLIO, "*", ()), (Narrowing.PORTFOLIO, "cases.view", ["SIM"]), (Narrowing.TEAM, "*", ["none"]),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            narrow(store, sun, kind, permission, value)
    other = a_person(store, "Other", Role.ADMINISTRATOR)
    with pytest.raises(Invalid, match="Administrators keep this"):
        narrow(store, other, Narrowing.WITHHELD, "people.manage")


def test_who_lost_the_right_to_decide_decides_in_no_way(store: Store, kinds: None) -> None:
    with_rules(store)
    maker, sun = a_person(store, "Maker"), a_person(store, "Sun", Role.SUPERVISOR)
    friend = a_person(store, "Friend", Role.SUPERVISOR)
    one = ask(store, maker)
    narrow(store, sun, Narrowing.WITHHELD, "approvals.decide")
    with pytest.raises(NotYourLevel):
        decide(store, sun, one)  # even with an actor of a moment ago
    with pytest.raises(Invalid, match="Choose another active person"):
        delegate(
            friend, store, now=ASKED, to_person_id=sun.person_id, starts_at=ASKED, ends_at=ASKED + timedelta(days=1),
            reason="away", key="d",
        )  # fmt: skip
    decide(store, friend, one)


def test_a_limit_holds_for_oneself_and_for_whom_one_stands_in(store: Store, kinds: None) -> None:
    with_rules(store)
    maker, sun, friend = a_person(store, "Maker"), a_person(store, "Sun"), a_person(store, "Friend", Role.MANAGER)
    narrow(store, sun, Narrowing.LIMIT, "approvals.decide", {"CNY": 10_000})
    decide(store, sun, ask(store, maker, 10_000, "L1"))
    large = ask(store, maker, 10_001, "L2")
    with pytest.raises(AboveLimit, match=r"100\.00 CNY"):
        decide(store, sun, large)
    delegate(
        sun, store, now=ASKED, to_person_id=friend.person_id, starts_at=ASKED, ends_at=ASKED + timedelta(days=1),
        reason="away", key="d",
    )  # fmt: skip
    with pytest.raises(AboveLimit):
        decide(store, friend, large)
    with pytest.raises(AboveLimit):
        decide(store, sun, ask(store, maker, 5, "L3", currency="USD"))
    decide(store, sun, large, "reject")
    asked_for = replace(
        a_person(store, "Limited"), rights=Rights(limits=frozenset({("reconciliation.decide", "CNY", 50)}))
    )
    with pytest.raises(AboveLimit):
        ask(store, asked_for, 51, "L4")
    ask(store, asked_for, 50, "L5")


def test_what_is_above_a_limit_is_not_asked_for_in_parts(store: Store, kinds: None) -> None:
    with_rules(store)
    checker = a_person(store, "Checker")
    limit = Rights(limits=frozenset({("reconciliation.decide", "CNY", 100), ("reconciliation.decide", "USD", 100)}))
    maker = replace(a_person(store, "Maker"), rights=limit)
    first = ask(store, maker, 60, "L1")
    with pytest.raises(AboveLimit, match=r"1\.00 CNY, and 0\.60 CNY of it is used within a day"):
        ask(store, maker, 41, "L2")
    ask(store, maker, 40, "L3")
    ask(store, maker, 100, "L4", currency="USD")
    with pytest.raises(AboveLimit):
        ask(store, maker, 1, "L5")
    ask(store, replace(a_person(store, "Other"), rights=limit), 100, "L6")
    decide(store, checker, first, "reject")
    again = ask(store, maker, 60, "L7")
    decide(store, checker, again)
    with pytest.raises(AboveLimit):  # what was approved within a day counts as what waits does
        ask(store, maker, 60, "L8")


def test_what_is_above_a_limit_is_not_approved_in_parts_of_one_maker(store: Store, kinds: None) -> None:
    with_rules(store)
    maker, other, sun = a_person(store, "Maker"), a_person(store, "Other"), a_person(store, "Sun")
    narrow(store, sun, Narrowing.LIMIT, "approvals.decide", {"CNY": 100})
    decide(store, sun, ask(store, maker, 60, "L1"))
    second = ask(store, maker, 60, "L2")
    with pytest.raises(AboveLimit, match=r"0\.60 CNY of it is used"):
        decide(store, sun, second)
    decide(store, sun, second, "reject")
    decide(store, sun, ask(store, other, 60, "L3"))
    decide(store, sun, ask(store, maker, 40, "L4"))


def test_what_was_taken_anew_is_not_given_back_by_what_was_asked_before(store: Store) -> None:
    sun, admin = a_person(store, "Sun"), a_person(store, "Adam", Role.ADMINISTRATOR)
    checker = a_person(store, "Cora", Role.COMPLIANCE)
    given = {"now": ASKED, "person_id": sun.person_id, "kind": Narrowing.LIMIT, "permission": "approvals.decide",
             "reason": "promoted"}  # fmt: skip
    narrow(store, sun, Narrowing.LIMIT, "approvals.decide", {"CNY": 10_050}, by=admin)
    request_id = rights.request_widening(admin, store, **given, key="k")
    one = approvals.read_request(checker, store, now=ASKED, request_id=request_id).item
    assert one.arguments["value"] == {"CNY": "100.50"}
    narrow(store, sun, Narrowing.LIMIT, "approvals.decide", {"CNY": 0}, by=admin, reason="inquiry")
    with pytest.raises(Conflict, match="changed after this was asked for"):
        decide(store, checker, one)
    assert now_with(store, sun).rights.limits == {("approvals.decide", "CNY", 0)}
    assert rights.request_widening(admin, store, **given, key="k") == request_id  # the same press again
    again = rights.request_widening(admin, store, **given, key="k2")
    narrow(store, sun, Narrowing.LIMIT, "approvals.decide", {"CNY": 0}, by=admin, now=NOW + timedelta(minutes=1))
    anew = approvals.read_request(checker, store, now=ASKED, request_id=again).item
    with pytest.raises(Conflict, match="changed after this was asked for"):
        decide(store, checker, anew)  # taken anew for another reason, though as much
    last = rights.request_widening(admin, store, **given, key="k3")
    decide(store, checker, approvals.read_request(checker, store, now=ASKED, request_id=last).item)
    assert now_with(store, sun).rights == Rights()


def test_taking_is_done_alone_and_giving_back_by_two(store: Store) -> None:
    sun, admin = a_person(store, "Sun"), a_person(store, "Adam", Role.ADMINISTRATOR)
    checker = a_person(store, "Cora", Role.COMPLIANCE)
    narrow(store, sun, Narrowing.LIMIT, "approvals.decide", {"CNY": 500}, by=admin)
    narrow(store, sun, Narrowing.LIMIT, "approvals.decide", {"CNY": 400}, by=admin)
    for more in ({"CNY": 401}, {"CNY": 400, "USD": 1}):
        with pytest.raises(Conflict, match="somebody else approves it"):
            narrow(store, sun, Narrowing.LIMIT, "approvals.decide", more, by=admin)
    given = {"now": ASKED, "person_id": sun.person_id, "kind": Narrowing.LIMIT, "permission": "approvals.decide",
             "reason": "promoted"}  # fmt: skip
    with pytest.raises(NotFound):
        rights.request_widening(admin, store, **given | {"permission": "cases.place"}, key="none")
    request_id = rights.request_widening(admin, store, **given, key="k")
    one = approvals.read_request(admin, store, now=ASKED, request_id=request_id).item
    assert one.levels == (Role.COMPLIANCE,)
    with pytest.raises((OwnRequest, NotYourLevel)):
        decide(store, admin, one)
    assert now_with(store, sun).rights.limits
    decide(store, checker, one)
    assert now_with(store, sun).rights == Rights()
    assert rights.list_narrowed(admin, store, now=NOW) == []


def test_nobody_approves_that_something_is_given_back_to_themself(store: Store) -> None:
    from ops_app.domain.organisation.approvals import NotCarriedOut

    cora, admin = a_person(store, "Cora", Role.COMPLIANCE), a_person(store, "Adam", Role.ADMINISTRATOR)
    narrow(store, cora, Narrowing.WITHHELD, "audit.view", by=admin)
    request_id = rights.request_widening(
        admin, store, now=ASKED, person_id=cora.person_id, kind=Narrowing.WITHHELD, permission="audit.view",
        reason="friends", key="k",
    )  # fmt: skip
    one = approvals.read_request(admin, store, now=ASKED, request_id=request_id).item
    with pytest.raises(NotCarriedOut, match="Nobody changes their own rights"):
        decide(store, cora, one)
    assert now_with(store, cora).rights.withheld == {"audit.view"}


def test_a_narrowed_scope_is_enforced_in_the_query_and_closes_what_knows_no_scope(
    store: Store, tmp_path: Path, admin: Actor
) -> None:
    ids = some_cases(store, tmp_path, 4)
    unit = units.add_unit(
        admin, store, now=NOW, unit_code="T1", kind=UnitKind.HEAD_OFFICE, parent_id=None, name="Team one",
        valid_from=date(2026, 1, 1),
    )  # fmt: skip
    assert unit is not None
    people = [
        create_person(admin, store, now=NOW, sign_in_name=name, display_name=name, role=Role.COLLECTOR).person
        for name in ("one", "two")
    ]
    mine, other = (Actor(it.person_id, it.display_name, Role.COLLECTOR) for it in people)
    memberships.join_unit(
        admin, store, now=NOW, person_id=mine.person_id, unit_id=unit_id_of("T1"), valid_from=date(2026, 1, 2)
    )
    assigned(store, SUPERVISOR, mine, ids[0])
    assigned(store, SUPERVISOR, other, ids[1])
    lead = a_person(store, "Lead", Role.SUPERVISOR)
    assert len(list_cases(lead, store, now=CASE_NOW).rows) == 4
    narrow(store, lead, Narrowing.TEAM, value=[unit_id_of("T1")], by=admin)
    lead = now_with(store, lead)
    assert [one.case_id for one in list_cases(lead, store, now=CASE_NOW).rows] == [ids[0]]
    for hidden in (ids[1], ids[2], "0" * 32):
        with pytest.raises(NoSuchCase):
            read_case(lead, store, now=CASE_NOW, case_id=hidden)
    left = {code for code in GRANTS if may(lead, code)}
    assert left <= {code for code in GRANTS if code in HOLD_NO_CASES or code.startswith(SCOPED)}
    assert not left & {"dashboards.view", "sql.query", "payments.view", "approvals.decide", "reconciliation.view"}
    narrow(store, lead, Narrowing.PORTFOLIO, value=["OTHER"], by=admin)
    assert list_cases(now_with(store, lead), store, now=CASE_NOW).rows == ()
    assert now_is(store, ids[0]).collector_id == mine.person_id


def test_each_personal_field_is_a_right_of_its_own(store: Store, tmp_path: Path) -> None:
    (one,) = some_cases(store, tmp_path, 1)
    for field in PersonalField:
        assert f"fields.{field.value}" in GRANTS
    given = {"now": CASE_NOW, "case_id": one, "reason": WHY, "evidence": tmp_path}
    assert unmask(SUPERVISOR, store, field=PersonalField.NATIONAL_ID, **given)
    with pytest.raises(Refused, match="It may be done by"):
        unmask(someone(Role.COLLECTOR), store, field=PersonalField.NATIONAL_ID, **given)
    less = replace(SUPERVISOR, rights=Rights(withheld=frozenset({"fields.phones"})))
    with pytest.raises(Refused, match="withheld"):
        unmask(less, store, field=PersonalField.PHONES, **given)
    assert unmask(less, store, field=PersonalField.NAME, **given) == "王1"


def test_the_review_lists_what_was_not_used_and_not_what_was(store: Store, admin: Actor) -> None:
    create_person(admin, store, now=NOW, sign_in_name="fin", display_name="Fin", role=Role.FINANCE)
    later = NOW + timedelta(days=100)

    def unused(days: int = 90, at=later, **more: object) -> set[tuple[str, str]]:
        found = rights.review_rights(admin, store, now=at, unused_days=days, page_size=500, **more)  # type: ignore[arg-type]
        assert found.total == len(found.rows)
        return {(one.person.sign_in_name, one.permission) for one in found.rows}

    assert {("fin", "payments.record"), ("fin", "payments.view"), ("admin", "people.manage")} <= unused()
    assert unused(at=NOW + timedelta(days=10)) == set(), "they came after that"
    create_person(admin, store, now=later, sign_in_name="new", display_name="New", role=Role.ANALYST)
    left = unused()
    assert ("admin", "people.manage") not in left
    assert ("admin", "parameters.change") in left
    assert not any(name == "new" for name, _ in left)
    assert {name for name, _ in unused(0)} == {"admin", "fin", "new"}
    assert {name for name, _ in unused(text="fin")} == {"fin"}
    assert {name for name, _ in unused(role=Role.FINANCE)} == {"fin"}
    fin = Actor(next(it.person.person_id for it in rights.review_rights(admin, store, now=later, text="fin").rows),
                "Fin", Role.FINANCE)  # fmt: skip
    narrow(store, fin, Narrowing.WITHHELD, "payments.record", by=admin)
    assert ("fin", "payments.record") not in unused()
    for wrong in ({"page": 0}, {"page_size": 0}, {"unused_days": -1}):
        with pytest.raises(Invalid):
            rights.review_rights(admin, store, now=later, **wrong)  # type: ignore[arg-type]
