"""The only opener of DuckDB in the dashboards: always the newest whole snapshot, read-only, one connection a process.

A snapshot is an immutable file under a name of its own; ``current.json`` beside it says which one counts. It is
attached to an in-memory database together with the small live file, when there is one, whose rows win over the
snapshot's. After that the connection can reach no other file. Answers are kept with the snapshot they came from, so
a new publication starts with an empty cache and an old answer can never be shown under a new date.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

_LIVE_KEYS = {
    "fct_console_actions": ("seq",),
    "fct_approvals": ("request_id",),
}
"""Tables whose rows of today may be ahead of the snapshot, and what makes a row the same row."""
_KEPT_ANSWERS = 400
_MEMORY = "1GB"


class NothingPublished(Exception):
    """No snapshot can be shown. ``cause`` is ``never`` or ``damaged``; pages say what to do about it."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True)
class AsOf:
    """Which data this is. ``refused`` names a newer publication that was not taken because its file is damaged."""

    business_date: date
    build_id: str
    snapshot: str
    live_at: datetime | None = None
    refused: str | None = None


@dataclass(frozen=True)
class _Live:
    file: Path
    as_of: datetime


@dataclass(frozen=True)
class _Pointer:
    name: str
    sha256: str
    build_id: str
    business_date: date


class Published:
    """One opened snapshot. Safe for many threads: every query has a cursor of its own."""

    def __init__(self, folder: Path, pointer: _Pointer, live: _Live | None = None) -> None:
        self.marks = (pointer.name, pointer.sha256)
        self.live = live
        self._connection, self._ahead = _open(folder / pointer.name, live)
        at = live.as_of if live and self._ahead else None
        self.as_of = AsOf(pointer.business_date, pointer.build_id, pointer.name, at)
        self.columns: Mapping[str, tuple[str, ...]] = _columns(self._connection)
        self._answers: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._lock = threading.Lock()

    def has(self, table: str, *columns: str) -> bool:
        """Whether the snapshot holds ``table`` with all of ``columns``."""
        return table in self.columns and set(columns) <= set(self.columns[table])

    def frame(self, sql: str, values: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """The answer of one of our own queries; ``values`` are bound by name. Kept as long as the snapshot is."""

        def ask(cursor: duckdb.DuckDBPyConnection) -> pl.DataFrame:
            found: pl.DataFrame = cursor.sql(sql, params=dict(values)).pl() if values else cursor.sql(sql).pl()
            return found

        answer: pl.DataFrame = self._kept("frame", sql, values, ask)
        return answer

    def row(self, sql: str, values: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """The first row of an answer, empty when there is none; at half the cost of a frame. Kept like one."""

        def ask(cursor: duckdb.DuckDBPyConnection) -> dict[str, Any]:
            cursor.execute(sql, dict(values or {}))
            names = [column[0] for column in cursor.description or ()]
            found = cursor.fetchall()
            return dict(zip(names, found[0], strict=True)) if found else {}

        answer: dict[str, Any] = self._kept("row", sql, values, ask)
        return answer

    def _kept(
        self,
        kind: str,
        sql: str,
        values: Mapping[str, Any] | None,
        ask: Callable[[duckdb.DuckDBPyConnection], Any],
    ) -> Any:
        key = (sql, f"{kind} {sorted((values or {}).items())!r}")
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        with self._connection.cursor() as cursor:
            answer = ask(cursor)
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > _KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return answer

    def keep_answers_of(self, before: Published) -> None:
        """The same snapshot under a newer live file: answers that no live table touches still hold."""
        if before.marks == self.marks:
            touched = before._ahead | self._ahead
            kept = {key: answer for key, answer in before._answers.items() if not any(t in key[0] for t in touched)}
            self._answers.update(kept)


_OPENED: dict[Path, Published] = {}
_DAMAGED: dict[Path, tuple[str, str]] = {}
_OPENING = threading.Lock()


def latest(folder: Path) -> Published:
    """The newest whole snapshot of an audience's folder, opened once per name and process.

    A file that is not what the pointer promised (missing, or another SHA-256) is refused and the snapshot opened
    before stays. Raises ``NothingPublished`` when there is none to stay with.
    """
    folder = folder.resolve()
    with _OPENING:
        held = _OPENED.get(folder)
        pointer = _pointer(folder)
        is_new = pointer is not None and (held is None or held.marks != (pointer.name, pointer.sha256))
        if pointer is None or (is_new and not _is_whole(folder, pointer)):
            if held is None:
                raise NothingPublished("damaged" if (folder / "current.json").exists() else "never")
            held.as_of = replace(held.as_of, refused=pointer.name if pointer else "current.json")
            return held
        live = _live(folder)
        if held is None or is_new or held.live != live:
            opened = Published(folder, pointer, live)
            if held is not None:
                opened.keep_answers_of(held)
            _OPENED[folder] = held = opened
        held.as_of = replace(held.as_of, refused=None)
        return held


def _pointer(folder: Path) -> _Pointer | None:
    try:
        said = json.loads((folder / "current.json").read_text(encoding="utf-8"))
        name = str(said["name"])
        if Path(name).name != name:
            return None
        return _Pointer(name, str(said["sha256"]), str(said["build_id"]), date.fromisoformat(name[:10]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _live(folder: Path) -> _Live | None:
    try:
        said = json.loads((folder / "live.json").read_text(encoding="utf-8"))
        file = folder / "live" / Path(str(said["name"])).name
        return _Live(file, datetime.fromisoformat(str(said["as_of"]))) if file.is_file() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_whole(folder: Path, pointer: _Pointer) -> bool:
    """Whether the file has the promised SHA-256; a damaged one is read once, not on every page."""
    marks = (pointer.name, pointer.sha256)
    if _DAMAGED.get(folder) == marks:
        return False
    try:
        with (folder / pointer.name).open("rb") as file:
            whole = hashlib.file_digest(file, "sha256").hexdigest() == pointer.sha256
    except OSError:
        return False
    if not whole:
        _DAMAGED[folder] = marks
    return whole


def _open(snapshot: Path, live: _Live | None) -> tuple[duckdb.DuckDBPyConnection, frozenset[str]]:
    """The locked connection, and the tables of which the live file holds newer rows (none if it cannot be read)."""
    connection = duckdb.connect(":memory:", config={"threads": 2, "memory_limit": _MEMORY})
    connection.execute(f"attach '{_quoted(snapshot)}' as snapshot (read_only)")
    ahead: frozenset[str] = frozenset()
    if live is not None:
        # A live file is replaced every minute and carries nothing a screen cannot do without.
        with contextlib.suppress(duckdb.Error):
            connection.execute(f"attach '{_quoted(live.file)}' as live (read_only)")
            ahead = _tables(connection, "live")
    connection.execute("set enable_external_access = false")
    held = _tables(connection, "snapshot")
    for table in sorted(held):
        connection.execute(f'create view "{table}" as {_rows_of(table, table in ahead)}')
    connection.execute("set lock_configuration = true")
    return connection, ahead & held


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> frozenset[str]:
    found = connection.execute(
        "select table_name from duckdb_tables() where database_name = $database and schema_name = 'main'",
        {"database": database},
    ).fetchall()
    return frozenset(name for (name,) in found)


def _rows_of(table: str, is_ahead: bool) -> str:
    if not is_ahead:
        return f'from snapshot.main."{table}"'
    keys = ", ".join(_LIVE_KEYS.get(table, ()))
    if not keys:
        return f'(from live.main."{table}") union by name (from snapshot.main."{table}")'
    return (
        f'(from live.main."{table}") union all by name '
        f'(select old.* from snapshot.main."{table}" as old anti join live.main."{table}" as new using ({keys}))'
    )


def _columns(connection: duckdb.DuckDBPyConnection) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    rows = connection.execute(
        "select table_name, column_name from duckdb_columns() "
        "where database_name = 'memory' and schema_name = 'main' order by table_name, column_index"
    ).fetchall()
    for table, column in rows:
        found[table] = (*found.get(table, ()), column)
    return found
