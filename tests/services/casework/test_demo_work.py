"""The demo works by itself: its people place, assign, recall and ask by the acts that anybody would use."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from ops_app.domain.casework.cases import Custody
from ops_app.domain.errors import Refused
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.exports import ExportState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.casework import demo_work
from ops_app.services.casework.batches import list_batches
from ops_app.services.casework.cases import CaseFilter, list_cases, list_placements
from ops_app.services.casework.demo_work import create_demo_work
from ops_app.services.casework.recalling import announced_recalls
from ops_app.services.casework.request_reading import CaseRequestFilter, list_case_requests
from ops_app.services.organisation.announcement_reading import list_unacknowledged
from ops_app.services.organisation.approvals import RequestFilter, list_requests
from ops_app.services.organisation.demo_approving import Cast
from ops_app.services.organisation.demo_organisation import create_demo_organisation
from ops_app.services.organisation.demo_people import create_demo_people
from ops_app.services.organisation.exports import own_export_like
from ops_app.services.organisation.todo import list_todos
from ops_app.services.organisation.verify import verify_audit
from ops_app.store.organisation import agencies
from ops_app.store.store import Store
from ops_app.store.tables.casework import cases
from pipelines.simulator.parameters import AGENCY_REGIONS
from tests.services.casework.asking import ZONE
from tests.services.casework.casebook import NOW, a_debtor, a_spell, taken_in

TODAY = NOW.astimezone(ZONE).date()
REGIONS = ("310000", "320000", "410000", "440000", "510000", "110000")


def work(store: Store) -> bool:
    return create_demo_work(SYSTEM, store, now=NOW, zone=ZONE, demo=True)


def portfolio(store: Store, evidence: Path, count: int = 72) -> None:
    """Cases that are due for placement, round the regions, and a few that are not; the demo's people and agencies."""
    numbers = range(1, count + 1)
    spells = [
        a_spell(n, region_code=REGIONS[n % 6], is_due_for_placement=n % 12 > 1, lender_code="HYB", as_of_date=TODAY)
        for n in numbers
    ]
    taken_in(store, evidence, *spells, debtors=[a_debtor(n) for n in numbers])
    create_demo_people(SYSTEM, store, now=NOW, demo=True)
    create_demo_organisation(SYSTEM, store, now=NOW, today=TODAY, demo=True)


@pytest.fixture
def people(store: Store, tmp_path: Path) -> Cast:
    """The people of a demo whose work is done."""
    portfolio(store, tmp_path)
    work(store)
    return Cast(store)


def custodies(store: Store) -> dict[str, int]:
    with store.reading() as connection:
        return dict(connection.execute(select(cases.c.custody, func.count()).group_by(cases.c.custody)).all())


def where_each_is(store: Store) -> list[tuple[object, ...]]:
    wanted = (cases.c.case_id, cases.c.state, cases.c.agency_code, cases.c.collector_id)
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(select(*wanted).order_by(cases.c.case_id))]


def test_two_agencies_hold_cases_of_regions_of_their_own_and_lists_are_not_empty(store: Store, people: Cast) -> None:
    supervisor = people.actor("supervisor")
    running = list_placements(supervisor, store, now=NOW, ended=False, limit=500).rows
    regions = {
        code: {case.region_code for one, case in running if one.agency_code == code} for code in ("AG01", "AG02")
    }
    assert regions == {"AG01": {"310000", "320000"}, "AG02": {"410000", "440000"}}
    assert {one.agency_code for one, _ in list_placements(supervisor, store, now=NOW, ended=True).rows} == {"AG02"}
    assert set(custodies(store)) == {"in_house", "to_be_placed", "placed", "recalled"}
    listed = list_batches(supervisor, store, now=NOW).rows
    batches = [(one.batch.kind.value, one.batch.agency_code, one.state) for one in listed]
    assert sorted(batches) == [
        ("place", "AG01", "approved"), ("place", "AG01", "approved"), ("place", "AG01", "approved"),
        ("place", "AG01", "waiting"), ("place", "AG02", "approved"), ("recall", "AG01", "approved"),
    ]  # fmt: skip
    goes_back = announced_recalls(people.actor("agency_supervisor"), store, now=NOW)
    assert sum(one.count for one in goes_back) > 0
    for name in ("collector", "agency_collector", "agency_collector_2"):
        assert list_cases(people.actor(name), store, now=NOW).rows, name


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("manager", {"approval"}),
        ("supervisor", {"approval"}),
        ("agency_supervisor", {"approval", "unassigned_case", "ending_placement"}),
        ("agency_supervisor_2", {"approval", "unassigned_case"}),
    ],
)
def test_something_waits_for_everybody_who_decides(store: Store, people: Cast, name: str, kinds: set[str]) -> None:
    counts = list_todos(people.actor(name), store, now=NOW, zone=ZONE).counts
    assert {kind for kind, count in counts.items() if count} == kinds


