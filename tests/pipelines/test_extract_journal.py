"""The journal in the warehouse's copies: only what is new is copied, and all where the store is another one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text

from ops_app.bootstrap import App
from ops_app.domain.ledger.repayments import RepaymentKind
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.repayments import push_payment
from pipelines import extract_appends, extracts
from pipelines.extracts import copy_table, extract_ops, opened
from pipelines.warehouse import Warehouse
from tests.pipelines.raw_rows import DAY
from tests.services.ledger.people import a_repayment

JOURNAL = ("journal_entries", "journal_lines", "ledger_events")
NOW = datetime(2026, 3, 10, 15, 59, 59, tzinfo=UTC)


def pay(house: App, payment_id: str, amount: int = 100, **other: Any) -> None:
    push_payment(SYSTEM, house.store, now=NOW, payment=a_repayment(payment_id, amount, **other), business_date=DAY)


def copies(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    return {table: warehouse.query(f"select * from ops.{table} order by all") for table in JOURNAL}


def touched(warehouse: Warehouse, table: str) -> set[date]:
    found = warehouse.query("select distinct partition_date from raw.touched where feed = ?", [f"ops.{table}"])
    with warehouse.open() as connection:
        connection.execute("delete from raw.touched")
    return {day for (day,) in found}


@pytest.fixture
def in_full(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The journal's tables that were copied in full."""
    done: list[str] = []

    def noted(connection: Any, table: str) -> None:
        if table in JOURNAL:
            done.append(table)
        extract_appends.keep_all(connection, table)

    monkeypatch.setattr(extracts, "keep_all", noted)
    return done


def test_only_what_is_new_is_copied_and_the_copy_is_the_whole(house: App, warehouse: Warehouse, in_full: list[str]):
    pay(house, "P1", value_date=date(2026, 3, 8))
    assert extract_ops(warehouse, house.settings)["journal_lines"] == 1
    assert touched(warehouse, "journal_entries") == {date(2026, 3, 8)}
    in_full.clear()
    pay(house, "P2", value_date=date(2026, 3, 9))
    counts = extract_ops(warehouse, house.settings)
    assert in_full == []
    assert {table: counts[table] for table in JOURNAL} == dict.fromkeys(JOURNAL, 2)
    assert touched(warehouse, "ledger_events") == {date(2026, 3, 9)}
    before = copies(warehouse)
    with warehouse.open() as connection:
        for table in JOURNAL:
            connection.execute(f"drop table ops.{table}")
    extract_ops(warehouse, house.settings)
    assert sorted(in_full) == sorted(JOURNAL)
    assert copies(warehouse) == before
    touched(warehouse, "journal_entries")
    extract_ops(warehouse, house.settings)
    assert warehouse.query("select feed from raw.touched where feed like 'ops.%'") == []


def test_the_days_of_a_payment_that_is_taken_back_are_touched_with_that_of_its_reversal(
    house: App, warehouse: Warehouse
):
    pay(house, "P1", value_date=date(2026, 3, 8))
    extract_ops(warehouse, house.settings)
    touched(warehouse, "journal_entries")
    pay(house, "R1", kind=RepaymentKind.REVERSAL, reverses_payment_id="P1", value_date=date(2026, 3, 9))
    extract_ops(warehouse, house.settings)
    # the reversal is an event of its own day; the day of what it takes back is named with it
    assert touched(warehouse, "ledger_events") == {date(2026, 3, 8), date(2026, 3, 9)}


@pytest.mark.parametrize(
    "damage",
    [
        "delete from ops.journal_lines",
        "update ops.journal_entries set posted_at = posted_at + interval 1 second where entry_no = 1",
        "update ops.journal_lines set credit_account = 'suspense_unmatched'",
        "insert into ops.ledger_events by name select 'other' as event_id, * exclude (event_id, seq), 99 as seq"
        " from ops.ledger_events limit 1",
    ],
)
def test_a_copy_that_is_not_what_the_store_began_with_is_made_anew(
    house: App, warehouse: Warehouse, in_full: list[str], damage: str
):
    pay(house, "P1")
    pay(house, "P2")
    extract_ops(warehouse, house.settings)
    before = copies(warehouse)
    with warehouse.open() as connection:
        connection.execute(damage)
    in_full.clear()
    extract_ops(warehouse, house.settings)
    assert len(in_full) == 1
    assert copies(warehouse) == before


def test_rows_whose_number_was_given_before_the_last_copy_are_found(
    house: App, warehouse: Warehouse, in_full: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(extract_appends, "TAIL", 1)
    for number in range(4):
        pay(house, f"P{number}")
    extract_ops(warehouse, house.settings)
    before = copies(warehouse)
    with warehouse.open() as connection:  # as if the copy had been made before the transaction of entry 1 ended
        for table in ("journal_entries", "journal_lines"):
            connection.execute(f"delete from ops.{table} where entry_no = 1")
        connection.execute("delete from ops.ledger_events where seq = 1")
    in_full.clear()
    extract_ops(warehouse, house.settings)
    assert sorted(in_full) == sorted(JOURNAL)
    assert copies(warehouse) == before


def test_the_journal_is_of_the_moment_of_the_other_tables(house: App, warehouse: Warehouse):
    pay(house, "P1")
    with warehouse.open() as connection, opened(house.settings) as reader:
        copy_table(connection, reader, "payments", into="before_it")
        pay(house, "P2")
        extract_appends.begin(connection)
        assert extracts.extract_appended(connection, reader, "journal_lines") == 1


def test_a_copy_without_rows_that_the_store_has_is_never_kept(
    house: App, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
):
    pay(house, "P1")
    extract_ops(warehouse, house.settings)
    before = copies(warehouse)
    monkeypatch.setattr(extracts, "totals_of_store", lambda reader, table: (7, 7))
    monkeypatch.setattr(extracts, "append", lambda *_: False)
    with pytest.raises(RuntimeError, match="the ops store"):
        extract_ops(warehouse, house.settings)
    assert copies(warehouse) == before
    with house.store.reading() as connection:
        assert connection.execute(text("select count(*) from journal_lines")).scalar_one() == 1
