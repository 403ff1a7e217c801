"""Lists of cases: every declared filter and sort, page after page, each by an index."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ops_app.domain.casework.cases import Custody
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.personal import PersonalField, Term
from ops_app.domain.errors import Invalid, NotFound, Refused
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.casework import cases, finding
from ops_app.services.casework.cases import SORTS, CaseFilter, list_cases, list_placements
from ops_app.services.casework.finding import TooMany, search_cases
from ops_app.services.casework.following import complaints_in
from ops_app.services.casework.moving import clear_flag, set_flag
from ops_app.services.casework.unmasking import unmask
from ops_app.services.casework.viewing import open_case, open_with
from ops_app.store.casework import case_lists as stored
from ops_app.store.casework import placement_lists
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from tests.services.casework.casebook import (
    AG1,
    AG2,
    NOW,
    SUPERVISOR,
    WHY,
    ZONE,
    a_collector,
    a_spell,
    assigned,
    closing,
    now_is,
    placed,
    recalled,
    some_cases,
    taken_in,
)


@pytest.mark.parametrize(("sort", "descending"), product(SORTS, (True, False)))
def test_pages_follow_one_another_and_hold_every_case_once(
    store: Store, tmp_path: Path, sort: str, descending: bool
) -> None:
    taken_in(store, tmp_path, *(a_spell(n, days_past_due=n // 3, balance_minor=7) for n in range(1, 12)))
    found, after = [], None
    while True:
        page = list_cases(SUPERVISOR, store, now=NOW, sort=sort, descending=descending, after=after, limit=4)
        found += page.rows
        assert page.total == 11
        after = page.next_after
        if after is None:
            break
    keys = [(getattr(one, sort), one.case_id) for one in found]
    assert keys == sorted(keys, reverse=descending)
    assert len({one.case_id for one in found}) == 11


def test_a_list_is_narrowed_by_one_filter_and_a_range_of_its_sort(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", ids[4], ids[5])

    def listed(**wanted) -> list[str]:
        page = list_cases(SUPERVISOR, store, now=NOW, wanted=CaseFilter(**wanted), descending=False)
        assert page.total == len(page.rows)
        return [one.case_id for one in page.rows]

    assert listed(custody=Custody.PLACED) == listed(agency_code="AG01") == ids[4:]
    assert listed(custody=Custody.IN_HOUSE, least=2, most=3) == ids[1:3]
    page = list_cases(SUPERVISOR, store, now=NOW, wanted=CaseFilter(custody=Custody.PLACED))
    assert set(page.placements) == set(ids[4:])
    assert page.rows[0].name_masked == "王**"


@pytest.mark.parametrize(
    ("actor", "given", "field"),
    [
        (SUPERVISOR, {"sort": "loan_id"}, "sort"),
        (SUPERVISOR, {"limit": 0}, "limit"),
        (SUPERVISOR, {"limit": 501}, "limit"),
        (SUPERVISOR, {"after": "bm9uc2Vuc2U="}, "after"),
        (SUPERVISOR, {"after": "WyJiYWxhbmNlX21pbm9yIiwxLCJ4Il0="}, "after"),
        (SUPERVISOR, {"wanted": CaseFilter(custody=Custody.PLACED, agency_code="AG01")}, "custody"),
        (SUPERVISOR, {"wanted": CaseFilter(least="x")}, "least"),
        (SUPERVISOR, {"wanted": CaseFilter(tag="promising")}, "sort"),
        (SUPERVISOR, {"sort": "tagged_at"}, "sort"),
        (AG1, {"wanted": CaseFilter(agency_code="AG02")}, "agency_code"),
        (AG1, {"wanted": CaseFilter(collector_id="p-of-another-house")}, "collector_id"),
    ],
)
def test_what_no_index_serves_is_not_offered(store: Store, actor, given: dict, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        list_cases(actor, store, now=NOW, **given)
    assert refusal.value.field == field


def test_totals_are_counted_no_further_than_ten_thousand(store: Store, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(stored, "MOST_COUNTED", 3)
    some_cases(store, tmp_path, 6)
    assert list_cases(SUPERVISOR, store, now=NOW).total == 4


def test_placements_are_listed_by_what_is_asked(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    for number, one in enumerate(ids[:3]):
        placed(store, f"AG0{number % 2 + 1}", one, now=NOW + timedelta(minutes=number))
    taken_in(store, tmp_path, a_spell(1, **closing()), now=NOW + timedelta(days=1))

    def listed(**wanted) -> list[str]:
        found, after = [], None
        while True:
            page = list_placements(SUPERVISOR, store, now=NOW, after=after, limit=1, **wanted)
            found += [case.case_id for _, case in page.rows]
            after = page.next_after
            if after is None:
                return found

    assert listed() == [ids[2], ids[1], ids[0]]
    assert listed(ended=True) == [ids[0]]
    assert sorted(listed(ended=False)) == sorted(ids[1:3])
    assert listed(agency_code="AG02") == [ids[1]]


def test_an_agency_lists_what_each_of_its_collectors_has_and_of_no_other_house(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:3])
    placed(store, "AG02", ids[3])
    hers, theirs = a_collector(store, "hers", "AG01"), a_collector(store, "theirs", "AG02")
    assigned(store, AG1, hers, *ids[:2])
    assigned(store, AG2, theirs, ids[3])

    def listed(person) -> list[str]:
        page = list_cases(AG1, store, now=NOW, wanted=CaseFilter(collector_id=person.person_id), descending=False)
        assert page.total == len(page.rows)
        return [one.case_id for one in page.rows]

    assert listed(hers) == ids[:2]
    with pytest.raises(Invalid, match="no such collector"):  # as of one that there is not
        listed(theirs)


def test_placements_are_narrowed_by_loan_agency_and_period_together(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 12)
    for number, one in enumerate(ids):
        placed(store, f"AG0{number % 2 + 1}", one, now=NOW + timedelta(days=number), due_at=NOW + timedelta(days=90))
    later = NOW + timedelta(days=30)

    def loans(**wanted) -> list[str]:
        found, after = [], None
        while True:
            page = list_placements(SUPERVISOR, store, now=later, after=after, limit=2, **wanted)
            found += [case.loan_id for _, case in page.rows]
            after = page.next_after
            if after is None:
                assert page.total == len(found)
                return found

    assert loans(loan="L1") == ["L12", "L11", "L10", "L1"]
    assert loans(loan="L1", agency_code="AG02") == ["L12", "L10"]
    assert loans(loan="L1", descending=False) == ["L1", "L10", "L11", "L12"]
    first = NOW.astimezone(ZoneInfo(ZONE)).date()
    assert loans(since=first, until=first) == ["L1"]
    assert loans(since=first + timedelta(days=1), until=first + timedelta(days=2)) == ["L3", "L2"]
    assert loans(ended=False, sort="placed_at", descending=False, agency_code="AG01")[:2] == ["L1", "L3"]
    assert loans(ended=False, loan="L1", since=first + timedelta(days=90)) == loans(ended=False, loan="L1")
    assert loans(loan="L9", agency_code="AG02") == []


def test_a_day_of_a_period_begins_in_the_zone_of_the_house(store: Store, tmp_path: Path) -> None:
    (one,) = some_cases(store, tmp_path, 1)
    evening = NOW.replace(hour=17)  # the next day in Shanghai
    placed(store, "AG01", one, now=evening, due_at=evening + timedelta(days=30))

    def found(day: date) -> int:
        return len(list_placements(SUPERVISOR, store, now=evening, since=day, until=day).rows)

    assert (found(evening.date()), found(evening.date() + timedelta(days=1))) == (0, 1)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"sort": "ended_at"}, "sort"),
        ({"ended": True, "sort": "due_at"}, "sort"),
        ({"loan": "L"}, "loan"),
        ({"after": "nonsense"}, "after"),
    ],
)
def test_a_list_of_placements_refuses_what_no_index_serves(store: Store, given: dict, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        list_placements(SUPERVISOR, store, now=NOW, **given)
    assert refusal.value.field == field


def test_a_beginning_that_too_many_loans_have_is_refused(store: Store, tmp_path: Path, monkeypatch) -> None:
    some_cases(store, tmp_path, 12)
    for module in (placement_lists, cases):
        monkeypatch.setattr(module, "MOST_OF_A_LOAN", 3)
    with pytest.raises(Invalid, match="Type more of it"):
        list_placements(SUPERVISOR, store, now=NOW, loan="L1")
    assert list_placements(SUPERVISOR, store, now=NOW, loan="L12").rows == ()


def test_complaints_are_counted_in_the_placement_they_were_raised_in(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 2)
    placed(store, "AG01", *ids)
    complained = NOW + timedelta(days=1)
    set_flag(SUPERVISOR, store, now=complained, case_id=ids[0], version=now_is(store, ids[0]).version,
             flag=Flag.COMPLAINT, reason=WHY)  # fmt: skip
    recalled(store, *ids, now=NOW + timedelta(days=2))
    later = NOW + timedelta(days=3)
    clear_flag(SUPERVISOR, store, now=later, case_id=ids[0], version=now_is(store, ids[0]).version,
               flag=Flag.COMPLAINT, reason=WHY)  # fmt: skip
    placed(store, "AG02", *ids, now=later, due_at=later + timedelta(days=9))
    page = list_placements(SUPERVISOR, store, now=later)
    found = complaints_in(SUPERVISOR, store, now=later, placed=page.rows)
    raised = {(case.loan_id, one.agency_code): found[one.placement_id] for one, case in page.rows}
    assert raised == {("L1", "AG01"): 1, ("L1", "AG02"): 0, ("L2", "AG01"): 0, ("L2", "AG02"): 0}
    assert complaints_in(AG1, store, now=later, placed=page.rows) == {}


def test_a_list_says_who_has_a_case_open_within_reach_and_only_to_those_who_wait(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:2])
    placed(store, "AG02", ids[2])
    for one in (ids[0], ids[2]):
        open_case(SUPERVISOR, store, now=NOW, case_id=one)
    open_case(AG1, store, now=NOW, case_id=ids[1])

    def said(actor, now=NOW) -> dict[str, str]:
        return {one: lock.held_by_name for one, lock in open_with(actor, store, now=now, ids=ids).items()}

    assert said(AG1) == {ids[0]: "Sun"}
    assert said(AG2) == {ids[2]: "Sun"}
    assert said(SUPERVISOR) == {}  # its own, and an agency's, for which it does not wait
    assert said(AG1, NOW + timedelta(days=1)) == {}


def test_a_search_leaves_the_kind_and_a_hash_and_never_the_term(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    found = search_cases(SUPERVISOR, store, now=NOW, term=Term.NAME, text=" 王3 ", evidence=tmp_path)
    assert [one.case_id for one in found.rows] == [ids[2]]
    with store.reading() as connection:
        row = connection.execute(audit_log.select().where(audit_log.c.action == "case.searched")).one()
    assert row.object_id == "name"
    assert "王3" not in str(row)


def test_nobody_searches_faster_than_people_work(store: Store, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(finding, "MOST_SEARCHES", 3)
    some_cases(store, tmp_path)

    def search(actor, now=NOW) -> None:
        search_cases(actor, store, now=now, term=Term.LOAN, text="L1", evidence=tmp_path)

    for _ in range(3):
        search(SUPERVISOR)
    with pytest.raises(TooMany):
        search(SUPERVISOR)
    search(AG1)
    search(SUPERVISOR, NOW + timedelta(minutes=2))


def test_a_field_is_unmasked_with_a_reason_and_a_row(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path)
    mine = a_collector(store, "mine")
    assigned(store, SUPERVISOR, mine, ids[0])

    def show(field: PersonalField, reason: str = WHY, actor=mine) -> str:
        return unmask(actor, store, now=NOW, case_id=ids[0], field=field, reason=reason, evidence=tmp_path)

    assert show(PersonalField.NAME) == "王1"
    with pytest.raises(NotFound):
        show(PersonalField.ADDRESS)
    with pytest.raises(Refused):
        show(PersonalField.NATIONAL_ID)  # a right of its own, that a collector does not have
    with pytest.raises(Invalid):
        show(PersonalField.NAME, " ")
    with pytest.raises(Refused):
        show(PersonalField.NAME, actor=SYSTEM)
    with store.reading() as connection:
        rows = connection.execute(audit_log.select().where(audit_log.c.action == "debtor.unmasked")).all()
    assert [(row.actor_id, row.reason) for row in rows] == [(mine.person_id, WHY)]
    assert "王1" not in str(rows)
    assert now_is(store, ids[0]).debtor_key == rows[0].object_id
    assert mine.role is Role.COLLECTOR
