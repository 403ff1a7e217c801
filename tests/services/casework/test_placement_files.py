"""The placement file: what is placed with an agency now, of one batch or all, and of no other agency."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ops_app.domain.casework.placing import BatchKind
from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.batches import Batch
from ops_app.services.casework.placement_files import (
    NoSuchPlacements,
    PlacedTotal,
    placed_batches,
    placed_cases,
    placed_totals,
)
from ops_app.services.casework.placing import queue_cases
from ops_app.store.store import Store
from tests.services.casework.casebook import (
    AG1,
    AG2,
    ALLOCATION,
    DUE,
    NOW,
    SUPERVISOR,
    WHY,
    a_collector,
    a_spell,
    an_agency,
    placed,
    recalled,
    some_cases,
    taken_in,
    versions,
)
from tests.services.casework.test_batches import asked, decide, submit

LATER = NOW + timedelta(hours=2)
ADMIN = Actor("p-aga", "Gong", Role.AGENCY_ADMINISTRATOR, "AG01")


def loans(actor: Actor, store: Store, agency: str = "AG01", batch: str | None = None) -> list[str]:
    found = placed_cases(actor, store, now=LATER, agency_code=agency, batch_id=batch, limit=100)
    return [one.loan_id for one in found]


@pytest.fixture
def ids(store: Store, tmp_path: Path) -> list[str]:
    made = some_cases(store, tmp_path)
    for code in ("AG01", "AG02"):
        an_agency(store, code)
    return made


def batch_of(store: Store, *ids: str, key: str) -> Batch:
    """A batch that a manager approved an hour later."""
    queue_cases(SUPERVISOR, store, now=NOW, wanted=versions(store, *ids), reason=WHY)
    (one,) = submit(store, a_collector(store, f"maker{key}", role=Role.SUPERVISOR), asked(store, *ids), key=key)
    decide(store, a_collector(store, f"manager{key}", role=Role.MANAGER), one.batch_id)
    return one


def test_the_file_of_a_batch_holds_what_it_placed_and_that_of_the_agency_all_it_has(
    store: Store, ids: list[str]
) -> None:
    one = batch_of(store, *ids[:2], key="k1")
    other = batch_of(store, ids[2], key="k2")
    placed(store, "AG01", ids[3], now=LATER - timedelta(minutes=1))
    placed(store, "AG02", ids[4])
    for actor in (AG1, ADMIN, ALLOCATION, SUPERVISOR):
        assert loans(actor, store, batch=one.batch_id) == ["L1", "L2"]
        assert loans(actor, store, batch=other.batch_id) == ["L3"]
        assert loans(actor, store) == ["L1", "L2", "L3", "L4"]
    (total,) = placed_totals(AG1, store, now=LATER, agency_code="AG01", batch_id=one.batch_id)
    assert total == PlacedTotal("CNY", 2, 100_001 + 100_002)
    found = placed_batches(AG1, store, now=LATER, agency_code="AG01")
    assert {it.batch_id for it in found} == {one.batch_id, other.batch_id}
    assert found[0].number.startswith("B20261124-")
    (row,) = placed_cases(AG1, store, now=LATER, agency_code="AG01", batch_id=other.batch_id, limit=5)
    assert (row.batch_id, row.placed_balance_minor, row.name_masked) != (None, 0, "王3")
    assert "王3" not in repr(row)


def test_an_agency_reads_its_own_and_a_foreign_one_is_answered_as_one_that_is_not_there(
    store: Store, ids: list[str]
) -> None:
    placed(store, "AG02", ids[0])
    said = []
    for code in ("AG02", "NOBODY"):
        for act in (placed_batches, placed_totals):
            with pytest.raises(NoSuchPlacements) as refusal:
                act(AG1, store, now=LATER, agency_code=code)
            said.append(refusal.value.en)
        with pytest.raises(NoSuchPlacements):
            loans(AG1, store, code)
    assert len(set(said)) == 1
    assert loans(AG2, store, "AG02") == ["L1"]
    with pytest.raises(NoSuchPlacements):
        loans(ALLOCATION, store, "NOBODY")


def test_what_was_recalled_or_has_lapsed_is_in_no_file_and_a_case_that_came_back_is_of_its_new_batch(
    store: Store, ids: list[str]
) -> None:
    one = batch_of(store, *ids[:2], key="k1")
    recalled(store, ids[0], now=LATER)
    assert loans(AG1, store, batch=one.batch_id) == ["L2"]
    placed(store, "AG01", ids[0], now=LATER)
    assert loans(AG1, store) == ["L1", "L2"]
    assert loans(AG1, store, batch=one.batch_id) == ["L2"]
    after = DUE + timedelta(seconds=1)
    assert placed_cases(AG1, store, now=after, agency_code="AG01", limit=9) == []
    assert placed_totals(ALLOCATION, store, now=after, agency_code="AG01") == []


def test_each_currency_has_a_total_of_its_own(store: Store, tmp_path: Path, ids: list[str]) -> None:
    dollars = a_spell(9, currency="USD", balance_minor=700)
    taken_in(store, tmp_path, dollars)
    placed(store, "AG01", ids[0], dollars["case_id"])
    found = placed_totals(AG1, store, now=LATER, agency_code="AG01")
    assert found == [PlacedTotal("CNY", 1, 100_001), PlacedTotal("USD", 1, 700)]


@pytest.mark.parametrize("role", [Role.COLLECTOR, Role.FINANCE, Role.MANAGER, Role.OPERATOR, Role.ANALYST])
def test_nobody_else_takes_a_placement_file(store: Store, ids: list[str], role: Role) -> None:
    with pytest.raises(Refused, match="agency supervisor"):
        loans(Actor("x", "X", role, "AG01" if role is Role.COLLECTOR else None), store)


def test_only_batches_by_which_cases_come_to_an_agency_have_a_file(store: Store, ids: list[str]) -> None:
    one = batch_of(store, *ids[:2], key="k1")
    maker = a_collector(store, "extender", role=Role.SUPERVISOR)
    more = asked(store, *ids[:2], kind=BatchKind.EXTEND, agency=None, due=DUE + timedelta(days=5))
    (longer,) = submit(store, maker, more, key="k9")
    decide(store, a_collector(store, "manager9", role=Role.MANAGER), longer.batch_id, now=LATER)
    assert [it.batch_id for it in placed_batches(AG1, store, now=LATER, agency_code="AG01")] == [one.batch_id]
    assert loans(AG1, store, batch=longer.batch_id) == []
