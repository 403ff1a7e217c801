"""SQL of people, run where it can do no harm (reliability F5).

The query runs in a child process that may be killed: an in-memory database is given copies of just the tables the query
names, the snapshot is detached, file systems are switched off and the configuration is locked before the query starts.
A parse of the statement comes first and refuses anything but one SELECT: in addition to those locks, never instead.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from ops_app.config import Settings
from ops_app.domain.errors import Invalid, NotFound

MEMORY_BYTES = 4 * 1024**3
SECONDS = 60
ROWS = 100_000
_FORBIDDEN_PREFIXES = (
    "read_",
    "duckdb_",
    "pragma_",
    "glob",
    "sniff_",
    "query",
    "getenv",
    "which_secret",
    "parquet_",
    "from_substrait",
)


@dataclass(frozen=True)
class Answer:
    """Columns and rows of a query, and the business date of the snapshot it read; ``cut`` when rows were left out."""

    columns: list[str]
    rows: list[list[Any]]
    as_of: str
    cut: bool

    def as_csv(self) -> str:
        """The answer as CSV; text that a spreadsheet would run as a formula gets a leading apostrophe."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.columns)
        for row in self.rows:
            writer.writerow([_formula_safe(value) for value in row])
        return buffer.getvalue()


def _formula_safe(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) and not _is_number(value):
        return "'" + value
    return value


def _is_number(text: str) -> bool:
    with contextlib.suppress(ValueError):
        float(text)
        return True
    return False


