from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ops_app.bootstrap import App
from ops_app.config import Settings
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.ledger.repayments import push_payment
from ops_app.services.organisation.people import create_person
from pipelines.extracts import EXTRACTED, copy_table, extract_ops, opened
from pipelines.reconcile import reconcile
from pipelines.warehouse import Warehouse
from tests.pipelines.raw_rows import DAY, Raw
from tests.services.ledger.people import a_repayment
from tests.services.organisation.approving import ADMINISTRATOR

NOW = datetime(2026, 3, 10, 15, 59, 59, tzinfo=UTC)


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
