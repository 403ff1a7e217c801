from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from ops_app.bootstrap import App
from ops_app.config import Settings
from ops_app.domain.ledger.breaks import BreakKind
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.ledger.reconciliation import BreakFilter, list_breaks, match_break, read_break, reopen_break
from ops_app.services.ledger.repayments import list_payments, push_payment
from ops_app.services.organisation.people import create_person
from pipelines.extracts import EXTRACTED, extract_ops
from pipelines.reconcile import load_rules, reconcile
from pipelines.warehouse import Warehouse
from tests.pipelines.raw_rows import DAY, Raw
from tests.services.ledger.people import a_repayment, data_is_current
from tests.services.organisation.approving import ADMINISTRATOR

NOW = datetime(2026, 3, 10, 15, 59, 59, tzinfo=UTC)
ALL = BreakFilter(states=frozenset())


def everything(house: App, warehouse: Warehouse) -> tuple[Any, ...]:
    """All that reconciliation leaves behind, to be compared."""
    extract_ops(warehouse, house.settings)
    tables = ("recon.matches", "recon.proof", *(f"ops.{table}" for table in EXTRACTED))
    return tuple(warehouse.query(f"select * from {table} order by all") for table in tables)


def test_what_was_accepted_is_recorded_matched_or_broken_and_a_rerun_changes_nothing(
    house: App, warehouse: Warehouse, raw: Raw
):
    raw.payment("P1", 100)
    raw.payment("P2", 200)
    raw.line("1", 100, "TRF-P1")
    raw.line("2", 55, "nobody")
    done = reconcile(warehouse, house, DAY)
    assert (done.recorded, done.matches, done.breaks, done.opened) == (2, 1, 2, 2)
    assert done.balanced
    assert (done.difference_minor, done.explained_minor, done.unexplained_minor) == (145, 0, 145)
    first = everything(house, warehouse)
    again = reconcile(warehouse, house, DAY)
    assert (again.recorded, again.repeated, again.opened, again.cleared) == (0, 0, 0, 0)
    assert everything(house, warehouse) == first


def test_acts_of_a_run_carry_the_close_of_its_day(house: App, warehouse: Warehouse, raw: Raw):
    raw.payment("P1", 100)
    reconcile(warehouse, house, DAY)
    with house.store.reading() as connection:
        moments = {str(row[0]) for row in connection.execute(text("select distinct occurred_at from audit_log"))}
    assert {moment[:19] for moment in moments} == {"2026-03-10 15:59:59"}


def test_a_bank_line_that_comes_late_clears_the_break_it_explains(house: App, warehouse: Warehouse, raw: Raw):
    raw.payment("P1", 100)
    raw.line("9", 1, "x", direction="out")
    assert reconcile(warehouse, house, DAY).opened == 1
    raw.line("1", 100, "TRF-P1", file="b2", day=DAY + timedelta(days=1))
    done = reconcile(warehouse, house, DAY + timedelta(days=1))
    assert (done.cleared, done.matches, done.breaks) == (1, 1, 0)
    assert warehouse.query("select matched_date from recon.matches") == [(DAY + timedelta(days=1),)]


def test_what_arrives_later_is_not_seen_on_an_earlier_day(house: App, warehouse: Warehouse, raw: Raw):
    raw.payment("P1", 100)
    raw.payment("P2", 100, file="f2", day=DAY + timedelta(days=1))
    assert reconcile(warehouse, house, DAY).recorded == 1


def test_a_day_run_again_after_later_days_takes_nothing_back(house: App, warehouse: Warehouse, raw: Raw):
    raw.payment("P1", 100)
    raw.payment("P2", 70, file="f2", day=DAY + timedelta(days=1))
    raw.line("1", 70, "TRF-P2", day=DAY + timedelta(days=1))
    raw.line("0", 1, "x", direction="out")
    for day in (DAY, DAY + timedelta(days=1)):
        reconcile(warehouse, house, day)
    before = everything(house, warehouse)
    assert reconcile(warehouse, house, DAY).as_of == DAY + timedelta(days=1)
    assert everything(house, warehouse) == before


def test_other_content_of_a_payment_is_a_break_and_the_earliest_file_counts(house: App, warehouse: Warehouse, raw: Raw):
    raw.payment("P1", 100, file="f1")
    raw.payment("P1", 900, file="f2", day=DAY + timedelta(days=1), value_date=DAY)
    raw.line("1", 100, "TRF-P1")
    done = reconcile(warehouse, house, DAY + timedelta(days=1))
    assert (done.recorded, done.conflicting, done.matches, done.breaks) == (1, 1, 1, 0)
    (one,) = list_breaks(SYSTEM, house.store, now=NOW, wanted=ALL).rows
    assert (one.kind, one.lender_minor, one.recorded_minor) == (BreakKind.CONFLICTING_CONTENT, 900, 100)
    (kept,) = list_payments(SYSTEM, house.store, now=NOW).rows
    assert kept.content.amount_minor == 100
    before = everything(house, warehouse)
    assert reconcile(warehouse, house, DAY + timedelta(days=1)).conflicting == 1
    assert everything(house, warehouse) == before


