"""A snapshot is whole or not published, and nobody is published what is not theirs."""

from __future__ import annotations

import json
import multiprocessing
import random
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ops_app.config import Settings
from pipelines import publish
from pipelines.durable import sha256_of
from pipelines.marts_hash import mart_hashes
from pipelines.publish import POINTER, NotWhole, Published, publish_snapshots
from pipelines.warehouse import Warehouse, connect
from tests.pipelines.publisher import DAY, ROWS, make_marts, publish_on

KILLS = 20


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    made = Warehouse(settings.warehouse_path)
    with made.open() as connection:
        make_marts(connection, 0)
    return made


def change(warehouse: Warehouse, version: int) -> None:
    with warehouse.open() as connection:
        make_marts(connection, version)


def current(settings: Settings, audience: str = "asset_company") -> dict[str, str]:
    pointer: dict[str, str] = json.loads((settings.published / audience / POINTER).read_text())
    return pointer


def read_whole(folder: Path) -> int:
    """Open what the pointer names, compare it with its own build table, and return its version."""
    pointer = json.loads((folder / POINTER).read_text())
    file = folder / pointer["name"]
    assert sha256_of(file) == pointer["sha256"]
    with closing(connect(file, read_only=True)) as opened:
        for table, rows, build_id in opened.execute(
            "select table_name, row_count, build_id from snapshot_build"
        ).fetchall():
            assert opened.execute(f"select count(*) from {table}").fetchone() == (rows,)
            assert build_id == pointer["build_id"]
        found = opened.execute("select min(version), max(version), count(*) from fct_case_days").fetchone()
    assert found is not None
    assert found[0] == found[1]
    assert found[2] == ROWS
    return int(found[0])


def of(done: list[Published], audience: str) -> Published:
    return next(one for one in done if one.audience == audience)


def test_each_audience_gets_a_file_of_its_own_and_the_pointer_names_it(
    warehouse: Warehouse, settings: Settings
) -> None:
    done = publish_snapshots(warehouse, settings, DAY)
    assert [one.audience for one in done] == ["asset_company", "agency-AG01", "agency-AG02"]
    for one in done:
        assert current(settings, one.audience) == {"name": one.name, "sha256": one.sha256, "build_id": one.build_id}
        assert one.name.startswith("2026-03-10_")
        assert one.is_new
    assert read_whole(settings.published / "asset_company") == 0


def test_an_agency_gets_its_own_rows_and_nothing_of_another(warehouse: Warehouse, settings: Settings) -> None:
    with warehouse.open() as connection:
        connection.execute(
            "create table marts.rpt_portfolio_daily as select date '2026-03-01' as business_date, 1 as cases"
        )
        connection.execute("create table marts.fct_new_thing as select 'secret' as anything")
        connection.execute("create table marts.dim_regions as select '110000' as region_code")
    one = of(publish_snapshots(warehouse, settings, DAY), "agency-AG01")
    with closing(connect(Path(one.path), read_only=True)) as opened:
        assert opened.execute("select distinct agency_code from fct_case_days").fetchall() == [("AG01",)]
        assert opened.execute("select agency_code from dim_agencies").fetchall() == [("AG01",)]
        assert opened.execute("select count(*) from dim_regions").fetchone() == (1,)
        for table in ("rpt_portfolio_daily", "fct_new_thing"):
            assert opened.execute(f"select count(*) from {table}").fetchone() == (0,)
    assert b"secret" not in Path(one.path).read_bytes()
    assert b"AG02" not in Path(one.path).read_bytes()


def test_what_became_of_a_case_after_its_recall_is_not_the_agencys_to_see(
    warehouse: Warehouse, settings: Settings
) -> None:
    with warehouse.open() as connection:
        connection.execute(
            "create or replace table marts.fct_case_days as select * from (values"
            " ('recalled', date '2026-03-01', 'AG01'), ('recalled', date '2026-03-02', null),"
            " ('kept', date '2026-03-01', 'AG01'), ('other', date '2026-03-01', 'AG02'))"
            " t(case_id, business_date, agency_code)"
        )
        connection.execute("delete from marts.dim_cases")
        connection.execute(
            "insert into marts.dim_cases by name select case_id, 'c' as customer_key, date '2026-03-03' as closed_date,"
            " 'cured' as close_reason, date '2026-03-01' as reached_30_date, 5 as reached_30_balance,"
            " date '2026-03-02' as reached_90_date, 6 as reached_90_balance"
            " from (values ('recalled'), ('kept'), ('other')) t(case_id)"
        )
    one = of(publish_snapshots(warehouse, settings, DAY), "agency-AG01")
    with closing(connect(Path(one.path), read_only=True)) as opened:
        rows = opened.execute(
            "select case_id, closed_date is null, close_reason, reached_30_balance::integer,"
            " reached_90_balance::integer from dim_cases order by 1"
        ).fetchall()
    assert rows == [("kept", False, "cured", 5, None), ("recalled", True, None, 5, None)]


