"""The journal in the marts against the journal of the ops store: to the minor unit, by account and by case (I17).

Each build is held against the copy it was made from (``journal_untied``), which counts and sums up to the store at the
moment of the copy (``extract_appends``), and against where the store says each case stands, which is written by another
way than the lines. ``recoup verify`` holds the marts against the store itself.
"""

from __future__ import annotations

from ops_app.config import Settings
from ops_app.domain.findings import Finding, broken, holds, not_built
from ops_app.store.tables.journal import PARTS
from pipelines.extract_appends import TAIL
from pipelines.extract_changes import touched_name
from pipelines.extracts import extract_table, opened
from pipelines.readers.grammar import WHOLE_UNIT_CURRENCIES
from pipelines.sql_words import literal
from pipelines.warehouse import Connection, Warehouse, rows

JOURNAL_INVARIANT, JOURNAL_NAME = 3, "the journal of the ops store = that of the marts, by account and by case"

_WHOLE = ", ".join(map(literal, WHOLE_UNIT_CURRENCIES))
_MART = f"""
select entry_id, source_code, currency, account_code, case_id, component,
    cast(signed_amount * case when currency in ({_WHOLE}) then 1 else 100 end as bigint) as minor
from marts.fct_journal_lines
"""


def verify_journal_marts(settings: Settings, warehouse: Warehouse) -> Finding:
    """Invariant 3 in the marts: what the ops store posted until the marts were built stands in ``fct_journal_lines``,
    with the same number of legs and the same sum, by source, currency and account and by case; and nothing beside."""
    with warehouse.open() as connection:
        there = {name for (name,) in rows(connection, "select table_name from duckdb_tables() where not temporary")}
        if not {"fct_journal_lines", "journal_entries"} <= there:
            return not_built(JOURNAL_INVARIANT, JOURNAL_NAME, "the marts have not been built yet")
        with opened(settings) as reader:
            extract_table(connection, reader, "journal_lines", into="verified_lines")
        _keep_told(connection)
        checked = int(rows(connection, "select count(*) from verified_told")[0][0])
        wrong = _differing(connection, "verified_told")
    if wrong is not None:
        return broken(JOURNAL_INVARIANT, JOURNAL_NAME, checked, wrong)
    return holds(JOURNAL_INVARIANT, JOURNAL_NAME, checked)


def _keep_told(connection: Connection) -> None:
    """Keep of ``verified_lines`` as ``verified_told`` what the marts have to say: what was copied and is not built yet
    and what was posted since is no fault of theirs. A number may have been given long before its row was there."""
    connection.execute(
        "create or replace temp table verified_entries as select distinct entry_id from marts.fct_journal_lines"
    )
    moved = touched_name("journal_entries")
    pending = bool(rows(connection, "select 1 from raw.touched where feed = ? limit 1", [moved]))
    in_marts = "select max(entry_no) from verified_lines semi join verified_entries using (entry_id)"
    (last,) = rows(connection, in_marts if pending else "select max(entry_no) from ops.journal_entries")[0]
    until = 0 if last is None else int(last)
    copied = "verified_entries" if pending else "ops.journal_entries"
    connection.execute(
        "create or replace temp table verified_told as select * from verified_lines"
        f" where entry_no <= {until - TAIL} or entry_id in (select entry_id from verified_entries)"
        f" or (entry_no <= {until} and entry_id in (select entry_id from {copied}))"
    )


def journal_untied(connection: Connection) -> str | None:
    """The first account or case of which the marts that were just built do not say what the ops store said when it was
    copied; None where all tie. Where one does not, the next build makes the journal of all days anew."""
    wrong = _differing(connection, "ops.journal_lines") or _standing_otherwise(connection)
    if wrong is not None:
        for table in ("journal_entries", "journal_lines"):
            connection.execute(
                f"insert into raw.touched select '{touched_name(table)}', accounting_date from ops.journal_lines"
                f" union select '{touched_name(table)}', accounting_date from marts.fct_journal_lines"
            )
        connection.execute(
            f"insert into raw.touched select '{touched_name('ledger_events')}', value_date from ops.ledger_events"
            f" union select '{touched_name('ledger_events')}', value_date from marts.fct_repayment_applications"
        )
    return wrong


def _differing(connection: Connection, lines: str) -> str | None:
    """The first account, then the first case and component, of which legs or sums differ from those of ``lines``."""
    store = " union all ".join(
        f"select source_code, currency, {side}_account as account_code, case_id, component, {sign}amount_minor as minor"
        f" from {lines}"
        for side, sign in (("debit", ""), ("credit", "-"))
    )
    for key in ("source_code, currency, account_code", "case_id, currency, account_code, component"):
        found = rows(
            connection,
            f"""
            with s as (select {key}, count(*) as n, sum(minor) as total from ({store}) group by all),
            m as (select {key}, count(*) as n, sum(minor) as total from ({_MART}) group by all),
            told as (
                select {key}, coalesce(sum(n) filter (side = 's'), 0) as n, coalesce(sum(total) filter (side = 's'), 0)
                    as total, coalesce(sum(n) filter (side = 'm'), 0) as mart_n,
                    coalesce(sum(total) filter (side = 'm'), 0) as mart_total
                from (select 's' as side, * from s union all select 'm' as side, * from m) group by {key}
            )
            select n, total, mart_n, mart_total, {key} from told where n <> mart_n or total <> mart_total
            order by all limit 1
            """,
        )
        if found:
            n, total, mart_n, mart_total, *of = found[0]
            said = f"the ops store has {n} legs ({total} minor), the marts {mart_n} ({mart_total} minor)"
            return f"{' '.join(str(one) for one in of if one is not None)}: {said}"
    return None


def _standing_otherwise(connection: Connection) -> str | None:
    """The first case of which the legs of the marts do not fold to where the ops store says it stands."""
    accounts = {f"{part}_minor": f"account_code = 'claims_{part}'" for part in PARTS}
    accounts |= {
        f"written_off_{part}_minor": f"account_code = 'written_off_claims' and component = '{part}'" for part in PARTS
    }
    accounts["held_minor"] = "account_code = 'suspense_case'"
    folded = ", ".join(
        f"coalesce(sum({'-' if name == 'held_minor' else ''}minor) filter ({which}), 0) as {name}"
        for name, which in accounts.items()
    )
    unlike = " or ".join(f"coalesce(m.{name}, 0) <> coalesce(p.{name}, 0)" for name in accounts)
    found = rows(
        connection,
        f"""
        with m as (select case_id, {folded} from ({_MART}) where case_id is not null group by case_id)
        select coalesce(m.case_id, p.case_id) from m full join ops.ledger_positions as p on p.case_id = m.case_id
        where {unlike} order by 1 limit 1
        """,
    )
    return f"case {found[0][0]} does not stand in the marts as in the ops store" if found else None
