"""The nightly build beside hand-written SQL of the same tables, and beside itself when one per cent is new.

A seeded book of twelve month-end snapshots, two repayments and two calls a loan. ``sql_s`` counts time in which DuckDB
was at work, tests of the data included; the ratio to hand-written SQL counts models only, since nobody writes tests by
hand. dbt's own start is paid once a run and shown apart.
"""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from ops_app.config import Settings
from pipelines.build import BuildResult, build
from pipelines.warehouse import Connection, Warehouse, connect

_LAST = date(2025, 12, 31)
_NEW = date(2026, 1, 15)

_LOANS = """
insert into raw.loans by name
select 'BENCH' as source_code, 'LN' || lpad(i::varchar, 9, '0') as loan_id, day as as_of_date,
  'CU' || (i // 2)::varchar as customer_id, 'HYB' as lender_code,
  ['credit_card', 'consumer_instalment', 'p2p_loan', 'personal_loan'][1 + i % 4] as product_code, 'CNY' as currency,
  ((i * 31) % 31 + 11)::varchar || '0000' as region_code,
  date '2023-01-01' + ((i * 7) % 700)::integer as originated_date,
  1000000 + (i * 7919) % 3000000 as original_principal_minor,
  400000 + (i * 104729) % 900000 - n * 1000 as outstanding_principal_minor, dpd * 37 as outstanding_interest_minor,
  0 as outstanding_fees_minor, dpd * 11 as outstanding_penalty_minor, dpd as days_past_due,
  case when dpd > 0 then 'overdue' else 'active' end as status, 'f' || n::varchar as file_id, i as line_no,
  0 as row_hash, day as file_date, '' as imputed_columns
from (
  select i, n, day,
    case when (i * 2654435761) % 100 >= 22 then 0
      when n < i % 11 then 0
      when (i // 11) % 3 = 0 and n > i % 11 + 2 then 0
      else (n - i % 11) * 30 + (i * 40503) % 29 + 1 end as dpd
  from range({loans}) l(i) cross join ({days}) d(n, day)
  where {which}
)
"""
_REPAYMENTS = """
insert into raw.repayments by name
select 'BENCH' as source_code, '{mark}' || i::varchar as payment_id,
  'LN' || lpad(((i * 48271) % {loans})::varchar, 9, '0') as loan_id, 'payment' as kind,
  day::timestamp + interval 3 hour as paid_at,
  day as value_date, day::timestamp + interval 9 hour as posted_at, 1000 + (i * 7919) % 90000 as amount_minor,
  'CNY' as currency, 'alipay' as channel, 1000 + (i * 7919) % 90000 as principal_minor, 0 as interest_minor,
  0 as fees_minor, 0 as penalty_minor, 'r{mark}' as file_id, i as line_no, 0 as row_hash, day as file_date,
  '' as imputed_columns
from (select i, {day} as day from range({rows}) t(i))
"""
_CALLS = """
insert into raw.calls by name
select 'BENCH' as source_code, '{mark}' || i::varchar as call_id,
  'LN' || lpad(((i * 16807) % {loans})::varchar, 9, '0') as loan_id, 'E' || (i % 500)::varchar as collector_id,
  case when i % 3 = 0 then 'robot' else 'human' end as channel, 'outbound' as direction,
  day::timestamp + to_seconds(3600 + (i * 31) % 36000) as started_at, (i * 17) % 240 as talk_seconds,
  ['no_answer', 'busy', 'third_party', 'promise'][1 + (i // 3) % 4] as outcome, 'c{mark}' as file_id, i as line_no,
  0 as row_hash, day as file_date, '' as imputed_columns
from (select i, {day} as day from range({rows}) t(i))
"""


def _statements() -> dict[str, str]:
    """Table → its query by hand, in order."""
    text = (Path(__file__).parent / "build_limit.sql").read_text(encoding="utf-8")
    parts = (part.split("\n", 1) for part in text.split("-- table: ")[1:])
    return {name.strip(): query for name, query in parts}


def _old_rows(connection: Connection, loans: int) -> None:
    months = "select n, last_day(date '2025-01-01' + to_months(n::integer))::date from range(12) t(n)"
    day = "date '2025-01-01' + ((i * 104729) % 365)::integer"
    connection.execute(_LOANS.format(loans=loans, days=months, which="true"))
    connection.execute(_REPAYMENTS.format(loans=loans, rows=2 * loans, mark="P", day=day))
    connection.execute(_CALLS.format(loans=loans, rows=2 * loans, mark="K", day=day))
    for feed, column in (("loans", "as_of_date"), ("repayments", "value_date"), ("calls", "started_at::date")):
        connection.execute(f"insert into raw.touched select distinct '{feed}', {column} from raw.{feed}")