def tables_of(query: str) -> set[str]:
    """The tables that one SELECT names; raises ``Invalid`` for anything else than one SELECT."""
    try:
        statements = sqlglot.parse(query, read="duckdb")
    except sqlglot.errors.SqlglotError as error:
        message = str(error).splitlines()[0]
        raise Invalid(
            f"This is not SQL that can be read: {message}", f"无法解析该 SQL:{message}", field="query"
        ) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise Invalid("Exactly one SELECT may be run here.", "此处只允许一条 SELECT 语句。", field="query")
    tree = statements[0]
    for function in tree.find_all(exp.Func):
        name = (function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()
        if name.startswith(_FORBIDDEN_PREFIXES):
            raise Invalid(f"The function {name} may not be used here.", f"此处不允许使用函数 {name}。", field="query")
    ctes = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    names = set()
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            continue
        if table.db and table.db.lower() not in {"main", "marts"}:
            raise Invalid(f"There is no schema {table.db} here.", f"此处没有模式 {table.db}。", field="query")
        if table.name.lower() not in ctes:
            names.add(table.name.lower())
    return names


def snapshot_of(settings: Settings, audience: str, as_of: date | None = None) -> tuple[Path, Path | None]:
    """The published snapshot (and the live file) of an audience; of a past business date with ``as_of``."""
    folder = settings.published / audience
    if folder.resolve().parent != settings.published.resolve() or not (folder / "current.json").exists():
        raise NotFound(
            f"Nothing is published for {audience}. Run: recoup run-day.",
            f"{audience} 尚无已发布的快照。请先运行 recoup run-day。",
        )
    if as_of is not None:
        kept = sorted(folder.glob(f"{as_of:%Y-%m-%d}_*.duckdb"), key=lambda path: path.stat().st_mtime)
        if not kept:
            raise NotFound(f"No snapshot of {as_of} is kept.", f"没有保留 {as_of} 的快照。")
        return kept[-1], None
    current = folder / json.loads((folder / "current.json").read_text(encoding="utf-8"))["name"]
    live = folder / "live.json"
    if live.exists():
        live_file = folder / "live" / json.loads(live.read_text(encoding="utf-8"))["name"]
        return current, live_file if live_file.exists() else None
    return current, None


def run_query(
    settings: Settings,
    query: str,
    *,
    audience: str = "asset_company",
    as_of: date | None = None,
    max_rows: int = ROWS,
    seconds: int = SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> Answer:
    """Run one SELECT on the audience's snapshot, united with the live file; killed at ``seconds``.

    Raises ``Invalid`` with the reason for SQL that is refused or fails, without paths of the machine in it.
    """
    snapshot, live = snapshot_of(settings, audience, as_of)
    request = {
        "snapshot": str(snapshot),
        "live": str(live) if live else None,
        "tables": sorted(tables_of(query)),
        "query": query,
        "max_rows": max_rows,
        "memory_bytes": memory_bytes,
        "seconds": seconds,
    }
    with tempfile.TemporaryDirectory(prefix="recoup-sql-") as scratch:
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": scratch, "LANG": "C.UTF-8"}
        child = subprocess.Popen(
            [sys.executable, "-m", "ops_app.gateways.sql_sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=settings.project_root,
            env=environment,
            start_new_session=True,
        )
        try:
            raw, _ = child.communicate(json.dumps(request).encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise Invalid(f"Stopped after {seconds} seconds.", f"已在 {seconds} 秒后停止。", field="query") from None
    if child.returncode != 0 or not raw:
        raise Invalid("The query took more memory or time than it may.", "该查询超出内存或时间限制。", field="query")
    answer = json.loads(raw)
    if "error" in answer:
        raise Invalid(answer["error"], answer["error"], field="query")
    return Answer(answer["columns"], answer["rows"], answer["as_of"], answer["cut"])


def _limit_child(memory_bytes: int, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (2 * seconds, 2 * seconds + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return str(value)


def _copy_tables(connection: Any, request: dict[str, Any]) -> None:
    """Copy the named tables (live rows united) into memory, then forget where they came from."""

    def quoted(path: str) -> str:
        return "'" + path.replace("'", "''") + "'"

    def tables_in(database: str) -> set[str]:
        found = connection.execute(
            "select table_name from duckdb_tables() where database_name = ?", [database]
        ).fetchall()
        return {row[0] for row in found}

    connection.execute(f"attach {quoted(request['snapshot'])} as snapshot (read_only)")
    known = tables_in("snapshot")
    live = set()
    if request["live"]:
        connection.execute(f"attach {quoted(request['live'])} as live (read_only)")
        live = tables_in("live")
    for table in request["tables"]:
        if table not in known:
            raise LookupError(f"There is no table {table} in the published snapshot.")
        newer = f' union by name select * from live."{table}"' if table in live else ""
        connection.execute(f'create table "{table}" as select * from snapshot."{table}"{newer}')
    for name in ("snapshot", *(["live"] if request["live"] else [])):
        connection.execute(f"detach {name}")


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    import duckdb

    connection = duckdb.connect(
        ":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
    connection.execute("set memory_limit = '2GB'; set threads = 2; set temp_directory = ''")
    connection.execute("set timezone = 'UTC'")
    as_of = ""
    try:
        _copy_tables(connection, request | {"tables": sorted({*request["tables"]})})
        as_of = Path(request["snapshot"]).name.split("_", 1)[0]
        for lock in (
            "set enable_external_access = false",
            "set disabled_filesystems = 'LocalFileSystem'",
            "set lock_configuration = true",
        ):
            connection.execute(lock)
        result = connection.execute(request["query"])
        columns = [column[0] for column in result.description]
        rows = result.fetchmany(request["max_rows"] + 1)
    except LookupError as error:
        return {"error": str(error.args[0])}
    except duckdb.Error as error:
        return {"error": str(error).splitlines()[0].replace(request["snapshot"], "snapshot")}
    cut = len(rows) > request["max_rows"]
    return {
        "columns": columns,
        "rows": [[_plain(v) for v in row] for row in rows[: request["max_rows"]]],
        "as_of": as_of,
        "cut": cut,
    }


def _main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    _limit_child(request["memory_bytes"], request["seconds"])
    sys.stdout.write(json.dumps(_answer(request), ensure_ascii=False))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    _main()
