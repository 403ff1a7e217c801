"""Decided rows into the warehouse: every accepted row once, whatever the order and number of its deliveries.

A raw table keeps each distinct content of a key once, with the earliest lineage it ever arrived with (file date, file,
line), so that the table is the same whichever file came first. An event's content is known by its values; a
state's also by the file's date, because yesterday's value may come back tomorrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from pipelines.expectations.definitions import Feed
from pipelines.readers.grammar import from_utc
from pipelines.sql_words import literal, quoted
from pipelines.warehouse import Connection, rows


@dataclass(frozen=True)
class Lineage:
    """Where the rows of one load came from."""

    source_code: str
    file_id: str
    file_date: str


def load_rows(connection: Connection, feed: Feed, accepted: str, lineage: Lineage, zone: ZoneInfo) -> int:
    """Insert the rows of ``accepted`` (SQL with the feed's stored columns, row_hash, imputed_columns, line_no and
    ordinal) and mark their partitions as touched. Returns how many were already known with equal content.

    Runs inside the caller's transaction.
    """
    table = f"raw.{feed.feed}"
    known = rows(connection, f"select 1 from {table} where source_code = ? limit 1", (lineage.source_code,))
    where, repeated = "", 0
    if known:
        repeated = _settle_known(connection, feed, accepted, lineage)
        where = " where ordinal not in (select ordinal from known_rows where not earlier)"
    columns = [*feed.stored_columns]
    listed = ", ".join(map(quoted, columns))
    # the order of rows inside a table means nothing here, and keeping it doubles the writing
    connection.execute("set preserve_insertion_order = false")
    connection.execute(
        f"insert into {table} ({listed}, source_code, file_id, line_no, row_hash, file_date, imputed_columns)"
        f" select {listed}, {literal(lineage.source_code)}, {literal(lineage.file_id)}, line_no, row_hash,"
        f" date '{lineage.file_date}', imputed_columns from {accepted}{where}"
    )
    connection.execute("reset preserve_insertion_order")
    touch(connection, feed, f"(select * from {accepted}{where})", lineage.file_date, zone)
    return repeated


def _settle_known(connection: Connection, feed: Feed, accepted: str, lineage: Lineage) -> int:
    """Finds rows the table already holds; where the new lineage is the earlier one the old row makes way."""
    keys = " and ".join(f"a.{quoted(column)} = w.{quoted(column)}" for column in map(feed.stored_name, feed.key))
    equal = " and ".join(
        f"a.{quoted(column)} is not distinct from w.{quoted(column)}" for column in feed.stored_columns
    )
    same_day = f" and w.file_date = date '{lineage.file_date}'" if feed.kind == "state" else ""
    mine = f"(date '{lineage.file_date}', {literal(lineage.file_id)}, a.line_no)"
    connection.execute(
        f"create or replace temp table known_rows as"
        f" select a.ordinal, w.rowid as old_row, w.file_id as old_file, {mine} < (w.file_date, w.file_id, w.line_no)"
        f" as earlier from {accepted} a join raw.{feed.feed} w on {keys} and {equal}"
        f" where w.source_code = {literal(lineage.source_code)}{same_day}"
    )
    displaced = rows(connection, "select old_file, count(*) from known_rows where earlier group by old_file")
    if displaced:
        connection.execute(f"delete from raw.{feed.feed} where rowid in (select old_row from known_rows where earlier)")
        for file_id, count in displaced:
            connection.execute(
                "update raw.files set rows_repeated = rows_repeated + ?"
                " where file_id = ? and feed = ? and source_code = ?",
                [count, file_id, feed.feed, lineage.source_code],
            )
    return int(rows(connection, "select count(*) from known_rows where not earlier")[0][0])


def touch(connection: Connection, feed: Feed, changed: str, file_date: str, zone: ZoneInfo) -> None:
    """Notes the partitions of the changed rows for the next build. A moment belongs to its local day."""
    if feed.partition is None:
        day = f"date '{file_date}'"
    elif feed.columns[feed.partition].type == "moment":
        day = f"cast({from_utc(quoted(feed.partition), zone.key)} as date)"
    else:
        day = quoted(feed.partition)
    connection.execute(
        f"insert into raw.touched select {literal(feed.feed)}, day from (select distinct {day} as day from {changed})"
        f" where day is not null and day not in"
        f" (select partition_date from raw.touched where feed = {literal(feed.feed)})"
    )
