"""SQL of people: what it may read, and everything it may not."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from ops_app.config import Settings
from ops_app.domain.errors import Invalid, NotFound
from ops_app.gateways.sql_sandbox import run_query, tables_of

ATTACKS = [
    "select * from read_text('/etc/hostname')",
    "select * from read_blob('/etc/hostname')",
    "select * from read_csv('/etc/hostname')",
    "select * from read_csv_auto('/etc/hostname')",
    "select * from read_json('/etc/hostname')",
    "select * from read_parquet('/etc/hostname')",
    "select * from parquet_schema('/etc/hostname')",
    "select * from glob('/etc/*')",
    "select * from '/etc/hostname'",
    'select * from "/etc/hostname"',
    "from '/etc/hostname'",
    "select * from sniff_csv('/etc/hostname')",
    "copy rpt_cash to '/tmp/leak.csv'",
    "copy (select 1) to '/tmp/leak.csv'",
    "attach '/tmp/leak.db' as leak",
    "detach main",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "set enable_external_access = true",
    "reset enable_external_access",
    "set memory_limit = '64GB'",
    "call pragma_version()",
    "create table leak as select 1",
    "insert into rpt_cash values (1, 1)",
    "update rpt_cash set amount = 0",
    "delete from rpt_cash",
    "drop table rpt_cash",
    "alter table rpt_cash add column x int",
    "export database '/tmp/leak'",
    "import database '/tmp/leak'",
    "explain analyze select 1",
    "select 1; select 2",
    "select 1; attach '/tmp/leak.db' as leak",
    "with x as (select 1) delete from rpt_cash",
    "select getenv('HOME')",
    "select * from duckdb_settings()",
    "select * from duckdb_databases()",
    "select * from duckdb_secrets()",
    "select * from pragma_database_list()",
    "select * from query('select 1')",
    "select * from query_table('rpt_cash')",
    "select * from secret.rpt_cash",
    "select * from snapshot.rpt_cash",
    "select * from missing_table",
    "select * from rpt_cash, read_text('/etc/hostname')",
    "select (select content from read_text('/etc/hostname'))",
    "select * from (select * from read_blob('/etc/hostname'))",
    "select * from rpt_cash where amount in (select size from read_blob('/etc/hostname'))",
    "select repeat('x', 20000000000)",
    "with recursive r as (select 1 as n union all select n + 1 from r) select max(n) from r",
    "not sql at all",
    "",
]


@pytest.fixture
def published(settings: Settings) -> Settings:
    folder = settings.published / "asset_company"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "2026-10-31_abc.duckdb")) as connection:
        connection.execute(
            "create table rpt_cash as select cast(12.50 as decimal(18,2)) as amount, '=1+1' as note"
            " union all select -3.00, 'plain'"
        )
        connection.execute("create table fct_console_actions as select 1 as seq, 'break.match' as action")
    (folder / "current.json").write_text(json.dumps({"name": "2026-10-31_abc.duckdb"}))
    return settings


def with_live(settings: Settings) -> None:
    live = settings.published / "asset_company" / "live"
    live.mkdir()
    with duckdb.connect(str(live / "2.duckdb")) as connection:
        connection.execute("create table fct_console_actions as select 2 as seq, 'break.park' as action")
    (live.parent / "live.json").write_text(json.dumps({"name": "2.duckdb"}))


def test_amounts_come_back_exact_and_as_of_is_said(published):
    answer = run_query(published, "select sum(amount) as total from rpt_cash")

    assert (answer.columns, answer.rows, answer.as_of) == (["total"], [["9.50"]], "2026-10-31")


def test_live_rows_are_united_with_the_snapshot(published):
    with_live(published)

    answer = run_query(published, "select action from fct_console_actions order by seq")

    assert answer.rows == [["break.match"], ["break.park"]]


def test_rows_beyond_the_limit_are_cut_and_said_so(published):
    assert run_query(published, "select * from range(10)", max_rows=10).cut is False
    assert run_query(published, "select * from range(11)", max_rows=10).cut is True


def test_csv_does_not_run_formulas_and_leaves_numbers_alone(published):
    text = run_query(published, "select amount, note from rpt_cash order by amount").as_csv()

    assert text == "amount,note\n-3.00,plain\n12.50,'=1+1\n"


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_gets_a_sentence_and_nothing_else(published, attack):
    with pytest.raises(Invalid) as refusal:
        run_query(published, attack, seconds=6, memory_bytes=2 * 1024**3)

    assert str(published.home) not in refusal.value.en
    assert not Path("/tmp/leak.csv").exists()


def test_the_locks_hold_even_when_the_parser_lets_a_statement_through(published, monkeypatch):
    # the parse is the first door, never the only one
    import ops_app.gateways.sql_sandbox as sandbox

    monkeypatch.setattr(sandbox, "tables_of", lambda query: {"rpt_cash"})
    for attack in (
        "select * from read_text('/etc/hostname')",
        "copy rpt_cash to '/tmp/leak.csv'",
        "attach '/tmp/leak.db' as leak",
        "set enable_external_access = true",
        f"attach '{published.published / 'asset_company' / '2026-10-31_abc.duckdb'}' as again",
    ):
        with pytest.raises(Invalid):
            run_query(published, attack, seconds=10)
    assert not Path("/tmp/leak.csv").exists()


def test_an_audience_without_a_snapshot_is_told_what_to_do(settings):
    with pytest.raises(NotFound, match="recoup run-day"):
        run_query(settings, "select 1")


@pytest.mark.parametrize("audience", ["../asset_company", "asset_company/..", "agency-B", ""])
def test_an_audience_cannot_be_a_path(published, audience):
    with pytest.raises(NotFound):
        run_query(published, "select 1", audience=audience)


def test_names_of_common_table_expressions_are_not_tables():
    assert tables_of("with a as (select * from rpt_cash) select * from a join marts.dim_dates d on true") == {
        "rpt_cash",
        "dim_dates",
    }
