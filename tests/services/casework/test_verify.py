"""Invariant 4 holds over what the services do, and a planted fault is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ops_app.services.casework.verify import verify_one_owner
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