def test_an_agency_is_published_its_own_commission_once_presented_and_agreements_on_what_it_still_has(
    warehouse: Warehouse, settings: Settings
) -> None:
    rows = "('AG01', 'draft'), ('AG01', 'presented'), ('AG02', 'paid')"
    with warehouse.open() as connection:
        connection.execute(
            "create table marts.fct_commission_lines as select row_number() over () as line_id, agency_code,"
            f" state as settlement_state, 'canary ' || agency_code as tier from (values {rows}) t(agency_code, state)"
        )
        connection.execute(
            "create table marts.rpt_commission_settlement as select agency_code, settlement_state as state, tier"
            " from marts.fct_commission_lines"
        )
        connection.execute(
            "create table marts.rpt_waivers as select case_id, agency_code, state from (values"
            " ('kept', 'AG01', 'granted'), ('recalled', 'AG01', 'lapsed'), ('other', 'AG02', 'granted'),"
            " ('own', null, 'granted')) t(case_id, agency_code, state)"
        )
        for table in ("rpt_write_off_ledger", "rpt_write_off_vintages", "rpt_proof_sheets"):
            connection.execute(f"create table marts.{table} as select 'canary ' || case_id as x from marts.rpt_waivers")
        connection.execute(
            "create or replace table marts.fct_case_days as select * from (values"
            " ('recalled', date '2026-03-01', 'AG01'), ('recalled', date '2026-03-02', null),"
            " ('kept', date '2026-03-01', 'AG01'), ('other', date '2026-03-01', 'AG02'))"
            " t(case_id, business_date, agency_code)"
        )
    one = of(publish_snapshots(warehouse, settings, DAY), "agency-AG01")
    with closing(connect(Path(one.path), read_only=True)) as opened:
        assert opened.execute("select agency_code, settlement_state from fct_commission_lines").fetchall() == [
            ("AG01", "presented")
        ]
        assert opened.execute("select agency_code, state from rpt_commission_settlement").fetchall() == [
            ("AG01", "presented")
        ]
        assert opened.execute("select case_id from rpt_waivers").fetchall() == [("kept",)]
        for table in ("rpt_write_off_ledger", "rpt_write_off_vintages", "rpt_proof_sheets"):
            assert opened.execute(f"select count(*) from {table}").fetchone() == (0,)
    content = Path(one.path).read_bytes()
    assert b"AG02" not in content
    assert b"canary other" not in content


def test_an_agency_code_that_cannot_name_a_folder_is_refused(warehouse: Warehouse, settings: Settings) -> None:
    with warehouse.open() as connection:
        connection.execute("insert into marts.dim_agencies values ('../asset_company')")
    with pytest.raises(ValueError, match="cannot name a snapshot"):
        publish_snapshots(warehouse, settings, DAY)


def test_the_same_marts_are_not_written_again(warehouse: Warehouse, settings: Settings) -> None:
    first = of(publish_snapshots(warehouse, settings, DAY), "asset_company")
    before = Path(first.path).stat()
    again = of(publish_snapshots(warehouse, settings, DAY), "asset_company")
    assert (again.name, again.is_new) == (first.name, False)
    assert Path(first.path).stat().st_mtime_ns == before.st_mtime_ns


def test_a_damaged_file_is_replaced_under_another_name(warehouse: Warehouse, settings: Settings) -> None:
    first = of(publish_snapshots(warehouse, settings, DAY), "asset_company")
    with Path(first.path).open("r+b") as file:
        file.truncate(5000)
    second = of(publish_snapshots(warehouse, settings, DAY), "asset_company")
    assert second.name != first.name
    assert read_whole(settings.published / "asset_company") == 0


def test_snapshots_hold_what_the_marts_hold_and_a_changed_row_changes_the_name(
    warehouse: Warehouse, settings: Settings
) -> None:
    first = of(publish_snapshots(warehouse, settings, DAY), "asset_company")
    assert mart_hashes(Path(first.path)) == mart_hashes(settings.warehouse_path)
    with warehouse.open() as connection:
        connection.execute("update marts.fct_case_days set balance = balance + 0.01 where rowid = 5")
    second = of(publish_snapshots(warehouse, settings, DAY), "asset_company")
    assert second.name != first.name
    assert mart_hashes(Path(second.path)) != mart_hashes(Path(first.path))


