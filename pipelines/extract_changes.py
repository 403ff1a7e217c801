"""What moved in the ops store since the last extract, told to the build as feeds tell it: in ``raw.touched``.

A placement or an assignment counts from the day it begins until the day it ends (``int_custody_periods``), so a row
that is new, or gone, moves the days from its beginning on, and one of which only the end changed those from the earlier
of its ends. Tables that stand still are named nowhere, and what is built of them is left as it is.
"""

from __future__ import annotations

from pipelines.readers.grammar import from_utc
from pipelines.warehouse import Connection, rows

BEFORE = "extract_before"
NEVER = "date '9999-12-31'"
"""The day of what moved without moving any day: that it did is all that is said."""
_BEGUN = {"placements": "placed_at", "assignments": "assigned_at"}
_ENDS = {"placements": "least(coalesce({0}.ended_at, {0}.due_at), {0}.due_at)", "assignments": "{0}.ended_at"}
_FIXED = {
    "placements": ("case_id", "agency_code", "placed_at", "source_code", "loan_id"),
    "assignments": ("case_id", "collector_id", "agency_code", "assigned_at", "source_code", "loan_id"),
}
_KEYS = {
    "placements": "placement_id",
    "assignments": "assignment_id",
    "recall_notices": "notice_id",
    "case_batches": "batch_id",
    "case_batch_rows": "batch_id || '/' || {0}.case_id",
    "agencies": "agency_code",
    "people": "person_id",
    "commission_contracts": "contract_id",
    "commission_disputes": "dispute_id",
    "settlements": "settlement_id",
    "write_offs": "write_off_id",
    "write_off_parts": "write_off_id || '/' || {0}.component",
    "agreements": "agreement_id",
    "agreement_instalments": "agreement_id || '/' || {0}.nth",
    "proof_sheets": "business_date || '/' || {0}.book || '/' || {0}.currency || '/' || {0}.revision || '/' || {0}.leg"
    " || '/' || {0}.part || '/' || {0}.code",
}
MOVES = (*sorted(_KEYS), "commission_lines", "journal_entries", "journal_lines", "ledger_events")
"""The tables of which is said whether they moved; of every other the build takes it for granted."""


def touched_name(table: str) -> str:
    """What ``raw.touched`` calls a table of the ops store, so that no feed has its name."""
    return f"ops.{table}"


def keep_copy(connection: Connection, table: str) -> None:
    """Keep what the last extract said of ``table``, to compare with what the next says."""
    if table in _KEYS:
        there = rows(
            connection,
            "select count(*) from information_schema.tables where table_schema = 'ops' and table_name = ?", [table]
        )  # fmt: skip
        connection.execute(f"drop table if exists temp.{BEFORE}")
        if there[0][0]:
            connection.execute(f"create temp table {BEFORE} as select * from ops.{table}")


def mark_moved(connection: Connection, table: str, zone: str) -> None:
    """Enter in ``raw.touched`` the days of ``zone`` that moved by what differs from the kept copy, and forget that."""
    if table not in _KEYS:
        return
    kept = bool(rows(connection, f"select 1 from duckdb_tables() where table_name = '{BEFORE}'"))
    alike = kept and _columns(connection, "ops", table) == _columns(connection, "main", BEFORE)
    before = BEFORE if alike else f"(select * from ops.{table} where false)"
    key = "{0}." + _KEYS[table]
    day = _day(table, zone) if table in _BEGUN else NEVER
    connection.execute(
        f"""
        insert into raw.touched
        select distinct '{touched_name(table)}', {day}
        from ops.{table} as n full join {before} as o on {key.format("n")} = {key.format("o")}
        where n is distinct from o
        """
    )
    connection.execute(f"drop table if exists temp.{BEFORE}")


def _day(table: str, zone: str) -> str:
    """The earliest business day of which a row that differs says something else than before; the last of all days where
    it says the same of each (a touch that was noted)."""
    same = " and ".join(f"n.{name} is not distinct from o.{name}" for name in _FIXED[table])
    begun = _earlier(f"n.{_BEGUN[table]}", f"o.{_BEGUN[table]}")
    ended = _earlier(*(_ENDS[table].format(side) for side in ("n", "o")))
    moved = f"cast({from_utc(f'(case when {same} then {ended} else {begun} end)', zone)} as date)"
    return f"coalesce({moved}, {NEVER})"


def _earlier(one: str, other: str) -> str:
    return f"least(coalesce({one}, {other}), coalesce({other}, {one}))"


def _columns(connection: Connection, schema: str, table: str) -> list[tuple[str, str]]:
    return rows(
        connection,
        "select column_name, data_type from information_schema.columns"
        f" where table_schema = '{schema}' and table_name = '{table}' order by ordinal_position",
    )