def _new_rows(connection: Connection, loans: int) -> int:
    """One per cent of the history as a new day: 12 of 100 loans, and 2 of 100 with a payment and a call."""
    literal = f"date '{_NEW}'"
    connection.execute(_LOANS.format(loans=loans, days=f"select 12, {literal}", which="i % 25 < 3"))
    connection.execute(_REPAYMENTS.format(loans=loans, rows=loans // 50, mark="N", day=literal))
    connection.execute(_CALLS.format(loans=loans, rows=loans // 50, mark="N", day=literal))
    for feed in ("loans", "repayments", "calls"):
        connection.execute(f"insert into raw.touched values ('{feed}', {literal})")
    found = connection.execute("select count(*) from raw.loans where as_of_date = ?", [_NEW]).fetchone()
    assert found is not None
    return int(found[0])


def _run_limit(source: Path, folder: Path) -> tuple[float, dict[str, float], dict[str, int]]:
    """Build the tables by hand in a copy of the raw tables; seconds, per table, and rows of each."""
    target = folder / "limit.duckdb"
    shutil.copy(source, target)
    seconds: dict[str, float] = {}
    with closing(connect(target, memory_limit="8GB")) as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute("create schema hand")
        for table, query in _statements().items():
            began = time.perf_counter()
            connection.execute(f"create table hand.{table} as {query}")
            seconds[table] = time.perf_counter() - began
        rows = {table: _count(connection, f"hand.{table}") for table in seconds}
    return sum(seconds.values()), seconds, rows


def _count(connection: Connection, table: str) -> int:
    found = connection.execute(f"select count(*) from {table}").fetchone()
    assert found is not None
    return int(found[0])


def _cpu_s() -> float:
    """Processor seconds of this process so far: unlike wall time, the same on a busy machine."""
    spent = os.times()
    return spent.user + spent.system


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _slowest(result: BuildResult) -> dict[str, float]:
    nodes = sorted(result.nodes, key=lambda node: -node.seconds)[:8]
    return {node.name: round(node.seconds, 2) for node in nodes}


def bench_build(loans: int | None = None) -> dict[str, Any]:
    """Full build, one with one per cent new, and hand-written SQL of the same tables; 1,000,000 loans unless said."""
    loans = loans or 1_000_000
    with tempfile.TemporaryDirectory(prefix="recoup-bench-") as name:
        folder = Path(name)
        settings = Settings.load(home=folder / "home")
        settings.make_folders()
        warehouse = Warehouse(settings.warehouse_path)
        with warehouse.open() as connection:
            _old_rows(connection, loans)
        raw_only = folder / "raw.duckdb"
        shutil.copy(settings.warehouse_path, raw_only)
        began = _cpu_s()
        full = build(settings.warehouse_path, settings, _LAST)
        full_cpu_s = _cpu_s() - began
        with warehouse.open() as connection:
            new_rows = _new_rows(connection, loans)
        began = _cpu_s()
        nightly = build(settings.warehouse_path, settings, _NEW)
        nightly_cpu_s = _cpu_s() - began
        peak = _peak_mb()
        with warehouse.open() as connection:
            ours = {
                table: _count(connection, f"(select * from marts.{table} where {column} <= '{_LAST}')")
                for table, column in (("fct_case_days", "business_date"), ("fct_repayments", "value_date"),
                                      ("fct_contact_attempts", "business_date"), ("rpt_roll_rates", "month_end_date"))
            }  # fmt: skip
        began = _cpu_s()
        limit_s, by_table, hand = _run_limit(raw_only, folder)
        limit_cpu_s = _cpu_s() - began
    differing = {table: (count, hand[table]) for table, count in ours.items() if hand[table] != count}
    assert not differing, f"the hand-written tables are not the same: {differing}"
    return {
        "name": "build",
        "rows": loans,
        "limit_s": round(limit_s, 2),
        "ours_s": round(full.models_sql_s, 2),
        "ratio": round(full.models_sql_s / limit_s, 2),
        "peak_mb": round(peak),
        "detail": {
            "sql_s": round(full.sql_s, 2),
            "dbt_start_s": round(full.dbt_start_s, 2),
            "incremental_ratio": round(nightly.sql_s / full.sql_s, 3),
            "incremental_sql_s": round(nightly.sql_s, 2),
            "incremental_dbt_start_s": round(nightly.dbt_start_s, 2),
            "cpu_s": {"full": round(full_cpu_s, 1), "nightly": round(nightly_cpu_s, 1), "limit": round(limit_cpu_s, 1)},
            "snapshot_rows": 12 * loans,
            "new_snapshot_rows": new_rows,
            "full_total_s": round(full.total_s, 2),
            "incremental_total_s": round(nightly.total_s, 2),
            "slowest_full": _slowest(full),
            "slowest_incremental": _slowest(nightly),
            "limit_by_table": {table: round(taken, 2) for table, taken in by_table.items()},
        },
    }
