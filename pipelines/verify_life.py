"""The check that the marts say of placements and assignments what the ops store says. It reads; it changes nothing."""

from __future__ import annotations

from ops_app.config import Settings
from ops_app.domain.findings import Finding, broken, holds, not_built
from pipelines.extracts import copy_table, extract_table, opened
from pipelines.readers.grammar import WHOLE_UNIT_CURRENCIES
from pipelines.sql_words import literal
from pipelines.warehouse import Connection, Warehouse, rows

LIFE_INVARIANT, LIFE_NAME = 4, "placements and assignments of the ops store = those of the marts"

_COMPARED = {
    "placement": (
        "placements",
        "placement_id as id, case_id, agency_code as whose, placed_at as begun_at, due_at, ended_at, end_reason,"
        " {placed_balance_minor} as placed, {ended_balance_minor} as ended, currency",
        "fct_placements",
        "placement_id as id, case_id, agency_code as whose, placed_at as begun_at, due_at, ended_at, end_reason,"
        " placed_balance as placed, ended_balance as ended, currency",
    ),
    "assignment": (
        "assignments",
        "assignment_id as id, case_id, collector_id as whose, assigned_at as begun_at, ended_at, end_reason",
        "fct_assignments",
        "assignment_id as id, case_id, collector_id as whose, assigned_at as begun_at, ended_at, end_reason",
    ),
}
"""What is compared: the table of the store, what of it; the mart, what of it."""


def verify_life(settings: Settings, warehouse: Warehouse) -> Finding:
    """Every placement and assignment of the ops store stands in its mart, once, with the same house or person, moments
    and balances, and none stands there beside. What was done since the marts were built is no fault: the audit log
    tells of which cases it was.

    A broken finding names the first that differs.
    """
    with warehouse.open() as connection:
        there = {name for (name,) in rows(connection, "select table_name from duckdb_tables() where not temporary")}
        if not {"fct_placements", "fct_assignments", "fct_console_actions"} <= there:
            return not_built(LIFE_INVARIANT, LIFE_NAME, "the marts have not been built yet")
        with opened(settings) as reader:
            for table, *_ in _COMPARED.values():
                extract_table(connection, reader, table, into=f"verified_{table}")
            seen = rows(connection, "select coalesce(max(seq), 0) from marts.fct_console_actions")[0][0]
            copy_table(connection, reader, "audit_log", into="verified_since", where=f"where seq > {int(seen)}")
        checked = 0
        for what in _COMPARED:
            count, wrong = _compare(connection, what)
            checked += count
            if wrong is not None:
                return broken(LIFE_INVARIANT, LIFE_NAME, checked, wrong)
    return holds(LIFE_INVARIANT, LIFE_NAME, checked)


def _compare(connection: Connection, what: str) -> tuple[int, str | None]:
    table, of_store, mart, of_mart = _COMPARED[what]
    whole = ", ".join(map(literal, WHOLE_UNIT_CURRENCIES))

    def major(column: str) -> str:
        exact = f"cast({column} as decimal(38, 2))"
        return f"cast(case when currency in ({whole}) then {exact} else {exact} / 100 end as decimal(18, 2))"

    said = of_store.format(
        placed_balance_minor=major("placed_balance_minor"), ended_balance_minor=major("ended_balance_minor")
    )
    count = rows(connection, f"select count(*) from verified_{table}")[0][0]
    # a run of intake is one act for all the cases it closed, a take-over for all it entered
    differing = rows(
        connection,
        f"""
        with s as (select {said} from verified_{table}),
        m as (select {of_mart} from marts.{mart}),
        acted as (select distinct object_id as case_id from verified_since where object_type = 'case')
        select coalesce(s.id, m.id), coalesce(s.case_id, m.case_id), s.id is null, m.id is null
        from s full join m on s.id = m.id
        where s is distinct from m
            and coalesce(s.case_id, m.case_id) not in (select case_id from acted)
            and not (
                s.id is not null and m.id is not null and m.ended_at is null and s.ended_at is not null
                and exists (select 1 from verified_since where action = 'intake.applied')
            )
            and not (m.id is null and exists (select 1 from verified_since where action = 'history.taken_over'))
        order by 1 limit 1
        """,
    )
    if not differing:
        return count, None
    one, case_id, not_stored, not_in_mart = differing[0]
    why = "is not in the ops store" if not_stored else "is not in the marts" if not_in_mart else "differs in the marts"
    return count, f"{what} {one} of case {case_id} {why}"
