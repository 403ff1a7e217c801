"""Invariant 4 holds over what the services do, and a planted fault is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.verify import verify_one_owner
from ops_app.services.casework.verify_reach import verify_reach
from ops_app.store.store import Store
from tests.services.casework.casebook import (
    AG1,
    NOW,
    a_collector,
    a_spell,
    assigned,
    closing,
    placed,
    recalled,
    some_cases,
    taken_in,
)

PLANTS = {
    "more than one active placement": (
        "drop index uq_placements_one_active",
        "insert into placements (placement_id, case_id, nth, agency_code, placed_at, due_at, first_contact_due_at,"
        " placed_by, placed_balance_minor, currency, ended_at, end_reason, ended_by, ended_balance_minor, end_note)"
        " select 'other', case_id, nth + 1, agency_code, placed_at, due_at, first_contact_due_at,"
        " placed_by, placed_balance_minor, currency, ended_at, end_reason, ended_by, ended_balance_minor, end_note"
        " from placements where ended_at is null and case_id = :id",
    ),
    "more than one active collector": (
        "drop index uq_assignments_one_active",
        "insert into assignments select 'other', case_id, nth + 1, collector_id, agency_code, assigned_at, assigned_by,"
        " ended_at, end_reason, ended_by from assignments where ended_at is null and case_id = :id",
    ),
    "its placement is not the one that is active": ("update cases set agency_code = 'AG77' where case_id = :id",),
    "its collector is not the one that is active": ("update cases set collector_id = null where case_id = :id",),
    "its history is not whole": ("update cases set event_count = event_count + 1 where case_id = :id",),
}


@pytest.fixture
def worked(store: Store, tmp_path: Path) -> list[str]:
    """Cases that were placed, assigned, recalled, placed again and paid."""
    ids = some_cases(store, tmp_path)
    placed(store, "AG01", *ids[:4])
    one, two = a_collector(store, "one", "AG01"), a_collector(store, "two", "AG01")
    assigned(store, AG1, one, *ids[:4])
    assigned(store, AG1, two, ids[1], now=NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=2)
    recalled(store, ids[2], now=later)
    placed(store, "AG02", ids[2], now=later)
    taken_in(store, tmp_path, a_spell(4, **closing()), now=NOW + timedelta(days=1))
    return ids


def test_it_holds_over_all_that_the_services_do(store: Store, worked: list[str]) -> None:
    found = verify_one_owner(store)
    assert (found.state, found.checked) == ("holds", len(worked)), found.detail


@pytest.mark.parametrize("what", PLANTS)
def test_a_planted_fault_is_named_with_its_case(store: Store, worked: list[str], what: str) -> None:
    with store._writers.begin() as connection:
        for statement in PLANTS[what]:
            connection.execute(text(statement), {"id": worked[0]} if ":id" in statement else {})
    found = verify_one_owner(store)
    assert (found.state, found.detail) == ("broken", f"case {worked[0]}: {what}")


def test_what_an_agency_does_to_its_own_cases_holds_and_anything_else_is_named(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 3)
    placed(store, "AG01", ids[0])
    mine = a_collector(store, "mine", "AG01")
    assigned(store, AG1, mine, ids[0])
    finding = verify_reach(store)
    assert (finding.invariant, finding.state, finding.checked) == (7, "holds", 2)
    with store.writing(AG1, NOW) as transaction:
        transaction.audit("case.flag_set", "case", ids[1])
    finding = verify_reach(store)
    assert finding.state == "broken"
    assert finding.detail.endswith("an agency acted on a case that was not with it")


def test_an_act_after_the_recall_or_a_collector_of_another_house_is_named(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 2)
    placed(store, "AG01", *ids)
    mine = a_collector(store, "mine", "AG01")
    assigned(store, AG1, mine, ids[0])
    recalled(store, ids[1], now=NOW + timedelta(hours=1))
    with store.writing(AG1, NOW + timedelta(minutes=59)) as transaction:
        transaction.audit("case.flag_set", "case", ids[1])
    assert verify_reach(store).state == "holds"
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(text("update people set agency_code = 'AG02'"))
        transaction.audit("test.moved", "person", mine.person_id)
    assert verify_reach(store).detail == f"case {ids[0]}: its collector is of another house"
    with store.writing(AG1, NOW + timedelta(hours=2)) as transaction:
        transaction.audit("case.flag_set", "case", ids[1])
    assert "an agency acted on a case that was not with it" in verify_reach(store).detail
