from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops_app.bootstrap import App
from ops_app.config import Settings
from pipelines.extracts import copy_table, opened
from pipelines.reconcile import reconcile
from pipelines.verify import verify_balanced, verify_carried, verify_everything, verify_rows, verify_snapshots
from pipelines.warehouse import Warehouse
from tests.pipelines.raw_rows import DAY, Raw


def verified(house: App, warehouse: Warehouse) -> dict[tuple[int, str], str]:
    return {(one.invariant, one.name): one.state for one in verify_everything(house)}


def test_a_healthy_house_verifies_and_says_what_is_not_built(house: App, warehouse: Warehouse, raw: Raw):
    raw.payment("P1", 100)
    raw.line("1", 100, "TRF-P1")
    reconcile(warehouse, house, DAY)
    states = verified(house, warehouse)
    assert "broken" not in states.values()
    assert {number for number, _ in states} == set(range(1, 15))
    assert states[(9, "a contact that a rule blocks cannot be started")] == "not built"


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


def test_money_of_a_currency_without_minor_units_is_compared_as_it_is(house: App, warehouse: Warehouse, raw: Raw):
    raw.payment("P1", 100, currency="VND")
    reconcile(warehouse, house, DAY)
    with warehouse.open() as connection, opened(house.settings) as reader:
        copy_table(connection, reader, "payments", into="verified_payments")
        copy_table(connection, reader, "breaks", into="verified_breaks")
        connection.execute("create schema if not exists marts")
        connection.execute(
            "create table marts.fct_repayments as select 'SIM' as source_code, 'P1' as payment_id, 'VND' as currency,"
            " cast(100 as decimal(18, 2)) as signed_amount"
        )
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
