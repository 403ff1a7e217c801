"""The marts are built here: one dbt invocation a run, on the warehouse of one installation.

dbt runs in this process. The warehouse lock is held meanwhile and no other connection is open, since DuckDB lets one
process write. What feeds touched since the last good build is what an incremental build recomputes; the list is
cleared only when everything, tests included, has passed.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ops_app.config import Settings
from ops_app.domain.organisation.lenders import BUCKETS
from ops_app.domain.organisation.parameters import Scope
from ops_app.services.organisation.installation import read_lenders
from ops_app.store.tables.journal import PARTS
from pipelines.arrivals import expected_feeds
from pipelines.build_selection import forget, remember, selection
from pipelines.code_version import project_fingerprint
from pipelines.extracts import columns_told
from pipelines.parsed import Parsed, parsed
from pipelines.readers.grammar import steady_offset
from pipelines.verify_journal_marts import journal_untied
from pipelines.verify_money_marts import money_untied
from pipelines.warehouse import Connection, Warehouse

Progress = Callable[[int, int, str], None]

_INVOCATION = threading.Lock()  # dbt is not safe for threads

_OPS_TABLES = {
    "agencies": "agency_code varchar, name varchar, state varchar, capacity_cases bigint, created_at timestamp",
    "approval_decisions": "request_id varchar, nth bigint, decision varchar, round_no bigint, decided_by varchar,"
    " role_code varchar, principal_id varchar, decided_at timestamp",
    "approval_requests": "request_id varchar, kind varchar, object_type varchar, object_id varchar, maker_id varchar,"
    " agency_code varchar, amount_minor bigint, currency varchar, flags_json varchar, round_no bigint,"
    " level_no bigint, awaited_role varchar, state varchar, made_at timestamp, expires_at timestamp,"
    " ended_at timestamp",
    "assignments": "assignment_id varchar, case_id varchar, nth bigint, collector_id varchar, agency_code varchar,"
    " assigned_at timestamp, ended_at timestamp, end_reason varchar, source_code varchar, loan_id varchar",
    "audit_log": "seq bigint, occurred_at timestamp, actor_id varchar, actor_name varchar, role_code varchar,"
    " agency_code varchar, action varchar, object_type varchar, object_id varchar, reason varchar, row_hash varchar",
    "breaks": "break_id varchar, kind varchar, source_code varchar, currency varchar, lender_minor bigint,"
    " bank_minor bigint, recorded_minor bigint, reported_minor bigint, claimed_minor bigint,"
    " difference_minor bigint, loan_id varchar, payment_ids varchar, bank_line_ids varchar,"
    " value_date date, opened_date date, last_seen_date date, state varchar",
    "break_decisions": "decision_id varchar, break_id varchar, decision varchar, reason varchar, decided_by varchar,"
    " decided_at timestamp",
    "case_batch_rows": "batch_id varchar, case_id varchar, outcome varchar",
    "case_batches": "batch_id varchar, kind varchar, agency_code varchar, made_at timestamp",
    "case_requests": "case_request_id varchar, approval_id varchar, case_id varchar, kind varchar, agency_code varchar,"
    " requested_by varchar, role_code varchar, amount_minor bigint, balance_minor bigint, currency varchar,"
    " needs_asset boolean, state varchar, awaited_role varchar, outcome varchar, requested_at timestamp,"
    " due_at timestamp, escalated_at timestamp, ended_at timestamp",
    "journal_entries": "entry_id varchar, event_id varchar, reverses_entry_id varchar, because_event_id varchar,"
    " value_date date, accounting_date date, posted_at timestamp",
    "journal_lines": "entry_id varchar, line_no bigint, debit_account varchar, credit_account varchar,"
    " component varchar, amount_minor bigint, case_id varchar, source_code varchar, currency varchar,"
    " accounting_date date",
    "ledger_events": "event_id varchar, kind varchar, case_id varchar, source_code varchar, loan_id varchar,"
    " currency varchar, value_date date, amount_minor bigint, target_id varchar, cause varchar, cause_id varchar",
    "ledger_positions": "case_id varchar, source_code varchar, currency varchar, held_minor bigint, "
    + ", ".join(f"{part}_minor bigint, written_off_{part}_minor bigint" for part in PARTS),
    "payments": "source_code varchar, payment_id varchar, loan_id varchar, amount_minor bigint, currency varchar,"
    " value_date date",
    "people": "person_id varchar, display_name varchar, role_code varchar, agency_code varchar, active boolean,"
    " created_at timestamp",
    "placements": "placement_id varchar, case_id varchar, nth bigint, agency_code varchar, placed_at timestamp,"
    " due_at timestamp, placed_balance_minor bigint, currency varchar, ended_at timestamp, end_reason varchar,"
    " ended_balance_minor bigint, tail_until_date date, first_touch_at timestamp, last_touch_at timestamp,"
    " source_code varchar, loan_id varchar",
    "recall_notices": "notice_id varchar, placement_id varchar, because varchar, given_at timestamp,"
    " effective_at timestamp, ended_at timestamp, end_kind varchar",
}
_OF_MONEY = (
    "agreement_instalments", "agreements", "commission_contracts", "commission_disputes", "commission_lines",
    "proof_sheets", "settlements", "write_off_parts", "write_offs",
)  # fmt: skip
"""What the marts read of the ops store, so that they build before anything was ever extracted."""


class BuildFailed(Exception):
    """The marts are not whole; ``failed`` names each model or test that failed, with dbt's own words."""

    def __init__(self, failed: list[tuple[str, str]]) -> None:
        self.failed = failed
        listed = "; ".join(f"{name}: {message}" for name, message in failed[:10])
        more = f" and {len(failed) - 10} more" if len(failed) > 10 else ""
        super().__init__(f"the build failed in {len(failed)} place(s): {listed}{more}")


