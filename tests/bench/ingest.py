"""Ingest beside its limit: every check, quarantine and the transaction, against a bare typed read of the same file.

The limit reads the same file with declared types straight into a table on disk. Ours is ``ingest_file`` as everyone
calls it: fingerprint, limited process, decisions, duplicates, GX, load. Both run in processes of their own, so that
memory is counted honestly, with all children.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from ops_app.config import Settings

DAY = date(2026, 3, 31)
_FAULTY_EVERY = 100_000
"""One planted bad row in so many, so that quarantine has work to do."""

_TYPES = {
    "payment_id": "VARCHAR", "loan_id": "VARCHAR", "kind": "VARCHAR", "reverses_payment_id": "VARCHAR",
    "paid_at": "TIMESTAMP", "value_date": "DATE", "posted_at": "TIMESTAMP", "amount": "DECIMAL(18,2)",
    "currency": "VARCHAR", "channel": "VARCHAR", "payer_name": "VARCHAR", "payer_account": "VARCHAR",
    "reference": "VARCHAR", "principal": "DECIMAL(18,2)", "interest": "DECIMAL(18,2)", "fees": "DECIMAL(18,2)",
    "penalty": "DECIMAL(18,2)",
}  # fmt: skip


def _rows_sql(rows: int, *, faulty: bool) -> str:
    """Seeded repayments: 40 a loan, four parts that add up; with ``faulty`` some parts do not."""
    wrong = f" + case when i % {_FAULTY_EVERY} = 77 then 0.01 else 0 end" if faulty else ""
    return f"""
        select 'PAY' || lpad(i::varchar, 12, '0') as payment_id, 'LN' || lpad((i // 40)::varchar, 10, '0') as loan_id,
          'payment' as kind, cast(null as varchar) as reverses_payment_id,
          timestamp '2026-03-31 08:00:00' + to_seconds(i % 43200) as paid_at, date '2026-03-31' as value_date,
          timestamp '2026-03-31 21:00:00' + to_seconds(i % 3600) as posted_at,
          (principal + interest + fees + penalty)::decimal(18,2) as amount, 'CNY' as currency,
          ['bank', 'wechat', 'alipay', 'counter'][1 + i % 4] as channel, '张' || (i % 9973)::varchar as payer_name,
          '6222' || lpad((i % 999983)::varchar, 12, '0') as payer_account, 'REF' || (i * 7919 % 1000003) as reference,
          (principal{wrong})::decimal(18,2) as principal, interest, fees, penalty
        from (select range as i, ((hash(range) % 500000) / 100)::decimal(18,2) as principal,
          ((hash(range + 1) % 30000) / 100)::decimal(18,2) as interest,
          case when range % 10 = 0 then 5.00 else 0 end::decimal(18,2) as fees,
          case when range % 7 = 0 then ((hash(range + 2) % 900) / 100) else 0 end::decimal(18,2) as penalty
          from range({rows}))"""


def make_file(folder: Path, rows: int, form: str) -> Path:
    """The file both sides read: ``repayments_<day>.<form>``, with its planted faults."""
    import duckdb

    target = folder / f"repayments_{DAY.isoformat()}.{form}"
    options = "format csv, header true" if form == "csv" else "format parquet, compression zstd"
    with duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(folder / "spill")}) as connection:
        connection.execute(f"copy ({_rows_sql(rows, faulty=True)}) to '{target}' ({options})")
    return target


def run_limit(path: Path, form: str, home: Path) -> dict[str, Any]:
    """Typed ``read_csv`` or ``read_parquet`` into a table on disk."""
    import duckdb

    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in _TYPES.items())
    source = (
        f"read_csv('{path}', header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"',"
        f" columns = {{{columns}}})"
        if form == "csv"
        else f"read_parquet('{path}')"
    )
    started = time.perf_counter()
    connection = duckdb.connect(str(home / "limit.duckdb"), config={"memory_limit": "2GB", "threads": 2})
    connection.execute(f"create table repayments as select * from {source}")
    rows = connection.execute("select count(*) from repayments").fetchall()[0][0]
    connection.close()
    return {"seconds": time.perf_counter() - started, "rows": rows}


def run_ours(path: Path, form: str, home: Path) -> dict[str, Any]:
    """The whole of ``ingest_file`` on an empty warehouse, GX import left out as in any running pipeline."""
    from pipelines.expectations.suite import _gx
    from pipelines.ingest import ingest_file
    from pipelines.warehouse import Warehouse

    _gx()
    settings = Settings.load(home=home)
    settings.make_folders()
    template = home / "templates" / "bench.yml"
    template.parent.mkdir(parents=True, exist_ok=True)
    template.write_text(
        "template: bench\nsource_code: BENCH\nlender: {en: Bench, zh: 基准}\n"
        "feeds:\n  - {feed: repayments, same_names: true, max_refused_share: 0.001}\n",
        encoding="utf-8",
    )
    warehouse = Warehouse(settings.warehouse_path)
    with warehouse.open():
        pass
    started = time.perf_counter()
    outcome = ingest_file(warehouse, settings, path, "bench", "repayments", file_date=DAY)
    return {
        "seconds": time.perf_counter() - started,
        "rows": outcome.rows_in,
        "accepted": outcome.rows_accepted,
        "quarantined": outcome.rows_quarantined,
        "state": outcome.state,
        "why": outcome.why,
    }


def _in_process(work: Callable[..., dict[str, Any]], path: Path, form: str, home: Path, answer: Any) -> None:
    answer.put(work(path, form, home))


def measured(work: Callable[..., dict[str, Any]], path: Path, form: str, home: Path) -> dict[str, Any]:
    """Runs ``work`` in a process of its own; adds the peak of resident memory of it and all its children, in MB."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=_in_process, args=(work, path, form, home, answer))
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.25):
            try:
                parent = psutil.Process(process.pid)
                peak = max(peak, sum(_own_memory(one) for one in [parent, *parent.children(recursive=True)]))
            except psutil.NoSuchProcess:
                continue

    process.start()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result: dict[str, Any] = answer.get(timeout=3600)
    finally:
        done.set()
        watcher.join()
        process.join(timeout=30)
    result["peak_mb"] = round(peak / 1_000_000)
    return result


def _own_memory(process: psutil.Process) -> int:
    """Resident bytes. What a fork shares is counted twice, so this is never too little; asking the kernel for shares
    instead walks every page at each look and slows what is measured by a sixth."""
    try:
        return int(process.memory_info().rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def bench_ingest(rows: int, forms: tuple[str, ...] = ("csv", "parquet")) -> dict[str, Any]:
    """One entry a format; the head carries the worse ratio."""
    detail: dict[str, Any] = {}
    for form in forms:
        folder = Path(tempfile.mkdtemp(prefix="bench-ingest-"))
        try:
            path = make_file(folder, rows, form)
            path.read_bytes() if rows <= 1_000_000 else None
            limit = measured(run_limit, path, form, folder)
            (folder / "limit.duckdb").unlink()
            home = folder / "home"
            home.mkdir()
            ours = measured(run_ours, path, form, home)
            if ours["rows"] != rows or limit["rows"] != rows or ours["state"] != "accepted":
                raise RuntimeError(f"{form}: not the same rows: {limit} {ours}")
            detail[form] = {
                "limit_s": round(limit["seconds"], 2),
                "ours_s": round(ours["seconds"], 2),
                "ratio": round(ours["seconds"] / limit["seconds"], 2),
                "peak_mb": ours["peak_mb"],
                "file_mb": round(path.stat().st_size / 1_000_000),
                "quarantined": ours["quarantined"],
            }
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    worst = max(detail.values(), key=lambda entry: entry["ratio"])
    return {
        "name": "ingest",
        "rows": rows,
        "limit_s": worst["limit_s"],
        "ours_s": worst["ours_s"],
        "ratio": worst["ratio"],
        "peak_mb": max(entry["peak_mb"] for entry in detail.values()),
        "detail": detail,
    }


if __name__ == "__main__":
    import sys

    print(json.dumps(bench_ingest(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000), indent=1))