def test_a_payment_pushed_before_its_file_comes_is_one_payment(house: App, warehouse: Warehouse, raw: Raw):
    two, three = (datetime(2026, 3, 10, hour, tzinfo=UTC) for hour in (2, 3))
    pushed = a_repayment("P1", 100, paid_at=two, posted_at=three, payer_name="张三", reference="TRF-P1")
    push_payment(SYSTEM, house.store, now=NOW, payment=pushed, business_date=DAY)
    raw.line("1", 100, "TRF-P1")
    assert reconcile(warehouse, house, DAY).matches == 1
    raw.payment("P1", 100)
    done = reconcile(warehouse, house, DAY)
    assert (done.recorded, done.conflicting, done.matches, done.breaks) == (0, 0, 1, 0)


def test_a_match_by_a_person_stands_in_the_next_run_until_it_is_reopened(house: App, warehouse: Warehouse, raw: Raw):
    person = create_person(
        ADMINISTRATOR, house.store, now=NOW, sign_in_name="sun", display_name="Sun", role=Role.FINANCE
    ).person
    sun = Actor(person.person_id, "Sun", Role.FINANCE)
    raw.payment("P1", 100, payer_account=None, payer_name=None)
    raw.line("1", 98, "nobody knows")
    reconcile(warehouse, house, DAY)
    data_is_current(house.store, day=DAY)
    ids = {one.kind: one.break_id for one in list_breaks(SYSTEM, house.store, now=NOW).rows}
    lender, bank = ids[BreakKind.UNMATCHED_LENDER], ids[BreakKind.UNMATCHED_BANK]
    match_break(sun, house.store, now=NOW, break_id=lender, expected_version=1, counterparts={bank: 1},
                accept_difference=True, reason="fee kept by the bank", key="k1")  # fmt: skip
    done = reconcile(warehouse, house, DAY)
    assert (done.breaks, done.explained_minor, done.unexplained_minor) == (0, 2, 0)
    assert warehouse.query("select pass_name, difference_minor from recon.matches") == [("manual", 2)]
    reopen_break(sun, house.store, now=NOW, break_id=lender, expected_version=2, reason="wrong payer", key="k2")
    done = reconcile(warehouse, house, DAY)
    assert (done.breaks, done.opened, done.unexplained_minor) == (2, 0, 2)
    assert warehouse.query("select * from recon.matches") == []


def test_a_break_carries_both_sides_for_the_desk(house: App, warehouse: Warehouse, raw: Raw):
    raw.payment("P1", 100)
    raw.line("1", 90, "TRF-P1", counterparty_name="张三")
    reconcile(warehouse, house, DAY)
    (one,) = list_breaks(SYSTEM, house.store, now=NOW).rows
    sides = read_break(SYSTEM, house.store, now=NOW, break_id=one.break_id).item.sides
    assert [(item["payment_id"], item["amount_minor"]) for item in sides["lender"]] == [("P1", 100)]
    assert [(item["line_id"], item["amount_minor"]) for item in sides["bank"]] == [("1", 90)]
    assert [item["payment_id"] for item in sides["recorded"]] == ["P1"]
    assert (one.lender_minor, one.bank_minor, one.recorded_minor, one.difference_minor) == (100, 90, 100, 10)


def test_a_payment_the_store_cannot_keep_is_counted_and_unbalances_the_day(house: App, warehouse: Warehouse, raw: Raw):
    raw.payment("P" * 201, 100)
    raw.payment("P1", 100)
    done = reconcile(warehouse, house, DAY)
    assert (done.recorded, done.unrecordable, done.balanced) == (1, 1, False)


def test_the_sides_leave_no_name_behind_that_hides_another_table(house: App, warehouse: Warehouse, raw: Raw):
    raw.payment("P1", 100)
    with warehouse.open() as connection:
        reconcile(warehouse, house, DAY)
        left = connection.execute(
            "select table_name from duckdb_tables() where temporary"
            " union all select view_name from duckdb_views() where temporary and not internal"
        ).fetchall()
    assert left == []


def test_the_rules_of_the_installation_can_be_read(settings: Settings):
    assert load_rules(settings).bank_late_days == 10