@dataclass(frozen=True)
class Node:
    """One model, seed or test of a build; ``seconds`` is its wall time, dbt's own work included."""

    name: str
    kind: str
    status: str
    seconds: float
    message: str


@dataclass(frozen=True)
class BuildResult:
    """What a build did.

    ``sql_s`` is the time in which DuckDB was at work (``models_sql_s``: on models, seeds and tests left out),
    ``dbt_start_s`` what dbt took before its first node, ``total_s`` all of it.
    """

    business_date: date
    full_refresh: bool
    nodes: list[Node] = field(repr=False)
    total_s: float
    sql_s: float
    models_sql_s: float
    dbt_start_s: float


class _Busy:
    """Adds up the time in which at least one query was running."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []

    def add(self, began: float, ended: float) -> None:
        self._spans.append((began, ended))

    @property
    def seconds(self) -> float:
        total, until = 0.0, float("-inf")
        for began, ended in sorted(self._spans):
            total += max(0.0, ended - max(began, until))
            until = max(until, ended)
        return total


class _Watch:
    """Listens to dbt: how long DuckDB was busy, and each node as it ends."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.began = time.monotonic()
        self.all = _Busy()
        self.models = _Busy()
        self.first_node_s: float | None = None
        self._lock = threading.Lock()

    def __call__(self, event: Any) -> None:
        name, now = event.info.name, time.monotonic()
        if name == "SQLQueryStatus":
            # dbt's own clock of the query: from event to event it would be the time of making events too
            began = now - event.data.elapsed
            is_model = event.data.node_info.unique_id.startswith("model.")
            with self._lock:
                for busy in (self.all, self.models) if is_model else (self.all,):
                    busy.add(began, now)
        elif name == "NodeStart" and self.first_node_s is None:
            self.first_node_s = now - self.began
        elif name in ("LogModelResult", "LogTestResult", "LogSeedResult") and self.progress:
            # a test's event counts in num_models where a model's has total
            total = getattr(event.data, "total", 0) or getattr(event.data, "num_models", 0)
            self.progress(event.data.index, total, event.data.node_info.node_name)


def build(
    warehouse_path: Path,
    settings: Settings,
    business_date: date,
    *,
    full_refresh: bool = False,
    unit_tests: bool = False,
    progress: Progress | None = None,
) -> BuildResult:
    """Build and test every mart as of ``business_date``; recomputes what feeds touched, or all with ``full_refresh``.

    What nothing moved to since the last good build is left as it is (``build_selection``).

    Raises ``BuildFailed`` when a model or a test failed, or the money of the marts is not
    that of the ops store; then ``raw.touched`` stays, and the next build repeats the
    same partitions and makes everything. Unit tests of the SQL need no data and are left to the test run unless asked
    for.
    """
    warehouse = Warehouse(warehouse_path, lock_path=settings.run / "warehouse.lock")
    arguments = ["build"]
    arguments += ["--full-refresh"] if full_refresh else []
    arguments += [] if unit_tests else ["--exclude-resource-type", "unit_test"]
    own = lender_buckets(settings)
    state = f"{project_fingerprint(settings.dbt_dir)} {settings.timezone} {json.dumps(own, sort_keys=True)}"
    arguments += ["--vars", json.dumps({"lender_buckets": own})] if own else []
    watch = _Watch(progress)
    selected: list[str] | None = None
    project = _parsed(warehouse_path, settings)
    with warehouse.held():
        with warehouse.open() as connection:
            _prepare(connection, settings, business_date)
            if not (full_refresh or unit_tests):
                selected = selection(project.json, connection, state)
            forget(connection)
        watch.began = time.monotonic()
        arguments += [*(selected or []), "--no-write-json"]
        results = _invoke(arguments, warehouse_path, settings, watch, project=project, held=selected is not None)
        nodes = [_node(result) for result in results]
        failed = [(node.name, node.message) for node in nodes if node.status in ("error", "fail", "runtime error")]
        if failed:
            raise BuildFailed(failed)
        with warehouse.open() as connection:
            if (untied := journal_untied(connection)) is not None:
                raise BuildFailed([("fct_journal_lines", untied)])
            if (found := money_untied(connection)) is not None:
                raise BuildFailed([found])
            connection.execute("delete from raw.touched")
            remember(connection, state)
    total = time.monotonic() - watch.began
    seconds = (total, watch.all.seconds, watch.models.seconds, watch.first_node_s or total)
    return BuildResult(business_date, full_refresh, nodes, *seconds)


