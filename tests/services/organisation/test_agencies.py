"""Agencies through the services: master data, life cycle, contracts, the night, certificates, networks, staff."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.agencies import MOVERS, AgencyMove, AgencyState, MoverNotAllowed, NoSuchAgency
from ops_app.domain.organisation.networks import WrongNetwork
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.periods import Period
from ops_app.domain.organisation.placement import (
    Evaluation,
    EvaluationKind,
    EvaluationMissing,
    EvaluationResult,
    PlacementStop,
    StillStopped,
)
from ops_app.services.organisation import agencies, agency_access, agency_contracts, people, sign_in
from ops_app.services.organisation.agencies import AgencyDetails, AgencyFilter
from ops_app.services.organisation.agency_expiry import RECALL_TOPIC, expire_agencies
from ops_app.services.organisation.demo_organisation import create_demo_organisation
from ops_app.services.organisation.demo_people import create_demo_people
from ops_app.services.organisation.notifications import list_notifications
from ops_app.services.organisation.sign_in import SignInRefused
from ops_app.store.organisation import outbox
from ops_app.store.organisation.agency_contracts import add_contract
from ops_app.store.store import Store
from ops_app.store.tables import agencies as tables
from ops_app.store.tables import organisation as t
from tests.services.organisation.conftest import NOW, someone
from tests.services.organisation.planting import an_agency

TODAY = date(2026, 11, 24)
ONE = timedelta(days=1)
MANAGER, COMPLIANCE = someone(Role.MANAGER), someone(Role.COMPLIANCE)
DETAILS = AgencyDetails(
    name="星衡催收服务有限公司",
    short_name="星衡",
    white_listed=True,
    licence_number="L-1",
    licence_expires_date=TODAY + 300 * ONE,
    regions=("440000", "310000", "310000"),
    capacity_cases=500,
    contact_phone="021-5555",
)


def enter(store: Store, code: str = "AG01", **changes: object) -> agencies.Agency:
    details = replace(DETAILS, **{"name": f"{code} {DETAILS.name}", **changes})  # type: ignore[arg-type]
    return agencies.add_agency(MANAGER, store, now=NOW, agency_code=code, details=details)


def contract(store: Store, begins: date, ends: date, number: str = "C-1", code: str = "AG01") -> None:
    agency_contracts.add_contract(
        MANAGER, store, now=NOW, agency_code=code, contract_number=number, valid_from=begins, valid_to=ends,
        today=TODAY, reason="agreed",
    )  # fmt: skip


def evaluate(store: Store, day: date = TODAY, result: EvaluationResult = EvaluationResult.PASS) -> None:
    said = Evaluation(day, EvaluationKind.ANNUAL, 90, 80, 70, result)
    agency_contracts.record_evaluation(
        COMPLIANCE, store, now=NOW, agency_code="AG01", evaluation=said, today=TODAY, note="looked at", key=f"{day}"
    )


def move(store: Store, what: AgencyMove, version: int, actor: Actor = MANAGER) -> agencies.Agency:
    return agencies.move_agency(
        actor, store, now=NOW, agency_code="AG01", version=version, what=what, today=TODAY, reason="decided"
    )


def working(store: Store, ends: date = TODAY + 90 * ONE) -> None:
    """An agency that works with us under a contract that ends on ``ends``."""
    enter(store)
    contract(store, TODAY - 200 * ONE, TODAY + 90 * ONE if ends <= TODAY else ends)
    evaluate(store, TODAY - 100 * ONE)
    move(store, AgencyMove.ADMIT, 1)


def read(store: Store) -> agencies.AgencyRecord:
    return agencies.read_agency(MANAGER, store, now=NOW, agency_code="AG01", today=TODAY)


def test_an_agency_is_entered_checked_and_audited_without_its_telephone(store: Store) -> None:
    made = enter(store)
    assert (made.state, made.regions) == (AgencyState.ONBOARDING, ("310000", "440000"))
    assert read(store).agency == made
    with store.reading() as connection:
        row = connection.execute(select(t.audit_log).order_by(t.audit_log.c.seq.desc()).limit(1)).one()
    assert (row.action, row.object_id) == ("agency.added", "AG01")
    assert "021-5555" not in row.after_json
    with pytest.raises(Conflict):
        enter(store)
    with pytest.raises(Conflict):
        enter(store, "AG02", name=made.name)
    with pytest.raises(NoSuchAgency):
        agencies.read_agency(MANAGER, store, now=NOW, agency_code="AG09", today=TODAY)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("short_name", ""),
        ("name", "x" * 201),
        ("contact_name", "a\x00"),
        ("capacity_cases", -1),
        ("capacity_cases", 10_000_001),
        ("regions", ("31;drop",)),
    ],
)
def test_a_wrong_detail_is_refused_by_its_field(store: Store, field: str, value: object) -> None:
    with pytest.raises(Invalid) as refusal:
        enter(store, **{field: value})
    assert refusal.value.field == field


def test_an_edit_names_who_was_first_and_says_that_a_contact_changed(store: Store) -> None:
    enter(store)
    edit = {"now": NOW, "agency_code": "AG01", "version": 1, "reason": "new phone"}
    after = agencies.edit_agency(MANAGER, store, details=replace(DETAILS, contact_phone="021-7777"), **edit)
    assert (after.version, after.contact_phone, after.changed_by) == (2, "021-7777", "manager")
    with pytest.raises(Conflict, match="manager changed this agency"):
        agencies.edit_agency(someone(Role.SUPERVISOR), store, details=DETAILS, **edit)
    (said, _) = read(store).history
    assert json.loads(said.after_json or "")["contact_changed"] is True
    assert "7777" not in (said.after_json or "")


def test_a_list_is_filtered_sorted_and_paged(store: Store) -> None:
    for number in range(5):
        enter(store, f"AG0{number}", white_listed=number % 2 == 0, capacity_cases=number)
    contract(store, TODAY, TODAY + ONE, "C-0", "AG03")

    def codes(**more: object) -> list[str]:
        page = agencies.list_agencies(MANAGER, store, now=NOW, **more)  # type: ignore[arg-type]
        return [one.agency_code for one in page.rows]

    assert codes(wanted=AgencyFilter(white_listed=True), sort="capacity_cases", descending=True) == [
        "AG04", "AG02", "AG00",
    ]  # fmt: skip
    assert codes(page=2, page_size=3) == ["AG03", "AG04"]
    assert codes(sort="contract_to_date", descending=True)[0] == "AG03"
    assert codes(wanted=AgencyFilter(text="ag02")) == ["AG02"]
    assert codes(wanted=AgencyFilter(text="%")) == []
    assert codes(wanted=AgencyFilter(state=AgencyState.ACTIVE)) == []
    for wrong in ({"sort": "licence_number"}, {"page": 0}, {"page_size": 501}):
        with pytest.raises(Invalid):
            codes(**wrong)


def test_an_agency_is_admitted_only_when_nothing_else_stops_it(store: Store) -> None:
    enter(store, white_listed=False)
    with pytest.raises(StillStopped) as refusal:
        move(store, AgencyMove.ADMIT, 1)
    assert refusal.value.stops == (
        PlacementStop.NOT_WHITE_LISTED,
        PlacementStop.NO_CONTRACT,
        PlacementStop.EVALUATION_OVERDUE,
    )
    contract(store, TODAY, TODAY + 90 * ONE)
    evaluate(store)
    agencies.edit_agency(MANAGER, store, now=NOW, agency_code="AG01", version=1, details=DETAILS, reason="published")
    assert move(store, AgencyMove.ADMIT, 2).state is AgencyState.ACTIVE
    assert read(store).stops == ()


def test_the_moves_are_made_by_those_of_the_table(store: Store) -> None:
    working(store)
    for role in (Role.SUPERVISOR, Role.COMPLIANCE):
        with pytest.raises(MoverNotAllowed, match="manager"):
            move(store, AgencyMove.END, 2, someone(role))
    with pytest.raises(MoverNotAllowed, match="It may be done by"):
        move(store, AgencyMove.EXPIRE, 2)
    with pytest.raises(Refused):
        move(store, AgencyMove.SUSPEND, 2, someone(Role.FINANCE))
    assert {Role.SUPERVISOR, Role.COMPLIANCE} <= MOVERS[AgencyMove.SUSPEND]
    assert move(store, AgencyMove.SUSPEND, 2, someone(Role.SUPERVISOR)).state is AgencyState.SUSPENDED
    with pytest.raises(Conflict):
        move(store, AgencyMove.RESUME, 2)
    assert move(store, AgencyMove.RESUME, 3).state is AgencyState.ACTIVE


def test_a_renewal_needs_a_recent_evaluation_and_free_days(store: Store) -> None:
    enter(store)
    contract(store, TODAY - 100 * ONE, TODAY + 10 * ONE)
    begins, ends = TODAY + 10 * ONE, TODAY + 400 * ONE
    with pytest.raises(EvaluationMissing):
        contract(store, begins, ends, "C-2")
    evaluate(store, TODAY - 366 * ONE)
    with pytest.raises(EvaluationMissing):
        contract(store, begins, ends, "C-2")
    evaluate(store, TODAY - 365 * ONE)
    with pytest.raises(Conflict):
        contract(store, begins - ONE, ends, "C-2")
    with pytest.raises(Conflict):
        contract(store, begins, ends, "C-1")
    contract(store, begins, ends, "C-2")
    assert read(store).agency.contract_to_date == ends
    with pytest.raises(Invalid):
        evaluate(store, TODAY + ONE)
    for table in (tables.agency_contracts, tables.agency_evaluations):
        with pytest.raises(DBAPIError):
            with store.writing(MANAGER, NOW) as transaction:
                transaction.audit("test", "agency", "AG01")
                transaction.connection.execute(update(table).values(recorded_by="x"))


def test_an_evaluation_sent_twice_is_one(store: Store) -> None:
    enter(store)
    for _ in range(2):
        evaluate(store)
    assert len(read(store).evaluations) == 1
    with pytest.raises(Conflict):
        evaluate(store, result=EvaluationResult.FAIL)


def test_the_store_itself_refuses_contracts_that_share_a_day(store: Store) -> None:
    enter(store)
    contract(store, TODAY, TODAY + 10 * ONE)
    with pytest.raises(IntegrityError):
        with store.writing(MANAGER, NOW) as transaction:
            transaction.audit("test", "agency", "AG01")
            add_contract(transaction, "AG01", "C-9", Period(TODAY + 9 * ONE, TODAY + 20 * ONE))


def notices(store: Store) -> list[tuple[str, date]]:
    return [(one.kind, one.business_date) for one in list_notifications(someone(Role.OPERATOR), store)]


def recalls(store: Store) -> list[dict]:
    with store.reading() as connection:
        waiting = outbox.waiting(connection, 100)
    return [json.loads(one.payload_json) for one in waiting if one.topic == RECALL_TOPIC]


def test_an_expired_contract_stops_placement_and_starts_recall_once(store: Store) -> None:
    end = TODAY + 90 * ONE
    working(store, end)
    assert expire_agencies(SYSTEM, store, now=NOW, today=end - 31 * ONE).announced == 0
    assert expire_agencies(SYSTEM, store, now=NOW, today=end - 30 * ONE).announced == 1
    for day in (end - 29 * ONE, end - ONE):
        found = expire_agencies(SYSTEM, store, now=NOW, today=day)
        assert (found.recalled, found.announced) == ((), 0)
    assert read(store).agency.state is AgencyState.ACTIVE
    assert recalls(store) == []
    assert expire_agencies(SYSTEM, store, now=NOW, today=end).recalled == ("AG01",)
    record = read(store)
    assert record.agency.state is AgencyState.SUSPENDED
    assert (record.history[0].action, record.history[0].actor_id) == ("agency.expire", SYSTEM.person_id)
    for day in (end, end + ONE, end + 40 * ONE):
        assert expire_agencies(SYSTEM, store, now=NOW, today=day).recalled == ()
    assert recalls(store) == [{"agency_code": "AG01", "contract_to_date": end.isoformat()}]
    assert sorted(notices(store)) == [("agency_expired", end), ("agency_expires_soon", end)]


def test_a_missed_night_is_made_up_for_and_a_suspended_agency_is_recalled_from_too(store: Store) -> None:
    end = TODAY + 90 * ONE
    working(store, end)
    move(store, AgencyMove.SUSPEND, 2)
    assert expire_agencies(SYSTEM, store, now=NOW, today=end + 9 * ONE).recalled == ("AG01",)
    assert recalls(store) == [{"agency_code": "AG01", "contract_to_date": end.isoformat()}]


def test_a_renewed_agency_goes_on(store: Store) -> None:
    end = TODAY + 90 * ONE
    working(store, end)
    contract(store, end, end + 365 * ONE, "C-2")
    assert expire_agencies(SYSTEM, store, now=NOW, today=end).recalled == ()
    assert read(store).agency.state is AgencyState.ACTIVE
    assert expire_agencies(SYSTEM, store, now=NOW, today=end + 365 * ONE).recalled == ("AG01",)
    with pytest.raises(Refused):
        expire_agencies(MANAGER, store, now=NOW, today=end)


def staff(admin: Actor, store: Store, name: str = "wang", code: str = "AG01") -> people.CreatedPerson:
    an_agency(store, code)
    return people.create_person(
        admin, store, now=NOW, sign_in_name=name, display_name=name, role=Role.COLLECTOR, agency_code=code
    )


def test_certificates_are_those_of_the_agencys_own_people(store: Store, admin: Actor) -> None:
    enter(store)
    own, foreign = staff(admin, store).person, staff(admin, store, "li", "AG02").person
    given = {"now": NOW, "agency_code": "AG01", "kind": "催收员证", "number": "N-12345678", "expires_date": TODAY}
    agency_access.add_certificate(MANAGER, store, person_id=own.person_id, **given)
    with pytest.raises(Conflict):
        agency_access.add_certificate(MANAGER, store, person_id=own.person_id, **given)
    missing = foreign_answer = None
    for who in (foreign.person_id, "p-none"):
        with pytest.raises(NotFound) as refusal:
            agency_access.add_certificate(MANAGER, store, person_id=who, **given)
        missing, foreign_answer = foreign_answer, refusal.value.en
    assert missing == foreign_answer
    with pytest.raises(Invalid):
        agency_access.add_certificate(MANAGER, store, person_id=own.person_id, **given | {"kind": ""})
    record = read(store)
    (kept,) = record.certificates
    assert "12345678" not in str(record.history)
    gone = {"now": NOW, "agency_code": "AG01", "certificate_id": kept.certificate_id, "reason": "typed wrongly"}
    agency_access.remove_certificate(MANAGER, store, **gone)
    with pytest.raises(NotFound):
        agency_access.remove_certificate(MANAGER, store, **gone)
    assert read(store).certificates == ()
    agency_access.add_certificate(MANAGER, store, person_id=own.person_id, **given)


def try_sign_in(store: Store, made: people.CreatedPerson, address: str, now=NOW) -> None:
    sign_in.sign_in(store, now=now, name=made.person.sign_in_name, password=made.temporary_password, address=address)


def test_people_of_an_agency_sign_in_from_its_networks_only(store: Store, admin: Actor) -> None:
    enter(store)
    made, other = staff(admin, store), staff(admin, store, "li", "AG02")
    try_sign_in(store, made, "198.51.100.1")
    assert agency_access.allow_network(MANAGER, store, now=NOW, agency_code="AG01", network="203.0.113.7") == (
        "203.0.113.7/32"
    )
    agency_access.allow_network(MANAGER, store, now=NOW, agency_code="AG01", network="2001:db8::/32")
    with pytest.raises(Conflict):
        agency_access.allow_network(MANAGER, store, now=NOW, agency_code="AG01", network="203.0.113.7/32")
    with pytest.raises(WrongNetwork):
        agency_access.allow_network(MANAGER, store, now=NOW, agency_code="AG01", network="everywhere")
    for address in ("203.0.113.7", "2001:db8::5", "::ffff:203.0.113.7"):
        try_sign_in(store, made, address)
    try_sign_in(store, other, "198.51.100.1")
    answers = set()
    for address in ("203.0.113.8", "", "nonsense"):
        with pytest.raises(SignInRefused) as refusal:
            try_sign_in(store, made, address)
        answers.add(refusal.value.en)
    with pytest.raises(SignInRefused) as refusal:
        sign_in.sign_in(store, now=NOW, name="nobody", password="wrong")
    assert answers == {refusal.value.en}
    with store.reading() as connection:
        rows = connection.execute(select(t.audit_log).where(t.audit_log.c.action == "session.refused")).all()
    refused = [row for row in rows if row.object_id == made.person.person_id]
    assert {row.after_json for row in refused} == {'{"why":"network"}'}
    assert [row.address for row in refused] == ["203.0.113.8", "unreadable", "unreadable"]
    with pytest.raises(NotFound):
        agency_access.withdraw_network(
            MANAGER, store, now=NOW, agency_code="AG01", network="10.0.0.0/8", reason="moved"
        )
    for network in ("203.0.113.7/32", "2001:db8::/32"):
        agency_access.withdraw_network(MANAGER, store, now=NOW, agency_code="AG01", network=network, reason="moved")
    try_sign_in(store, made, "198.51.100.1", NOW + timedelta(hours=1))


def test_when_an_agency_has_ended_its_people_are_out(store: Store, admin: Actor) -> None:
    enter(store)
    made = staff(admin, store)
    token = sign_in.sign_in(store, now=NOW, name="wang", password=made.temporary_password).token
    move(store, AgencyMove.END, 1)
    assert sign_in.actor_of(store, token, now=NOW) is None
    with pytest.raises(SignInRefused):
        try_sign_in(store, made, "")
    with pytest.raises(Refused, match="ended"):
        contract(store, TODAY, TODAY + ONE)


def test_the_demo_has_a_tree_agencies_and_an_agency_administrator(store: Store) -> None:
    with pytest.raises(Refused, match="demo mode"):
        create_demo_organisation(SYSTEM, store, now=NOW, today=TODAY, demo=False)
    signs = create_demo_people(SYSTEM, store, now=NOW, demo=True)
    assert any(one.role is Role.AGENCY_ADMINISTRATOR for one in signs)
    for _ in range(2):
        create_demo_organisation(SYSTEM, store, now=NOW, today=TODAY, demo=True)
    page = agencies.list_agencies(MANAGER, store, now=NOW)
    assert [one.agency_code for one in page.rows] == ["AG01", "AG02", "AG03"]
    assert read(store).stops == ()
