"""A fingerprint of the marts, to compare two builds row for row."""

from __future__ import annotations

from pathlib import Path

from pipelines.sql_words import literal, quoted
from pipelines.warehouse import Connection, connect

PREFIXES = ("dim_", "fct_", "rpt_")
"""Names of the tables that are marts."""


def mart_tables(connection: Connection, schema: str = "marts") -> list[str]:
    """Names of the marts in ``schema``, sorted."""
    found = connection.execute(
        "select table_name from information_schema.tables where table_schema = ? and table_catalog = current_database()"
        " order by table_name",
        [schema],
    ).fetchall()
    return [name for (name,) in found if name.startswith(PREFIXES)]


def mart_hashes(path: Path) -> dict[str, str]:
    """SHA-256 of the rows of every mart in the warehouse or snapshot at ``path``, whatever order they are stored in.

    Two files with equal answers hold equal rows in every ``dim_``, ``fct_`` and ``rpt_`` table.
    """
    connection = connect(path, read_only=True)
    try:
        schema = "marts" if mart_tables(connection, "marts") else "main"
        return {name: _hash(connection, schema, name) for name in mart_tables(connection, schema)}
    finally:
        connection.close()


def _hash(connection: Connection, schema: str, table: str) -> str:
    rows = f"select sha256(cast(to_json(t) as varchar)) as h from {quoted(schema)}.{quoted(table)} as t"
    found = connection.execute(f"select sha256(coalesce(string_agg(h, '' order by h), '')) from ({rows})").fetchone()
    assert found is not None
    return str(found[0])


def content_totals(connection: Connection, relation: str) -> tuple[int, str]:
    """Number of rows and a fingerprint of their content in one pass without a sort, for files too large to sort."""
    found = connection.execute(
        f"select count(*), coalesce(sum(hash(t)), 0), coalesce(bit_xor(hash(t)), 0) from {relation} as t"
    ).fetchone()
    assert found is not None
    rows, total, mixed = found
    return int(rows), f"{int(total):x}-{int(mixed):x}"


def column_list(connection: Connection, schema: str, table: str) -> str:
    """Columns and types of a table as one text, so that a changed shape changes the fingerprint too."""
    found = connection.execute(
        f"select string_agg(column_name || ' ' || data_type, ', ' order by ordinal_position)"
        f" from information_schema.columns where table_schema = {literal(schema)} and table_name = {literal(table)}"
        " and table_catalog = current_database()"
    ).fetchone()
    assert found is not None
    return str(found[0])
