"""The gateway to the warehouse: the only module of the pipelines that opens the DuckDB file.

One writer at a time, held by a lock file beside the run-time files; SQL stays in the subset that DuckDB 1.5 and
2.0 share (rows by ``execute().fetchall()``, frames by ``cursor.sql(...)``, never both on one cursor).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from filelock import FileLock

from pipelines.expectations.definitions import LINEAGE, feed_names, load_feed
from pipelines.sql_words import quoted

Connection = duckdb.DuckDBPyConnection

_SERVICE_TABLES: Mapping[str, Mapping[str, str]] = {
    "raw.files": {
        "file_id": "varchar",
        "file_name": "varchar",
        "source_code": "varchar",
        "template": "varchar",
        "feed": "varchar",
        "entry": "varchar",
        "format": "varchar",
        "file_date": "date",
        "rows_in": "bigint",
        "rows_accepted": "bigint",
        "rows_quarantined": "bigint",
        "rows_repeated": "bigint",
        "sum_minor": "hugeint",
        "declared_rows": "bigint",
        "declared_sum_minor": "hugeint",
        "state": "varchar",
        "reason": "varchar",
        "reason_en": "varchar",
        "reason_zh": "varchar",
        "encoding": "varchar",
        "delivered": "integer",
        "content_sha256": "varchar",
    },
    "raw.quarantine": {
        "file_id": "varchar",
        "line_no": "bigint",
        "source_code": "varchar",
        "feed": "varchar",
        "template": "varchar",
        "entry": "varchar",
        "file_name": "varchar",
        "file_date": "date",
        "column_name": "varchar",
        "value": "varchar",
        "rule": "varchar",
        "reason_en": "varchar",
        "reason_zh": "varchar",
        "raw_json": "varchar",
        "standard_json": "varchar",
        "is_primary": "boolean",
        "state": "varchar",
    },
    "raw.expectation_results": {
        "file_id": "varchar",
        "feed": "varchar",
        "entry": "varchar",
        "rule": "varchar",
        "column_name": "varchar",
        "checked": "bigint",
        "refused": "bigint",
        "gx_success": "boolean",
        "gx_json": "varchar",
    },
    "raw.deliveries": {
        "template": "varchar",
        "path": "varchar",
        "size": "bigint",
        "modified_ns": "bigint",
        "file_id": "varchar",
    },
    "raw.touched": {"feed": "varchar", "partition_date": "date"},
    "recon.matches": {
        "match_id": "varchar",
        "pass_name": "varchar",
        "source_code": "varchar",
        "payment_ids": "varchar[]",
        "bank_line_ids": "varchar[]",
        "lender_minor": "bigint",
        "bank_minor": "bigint",
        "currency": "varchar",
        "value_date": "date",
        "difference_minor": "bigint",
        "matched_date": "date",
    },
}


class Warehouse:
    """The DuckDB file at ``path``. Inside ``open()`` this process is its only user.

    ``query`` and ``frame`` may be called inside or outside ``open()``; outside they open for their own length.
    """

    def __init__(self, path: Path, *, lock_path: Path | None = None, memory_limit: str = "2GB", wait_s: float = 600):
        self.path = path
        self.memory_limit = memory_limit
        self._lock = FileLock(str(lock_path or path.parent.parent / "run" / "warehouse.lock"), timeout=wait_s)
        self._connection: Connection | None = None
        self._in_transaction = False

    @contextmanager
    def open(self) -> Iterator[Connection]:
        """A connection on the warehouse with every table made; re-entrant. Waits for another writer to finish.

        Raises ``filelock.Timeout`` when another process holds the warehouse longer than ``wait_s``.
        """
        if self._connection is not None:
            yield self._connection
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        Path(self._lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            connection = connect(self.path, memory_limit=self.memory_limit)
            try:
                create_tables(connection)
                self._connection = connection
                yield connection
            finally:
                self._connection = None
                connection.close()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other writers out without a connection, for dbt, which opens the file itself; re-entrant."""
        Path(self._lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            yield

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing on the open warehouse; an exception leaves it as it was. One within another is part of it."""
        with self.open() as connection:
            if self._in_transaction:
                yield connection
                return
            connection.execute("begin transaction")
            self._in_transaction = True
            try:
                yield connection
            except BaseException:
                connection.execute("rollback")
                raise
            finally:
                self._in_transaction = False
            connection.execute("commit")

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of a statement, with ``?`` parameters bound."""
        with self.open() as connection:
            return rows(connection, sql, parameters)

    def frame(self, sql: str) -> pl.DataFrame:
        """The result of a query as a polars frame."""
        with self.open() as connection, connection.cursor() as cursor:
            return cursor.sql(sql).pl()


def connect(
    path: Path | str = ":memory:", *, memory_limit: str = "2GB", threads: int = 2, read_only: bool = False
) -> Connection:
    """A DuckDB connection with the settings of the house: moments in UTC, bounded memory, no extension downloads."""
    connection = duckdb.connect(
        str(path),
        read_only=read_only,
        config={
            "memory_limit": memory_limit,
            "threads": threads,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    connection.execute("set global TimeZone = 'UTC'")
    return connection


def rows(connection: Connection, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Rows of one statement on its own cursor-safe call."""
    return connection.execute(sql, list(parameters)).fetchall()


def _compression(column: str, kind: str, own_ids: Mapping[str, str], table: str) -> str:
    """How text and hashes are packed, said once instead of tried by every row group: trying costs a sixth of a load.

    An event's own id is another one in every row: packing it takes as long as four columns of codes.
    """
    if column in ("row_hash", own_ids.get(table)):
        return " using compression uncompressed"
    return " using compression dict_fsst" if kind == "varchar" else ""


def create_tables(connection: Connection) -> None:
    """Make every schema and table that is not there yet, and add columns a newer feed definition brought."""
    wanted = dict(_SERVICE_TABLES)
    wanted.update({f"raw.{name}": {**load_feed(name).stored_columns, **LINEAGE} for name in feed_names()})
    own_ids = {f"raw.{feed.feed}": feed.key[-1] for feed in map(load_feed, feed_names()) if feed.kind == "event"}
    present: dict[str, set[str]] = {}
    for schema, table, column in rows(
        connection,
        "select table_schema, table_name, column_name from information_schema.columns"
        " where table_schema in ('raw', 'recon')",
    ):
        present.setdefault(f"{schema}.{table}", set()).add(column)
    if not present:
        for schema in ("raw", "recon", "ops"):
            connection.execute(f"create schema if not exists {schema}")
    for table, columns in wanted.items():
        if table not in present:
            listed = ", ".join(
                f"{quoted(column)} {kind}{_compression(column, kind, own_ids, table)}"
                for column, kind in columns.items()
            )
            connection.execute(f"create table {table} ({listed})")
            continue
        for column, kind in columns.items():
            if column not in present[table]:
                connection.execute(f"alter table {table} add column {quoted(column)} {kind}")
