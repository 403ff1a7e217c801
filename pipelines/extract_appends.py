"""Tables of the ops store to which rows are only ever added: a run copies what is new, and all where that cannot be.

The last rows copied are read again and must be there as they were; then the new ones are added and the whole must count
and sum up to what the store says at the same moment. Where one of the two is not so (the store was replaced or put back
to an earlier day, or a number was given before the last copy to a row that came after it) the table is copied in full.

What moved is entered in ``raw.touched``: under ``ops.journal_entries`` and ``ops.journal_lines`` the accounting dates
of new entries and of those they reverse, under ``ops.ledger_events`` the value dates of their events and of the
payments these go back to, under ``ops.commission_lines`` that there are other lines than before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.extract_changes import NEVER, touched_name
from pipelines.warehouse import Connection, rows

TAIL = 10_000
"""How many of the last numbers are read again: a transaction of PostgreSQL may take a number long before it ends."""

_ARRIVED, _NEW, _BEFORE = "appended_rows", "appended_new", "appended_before"
_MOVED, _EVENTS = "appended_moved", "appended_events"
_TELLS = {
    "journal_entries": "entry_id, event_id, reverses_entry_id, accounting_date",
    "ledger_events": "event_id, target_id, value_date",
    "commission_lines": "line_id",
}
"""What of a table tells which days moved."""


@dataclass(frozen=True)
class Append:
    """How a table grows: the number that rises with each row, the amount that is summed up, the key of a row."""

    number: str
    amount: str
    key: str


APPENDED = {
    "journal_entries": Append("entry_no", "total_minor", "entry_id"),
    "journal_lines": Append("entry_no", "amount_minor", "entry_id || '/' || line_no"),
    "ledger_events": Append("seq", "amount_minor", "event_id"),
    # numbered by the second, so that the tail is of hours: longer than any act takes
    "commission_lines": Append("made_second", "fee_minor", "line_id"),
}
"""The tables that only grow, in the order in which they are copied."""


def copied_until(connection: Connection, table: str, columns: list[str]) -> int | None:
    """The number up to which the copy of ``table`` is taken as it is; None where there is none with these columns."""
    there = rows(
        connection,
        "select column_name from information_schema.columns where table_schema = 'ops' and table_name = ?", [table]
    )  # fmt: skip
    if {name for (name,) in there} != set(columns):
        return None
    number = APPENDED[table].number
    (last,) = rows(connection, f"select max({number}) from ops.{table}")[0]
    return None if last is None else max(int(last) - TAIL, 0)


def append(connection: Connection, reader: Any, table: str, until: int) -> bool:
    """Add the rows of ``appended_rows``, which are those of the store beyond ``until``, to the copy of ``table``.

    False where the copy is not what the store began with: then all must be copied.
    """
    how = APPENDED[table]
    listed = ", ".join(name for (name,) in rows(
        connection, "select column_name from information_schema.columns where table_schema = 'ops' and table_name = ?"
        " order by ordinal_position", [table]))  # fmt: skip
    gone = rows(
        connection,
        f"select 1 from (select {listed} from ops.{table} where {how.number} > {until}"
        f" except select {listed} from {_ARRIVED}) limit 1",
    )
    if gone:
        return False
    known = f"select {how.key} from ops.{table} where {how.number} > {until}"
    connection.execute(
        f"create or replace temp table {_NEW} as select {listed} from {_ARRIVED} where {how.key} not in ({known})"
    )
    connection.execute(f"insert into ops.{table} by name select * from {_NEW}")
    if totals_of_copy(connection, table) != totals_of_store(reader, table):
        return False
    if table == "journal_entries":
        connection.execute(f"insert into {_MOVED} select {_TELLS[table]} from {_NEW}")
    if table == "commission_lines":
        connection.execute(f"insert into raw.touched select distinct '{touched_name(table)}', {NEVER} from {_NEW}")
    return True


def totals_of_store(reader: Any, table: str) -> tuple[int, int]:
    """How many rows a table that only grows has in the ops store, and the sum of their amounts (minor units)."""
    with reader.connection.cursor() as cursor:
        amount = f"cast(coalesce(sum({APPENDED[table].amount}), 0) as varchar(40))"
        cursor.execute(f"select count(*), {amount} from {table}")
        count, total = cursor.fetchone()
    return int(count), int(total)


def totals_of_copy(connection: Connection, table: str) -> tuple[int, int]:
    """The same of its copy in the warehouse."""
    amount = APPENDED[table].amount
    count, total = rows(connection, f"select count(*), coalesce(sum({amount}), 0) from ops.{table}")[0]
    return int(count), int(total)


def begin(connection: Connection) -> None:
    """Note which entries move from here on, and of which events."""
    connection.execute(
        f"create or replace temp table {_MOVED}"
        " (entry_id varchar, event_id varchar, reverses_entry_id varchar, accounting_date date)"
    )
    connection.execute(f"create or replace temp table {_EVENTS} (event_id varchar, target_id varchar, value_date date)")


def keep_all(connection: Connection, table: str) -> None:
    """Keep what a copy in full is going to replace, as far as it tells what moves."""
    connection.execute(f"drop table if exists temp.{_BEFORE}")
    if table not in _TELLS:
        return
    there = rows(connection, "select column_name from duckdb_columns() where schema_name = 'ops' and table_name = ?",
                 [table])  # fmt: skip
    if {(name,) for name in _TELLS[table].split(", ")} <= set(there):
        connection.execute(f"create temp table {_BEFORE} as select {_TELLS[table]} from ops.{table}")


def note_all(connection: Connection, table: str) -> None:
    """After a copy in full: the entries that are new, gone or filed under another day have moved."""
    if table not in _TELLS:
        return
    kept = bool(rows(connection, f"select 1 from duckdb_tables() where table_name = '{_BEFORE}'"))
    if table == "commission_lines":
        either = f"select 1 from ops.{table}" + (f" union all select 1 from {_BEFORE}" if kept else "")
        connection.execute(
            f"insert into raw.touched select '{touched_name(table)}', {NEVER} where exists ({either})"
        )  # fmt: skip
        return
    listed = _TELLS[table]
    if table == "ledger_events":
        if kept:
            connection.execute(f"insert into {_EVENTS} select {listed} from {_BEFORE}")
        return
    before = f"select {listed} from {_BEFORE}" if kept else f"select {listed} from ops.{table} where false"
    now = f"select {listed} from ops.{table}"
    connection.execute(f"insert into {_MOVED} (({now} except {before}) union all ({before} except {now}))")


def mark_appended(connection: Connection) -> None:
    """Enter in ``raw.touched`` the days of the entries that moved, and forget what was noted."""
    for table in ("journal_entries", "journal_lines"):
        connection.execute(
            f"""
            insert into raw.touched
            select '{touched_name(table)}', accounting_date from {_MOVED}
            union
            select '{touched_name(table)}', e.accounting_date from ops.journal_entries as e
            semi join {_MOVED} as m on m.reverses_entry_id = e.entry_id
            """
        )
    # what a payment paid may have gone on by up to three further events, each naming the one before
    connection.execute(
        f"""
        insert into raw.touched
        with events as (
            select event_id, target_id, value_date from ops.ledger_events
            union all select event_id, target_id, value_date from {_EVENTS}
        ),
        first as (select e.* from events as e semi join {_MOVED} as m on m.event_id = e.event_id),
        second as (select e.* from events as e semi join first as f on f.target_id = e.event_id),
        third as (select e.* from events as e semi join second as f on f.target_id = e.event_id),
        fourth as (select e.* from events as e semi join third as f on f.target_id = e.event_id)
        select distinct '{touched_name("ledger_events")}', value_date from (
            select value_date from first union all select value_date from second
            union all select value_date from third union all select value_date from fourth
        )
        """
    )
    for name in (_MOVED, _EVENTS, _BEFORE, _NEW, _ARRIVED):
        connection.execute(f"drop table if exists temp.{name}")
