"""When placements and assignments end: at the moment that was due, never before they began, whenever a job runs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ops_app.domain.casework.cases import CaseState
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.cases import read_case
from ops_app.services.casework.ending import end_due_placements
from ops_app.services.casework.verify import verify_one_owner
from ops_app.store.store import Store
from tests.services.casework.casebook import (
    AG1,
    DAY,
    DUE,
    NOW,
    SUPERVISOR,
    a_collector,
    a_spell,
    assigned,
    closing,
    now_is,
    placed,
    some_cases,
    taken_in,
)

NEXT = DAY + timedelta(days=1)
CLOSE = NOW + timedelta(hours=1)
MORNING = NOW + timedelta(hours=8)
"""After the close of the business day, and before its run."""


def test_a_day_whose_run_comes_after_the_next_mornings_work_is_taken_in_all_the_same(
    store: Store, tmp_path: Path
) -> None:
    ids = some_cases(store, tmp_path, 3)
    placed(store, "AG01", *ids[:2], now=MORNING)
    assigned(store, AG1, a_collector(store, "hers", "AG01"), ids[0], now=MORNING + timedelta(hours=1))
    assigned(store, SUPERVISOR, a_collector(store, "his"), ids[2], now=MORNING)
    rows = [a_spell(n, **closing()) for n in (1, 2, 3)]
    assert taken_in(store, tmp_path, *rows, now=CLOSE, day=NEXT).closed == 3
    for one in ids:
        record = read_case(SUPERVISOR, store, now=MORNING, case_id=one)
        assert record.case.state is CaseState.CLOSED
        assert all(it.ended_at == it.placed_at == MORNING for it in record.placements)
        assert all(it.ended_at == it.assigned_at for it in record.assignments)
    assert verify_one_owner(store).state == "holds"


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=5)])
def test_a_lapsed_placement_has_ended_when_it_was_due_whenever_the_job_runs(
    store: Store, tmp_path: Path, late: timedelta
) -> None:
    ids = some_cases(store, tmp_path, 1)
    due = datetime(2026, 12, 23, 17, 0, tzinfo=UTC)  # the 24th in Shanghai
    placed(store, "AG01", ids[0], due_at=due)
    assigned(store, AG1, a_collector(store, "hers", "AG01"), ids[0])
    now = due + late
    assert end_due_placements(SYSTEM, store, now=now, today=(now + timedelta(hours=8)).date()) == 1
    record = read_case(SUPERVISOR, store, now=now, case_id=ids[0])
    assert [(it.ended_at, it.end_reason) for it in record.placements] == [(due, "lapsed")]
    assert [it.ended_at for it in record.assignments] == [due]
    assert record.placements[0].tail_until_date == date(2026, 12, 24) + timedelta(days=16)
    assert now_is(store, ids[0]).state is CaseState.RETURNED


def test_a_case_that_closes_after_its_placement_was_due_ends_it_as_of_then(store: Store, tmp_path: Path) -> None:
    ids = some_cases(store, tmp_path, 1)
    placed(store, "AG01", ids[0])
    after = DUE + timedelta(days=3)
    day = after.date()
    assert taken_in(store, tmp_path, a_spell(1, **closing(day=day)), now=after, day=day).closed == 1
    record = read_case(SUPERVISOR, store, now=after, case_id=ids[0])
    assert [(it.ended_at, it.end_reason) for it in record.placements] == [(DUE, "closed")]
    assert record.placements[0].tail_until_date == DUE.date() + timedelta(days=16)
