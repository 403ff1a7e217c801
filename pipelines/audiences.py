"""Who is published what: every audience has rows of its own, and what is not named here goes to nobody outside."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.marts_hash import mart_tables
from pipelines.sql_words import literal, quoted
from pipelines.warehouse import Connection

ASSET_COMPANY = "asset_company"

_SHARED = frozenset({"dim_dates", "dim_products", "dim_regions", "dim_buckets", "dim_labels"})
"""Tables without anybody's data."""

_OWN = {
    "dim_customers": "customer_key in (select c.customer_key from {marts}.dim_cases as c"
    " where c.case_id in (select d.case_id from {marts}.fct_case_days as d where d.agency_code = {agency}))",
    "fct_commission_lines": "agency_code = {agency} and settlement_state <> 'draft'",
    "rpt_commission_settlement": "agency_code = {agency} and state <> 'draft'",
    # what became of an agreement after the agency gave the case back is not the agency's to see
    "rpt_waivers": "agency_code = {agency} and case_id in (select d.case_id from {marts}.fct_case_days as d"
    " group by d.case_id"
    " having max(d.business_date) = max(case when d.agency_code = {agency} then d.business_date end))",
}
"""Tables of which an agency sees not every row with its code, or some without: the condition on its rows."""

_CASES = """
select c.* replace (
    {censored}
)
from {marts}.dim_cases as c
inner join (
    select case_id, max(business_date) as until,
        max(business_date) = max(last_held) as held_to_the_end
    from {marts}.fct_case_days
    inner join (select case_id, max(business_date) as last_held from {marts}.fct_case_days group by case_id)
        using (case_id)
    where agency_code = {agency} group by case_id
) as own on own.case_id = c.case_id
"""
_AFTER = {
    "closed_date": "own.held_to_the_end",
    "close_reason": "own.held_to_the_end",
    "reached_30_date": "c.reached_30_date <= own.until",
    "reached_30_balance": "c.reached_30_date <= own.until",
    "reached_90_date": "c.reached_90_date <= own.until",
    "reached_90_balance": "c.reached_90_date <= own.until",
    "written_off_date": "c.written_off_date <= own.until",
    "written_off_balance": "c.written_off_date <= own.until",
}
"""What became of a case after an agency gave it back is not the agency's to see."""


def audiences(connection: Connection, schema: str = "marts") -> list[str]:
    """The asset company, and every agency the marts know. An agency code that cannot name a folder is refused."""
    found = [ASSET_COMPANY]
    if "dim_agencies" not in mart_tables(connection, schema):
        return found
    codes = connection.execute(f"select distinct agency_code from {quoted(schema)}.dim_agencies order by 1").fetchall()
    for (code,) in codes:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", code, re.ASCII):
            raise ValueError(f"agency code {code!r} cannot name a snapshot: letters, digits, - and _ only")
        found.append(f"agency-{code}")
    return found


def rows_for(audience: str, table: str, columns: Sequence[str], schema: str = "marts") -> str:
    """The query that gives ``audience`` its rows of ``table``: all, its own, or none."""
    relation = f"{quoted(schema)}.{quoted(table)}"
    if audience == ASSET_COMPANY or table in _SHARED:
        return f"select * from {relation}"
    agency = literal(audience.removeprefix("agency-"))
    if table == "dim_cases":
        censored = ",\n    ".join(f"case when {when} then c.{name} end as {name}" for name, when in _AFTER.items())
        return _CASES.format(marts=quoted(schema), agency=agency, censored=censored)
    if table in _OWN:
        return f"select * from {relation} where {_OWN[table].format(marts=quoted(schema), agency=agency)}"
    if "agency_code" in columns:
        return f"select * from {relation} where agency_code = {agency}"
    return f"select * from {relation} where false"
