"""Extracts: the ops store copied into the warehouse, all tables at one moment, read by ADBC as Arrow.

The journal and the lines of commission only grow and of them a run copies what is new (``extract_appends``); every
other table is copied in full.

Only what the marts need leaves the store: no password, no session, no payer's name. Every column is cast, so that an
empty table has its types too and no driver's guess decides one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from ops_app.config import Settings
from ops_app.store.tables import metadata
from ops_app.store.types import Moment
from pipelines.extract_appends import (
    APPENDED,
    append,
    begin,
    copied_until,
    keep_all,
    mark_appended,
    note_all,
    totals_of_copy,
    totals_of_store,
)
from pipelines.extract_changes import keep_copy, mark_moved
from pipelines.extract_fields import is_folded, shape_of, unfold, unfolded_columns
from pipelines.sql_words import literal, quoted
from pipelines.warehouse import Connection, Warehouse

_LEFT_OUT: dict[str, frozenset[str]] = {
    "audit_log": frozenset({"address"}),
    "people": frozenset({"password_hash", "must_change_password"}),
    "payments": frozenset({"payer_name", "payer_account"}),
    "breaks": frozenset({"sides_json"}),
    "approval_requests": frozenset({"result_json"}),
    "case_requests": frozenset(
        {"form_json", "reason", "reply", "detail_json", "requested_by_name", "replied_by_name", "version"}
    ),
    "agencies": frozenset({"contact_name", "contact_phone", "contact_email", "regions_json", "changed_by"}),
    "placements": frozenset({"end_note"}),
    "recall_notices": frozenset({"reason", "given_by_name"}),
    "case_batches": frozenset({"reason", "made_by_name", "rows_hash"}),
    "case_batch_rows": frozenset({"version", "reasons_json"}),
    "ledger_events": frozenset({"terms_json", "reason", "recorded_by"}),
    "commission_contracts": frozenset({"terms_json", "reason"}),
    "commission_disputes": frozenset({"reason", "raised_by_name", "answer", "answered_by_name"}),
    "commission_lines": frozenset({"facts_json", "reason"}),
    "settlements": frozenset({"totals_json"}),
    "agreements": frozenset({"debtor_key"}),
    "write_offs": frozenset({"evidence_json", "reason", "requested_by_name", "collector_before"}),
}
EXTRACTED = (
    "agencies", "agreement_instalments", "agreements", "approval_decisions", "approval_requests", "assignments",
    "audit_log", "break_decisions", "breaks", "case_batch_rows", "case_batches", "case_requests",
    "commission_contracts", "commission_disputes", "commission_lines", "journal_entries", "journal_lines",
    "ledger_events", "ledger_positions", "payments", "people", "placements", "proof_sheets", "recall_notices",
    "settlements", "write_off_parts", "write_offs",
)  # fmt: skip
"""The tables that every run copies into the schema ``ops``."""

_ONLY = {"case_batch_rows": "where outcome = 'done'"}
"""Rows of a table that leave the store, where not all of them do."""

_BATCH_ROWS = "65536"
_NO_NUMBER = -(2**63)


def extract_ops(warehouse: Warehouse, settings: Settings) -> dict[str, int]:
    """Replace the schema ``ops`` by what the ops store says at this moment; table → rows.

    All or nothing: the tables are of one moment of the store, and the warehouse keeps the old ones if a copy fails.
    """
    with warehouse.transaction() as connection, opened(settings) as reader:
        counts = {}
        begin(connection)
        for table in EXTRACTED:
            if table in APPENDED:
                counts[table] = extract_appended(connection, reader, table)
                continue
            keep_copy(connection, table)
            counts[table] = extract_table(connection, reader, table)
            mark_moved(connection, table, settings.timezone)
        mark_appended(connection)
        return counts


def extract_appended(connection: Connection, reader: Reader, table: str) -> int:
    """Bring the copy of a table that only grows to what the store says; how many rows it has.

    Raises ``RuntimeError`` where even a copy in full does not sum up to the store."""
    how = APPENDED[table]
    more, source = shape_of(table, postgresql=reader.postgresql)
    columns = [*columns_of(table), *more]
    until = copied_until(connection, table, [column.name for column in columns])
    if until is not None:
        copy_table(
            connection, reader, table, into="appended_rows", columns=columns, source=source,
            where=f"where {how.number} > {until}",
        )  # fmt: skip
        if append(connection, reader, table, until):
            return totals_of_copy(connection, table)[0]
    keep_all(connection, table)
    copy_table(connection, reader, table, columns=columns, source=source)
    note_all(connection, table)
    copied, there = totals_of_copy(connection, table), totals_of_store(reader, table)
    if copied != there:
        raise RuntimeError(f"the copy of {table} has {copied} rows and minor units, the ops store {there}")
    return copied[0]


def extract_table(connection: Connection, reader: Reader, table: str, *, into: str | None = None) -> int:
    """Copy what may leave the store of ``table``, as every run does; how many rows it has."""
    more, source = shape_of(table, postgresql=reader.postgresql)
    columns, where = [*columns_of(table), *more], _ONLY.get(table, "")
    if is_folded(table):
        copy_table(connection, reader, table, into="folded_rows", columns=columns, where=where, source=source)
        return unfold(connection, table, "folded_rows", f"temp table {into}" if into else f"table ops.{table}")
    return copy_table(connection, reader, table, into=into, columns=columns, where=where, source=source)


def columns_told(table: str) -> str:
    """The columns with which a table has been copied, as they are declared."""
    more, _ = shape_of(table, postgresql=False)
    told = [f"{column.name} {_sql_type(column)}" for column in [*columns_of(table), *more]]
    return ", ".join(told) if not is_folded(table) else unfolded_columns(table)


def columns_of(table: str, *, without: frozenset[str] | None = None) -> list[sa.Column[Any]]:
    """The columns of a table of the ops store that may leave it."""
    left_out = _LEFT_OUT.get(table, frozenset()) if without is None else without
    return [column for column in metadata.tables[table].columns if column.name not in left_out]


def copy_table(
    connection: Connection,
    reader: Any,
    table: str,
    *,
    into: str | None = None,
    columns: Sequence[sa.Column[Any]] | None = None,
    where: str = "",
    source: str | None = None,
) -> int:
    """Copy ``table`` into ``ops.<table>``, or into the temporary table ``into``; how many rows it has. ``source`` is
    the query that is read where it is not the table itself."""
    target = f"temp table {into}" if into else f"table ops.{table}"
    chosen = list(columns) if columns is not None else columns_of(table)
    postgresql = bool(reader.postgresql)
    out = ", ".join(_read_as(column, postgresql) for column in chosen)
    typed = ", ".join(_typed(column, postgresql) for column in chosen)
    with reader.connection.cursor() as cursor:
        if not postgresql:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": _BATCH_ROWS})
        cursor.execute(f"select {out} from {source or quoted(table)} as copied {where}")
        arriving = cursor.fetch_record_batch()
        connection.register("arriving_rows", arriving)
        try:
            connection.execute(f"create or replace {target} as select {typed} from arriving_rows")
        finally:
            connection.unregister("arriving_rows")
    counted: list[tuple[int]] = connection.execute(f"select count(*) from {into or f'ops.{table}'}").fetchall()
    return counted[0][0]


class Reader:
    """An ADBC connection on the ops store that sees one moment and cannot write."""

    def __init__(self, connection: Any, *, postgresql: bool) -> None:
        self.connection = connection
        self.postgresql = postgresql


@contextmanager
def opened(settings: Settings) -> Iterator[Reader]:
    """Open the ops store for reading: SQLite read-only, PostgreSQL in one repeatable-read transaction.

    The driver brings an SQLite library of its own. Two libraries in one process must never open the same file: when one
    closes it, the system drops the locks of the other, and the shared index of the write-ahead log is pulled away under
    it (seen as a bus error in the thread that renews a lease). The driver is given a copy made by the store's library.
    """
    url = make_url(settings.ops_database_url)
    if url.get_backend_name() == "postgresql":
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
            yield Reader(connection, postgresql=True)
        return
    assert url.database is not None
    with _readable_file(Path(url.database)) as file:
        from adbc_driver_sqlite import dbapi

        with dbapi.connect(_read_only(file)) as connection:
            yield Reader(connection, postgresql=False)


@contextmanager
def _readable_file(file: Path) -> Iterator[Path]:
    from pysqlite3 import dbapi2 as own_library

    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        copy = Path(folder) / "copy.db"
        source, target = own_library.connect(str(file)), own_library.connect(str(copy))
        try:
            source.backup(target)
        finally:
            target.close()
            source.close()
        yield copy


def _read_only(file: Path) -> str:
    return f"{file.resolve().as_uri()}?mode=ro"


def _read_as(column: sa.Column[Any], postgresql: bool) -> str:
    """The column as it leaves the store. SQLite's driver guesses a type from the first rows, so nothing is null there:
    a number that is missing is the smallest of all, a text that is there has a mark before it."""
    name = quoted(column.name)
    if postgresql:
        return name
    if isinstance(column.type, sa.Integer):
        return f"coalesce({name}, {_NO_NUMBER}) as {name}" if column.nullable else name
    if isinstance(column.type, sa.Boolean):
        return f"coalesce({name}, 2) as {name}"
    return f"coalesce('=' || {name}, '') as {name}"


def _typed(column: sa.Column[Any], postgresql: bool) -> str:
    name = quoted(column.name)
    kind = _sql_type(column)
    if postgresql:
        return f"cast({name} as {kind}) as {name}"
    if isinstance(column.type, sa.Integer):
        return f"nullif(cast({name} as bigint), {_NO_NUMBER}) as {name}"
    if isinstance(column.type, sa.Boolean):
        return f"case cast({name} as bigint) when 0 then false when 1 then true end as {name}"
    text = f"cast({name} as varchar)"
    return f"cast(case when {text} = {literal('')} then null else substr({text}, 2) end as {kind}) as {name}"


def _sql_type(column: sa.Column[Any]) -> str:
    if isinstance(column.type, Moment):
        return "timestamp"
    if isinstance(column.type, sa.Date):
        return "date"
    if isinstance(column.type, sa.Boolean):
        return "boolean"
    if isinstance(column.type, sa.Integer):
        return "bigint"
    if isinstance(column.type, sa.String):
        return "varchar"
    raise TypeError(f"{column.table.name}.{column.name} has a type that no extract knows")
