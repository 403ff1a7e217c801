"""Posting beside its limit: payments through the service against the bare insert of the same rows in the same run.

The service records a payment, posts it to its case, holds contact, and audits it, in one durable transaction. The limit
inserts the very rows that this leaves (inbox, payment, event, line, entry, hold of contact, event of the case, both
audit rows) with the bare driver and the same durability, on a store of the same schema: one payment a transaction, and
``BATCH`` a transaction. What the service changes beside (the position, the case, the hold before) the limit does not.

Fifty cases were last paid, when all was warmed up, by a payment of the same moment with a higher number: whatever is
paid on them later comes late, and they are replayed.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from ops_app.domain.ledger.repayments import Repayment, RepaymentKind
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.repayments import record_payments
from ops_app.store.store import Store
from tests.postgresql_server import ServerMissing, start
from tests.services.casework.casebook import a_spell, taken_in

BATCH = 500
CASES = 2_000
OPENED = date(2026, 3, 1)
NOW = datetime(2026, 3, 9, 4, 0, tzinfo=UTC)
TABLES = (
    "inbox", "payments", "ledger_events", "journal_lines", "journal_entries", "contact_holds", "case_events",
)  # fmt: skip
AUDIT = "audit_log"
"""What a posting leaves, in the order in which keys allow it."""


def bench_posting(count: int) -> dict[str, Any]:
    """``count`` payments one by one, ten times as many in batches, and ``count`` as they arrive."""
    detail: dict[str, Any] = {}
    for kind, opened in (("sqlite", _sqlite), ("postgresql", _postgresql)):
        try:
            with opened() as (ours, bare):
                detail[kind] = _measure(ours, bare, count)
        except ServerMissing as missing:
            detail[kind] = str(missing)
    one = detail["sqlite"]
    return {
        "name": "posting",
        "rows": count,
        "limit_s": one["limit_one_by_one_s"],
        "ours_s": one["one_by_one_s"],
        "ratio": round(one["one_by_one_s"] / one["limit_one_by_one_s"], 2),
        "peak_mb": round(psutil.Process().memory_info().rss / 1e6),
        "detail": detail,
    }


def payments(count: int, first: int) -> list[Repayment]:
    """``count`` payments from number ``first``, spread over the cases."""
    return [
        Repayment(
            source_code="SIM", payment_id=f"P{first + n:09d}", loan_id=f"L{(first + n) % CASES + 1}",
            kind=RepaymentKind.PAYMENT, reverses_payment_id=None, paid_at=NOW, value_date=NOW.date(), posted_at=None,
            amount_minor=100 + n % 900, currency="CNY", channel="bank_transfer", payer_name="张三",
            payer_account="6222020012345678", reference=f"TRF{first + n}", principal_minor=None, interest_minor=None,
            fees_minor=None, penalty_minor=None,
        )
        for n in range(count)
    ]  # fmt: skip


def _measure(ours: Store, bare: Store, count: int) -> dict[str, Any]:
    singles, batches = payments(count, 0), payments(count * 10, 10_000_000)
    _record(ours, payments(50, 90_000_000), 1)  # what a server has warm
    took = _record(ours, singles, 1)
    batched = _record(ours, batches, BATCH)
    waits = _offered(ours, payments(count, 50_000_000))
    left = {name: _rows(ours, name) for name in (*TABLES, AUDIT)}
    limit_one = _insert(bare, left, "P0000", 1)
    limit_batch = _insert(bare, left, "P0100", BATCH)
    return {
        "one_by_one_s": round(sum(took), 3),
        "limit_one_by_one_s": round(limit_one, 3),
        "one_by_one": round(limit_one / sum(took), 3),
        "batched_s": round(sum(batched), 3),
        "limit_batched_s": round(limit_batch, 3),
        "batched": round(limit_batch / sum(batched), 3),
        "p50_ms": round(statistics.median(took) * 1000, 2),
        "p99_ms": round(statistics.quantiles(took, n=100)[98] * 1000, 2),
        "per_second_batched": round(len(batches) / sum(batched)),
        "offered": waits,
    }


def _record(store: Store, rows: Sequence[Repayment], at_once: int) -> list[float]:
    took = []
    for start_at in range(0, len(rows), at_once):
        begun = time.perf_counter()
        done = record_payments(
            SYSTEM, store, now=NOW, rows=rows[start_at : start_at + at_once], business_date=NOW.date(), origin="api"
        )
        took.append(time.perf_counter() - begun)
        assert done.recorded == min(at_once, len(rows) - start_at)
    return took


def _offered(store: Store, rows: Sequence[Repayment], per_second: int = 500) -> dict[str, float]:
    """Adaptive batches: messages arrive at a steady rate, the writer takes whatever waits. Milliseconds from arrival to
    durable."""
    begun, taken, waits = time.perf_counter(), 0, []
    while taken < len(rows):
        there = min(len(rows), int((time.perf_counter() - begun) * per_second))
        if there <= taken:
            time.sleep(0.0005)
            continue
        some = rows[taken : min(there, taken + BATCH)]
        record_payments(SYSTEM, store, now=NOW, rows=some, business_date=NOW.date(), origin="api")
        done = time.perf_counter() - begun
        waits += [done - (taken + n + 1) / per_second for n in range(len(some))]
        taken += len(some)
    return {
        "per_second": per_second,
        "p50_ms": round(statistics.median(waits) * 1000, 1),
        "p99_ms": round(statistics.quantiles(waits, n=100)[98] * 1000, 1),
    }


def _rows(store: Store, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with store.reading() as connection:
        found = connection.exec_driver_sql(f"select * from {table}")
        return list(found.keys()), [tuple(row) for row in found]


def _insert(bare: Store, left: dict[str, tuple[list[str], list[tuple[Any, ...]]]], lead: str, at_once: int) -> float:
    """Seconds that the bare driver takes for the rows of the payments whose id begins with ``lead``."""
    by_payment = _of_payments(left, lead)
    seq = left[AUDIT][0].index("seq")
    acts = _acts(left[AUDIT], {row[left[AUDIT][0].index("row_hash")] for row in _rows(bare, AUDIT)[1]})
    spent = max(row[seq] for row in _rows(bare, AUDIT)[1])  # the chain goes on in the copy
    raw = bare._writers.raw_connection()  # the bare driver below the house's own layers, on purpose
    mark = "?" if bare.dialect == "sqlite" else "%s"
    statements = {
        name: f"insert into {name} ({', '.join(columns)}) "
        + ("overriding system value " if bare.dialect == "postgresql" else "")
        + f"values ({', '.join([mark] * len(columns))})"
        for name, (columns, _) in left.items()
    }
    cursor = raw.cursor()
    begun = time.perf_counter()
    for start_at in range(0, len(by_payment), at_once):
        some = by_payment[start_at : start_at + at_once]
        if bare.dialect == "sqlite":
            cursor.execute("begin immediate")
        for name in TABLES:
            if values := [row for each in some for row in each[name]]:
                cursor.executemany(statements[name], values)
        audited = [(*row[:seq], spent + n, *row[seq + 1 :]) for n, row in enumerate(acts.pop(), start=1)]
        spent += len(audited)
        cursor.executemany(statements[AUDIT], audited)
        raw.commit()
    took = time.perf_counter() - begun
    raw.close()
    return took


def _acts(audited: tuple[list[str], list[tuple[Any, ...]]], there: set[str]) -> list[list[tuple[Any, ...]]]:
    """The audit rows of each act that recorded payments, those that are ``there`` left out."""
    columns, rows = audited
    seq, told, row_hash = (columns.index(name) for name in ("seq", "action", "row_hash"))
    acts: list[list[tuple[Any, ...]]] = [[]]
    for row in sorted(rows, key=lambda row: row[seq]):
        if row[told].startswith("payments.") and row[row_hash] not in there:
            acts[-1].append(row)
            if row[told] == "payments.recorded":  # said last
                acts.append([])
    return [one for one in acts if one]


def _of_payments(
    left: dict[str, tuple[list[str], list[tuple[Any, ...]]]], lead: str
) -> list[dict[str, list[tuple[Any, ...]]]]:
    """The rows of each payment, table by table; an audit row stands with the first payment of its act."""

    def column(table: str, name: str) -> int:
        return left[table][0].index(name)

    ids = [row[column("payments", "payment_id")] for row in left["payments"][1]]
    wanted = {one: {name: [] for name in TABLES} for one in ids if one.startswith(lead)}
    event_of: dict[str, str] = {}
    entry_of: dict[str, str] = {}
    for row in left["ledger_events"][1]:
        if row[column("ledger_events", "cause")] == "payment":
            event_of[row[column("ledger_events", "event_id")]] = row[column("ledger_events", "cause_id")].split("/")[1]
    for row in left["journal_entries"][1]:
        if (one := event_of.get(row[column("journal_entries", "event_id")])) is not None:
            entry_of[row[column("journal_entries", "entry_id")]] = one
    keys: dict[str, Callable[[tuple[Any, ...]], Any]] = {
        "inbox": lambda row: row[column("inbox", "key")],
        "payments": lambda row: row[column("payments", "payment_id")],
        "ledger_events": lambda row: event_of.get(row[column("ledger_events", "event_id")]),
        "journal_entries": lambda row: event_of.get(row[column("journal_entries", "event_id")]),
        "journal_lines": lambda row: entry_of.get(row[column("journal_lines", "entry_id")]),
        "contact_holds": lambda row: row[column("contact_holds", "because_id")].partition("/")[2],
        "case_events": lambda row: str(
            json.loads(row[column("case_events", "detail_json")]).get("payment", "")
        ).partition("/")[2],
    }
    for name, key in keys.items():
        for row in left[name][1]:
            if (one := key(row)) in wanted:
                wanted[one][name].append(row)
    return list(wanted.values())


def _book(store: Store, evidence: Path) -> None:
    spells = [
        a_spell(n, as_of_date=OPENED, opened_date=OPENED, interest_minor=50_000, principal_minor=1_000_000,
                balance_minor=1_050_000)
        for n in range(1, CASES + 1)
    ]  # fmt: skip
    taken_in(store, evidence, *spells, day=OPENED, now=NOW - timedelta(days=8))


@contextmanager
def _sqlite() -> Iterator[tuple[Store, Store]]:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("ours.db", "bare.db")]
        ours = Store.open(f"sqlite:///{files[0]}")
        ours.migrate()
        _book(ours, Path(folder))
        ours.close()
        shutil.copy(files[0], files[1])
        stores = [Store.open(f"sqlite:///{file}") for file in files]
        yield stores[0], stores[1]
        for one in stores:
            one.close()


@contextmanager
def _postgresql() -> Iterator[tuple[Store, Store]]:
    server = start(durable=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            server.execute("create database ours")
            made = Store.open(server.url("ours"))
            made.migrate()
            _book(made, Path(folder))
            made.close()
            server.execute("create database bare template ours")
            stores = [Store.open(server.url(name)) for name in ("ours", "bare")]
            yield stores[0], stores[1]
            for one in stores:
                one.close()
    finally:
        server.stop()