def test_nobody_decided_on_what_they_asked_for_and_the_audit_log_holds(store: Store, people: Cast) -> None:
    page = list_requests(
        people.actor("manager"), store, now=NOW, wanted=RequestFilter(states=frozenset(RequestState)), page_size=100
    )
    assert {one.kind for one in page.rows} >= {"cases.place", "cases.recall", "export.release", "announcement.publish"}
    asked = list_case_requests(people.actor("supervisor"), store, now=NOW, wanted=CaseRequestFilter())
    assert {one.kind.value for one in asked.rows} == {"instalment", "documents", "keep_case", "dispute"}
    assert verify_audit(store).state == "holds"


def test_the_agencies_must_acknowledge_and_the_export_is_that_of_the_page(store: Store, people: Cast) -> None:
    for name in ("agency_supervisor", "agency_collector", "agency_collector_2", "agency_admin"):
        assert len(list_unacknowledged(people.actor(name), store, now=NOW)) == 1, name
    assert list_unacknowledged(people.actor("supervisor"), store, now=NOW) == []
    one = own_export_like(
        people.actor("supervisor"), store, now=NOW, what="cases_all", filters={"sort": "days_past_due-"},
        file_format="xlsx",
    )  # fmt: skip
    assert one is not None
    assert one.state(NOW) is ExportState.REQUESTED


def test_the_same_portfolio_gives_the_same_work_and_a_second_call_changes_nothing(
    sqlite_url: str, postgresql_url: str, tmp_path: Path
) -> None:
    found = []
    for url in (sqlite_url, postgresql_url):
        opened = Store.open(url)
        portfolio(opened, tmp_path)
        assert work(opened)
        found.append(where_each_is(opened))
        assert not work(opened)
        found.append(where_each_is(opened))
        opened.close()
    assert found[0] == found[1] == found[2] == found[3]


def test_work_that_was_stopped_after_the_first_agency_goes_on_with_the_second(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio(store, tmp_path)

    def stopped(_: object) -> list[str]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(demo_work, "_place_second", stopped)
        with pytest.raises(KeyboardInterrupt):
            work(store)
    before = where_each_is(store)
    assert work(store)
    after = where_each_is(store)
    assert {one[0] for one in before if "AG01" in one} == {one[0] for one in after if "AG01" in one}
    assert any("AG02" in one for one in after)
    assert not any("AG02" in one for one in before)


def test_the_demo_has_somebody_for_every_role_but_those_of_the_field(store: Store) -> None:
    made = create_demo_people(SYSTEM, store, now=NOW, demo=True)
    assert {role.value for role in Role} - {one.role.value for one in made} <= {"allocation", "field_visitor", "system"}


def test_the_agencies_of_the_demo_work_where_those_of_its_simulator_do(store: Store) -> None:
    create_demo_people(SYSTEM, store, now=NOW, demo=True)
    create_demo_organisation(SYSTEM, store, now=NOW, today=TODAY, demo=True)
    with store.reading() as connection:
        for code, regions in AGENCY_REGIONS.items():
            found = agencies.by_code(connection, code)
            assert found is not None
            assert tuple(found.regions) == regions
    assert len({region for regions in AGENCY_REGIONS.values() for region in regions}) == 18


def test_the_work_of_the_demo_is_done_in_demo_mode_only(store: Store) -> None:
    with pytest.raises(Refused, match="demo mode"):
        create_demo_work(SYSTEM, store, now=NOW, zone=ZONE, demo=False)
    supervisor = Actor("p-x", "Sun", SYSTEM.role)
    assert not list_cases(supervisor, store, now=NOW, wanted=CaseFilter(custody=Custody.PLACED)).rows