def lender_buckets(settings: Settings) -> dict[str, list[list[Any]]]:
    """Lender → its own bucket codes with the last day past due of each (none for the last), for lenders that have them
    in their file: what the macro ``bucket`` reads. Days that were built before keep theirs until a full refresh."""
    found = {}
    for code, lender in sorted(read_lenders(settings.lender_dirs).items()):
        stated: Any = lender.parameters.get(BUCKETS, {}).get(Scope(lender=code).text)
        if stated:
            found[code] = [[one["code"], one["last"]] for one in stated]
    return found


def manifest(settings: Settings) -> Path:
    """dbt's manifest, parsed once per state of the project's files and never changed after; needs no warehouse.

    Raises ``BuildFailed`` when the project does not parse.
    """
    return _parsed(settings.warehouse_path, settings).json


def _parsed(warehouse_path: Path, settings: Settings) -> Parsed:
    def parse(folder: Path) -> None:
        _invoke(["parse"], warehouse_path, settings, _Watch(None), folder=folder)

    return parsed(settings, warehouse_path, target_path(settings), parse)


def write_docs(settings: Settings) -> Path:
    """Write dbt's documentation as one page that needs no server, and return where it is."""
    warehouse = Warehouse(settings.warehouse_path, lock_path=settings.run / "warehouse.lock")
    with warehouse.held():
        with warehouse.open() as connection:
            _create_tables(connection)
        _invoke(["docs", "generate", "--static"], settings.warehouse_path, settings, _Watch(None))
    return target_path(settings) / "static_index.html"


def target_path(settings: Settings) -> Path:
    """Where dbt keeps its manifest, compiled SQL and run results for this installation."""
    return settings.run.resolve() / "dbt"


def _prepare(connection: Connection, settings: Settings, business_date: date) -> None:
    """Tell the SQL what it cannot know: the business date, and which feeds each source sends daily."""
    _create_tables(connection)
    connection.execute("delete from raw.build_day")
    connection.execute("insert into raw.build_day values (?)", [business_date])
    connection.execute("delete from raw.expected_feeds")
    for one in expected_feeds(settings):
        if one.every == "day":
            connection.execute("insert into raw.expected_feeds values (?, ?)", [one.source_code, one.feed])


def _create_tables(connection: Connection) -> None:
    connection.execute("create table if not exists raw.build_day (business_date date)")
    connection.execute("create table if not exists raw.expected_feeds (source_code varchar, feed varchar)")
    for table, columns in (_OPS_TABLES | {name: columns_told(name) for name in _OF_MONEY}).items():
        connection.execute(f"create table if not exists ops.{table} ({columns})")


def _invoke(
    arguments: list[str],
    warehouse_path: Path,
    settings: Settings,
    watch: _Watch,
    *,
    folder: Path | None = None,
    project: Parsed | None = None,
    held: bool = False,
) -> list[Any]:
    """Run dbt once; its results, or ``BuildFailed`` when it could not even begin. ``project`` is what it would parse;
    ``held`` says that the last whole build was of the same state of the project, contracts included."""
    from dbt.cli.main import dbtRunner  # takes seconds, and not every process that knows of builds makes one

    settings.logs.mkdir(parents=True, exist_ok=True)
    command = [
        *arguments,
        *("--project-dir", str(settings.dbt_dir), "--profiles-dir", str(settings.dbt_dir)),
        *("--target-path", str(folder or target_path(settings)), "--log-path", str(settings.logs.resolve())),
        *("--target", settings.warehouse, "--quiet", "--no-use-colors", "--partial-parse", "--log-level", "none"),
    ]
    with (
        _INVOCATION,
        _environment(
            RECOUP_WAREHOUSE_PATH=str(warehouse_path.resolve()),
            RECOUP_TIMEZONE=settings.timezone,
            RECOUP_UTC_OFFSET_S=_offset(settings.timezone),
            RECOUP_CONTRACTS_HELD="yes" if held else "",
        ),
    ):
        try:
            done = dbtRunner(project and project.manifest(), callbacks=[watch]).invoke(command)
        finally:
            _close_duckdb()
    if done.exception is not None:
        raise BuildFailed([("dbt", str(done.exception))]) from done.exception
    return list(getattr(done.result, "results", None) or [])


def _offset(zone: str) -> str:
    """Seconds east of UTC where the zone keeps one offset, else nothing."""
    seconds = steady_offset(zone)
    return "" if seconds is None else str(seconds)


def _node(result: Any) -> Node:
    node = result.node
    return Node(node.name, str(node.resource_type), str(result.status), result.execution_time, result.message or "")


def _close_duckdb() -> None:
    """Give the warehouse file back: dbt keeps its connection for the next invocation of the process."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    environment = DuckDBConnectionManager._ENV
    if environment is not None:
        environment.close()
    DuckDBConnectionManager.close_all_connections()


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Hand the profile what it asks of the environment, for the length of one invocation."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
