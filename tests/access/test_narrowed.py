"""What the matrix cannot see with whole roles: narrowed people, former agencies, files of cases out of reach."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from ops_app.domain.casework.alerts import NoSuchAlert
from ops_app.domain.casework.cases import NoSuchCase, case_id
from ops_app.domain.casework.evidence import NoSuchFile
from ops_app.domain.casework.requests import NoSuchCaseRequest
from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.approvals import NoSuchRequest
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.permissions import may
from ops_app.domain.organisation.rights import Rights
from ops_app.domain.organisation.units import UnitKind, unit_id_of
from ops_app.gateways.attachment_files import attach_file
from ops_app.services.casework.assigning import assign_cases, list_collectors, list_holders, move_all_cases
from ops_app.services.casework.monitoring import close_alerts, find_alerts, list_alerts, take_alerts
from ops_app.services.casework.recalling import announced_recalls, run_announce_recall
from ops_app.services.casework.request_answers import fetch_evidence
from ops_app.services.casework.request_reading import count_case_requests, list_case_requests, read_case_request
from ops_app.services.casework.take_over import history_of_case
from ops_app.services.casework.viewing import changes_since
from ops_app.services.organisation.approvals import my_requests, read_request, requests_on, withdraw
from ops_app.services.organisation.memberships import join_unit
from ops_app.services.organisation.units import add_unit
from ops_app.store.store import Store
from tests.access import world
from tests.access.world import THEN
from tests.services.casework.casebook import (
    AG1,
    AG2,
    NOW,
    SUPERVISOR,
    WHY,
    ZONE,
    a_collector,
    a_debtor,
    a_spell,
    assigned,
    placed,
    taken_in,
    versions,
)

ADMIN = Actor("p-admin", "Admin", Role.ADMINISTRATOR)
ELSEWHERE = replace(SUPERVISOR, rights=Rights(sources=frozenset({"OTHER"})))
"""A supervisor to whom only cases of another source are left."""
HERE = replace(SUPERVISOR, rights=Rights(sources=frozenset({"SIM"})))
LATE = NOW + timedelta(hours=49)


def test_alerts_are_listed_taken_and_closed_within_reach(store: Store, tmp_path: Path) -> None:
    world.made(store, tmp_path)
    find_alerts(SYSTEM, store, now=LATE, today=LATE.date())
    every = list_alerts(SUPERVISOR, store, now=LATE)
    assert every.rows
    seen = list_alerts(HERE, store, now=LATE)
    assert {one.alert_id for one in seen.rows} == {one.alert_id for one in every.rows if one.case_id}
    nothing = list_alerts(ELSEWHERE, store, now=LATE)
    assert (nothing.rows, nothing.counts) == ((), {})
    one = next(one for one in every.rows if one.case_id)
    for wanted in ({one.alert_id: one.version}, {"0" * 32: 1}):
        with pytest.raises(NoSuchAlert):
            take_alerts(ELSEWHERE, store, now=LATE, wanted=wanted, reason=WHY)
        with pytest.raises(NoSuchAlert):
            close_alerts(ELSEWHERE, store, now=LATE, wanted=wanted, note=WHY)
    assert close_alerts(HERE, store, now=LATE, wanted={one.alert_id: one.version}, note=WHY) == 1


def test_announced_recalls_are_those_of_cases_within_reach(store: Store, tmp_path: Path) -> None:
    made = world.made(store, tmp_path)
    for relation in ("own", "unassigned", "other"):
        with store.writing(SUPERVISOR, NOW) as transaction:
            asked = {"cases": versions(store, made.cases[relation]), "reason": WHY, "zone": ZONE}
            run_announce_recall(transaction, asked)
            transaction.audit("test.announced", "case", relation)

    def count(actor: Actor, agency_code: str | None = None) -> int:
        return sum(one.count for one in announced_recalls(actor, store, now=NOW, agency_code=agency_code))

    in_house = Actor("p-in-house", "In", Role.COLLECTOR)
    assert (count(AG1), count(AG2), count(made.mine)) == (2, 1, 1)
    assert count(AG1, "AG02") == 2, "whatever is asked for, an agency is answered with its own"
    assert (count(SUPERVISOR, "AG01"), count(HERE, "AG01")) == (2, 2)
    assert (count(ELSEWHERE, "AG01"), count(in_house, "AG01")) == (0, 0)


def test_an_agency_reads_of_changes_what_happened_in_its_own_time(store: Store, tmp_path: Path) -> None:
    made = world.made(store, tmp_path)
    one = made.cases["ended"]
    placed(store, "AG02", one, now=THEN)
    every = changes_since(SUPERVISOR, store, now=THEN, case_id=one, event_count=0)
    theirs = changes_since(AG2, store, now=THEN, case_id=one, event_count=0)
    assert [it.nth for it in theirs] == [every[-1].nth]
    assert theirs[0].what == "place"
    with pytest.raises(NoSuchCase):
        changes_since(AG1, store, now=THEN, case_id=one, event_count=0)


def test_history_of_a_case_that_is_not_there_is_refused(store: Store, tmp_path: Path) -> None:
    made = world.made(store, tmp_path)
    assert history_of_case(SUPERVISOR, store, now=THEN, case_id=made.cases["own"]) == ()
    with pytest.raises(NoSuchCase):
        history_of_case(SUPERVISOR, store, now=THEN, case_id="0" * 32)
    with pytest.raises(Refused):
        history_of_case(HERE, store, now=THEN, case_id=made.cases["own"])


def test_no_bytes_are_kept_for_a_case_out_of_reach(store: Store, tmp_path: Path) -> None:
    made = world.made(store, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for one in (made.cases["other"], made.cases["ended"], "0" * 32):
        with pytest.raises(NoSuchCase):
            attach_file(AG1, store, tmp_path, now=THEN, case_id=one, name="a.txt", data=b"anything at all")
    assert sorted(tmp_path.rglob("*")) == before
    attach_file(AG1, store, tmp_path, now=THEN, case_id=made.cases["own"], name="a.txt", data=b"anything at all")
    assert sorted(tmp_path.rglob("*")) != before


def test_whoever_sees_some_cases_only_pushes_no_loan_of_any_other() -> None:
    operator = Actor("p-op", "Ou", Role.OPERATOR)
    assert may(operator, "cases.push")
    assert not may(replace(operator, rights=Rights(sources=frozenset({"SIM"}))), "cases.push")


def in_unit(store: Store, unit: str, kind: UnitKind, name: str, under: str | None = None) -> Actor:
    """An in-house collector in a new unit."""
    who, begins = a_collector(store, name), date(2026, 1, 1)
    add_unit(
        ADMIN, store, now=NOW, unit_code=unit, name=unit, kind=kind, valid_from=begins,
        parent_id=unit_id_of(under) if under else None,
    )  # fmt: skip
    join_unit(ADMIN, store, now=NOW, person_id=who.person_id, unit_id=unit_id_of(unit), valid_from=begins)
    return who


def test_requests_are_listed_read_and_counted_for_the_cases_that_are_left(store: Store, tmp_path: Path) -> None:
    made = world.made(store, tmp_path)
    every = list_case_requests(SUPERVISOR, store, now=THEN)
    assert {one.case_id for one in every.rows} == {made.cases["own"], made.cases["other"]}
    assert list_case_requests(HERE, store, now=THEN).rows == every.rows
    assert count_case_requests(HERE, store, now=THEN) == (2, 0)
    nothing = list_case_requests(ELSEWHERE, store, now=THEN)
    assert (nothing.rows, nothing.total) == ((), 0)
    assert count_case_requests(ELSEWHERE, store, now=THEN) == (0, 0)
    for asked_for in (every.rows[0].case_request_id, every.rows[0].approval_id, "0" * 32):
        with pytest.raises(NoSuchCaseRequest):
            read_case_request(ELSEWHERE, store, now=THEN, case_request_id=str(asked_for))
    record = read_case_request(HERE, store, now=THEN, case_request_id=every.rows[0].case_request_id)
    given = {"now": THEN, "evidence_folder": tmp_path, "case_request_id": record.item.case_request_id,
             "evidence_id": record.files[0].evidence_id}  # fmt: skip
    assert fetch_evidence(HERE, store, **given)
    with pytest.raises(NoSuchFile):
        fetch_evidence(ELSEWHERE, store, **given)


def test_an_agency_whose_people_are_narrowed_sees_requests_of_the_sources_left(store: Store, tmp_path: Path) -> None:
    world.made(store, tmp_path)
    assert len(list_case_requests(AG1, store, now=THEN).rows) == 1
    less = replace(AG1, rights=Rights(sources=frozenset({"OTHER"})))
    assert list_case_requests(less, store, now=THEN).rows == ()


def test_collectors_and_holders_are_those_of_the_units_with_the_cases_that_are_left(
    store: Store, tmp_path: Path
) -> None:
    numbers = range(7101, 7105)
    taken_in(store, tmp_path, *(a_spell(n) for n in numbers), debtors=[a_debtor(n) for n in numbers])
    ids = [case_id("SIM", f"L{n}", 1) for n in numbers]
    ann = in_unit(store, "EAST", UnitKind.HEAD_OFFICE, "ann")
    bob = in_unit(store, "WEST", UnitKind.BRANCH, "bob", under="EAST")
    assigned(store, SUPERVISOR, ann, *ids[:2])
    assigned(store, SUPERVISOR, bob, *ids[2:])
    east = replace(SUPERVISOR, rights=Rights(units=frozenset({unit_id_of("EAST")})))

    def loads(actor: Actor) -> tuple[dict[str, int], dict[str, int]]:
        lists = (list_collectors(actor, store, now=THEN), list_holders(actor, store, now=THEN))
        first, second = ({one.display_name: one.load for one in found} for found in lists)
        return first, second

    both = {ann.name: 2, bob.name: 2}
    assert loads(SUPERVISOR) == (both, both)
    assert loads(HERE) == (both, both)
    assert loads(ELSEWHERE) == ({ann.name: 0, bob.name: 0}, {})
    assert loads(east) == ({ann.name: 2}, {ann.name: 2})
    for crafted in (
        lambda: assign_cases(east, store, now=THEN, wanted=versions(store, ids[0]), collector_id=bob.person_id,
                             reason=WHY),
        lambda: move_all_cases(east, store, now=THEN, from_id=bob.person_id, to_id=ann.person_id, reason=WHY),
        lambda: move_all_cases(east, store, now=THEN, from_id=ann.person_id, to_id=bob.person_id, reason=WHY),
    ):  # fmt: skip
        with pytest.raises(Invalid, match="no such collector here"):
            crafted()


def test_what_somebody_asked_for_goes_out_of_reach_with_the_case(store: Store, tmp_path: Path) -> None:
    made = world.made(store, tmp_path)
    (mine,) = my_requests(made.mine, store, now=THEN).rows
    given = {"now": THEN, "request_id": mine.request_id}
    less = replace(made.mine, rights=Rights(sources=frozenset({"OTHER"})))
    still = replace(made.mine, rights=Rights(sources=frozenset({"SIM"})))
    assert my_requests(still, store, now=THEN).rows == (mine,)
    assert read_request(still, store, **given).item == mine
    assert (my_requests(less, store, now=THEN).rows, my_requests(less, store, now=THEN).total) == ((), 0)
    assert requests_on(less, store, now=THEN, object_type="case", object_id=made.cases["own"]) == []
    for act in (
        lambda: read_request(less, store, **given),
        lambda: withdraw(less, store, **given, expected_version=mine.version, reason=WHY, key="k"),
    ):
        with pytest.raises(NoSuchRequest):
            act()
