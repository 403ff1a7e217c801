"""The list of batches: every declared filter and sort, page after page, each by an index."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ops_app.domain.casework.placing import BatchKind
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.batches import LISTED_BY, Asked, batch_makers, list_batches, submit_batch
from ops_app.store.store import Store
from tests.bench import plans
from tests.services.casework.casebook import DAY, DUE, NOW, WHY, ZONE, a_collector, an_agency, versions
from tests.services.casework.test_batches import decide, queued


@pytest.fixture
def maker(store: Store) -> Actor:
    return a_collector(store, "maker", role=Role.SUPERVISOR)


@pytest.fixture
def manager(store: Store) -> Actor:
    return a_collector(store, "manager", role=Role.MANAGER)


def test_batches_are_listed_by_one_thing_at_a_time_page_after_page(
    store: Store, tmp_path: Path, maker: Actor, manager: Actor
) -> None:
    ids = queued(store, tmp_path)
    an_agency(store, "AG02")
    at = [NOW + timedelta(days=number) for number in range(3)]
    made = []
    for number, agency in enumerate(("AG01", "AG02", "AG01")):
        wanted = versions(store, ids[number], *(ids[3:] if number == 2 else ()))
        what = Asked(BatchKind.PLACE, wanted, ZONE, agency, DUE)
        made += submit_batch(maker, store, now=at[number], asked=what, reason=WHY, key=f"k{number}")
    decide(store, manager, made[0].batch_id, now=at[0])

    def listed(**wanted) -> list[int]:
        found, after = [], None
        while True:
            page = list_batches(manager, store, now=at[2], after=after, limit=1, **wanted)
            found += [made.index(one.batch) for one in page.rows]
            after = page.next_after
            if after is None:
                assert page.total == len(found)
                return found

    assert listed() == [2, 1, 0]
    assert listed(descending=False) == [0, 1, 2]
    assert listed(sort="case_count")[0] == 2
    assert listed(agency_code="AG01") == [2, 0]
    assert listed(state=RequestState.WAITING) == [2, 1]
    assert listed(state=RequestState.APPROVED) == [0]
    assert listed(kind=BatchKind.EXTEND) == []
    assert listed(made_by=maker.person_id, since=DAY + timedelta(days=2)) == [2, 1]
    assert listed(state=RequestState.WAITING, until=DAY + timedelta(days=2)) == [1]
    assert batch_makers(manager, store, now=at[2]) == {maker.person_id: maker.name}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": BatchKind.PLACE, "agency_code": "AG01"}, "kind"),
        ({"sort": "balance_minor"}, "sort"),
        ({"state": RequestState.WAITING, "sort": "case_count"}, "sort"),
        ({"since": DAY, "sort": "case_count"}, "since"),
        ({"after": "nonsense"}, "after"),
    ],
)
def test_a_list_of_batches_refuses_what_no_index_serves(store: Store, maker: Actor, given: dict, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        list_batches(maker, store, now=NOW, **given)
    assert refusal.value.field == field


def test_no_list_of_batches_walks_all_of_them_or_sorts_by_hand(store: Store, maker: Actor) -> None:
    values = {"kind": BatchKind.PLACE, "agency_code": "AG01", "made_by": "p-x", "state": RequestState.WAITING}
    for name, sorts in LISTED_BY.items():
        for sort in sorts:
            for descending in (True, False):
                given = {name: values[name]} if name else {}
                with plans.asked(store) as selects:
                    list_batches(maker, store, now=NOW, sort=sort, descending=descending, **given)
                for one in selects:
                    if "case_batches" in one[0]:
                        plan = plans.plan_of(store, one)
                        assert "TEMP B-TREE" not in plan, (name, sort, plan)
                        if store.dialect == "sqlite":
                            lead = f"{name}=?" if name else "USING"
                            assert lead in plan, (name, sort, plan)
