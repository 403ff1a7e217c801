"""No list of write-off reads the book whole: each walks the index of its order, or finds a few cases by their flag."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops_app.domain.ledger.write_off_criteria import WriteOffPath
from ops_app.services.ledger.write_off_reading import CANDIDATE_SORTS, SORTS, list_candidates, list_write_offs
from ops_app.store.store import Store
from tests.bench import plans
from tests.services.ledger.writing_off import MAKER, NOW, booked, on_the_books


@pytest.fixture
def small(sqlite_url: str, tmp_path: Path) -> Store:
    store = Store.open(sqlite_url)
    for _ in range(3):
        booked(store, on_the_books(store, tmp_path))
        on_the_books(store, tmp_path)
    return store


@pytest.mark.parametrize("sort", CANDIDATE_SORTS)
def test_cases_that_may_be_written_off_are_read_along_the_index_of_their_order(small: Store, sort: str) -> None:
    with plans.asked(small) as selects:
        page = list_candidates(MAKER, small, now=NOW, sort=sort, limit=2)
        list_candidates(MAKER, small, now=NOW, sort=sort, limit=2, after=page.next_after)
    assert page.next_after is not None
    assert plans.read_whole(small, selects) == []


def test_cases_of_the_deceased_are_found_by_the_flag(small: Store) -> None:
    with plans.asked(small) as selects:
        list_candidates(MAKER, small, now=NOW, path=WriteOffPath.DEATH)
    assert "ix_case_flags_flag_set" in "".join(plans.plan_of(small, one) for one in selects)


@pytest.mark.parametrize("sort", SORTS)
def test_the_ledger_is_read_along_the_index_of_its_order(small: Store, sort: str) -> None:
    with plans.asked(small) as selects:
        list_write_offs(MAKER, small, now=NOW, sort=sort, limit=2)
    read = "".join(plans.plan_of(small, one) for one in selects)
    assert f"ix_write_offs_{sort}_write_off_id" in read
