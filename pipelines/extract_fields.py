"""What leaves the ops store in another shape than its table: the loan of a row's case, fields of JSON columns.

A column that holds JSON does not leave. Of it leave the fields named here, as columns, so that no model reads JSON; and
a proof sheet leaves as its rows.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ops_app.store.tables import metadata
from pipelines.warehouse import Connection

_OF_A_LOAN = ("placements", "assignments", "agreements")
"""Tables of cases that leave with the loan of the case, which is how the feeds name it."""
_TOTALS = (
    "fees_minor", "carried_in_minor", "net_minor", "tax_minor", "gross_minor", "held_minor", "carried_out_minor",
    "receivable_minor",
)  # fmt: skip
_FIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    "settlements": ("totals_json", {**dict.fromkeys(_TOTALS, sa.BigInteger), "carried_since": sa.Date}),
    "commission_lines": (
        "facts_json",
        {"age_days": sa.Integer, "bucket": sa.String, "placement_nth": sa.Integer, "room_minor": sa.BigInteger},
    ),
}
"""Table → its column of JSON and what of that leaves, by name."""
_SECOND = sa.Column("made_second", sa.BigInteger)
"""Of a row without a number: the second in which it was made."""
_UNFOLDED = {
    "proof_sheets": """
        select * exclude (rows_json, told), told ->> 0 as leg, told ->> 1 as part, told ->> 2 as code,
            cast(told ->> 3 as bigint) as items, cast(told ->> 4 as bigint) as amount_minor
        from (select *, unnest(cast(rows_json as json[])) as told from {0})
    """,
}
_UNFOLDED_COLUMNS = {
    "proof_sheets": "business_date date, book varchar, currency varchar, revision bigint, content_hash varchar,"
    " made_at timestamp, leg varchar, part varchar, code varchar, items bigint, amount_minor bigint",
}


def unfolded_columns(table: str) -> str:
    """The columns of a table that leaves unfolded, as they are declared."""
    return _UNFOLDED_COLUMNS[table]


def shape_of(table: str, *, postgresql: bool) -> tuple[list[sa.Column[Any]], str | None]:
    """The columns that ``table`` has beside its own where it leaves, and the query that brings them (None: itself)."""
    if table == "journal_lines":
        source = "select t.*, e.entry_no from journal_lines as t join journal_entries as e on e.entry_id = t.entry_id"
        return [metadata.tables["journal_entries"].c.entry_no], f"({source})"
    if table in _OF_A_LOAN:
        cases = metadata.tables["cases"].c
        source = f"select t.*, c.source_code, c.loan_id from {table} as t join cases as c on c.case_id = t.case_id"
        return [cases.source_code, cases.loan_id], f"({source})"
    if table not in _FIELDS:
        return [], None
    column, fields = _FIELDS[table]
    one = "t.{0}::jsonb ->> '{1}'" if postgresql else "json_extract(t.{0}, '$.{1}')"
    read = [f"{one.format(column, name)} as {name}" for name in fields]
    more: list[sa.Column[Any]] = [sa.Column(name, kind, nullable=True) for name, kind in fields.items()]
    if table == "commission_lines":
        second = "floor(extract(epoch from t.made_at))" if postgresql else "strftime('%s', t.made_at)"
        read.append(f"cast({second} as bigint) as {_SECOND.name}")
        more.append(_SECOND)
    return more, f"(select t.*, {', '.join(read)} from {table} as t)"


def is_folded(table: str) -> bool:
    """Whether a row of ``table`` leaves as several."""
    return table in _UNFOLDED


def unfold(connection: Connection, table: str, folded: str, target: str) -> int:
    """Write into ``target`` the rows of ``table`` that were copied into ``folded``; how many they are."""
    connection.execute(f"create or replace {target} as {_UNFOLDED[table].format(folded)}")
    connection.execute(f"drop table temp.{folded}")
    name = target.removeprefix("temp ").removeprefix("table ")
    counted: list[tuple[int]] = connection.execute(f"select count(*) from {name}").fetchall()
    return counted[0][0]
