"""A reader sees the newest whole snapshot, never half of one, and nothing else of the machine."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dashboards.published import _LIVE_KEYS, NothingPublished, latest
from tests.dashboards.snapshot import END, Made, make_live, make_snapshot, point_at

SMALL = Made(cases=3, days=2)
MODELS = Path(__file__).parents[2] / "dbt" / "models"


def test_before_the_first_publication_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NothingPublished) as said:
        latest(tmp_path / "asset_company")
    assert said.value.cause == "never"


def test_the_pointer_names_what_is_read(tmp_path: Path) -> None:
    path = make_snapshot(tmp_path, SMALL)
    as_of = latest(tmp_path).as_of
    assert (as_of.business_date, as_of.snapshot, as_of.refused) == (END, path.name, None)


def test_one_snapshot_is_opened_once_and_its_answers_are_kept(tmp_path: Path) -> None:
    make_snapshot(tmp_path, SMALL)
    first = latest(tmp_path)
    assert latest(tmp_path) is first
    sql = "select count(*) as n from dim_cases where currency = $currency"
    assert first.frame(sql, {"currency": "CNY"}) is first.frame(sql, {"currency": "CNY"})
    assert first.frame(sql, {"currency": "CNY"}) is not first.frame(sql, {"currency": "USD"})


def test_a_new_publication_is_followed(tmp_path: Path) -> None:
    make_snapshot(tmp_path, SMALL)
    before = latest(tmp_path)
    later = replace(SMALL, end=date(2026, 11, 24), cases=5)
    make_snapshot(tmp_path, later)
    now = latest(tmp_path)
    assert now.as_of.business_date == date(2026, 11, 24)
    assert now.row("select count(*) as n from dim_cases")["n"] == 5
    # a page that began on the old snapshot ends on it
    assert before.row("select count(*) as n from dim_cases")["n"] == 3


def test_a_damaged_publication_keeps_the_old_one_and_says_so(tmp_path: Path) -> None:
    make_snapshot(tmp_path, SMALL)
    latest(tmp_path)
    newer = make_snapshot(tmp_path, replace(SMALL, end=date(2026, 11, 24)))
    with newer.open("r+b") as file:
        file.seek(4096)
        file.write(b"rubbish")
    kept = latest(tmp_path)
    assert kept.as_of.business_date == END
    assert kept.as_of.refused == newer.name
    point_at(tmp_path, newer)
    newer.unlink()
    assert latest(tmp_path).as_of.refused == newer.name
    make_snapshot(tmp_path, replace(SMALL, end=date(2026, 11, 25)))
    assert latest(tmp_path).as_of.refused is None


@pytest.mark.parametrize("spoil", ["sha256", "file", "pointer", "path"])
def test_what_cannot_be_trusted_is_not_shown(tmp_path: Path, spoil: str) -> None:
    path = make_snapshot(tmp_path, SMALL)
    pointer = tmp_path / "current.json"
    if spoil == "sha256":
        point_at(tmp_path, path, sha256="0" * 64)
    elif spoil == "file":
        path.unlink()
    elif spoil == "pointer":
        pointer.write_text('{"name": ')
    else:
        pointer.write_text(json.dumps({"name": f"../{tmp_path.name}/{path.name}", "sha256": "x", "build_id": "b"}))
    with pytest.raises(NothingPublished) as said:
        latest(tmp_path)
    assert said.value.cause == "damaged"


def test_live_acts_join_the_snapshot_and_none_counts_twice(tmp_path: Path) -> None:
    make_snapshot(tmp_path, SMALL)
    assert latest(tmp_path).frame("select seq from fct_console_actions")["seq"].len() == 5
    make_live(tmp_path, range(3, 8))
    united = latest(tmp_path)
    rows = united.frame("select seq, actor_name from fct_console_actions order by seq")
    assert rows["seq"].to_list() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert rows["actor_name"].to_list()[2:4] == ["Li Na", "Wang Wei"]
    assert united.as_of.live_at is not None


def test_answers_outlive_a_new_live_file_unless_it_touches_them(tmp_path: Path) -> None:
    make_snapshot(tmp_path, SMALL)
    make_live(tmp_path, range(5, 6))
    before = latest(tmp_path)
    held = before.frame("select count(*) as n from dim_cases")
    before.frame("select count(*) as n from fct_console_actions")
    make_live(tmp_path, range(5, 8), name="00000002.duckdb")
    now = latest(tmp_path)
    assert now is not before
    assert now.frame("select count(*) as n from dim_cases") is held
    assert now.row("select count(*) as n from fct_console_actions")["n"] == 8


def test_a_live_file_that_cannot_be_read_hides_nothing_else(tmp_path: Path) -> None:
    make_snapshot(tmp_path, SMALL)
    make_live(tmp_path, range(5, 6))
    (tmp_path / "live" / "00000001.duckdb").write_bytes(b"half a file")
    opened = latest(tmp_path)
    assert opened.row("select count(*) as n from fct_console_actions")["n"] == 5
    assert opened.as_of.live_at is None


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd', header = false)",
        "attach 'other.duckdb' as other",
        "copy (select 1) to 'out.csv'",
        "set enable_external_access = true",
        "insert into snapshot.main.dim_products values ('X', 'x', 'x')",
    ],
)
def test_the_connection_reaches_nothing_but_the_snapshot(tmp_path: Path, sql: str) -> None:
    make_snapshot(tmp_path, SMALL)
    with latest(tmp_path)._connection.cursor() as cursor, pytest.raises(duckdb.Error):
        cursor.execute(sql)


def test_another_reader_of_the_process_is_not_shut_out(tmp_path: Path) -> None:
    path = make_snapshot(tmp_path, SMALL)
    latest(tmp_path)
    with duckdb.connect(str(path), read_only=True) as other:
        assert other.execute("select count(*) from dim_cases").fetchone() == (3,)


def test_rows_of_today_meet_those_of_the_snapshot_by_a_key_that_their_mart_has() -> None:
    models = {path.stem: path.read_text(encoding="utf-8") for path in MODELS.rglob("*.yml")}
    for table, keys in _LIVE_KEYS.items():
        assert table in models, f"there is no mart {table}"
        assert all(f"- name: {key}\n" in models[table] for key in keys), table
