"""Where access must end or never begin: sessions of agencies, locked accounts, writers as approvers, kept values."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import insert, select, update

from ops_app.domain.errors import Refused
from ops_app.domain.organisation.approvals import NotAllDecided, RequestMove
from ops_app.domain.organisation.exports import ExportState, NoSuchExport
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.permissions import GRANTS
from ops_app.services.organisation import agency_access, agency_staff, approvals, exports, people, quarantine, sign_in
from ops_app.services.organisation import announcements as announcing
from ops_app.services.organisation.memberships import leave_house
from ops_app.services.organisation.open_work import PersonStillHolds
from ops_app.store.organisation import exports as stored_exports
from ops_app.store.store import Store
from ops_app.store.tables.agencies import agencies
from ops_app.store.tables.casework import assignments, cases, placements
from ops_app.store.tables.organisation import audit_log
from ops_app.store.tables.organisation import people as people_table
from tests.services.organisation.announcing import content, draft, publish
from tests.services.organisation.approving import NOTE, a_person, ask, kinds_of_the_tests, read_of
from tests.services.organisation.conftest import NOW, someone
from tests.services.organisation.planting import an_agency

OWN = someone(Role.AGENCY_ADMINISTRATOR, "AG01")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def agency_session(store: Store, admin: Actor) -> str:
    """The token of a collector of AG01, who is signed in."""
    an_agency(store, "AG01")
    made = people.create_person(
        admin, store, now=NOW, sign_in_name="wang", display_name="Wang", role=Role.COLLECTOR, agency_code="AG01"
    )
    return sign_in.sign_in(store, now=NOW, name="wang", password=made.temporary_password, address="203.0.113.9").token


def test_a_session_is_good_in_the_networks_of_its_agency_only(store: Store, admin: Actor, agency_session: str) -> None:
    assert sign_in.actor_of(store, agency_session, now=NOW, address="198.51.100.9"), "no list: every address"
    agency_access.allow_network(admin, store, now=NOW, agency_code="AG01", network="203.0.113.0/24")
    assert sign_in.actor_of(store, agency_session, now=NOW, address="203.0.113.77")
    for elsewhere in ("198.51.100.9", "127.0.0.1", "", "not an address"):
        assert sign_in.actor_of(store, agency_session, now=NOW, address=elsewhere) is None, elsewhere


def test_a_session_that_outlived_its_agency_opens_nothing(store: Store, agency_session: str) -> None:
    with store.writing(SYSTEM, NOW) as transaction:  # as if it had begun in the same moment in which the agency ended
        transaction.connection.execute(update(agencies).values(state="ended"))
        transaction.audit("test.ended", "agency", "AG01")
    assert sign_in.actor_of(store, agency_session, now=NOW) is None


def test_an_agency_that_ends_while_a_password_is_checked_lets_nobody_in(
    store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_agency(store, "AG01")
    made = people.create_person(
        admin, store, now=NOW, sign_in_name="wang", display_name="Wang", role=Role.COLLECTOR, agency_code="AG01"
    )

    def slowly(stored: str | None, password: str) -> bool:
        with store.writing(SYSTEM, NOW) as transaction:
            transaction.connection.execute(update(agencies).values(state="ended"))
            transaction.audit("test.ended", "agency", "AG01")
        return True

    monkeypatch.setattr(sign_in, "verify_password", slowly)
    with pytest.raises(sign_in.SignInRefused):
        sign_in.sign_in(store, now=NOW, name="wang", password=made.temporary_password)


def test_whom_the_asset_company_locked_the_agency_does_not_unlock(store: Store, admin: Actor) -> None:
    an_agency(store, "AG01")
    who = people.create_person(
        admin, store, now=NOW, sign_in_name="li", display_name="Li", role=Role.COLLECTOR, agency_code="AG01"
    ).person.person_id
    more = {"now": NOW, "person_id": who, "reason": "because"}
    agency_staff.lock_agency_person(OWN, store, version=1, **more)
    agency_staff.unlock_agency_person(OWN, store, version=2, **more)
    people.deactivate_person(admin, store, version=3, **more)
    with pytest.raises(Refused, match="Ada of the asset company locked this account"):
        agency_staff.unlock_agency_person(OWN, store, version=4, **more)
    people.reactivate_person(admin, store, version=4, **more)
    agency_staff.lock_agency_person(OWN, store, version=5, **more)
    assert agency_staff.unlock_agency_person(OWN, store, version=6, **more).active


def test_who_wrote_a_part_that_others_wrote_over_does_not_publish_it(store: Store) -> None:
    first, second = a_person(store, "First", Role.SUPERVISOR), a_person(store, "Second", Role.MANAGER)
    one = draft(store, first)
    for version, writer in ((1, second), (2, first)):
        one = announcing.edit_announcement(
            writer, store, now=NOW, announcement_id=one.announcement_id, version=version,
            content=content(body_en=f"by {writer.name}"),
        )  # fmt: skip
    with pytest.raises(Refused, match="Somebody else publishes what you wrote"):
        publish(store, second, one)
    publish(store, a_person(store, "Third", Role.COMPLIANCE), one)


def test_what_could_not_be_carried_out_in_bulk_leaves_a_trace(store: Store) -> None:
    with kinds_of_the_tests():
        maker, checker = a_person(store, "Maker", Role.ANALYST), a_person(store, "Checker", Role.MANAGER)
        asked = [
            ask(store, maker, None, loan, now=NOW, kind=NOTE, arguments={"loan_id": loan, "refuse": loan == "L2"})
            for loan in ("L1", "L2")
        ]
        with pytest.raises(NotAllDecided):
            approvals.decide_requests(
                checker, store, now=NOW, decision=RequestMove.APPROVE, reason="looked at", key="bulk",
                items={one.request_id: read_of(one) for one in asked},
            )  # fmt: skip
    with store.reading() as connection:
        tried = connection.execute(
            select(audit_log.c.object_id, audit_log.c.actor_id).where(audit_log.c.action == "approval.not_carried_out")
        ).all()
    assert [tuple(row) for row in tried] == [(asked[1].request_id, checker.person_id)]


def test_corrected_values_stay_with_the_correction_and_out_of_the_log(store: Store) -> None:
    quarantine.correct_row(
        someone(Role.OPERATOR), store, now=NOW, file_id="f" * 64, line_no=7, feed="customers", source_code="SIM",
        decision="replay", corrected={"name": "张小明", "national_id": "110101199001010011"}, reason="typing", key="c1",
    )  # fmt: skip
    with store.reading() as connection:
        said = connection.execute(select(audit_log).where(audit_log.c.action == "quarantine.replay")).one()
    assert "张小明" not in repr(said)
    assert "110101199001010011" not in repr(said)
    assert '"columns":["name","national_id"]' in said.after_json
    for role, whole in ((Role.OPERATOR, True), (Role.MANAGER, False), (Role.ADMINISTRATOR, False)):
        (one,) = quarantine.list_corrections(someone(role), store)
        assert (one.corrected["name"] == "张小明") is whole, role


def _case(store: Store, collector: str) -> None:
    """One case with AG01 since yesterday, assigned to a collector of it."""
    values = {
        "case_id": "c1", "source_code": "SIM", "loan_id": "L1", "spell_no": 1, "debtor_key": "d1", "customer_id": "C1",
        "product_code": "p", "region_code": "1", "currency": "CNY", "principal_minor": 1, "interest_minor": 0,
        "fees_minor": 0, "penalty_minor": 0, "balance_minor": 1, "days_past_due": 1, "bucket": "M1",
        "as_of_date": date(2026, 11, 1), "state": "placed", "custody": "placed", "agency_code": "AG01",
        "collector_id": collector, "flags": "", "opened_date": date(2026, 11, 1), "opened_rule": "r",
        "opened_rule_version": 1, "opened_file_id": "f", "opened_line_no": 1, "event_count": 0, "version": 1,
    }  # fmt: skip
    begun = NOW - timedelta(days=1)
    with store.writing(SYSTEM, begun) as transaction:
        transaction.connection.execute(insert(cases).values(**values))
        transaction.connection.execute(
            insert(placements).values(
                placement_id="pl1", case_id="c1", nth=1, agency_code="AG01", placed_at=begun, due_at=NOW + 60 * MINUTE,
                first_contact_due_at=NOW, placed_by="p", placed_balance_minor=1, currency="CNY",
            )
        )  # fmt: skip
        transaction.connection.execute(
            insert(assignments).values(
                assignment_id="as1", case_id="c1", nth=1, collector_id=collector, agency_code="AG01", assigned_at=begun,
                assigned_by="p",
            )
        )  # fmt: skip
        transaction.audit("test.case", "case", "c1")


@pytest.fixture
def holder(store: Store, admin: Actor, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """A collector of AG01 with a case and, were their role allowed to export, the link to a file."""
    monkeypatch.setitem(GRANTS, "rows.export", GRANTS["rows.export"] | {Role.COLLECTOR})
    made = people.create_person(
        admin,
        store,
        now=NOW,
        sign_in_name="li",
        display_name="Li",
        role=Role.COLLECTOR,
        agency_code=an_agency(store, "AG01"),
    ).person
    actor = Actor(made.person_id, "Li", Role.COLLECTOR, "AG01")
    _case(store, actor.person_id)
    one = exports.new_export(
        NOW, actor, exports.Asked("cases", "Cases", {}, 3, "csv", "for work"), ExportState.REQUESTED
    )
    ready = {"state": "ready", "released_by": "p-other", "released_at": NOW, "made_at": NOW, "file_bytes": 1,
             "until_at": NOW + timedelta(hours=24), "file_sha256": "0" * 64}  # fmt: skip
    with store.writing(actor, NOW) as transaction:
        stored_exports.add(transaction.connection, one)
        exports.change(transaction, one, ready)
        transaction.audit("test.export", "export", one.number)
    return actor


def fetch(holder: Actor, store: Store, now=NOW) -> None:
    with store.reading() as connection:
        (one,) = stored_exports.open_of(connection, person_id=holder.person_id)
    exports.fetch_export(holder, store, now=now, export_id=one.export_id)


def test_a_link_of_an_agency_ends_when_a_placement_lapses(store: Store, holder: Actor) -> None:
    fetch(holder, store)
    fetch(holder, store, NOW + 59 * MINUTE)
    with pytest.raises(NoSuchExport):
        fetch(holder, store, NOW + 60 * MINUTE)


@pytest.mark.parametrize(
    ("table", "values"),
    [(placements, {"end_reason": "recalled", "ended_balance_minor": 1}), (assignments, {"end_reason": "withdrawn"})],
    ids=["recalled", "withdrawn"],
)
def test_a_link_of_an_agency_ends_with_what_it_may_hold(store: Store, holder: Actor, table, values) -> None:
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(update(table).values(ended_at=NOW + MINUTE, ended_by="p", **values))
        transaction.audit("test.over", "case", "c1")
    with pytest.raises(NoSuchExport):
        fetch(holder, store, NOW + 2 * MINUTE)


def test_a_link_ends_with_the_agency(store: Store, admin: Actor, holder: Actor) -> None:
    from ops_app.domain.organisation.agencies import AgencyMove
    from ops_app.services.organisation.agencies import move_agency

    manager, more = someone(Role.MANAGER), {"now": NOW, "agency_code": "AG01", "today": NOW.date(), "reason": "over"}
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(update(agencies).values(state="suspended"))
        transaction.connection.execute(
            update(cases).values(agency_code=None, collector_id=None, state="entered", custody="in_house")
        )
        transaction.audit("test.suspended", "agency", "AG01")
    move_agency(manager, store, version=1, what=AgencyMove.END, **more)
    with store.reading() as connection:
        assert stored_exports.open_of(connection, person_id=holder.person_id) == []


def test_nobody_leaves_with_cases(store: Store, admin: Actor, holder: Actor) -> None:
    with store.reading() as connection:
        version = connection.execute(
            select(people_table.c.version).where(people_table.c.person_id == holder.person_id)
        ).scalar_one()
    with pytest.raises(PersonStillHolds, match=r"cases \(1\)"):
        leave_house(
            admin, store, now=NOW, person_id=holder.person_id, version=version, left_date=NOW.date(), reason="left"
        )


def test_nobody_changes_role_or_agency_with_cases(store: Store, admin: Actor, holder: Actor) -> None:
    given = {"now": NOW, "person_id": holder.person_id, "version": 1, "reason": "moved"}
    an_agency(store, "AG02")
    for role, agency in ((Role.AGENCY_SUPERVISOR, "AG01"), (Role.COLLECTOR, "AG02"), (Role.COLLECTOR, None)):
        with pytest.raises(PersonStillHolds, match=r"cases \(1\)"):
            people.change_role(admin, store, role=role, agency_code=agency, **given)