def test_old_snapshots_are_kept_by_number_and_an_open_one_stays_readable(
    warehouse: Warehouse, settings: Settings
) -> None:
    settings = settings.model_copy(update={"keep_snapshots": 2})
    first = of(publish_snapshots(warehouse, settings, DAY), "asset_company")
    with closing(connect(Path(first.path), read_only=True)) as reader:
        for version in range(1, 5):
            change(warehouse, version)
            publish_snapshots(warehouse, settings, date(2026, 3, 10 + version))
        assert reader.execute("select max(version), count(*) from fct_case_days").fetchone() == (0, ROWS)
    left = list((settings.published / "asset_company").glob("*.duckdb"))
    assert len(left) == 2
    assert read_whole(settings.published / "asset_company") == 4


def test_a_flipped_bit_is_found_before_the_pointer_moves(
    warehouse: Warehouse, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_snapshots(warehouse, settings, DAY)
    before = current(settings)
    write = publish._write

    def write_and_flip(connection: object, path: Path, *rest: object) -> None:
        write(connection, path, *rest)  # type: ignore[arg-type]
        place = path.stat().st_size // 2
        with path.open("r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 0x10]))

    change(warehouse, 1)
    monkeypatch.setattr(publish, "_write", write_and_flip)
    with pytest.raises(NotWhole):
        publish_snapshots(warehouse, settings, DAY)
    assert current(settings) == before
    assert read_whole(settings.published / "asset_company") == 0
    assert not list((settings.published / "asset_company").glob(".build-*"))


def test_a_row_lost_on_the_way_is_found_before_the_pointer_moves(
    warehouse: Warehouse, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_snapshots(warehouse, settings, DAY)
    before = current(settings)
    write = publish._write

    def write_and_lose(connection: object, path: Path, *rest: object) -> None:
        write(connection, path, *rest)  # type: ignore[arg-type]
        with closing(connect(path)) as opened:
            opened.execute("delete from fct_case_days where rowid = 7")

    change(warehouse, 1)
    monkeypatch.setattr(publish, "_write", write_and_lose)
    with pytest.raises(NotWhole, match="fct_case_days"):
        publish_snapshots(warehouse, settings, DAY)
    assert current(settings) == before


def test_a_full_disk_keeps_the_old_snapshot(warehouse: Warehouse, settings: Settings) -> None:
    publish_snapshots(warehouse, settings, DAY)
    before = current(settings)
    command = [sys.executable, "-m", "tests.pipelines.publisher", str(settings.home), "60000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert "IOException" in done.stderr or "OSError" in done.stderr
    assert current(settings) == before
    assert read_whole(settings.published / "asset_company") == 0


def test_a_killed_publisher_leaves_a_whole_snapshot_and_readers_never_go_back(settings: Settings) -> None:
    folder = settings.published / "asset_company"
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.pipelines.publisher"])
    seen: list[int] = []
    faults: list[BaseException] = []
    stop = threading.Event()

    def read_on() -> None:
        while not stop.is_set():
            try:
                if (folder / POINTER).exists():
                    seen.append(read_whole(folder))
            except FileNotFoundError:
                continue  # the snapshot was retired between pointer and file; the next read finds the next
            except (AssertionError, ValueError, duckdb.Error) as error:
                faults.append(error)
                return
            time.sleep(0.01)

    chance = random.Random(11)
    reader = threading.Thread(target=read_on)
    reader.start()
    try:
        for kill in range(KILLS):
            ours, theirs = processes.Pipe(duplex=False)
            child = processes.Process(target=publish_on, args=(str(settings.home), kill * 1000, theirs))
            child.start()
            theirs.close()  # the child's end is the only one left: if it dies unasked, the read below ends
            assert ours.poll(60), "the publisher did not get to work"
            ours.recv()  # at work: from here on it may die anywhere
            time.sleep(chance.random() * 0.4)
            child.kill()
            child.join()
            ours.close()
            read_whole(folder)
    finally:
        stop.set()
        reader.join(timeout=30)
    assert faults == []
    assert len(seen) > KILLS
    assert seen == sorted(seen)
    publish_snapshots(Warehouse(settings.warehouse_path), settings, DAY)
    assert not list(folder.glob(".build-*"))
