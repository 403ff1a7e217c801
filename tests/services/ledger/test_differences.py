"""Differences of ledger and feed: listed, owned, left open with a reason, accepted by two people."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from ops_app.domain.errors import DomainError, Invalid, NotFound
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.differences import DifferenceChanged, DifferenceOver
from ops_app.domain.organisation.approvals import NotCarriedOut, OpenAlready
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.ledger.differences import (
    NOBODY,
    DifferenceFilter,
    ask_accept,
    leave_open,
    list_differences,
    read_difference,
    take_difference,
)
from ops_app.store.ledger import differences, journal
from ops_app.store.store import Store
from ops_app.store.tables.journal import ledger_differences
from tests.bench import plans
from tests.services.casework.casebook import NOW, some_cases
from tests.services.ledger.closed import approved, two_people
from tests.services.ledger.entering import paid, taken_over

DAY = date(2026, 11, 2)


def a_difference(store: Store, case_id: str, number: int = 1, **other: Any) -> str:
    """A difference as the feed of a day leaves it; its id."""
    values: dict[str, Any] = {
        "difference_id": f"{number:032x}", "case_id": case_id, "component": "principal", "currency": "CNY",
        "ledger_minor": 100_000, "feed_minor": 99_000, "as_of_date": date(2026, 11, 20),
        "opened_date": date(2026, 11, 20), "state": "open", "version": 1,
    } | other  # fmt: skip
    with store._writers.begin() as connection:
        connection.execute(insert(ledger_differences).values(values))
    return str(values["difference_id"])


def owed(store: Store, case_id: str) -> dict[Component, int]:
    with store.reading() as connection:
        return journal.positions(connection, [case_id])[case_id].owed


def test_the_lenders_figure_is_accepted_by_two_people_and_posted_once(store: Store, tmp_path: Path) -> None:
    finance, manager = two_people(store)
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY)
    found = a_difference(store, one)
    asked = ask_accept(finance, store, now=NOW, difference_id=found, version=1, reason="the lender is right", key="k")
    again = ask_accept(finance, store, now=NOW, difference_id=found, version=1, reason="the lender is right", key="k")
    assert asked == again
    with pytest.raises(OpenAlready):
        ask_accept(finance, store, now=NOW, difference_id=found, version=1, reason="once more", key="other")
    with pytest.raises(DomainError):
        approved(store, finance, asked, NOW)
    assert owed(store, one)[Component.PRINCIPAL] == 100_000
    approved(store, manager, asked, NOW)
    assert owed(store, one)[Component.PRINCIPAL] == 99_000
    now = read_difference(finance, store, now=NOW, difference_id=found)
    assert (now.state, now.decided_by, now.version) == ("accepted", manager.person_id, 2)
    with pytest.raises(DifferenceOver):
        ask_accept(finance, store, now=NOW, difference_id=found, version=2, reason="once more", key="third")


@pytest.mark.parametrize("moved", [{"feed_minor": 98_000}, {"state": "cleared"}])
def test_what_moved_since_it_was_asked_for_is_not_accepted(store: Store, tmp_path: Path, moved: dict[str, Any]) -> None:
    finance, manager = two_people(store)
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY)
    found = a_difference(store, one)
    asked = ask_accept(finance, store, now=NOW, difference_id=found, version=1, reason="the lender is right", key="k")
    with store._writers.begin() as connection:
        connection.execute(update(ledger_differences).values(moved))
    with pytest.raises(NotCarriedOut):
        approved(store, manager, asked, NOW)
    assert owed(store, one)[Component.PRINCIPAL] == 100_000


def test_more_than_is_there_is_not_taken_off(store: Store, tmp_path: Path) -> None:
    finance, manager = two_people(store)
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY)
    found = a_difference(store, one, ledger_minor=100_000, feed_minor=50_000)
    asked = ask_accept(finance, store, now=NOW, difference_id=found, version=1, reason="the lender is right", key="k")
    paid(store, one, date(2026, 11, 19), 80_000)
    with pytest.raises(NotCarriedOut):
        approved(store, manager, asked, NOW)


def test_it_is_taken_and_left_open_with_a_reason_on_the_version_that_was_read(store: Store, tmp_path: Path) -> None:
    finance, _ = two_people(store)
    found = a_difference(store, some_cases(store, tmp_path, 1, in_ledger=False)[0])
    mine = take_difference(finance, store, now=NOW, difference_id=found, version=1)
    assert (mine.owner_id, mine.owner_name, mine.version) == (finance.person_id, "Fan", 2)
    assert take_difference(finance, store, now=NOW, difference_id=found, version=1) == mine
    with pytest.raises(DifferenceChanged):
        leave_open(finance, store, now=NOW, difference_id=found, version=1, reason="waits for the lender")
    left = leave_open(finance, store, now=NOW, difference_id=found, version=2, reason="waits for the lender")
    assert (left.state, left.reason, left.version) == ("open", "waits for the lender", 3)
    with pytest.raises(Invalid):
        leave_open(finance, store, now=NOW, difference_id=found, version=3, reason=" ")
    with pytest.raises(NotFound):
        read_difference(finance, store, now=NOW, difference_id="none")


def some_differences(store: Store, ids: list[str]) -> None:
    day = date(2026, 11, 1)
    parts = ("principal", "interest", "fees")
    for number, case_id in enumerate(ids):
        for place, part in enumerate(parts):
            a_difference(store, case_id, 1 + number * 3 + place, component=part, feed_minor=100_000 + 10 * number - 5,
                         opened_date=day + timedelta(days=5 * number))  # fmt: skip


def test_the_list_is_narrowed_sorted_turned_and_added_up(store: Store, tmp_path: Path) -> None:
    finance, _ = two_people(store)
    ids = some_cases(store, tmp_path, 5, in_ledger=False)
    some_differences(store, ids)
    whole = list_differences(finance, store, now=NOW, limit=100)
    assert len(whole.rows) == 15
    assert [one.opened_date for one in whole.rows] == sorted(one.opened_date for one in whole.rows)
    rows, after = [], None
    while True:
        page = list_differences(finance, store, now=NOW, after=after, limit=4, descending=True)
        rows += page.rows
        if (after := page.next_after) is None:
            break
    assert rows == list(whole.rows)[::-1]
    (total,) = whole.sums
    assert (total.count, total.currency) == (15, "CNY")
    assert total.difference_minor == sum(one.difference_minor for one in whole.rows)
    assert total.gross_minor == sum(abs(one.difference_minor) for one in whole.rows)
    of_interest = list_differences(finance, store, now=NOW, wanted=DifferenceFilter(component="interest"))
    assert {one.component for one in of_interest.rows} == {"interest"}
    take_difference(finance, store, now=NOW, difference_id=whole.rows[0].difference_id, version=1)
    mine = list_differences(finance, store, now=NOW, wanted=DifferenceFilter(owner_id=finance.person_id))
    nobodys = list_differences(finance, store, now=NOW, wanted=DifferenceFilter(owner_id=NOBODY))
    assert (len(mine.rows), len(nobodys.rows)) == (1, 14)
    late = list_differences(finance, store, now=NOW, overdue=True)
    assert late.rows
    assert all(one.opened_date < late.overdue_before for one in late.rows)
    assert not list_differences(finance, store, now=NOW, wanted=DifferenceFilter(lender_code="B1")).rows
    assert not list_differences(finance, store, now=NOW, wanted=DifferenceFilter(state="cleared")).rows
    with pytest.raises(Invalid):
        list_differences(finance, store, now=NOW, after="nonsense")


def test_no_list_of_differences_reads_a_table_whole(store: Store, tmp_path: Path) -> None:
    some_differences(store, some_cases(store, tmp_path, 5, in_ledger=False))
    filters = [
        DifferenceFilter(), DifferenceFilter(component="fees"), DifferenceFilter(owner_id="p"),
        DifferenceFilter(owner_id=NOBODY), DifferenceFilter(lender_code="B1"), DifferenceFilter(opened_until=DAY),
    ]  # fmt: skip
    if store.dialect != "sqlite":
        pytest.skip("a store of few rows scans in PostgreSQL whatever its indexes")
    for wanted in filters:
        for after in (None, (DAY, "0" * 32)):
            for descending in (False, True):
                query = differences.page_query(wanted, after, 10, descending=descending)
                with plans.asked(store) as selects, store.reading() as connection:
                    connection.execute(query).all()
                told = "\n".join(plans.plan_of(store, each) for each in selects)
                assert "SEARCH ledger_differences USING INDEX" in told, told
                assert "TEMP B-TREE" not in told, told


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ANALYST, Role.COLLECTOR])
def test_differences_are_shown_to_who_reconciles(store: Store, role: Role) -> None:
    with pytest.raises(DomainError):
        list_differences(Actor("p", "P", role, "AG01"), store, now=NOW)
