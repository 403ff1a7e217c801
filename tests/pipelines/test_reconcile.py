from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.ledger.breaks import BreakKind
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.ledger.reconciliation import BreakFilter, list_breaks, match_break, read_break, reopen_break
from ops_app.services.ledger.repayments import list_payments, push_payment
from ops_app.services.organisation.people import create_person
from pipelines.extracts import EXTRACTED, copy_table, extract_ops, opened
from pipelines.reconcile import load_rules, reconcile
from pipelines.verify import verify_balanced, verify_carried, verify_everything, verify_rows, verify_snapshots
from pipelines.warehouse import Warehouse
from tests.services.ledger.people import ADMINISTRATOR, a_repayment, data_is_current

DAY = date(2026, 3, 10)
NOW = datetime(2026, 3, 10, 15, 59, 59, tzinfo=UTC)
ALL = BreakFilter(states=frozenset())


class Raw:
    """Rows of the raw feeds as ingest leaves them, without the files."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def add(self, feed: str, file: str, **values: Any) -> None:
        day = values.pop("file_date", DAY)
        values |= {"source_code": "SIM", "file_id": file, "file_date": day, "imputed_columns": ""}
        digest = hashlib.sha256(repr(sorted(values.items(), key=str)).encode()).hexdigest()
        values["row_hash"] = int(digest[:15], 16)
        with self.warehouse.open() as connection:
            (known,) = connection.execute(f"select count(*) from raw.{feed} where file_id = ?", [file]).fetchall()[0]
            values["line_no"] = known + 2
            names = ", ".join(values)
            connection.execute(
                f"insert into raw.{feed} ({names}) values ({', '.join('?' * len(values))})", list(values.values())
            )

    def payment(self, payment_id: str, amount: int, *, file: str = "f1", day: date = DAY, **other: Any) -> None:
        self.add("repayments", file, **{
            "payment_id": payment_id, "loan_id": "L1", "kind": "payment", "paid_at": f"{day} 02:00:00",
            "value_date": day, "posted_at": f"{day} 03:00:00", "amount_minor": amount,
            "currency": "CNY", "channel": "bank_transfer", "payer_name": "张三", "payer_account": "6222020012345678",
            "reference": f"TRF-{payment_id}", "file_date": day,
        } | other)  # fmt: skip

    def line(
        self, line_id: str, amount: int, reference: str, *, file: str = "b1", day: date = DAY, **other: Any
    ) -> None:
        self.add("bank_lines", file, **{
            "account": "99", "line_id": line_id, "booked_date": day, "value_date": day, "amount_minor": amount,
            "currency": "CNY", "direction": "in", "reference": reference, "file_date": day,
        } | other)  # fmt: skip

    def loan(self, loan_id: str = "L1") -> None:
        self.add("loans", "l1", loan_id=loan_id, as_of_date=DAY, customer_id="C1", currency="CNY", status="active",
                 outstanding_principal_minor=1, days_past_due=0)  # fmt: skip


@pytest.fixture
def house(settings: Settings, store_url: str) -> Iterator[App]:
    """An installation on each kind of store."""
    app = open_app(settings.model_copy(update={"ops_url": store_url}))
    yield app
    app.close()


@pytest.fixture
def warehouse(house: App) -> Warehouse:
    return Warehouse(house.settings.warehouse_path)


@pytest.fixture
def raw(warehouse: Warehouse) -> Raw:
    made = Raw(warehouse)
    made.loan()
    return made


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


# --- extracts -------------------------------------------------------------------------------------------------------


def test_empty_tables_are_extracted_with_their_types(house: App, warehouse: Warehouse):
    assert extract_ops(warehouse, house.settings) == dict.fromkeys(EXTRACTED, 0)
    types = dict(
        warehouse.query(
            "select column_name, data_type from information_schema.columns"
            " where table_schema = 'ops' and table_name in ('payments', 'breaks', 'people')"
        )
    )
    assert types["amount_minor"] == types["lender_minor"] == "BIGINT"
    assert (types["value_date"], types["recorded_at"], types["active"]) == ("DATE", "TIMESTAMP", "BOOLEAN")
    assert types["payer_account" if "payer_account" in types else "payment_id"] == "VARCHAR"


def test_no_secret_and_no_payer_leaves_the_store(house: App, warehouse: Warehouse, raw: Raw):
    create_person(ADMINISTRATOR, house.store, now=NOW, sign_in_name="sun", display_name="Sun", role=Role.FINANCE)
    raw.payment("P1", 100)
    reconcile(warehouse, house, DAY)
    extract_ops(warehouse, house.settings)
    columns = {
        name
        for (name,) in warehouse.query("select column_name from information_schema.columns where table_schema = 'ops'")
    }
    assert columns.isdisjoint({"password_hash", "payer_name", "payer_account", "sides_json", "session_hash"})
    cells = [str(row) for table in EXTRACTED for row in warehouse.query(f"select * from ops.{table}")]
    assert cells
    assert not any("张三" in cell or "6222020012345678" in cell or "$argon2" in cell for cell in cells)


def test_every_value_arrives_as_it_was_written(house: App, warehouse: Warehouse):
    odd = [
        a_repayment("P1", 1, reference="=1+1", payer_name="x", channel=None, posted_at=None),
        a_repayment("P2", 10**16, reference="'; drop table--", principal_minor=10**16, fees_minor=0, interest_minor=0,
                    penalty_minor=0, paid_at=datetime(2026, 3, 9, 23, 59, 59, 999_999, tzinfo=UTC)),
        a_repayment("P3", 5, reference="多行\n文本", currency="USD"),
    ]  # fmt: skip
    for one in odd:
        push_payment(SYSTEM, house.store, now=NOW, payment=one, business_date=DAY)
    extract_ops(warehouse, house.settings)
    rows = warehouse.query(
        "select payment_id, amount_minor, reference, channel, posted_at, principal_minor, paid_at, value_date"
        " from ops.payments order by 1"
    )
    assert rows == [
        (one.payment_id, one.amount_minor, one.reference, one.channel, None, one.principal_minor,
         one.paid_at.replace(tzinfo=None), one.value_date)
        for one in odd
    ]  # fmt: skip


def test_all_tables_are_of_one_moment_although_others_write_between_them(house: App, warehouse: Warehouse):
    push_payment(SYSTEM, house.store, now=NOW, payment=a_repayment("P1"), business_date=DAY)
    with warehouse.open() as connection, opened(house.settings) as reader:
        copy_table(connection, reader, "payments", into="before_it")
        push_payment(SYSTEM, house.store, now=NOW, payment=a_repayment("P2"), business_date=DAY)
        copy_table(connection, reader, "audit_log", into="after_it")
        counts = connection.execute("select (select count(*) from before_it), (select count(*) from after_it)")
        assert counts.fetchall() == [(1, 1)]


def test_the_reader_cannot_write_to_the_store(house: App):
    with opened(house.settings) as reader, reader.connection.cursor() as cursor:
        with pytest.raises(Exception, match=r"(?i)read.?only"):
            cursor.execute("delete from people")


def test_the_driver_never_opens_the_file_that_the_store_has_open(
    settings: Settings, app: App, warehouse_of_app: Warehouse
):
    # two SQLite libraries in one process on one file drop each other's locks (seen as a bus error)
    push_payment(SYSTEM, app.store, now=NOW, payment=a_repayment("P1"), business_date=DAY)

    with opened(settings) as reader, reader.connection.cursor() as cursor:
        cursor.execute("select file from pragma_database_list()")
        assert cursor.fetchall()[0][0] != str(app.store.file)

    assert extract_ops(warehouse_of_app, settings)["payments"] == 1
    assert [path.name for path in settings.home.iterdir() if path.is_dir() and path.name.startswith("tmp")] == []


@pytest.fixture
def warehouse_of_app(settings: Settings) -> Warehouse:
    return Warehouse(settings.warehouse_path)


# --- verification ---------------------------------------------------------------------------------------------------


def verified(house: App, warehouse: Warehouse) -> dict[tuple[int, str], str]:
    return {(one.invariant, one.name): one.state for one in verify_everything(house)}


def test_a_healthy_house_verifies_and_says_what_is_not_built(house: App, warehouse: Warehouse, raw: Raw):
    raw.payment("P1", 100)
    raw.line("1", 100, "TRF-P1")
    reconcile(warehouse, house, DAY)
    states = verified(house, warehouse)
    assert "broken" not in states.values()
    assert {number for number, _ in states} == set(range(1, 15))
    assert states[(3, "every journal entry sums to zero")] == "not built"


@pytest.mark.parametrize(
    ("damage", "check", "said"),
    [
        ("update raw.repayments set amount_minor = amount_minor + 1", verify_carried, "accepted"),
        ("delete from raw.repayments where payment_id = 'P2'", None, ""),
        ("update recon.proof set explained_minor = explained_minor + 1", verify_balanced, "proof sheet"),
        ("update recon.matches set difference_minor = 7", verify_balanced, "matches explain"),
        ("insert into recon.matches select 'other', * exclude (match_id) from recon.matches", verify_balanced, "twice"),
        (
            "insert into raw.files (file_id, file_name, rows_in, rows_accepted, rows_quarantined)"
            " values ('f', 'lost.csv', 10, 8, 1)",
            verify_rows,
            "lost.csv: 10 in",
        ),
        (
            "insert into raw.files (file_id, file_name, rows_in, rows_accepted, rows_quarantined)"
            " values ('f', 'lost.csv', 9, 8, 1)",
            verify_rows,
            "0 in the quarantine",
        ),
    ],
)
def test_planted_damage_in_the_warehouse_is_named(
    house: App, warehouse: Warehouse, raw: Raw, damage: str, check: Any, said: str
):
    raw.payment("P1", 100)
    raw.payment("P2", 30)
    raw.line("1", 100, "TRF-P1")
    reconcile(warehouse, house, DAY)
    with warehouse.open() as connection, opened(house.settings) as reader:
        copy_table(connection, reader, "payments", into="verified_payments")
        copy_table(connection, reader, "breaks", into="verified_breaks")
        for one in (verify_carried, verify_balanced, verify_rows):
            assert one(connection).state == "holds"
        connection.execute(damage)
        if check is None:  # a payment that is in no file any more stands beside, like one that was pushed
            assert verify_carried(connection).state == "holds"
            return
        finding = check(connection)
        assert finding.state == "broken"
        assert said in finding.detail


def test_money_that_is_not_in_the_marts_is_named(house: App, warehouse: Warehouse, raw: Raw):
    raw.payment("P1", 100)
    reconcile(warehouse, house, DAY)
    with warehouse.open() as connection, opened(house.settings) as reader:
        copy_table(connection, reader, "payments", into="verified_payments")
        copy_table(connection, reader, "breaks", into="verified_breaks")
        connection.execute("create schema if not exists marts")
        connection.execute(
            "create table marts.fct_repayments as select 'SIM' as source_code, 'P1' as payment_id, 'CNY' as currency,"
            " cast(0.99 as decimal(18, 2)) as signed_amount"
        )
        assert "marts 1 (99 minor)" in verify_carried(connection).detail
        connection.execute("update marts.fct_repayments set signed_amount = 1.00")
        assert verify_carried(connection).state == "holds"


def test_a_pointer_without_its_snapshot_is_named(settings: Settings):
    assert verify_snapshots(settings).state == "not built"
    folder: Path = settings.published / "asset_company"
    folder.mkdir(parents=True)
    (folder / "current.json").write_text('{"name": "gone.duckdb", "sha256": "x", "build_id": "b"}', encoding="utf-8")
    assert "gone.duckdb is not there" in verify_snapshots(settings).detail
    (folder / "gone.duckdb").write_bytes(b"other bytes")
    assert "is not the file that was published" in verify_snapshots(settings).detail
    (folder / "current.json").write_text("{", encoding="utf-8")
    assert "pointer cannot be read" in verify_snapshots(settings).detail
