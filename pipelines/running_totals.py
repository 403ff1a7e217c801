"""Repayment events from running totals: for senders who only tell how much a loan has paid so far.

The difference between two totals of a loan, component by component, is one payment event on the later date; a total
that went down is a refund. Events are recomputed from all totals of the loans a file touches, in the order of their
as-of dates, so the order in which files arrive does not matter, and each event exists once. The collection fee is a
cost of collecting, not money received, and makes no event.
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from pipelines.expectations.definitions import load_feed
from pipelines.loading import Lineage, touch
from pipelines.sql_words import literal
from pipelines.warehouse import Connection

CHANNEL = "running_total"
"""Channel of derived events; they are the only ones a later feed of totals may replace."""
_COMPONENTS = {
    "principal": ("paid_principal_minor", "principal_minor"),
    "interest": ("paid_interest_minor", "interest_minor"),
    "fees": ("paid_fees_minor", "fees_minor"),
    "penalty": ("paid_late_fees_minor", "penalty_minor"),
    "recovery": ("recoveries_minor", None),
}
"""Component of the payment id: column of the totals, column of the event that carries the amount again."""


def rebuild_from_totals(
    connection: Connection, lineage: Lineage, zone: ZoneInfo, *, loans: Sequence[str] | None = None
) -> int:
    """Replace the derived repayments of every loan in the file ``lineage`` (or of the ``loans`` given); returns how
    many events they have now.

    Runs inside the caller's transaction, after the totals themselves are in ``raw.loan_totals``.
    """
    source = literal(lineage.source_code)
    touched = (
        f"select loan_id from raw.loan_totals where source_code = {source} and file_id = {literal(lineage.file_id)}"
    )
    if loans is not None:
        connection.execute(
            "create or replace temp table totals_of as select unnest(?::varchar[]) as loan_id", [list(loans)]
        )
    else:
        connection.execute(f"create or replace temp table totals_of as {touched}")
    concerned = "(select loan_id from totals_of)"
    mine = f"source_code = {source} and channel = {literal(CHANNEL)} and loan_id in {concerned}"
    feed = load_feed("repayments")
    touch(connection, feed, f"(select * from raw.repayments where {mine})", lineage.file_date, zone)
    connection.execute(f"delete from raw.repayments where {mine}")
    events = " union all ".join(_events(source, concerned, component) for component in _COMPONENTS)
    connection.execute(f"create or replace temp table derived_repayments as {events}")
    columns = ", ".join(name for name, _ in _columns())
    connection.execute(f"insert into raw.repayments by name select {columns} from derived_repayments")
    touch(connection, feed, "derived_repayments", lineage.file_date, zone)
    return int(connection.execute("select count(*) from derived_repayments").fetchall()[0][0])


def _events(source: str, loans: str, component: str) -> str:
    """Events of one component: totals that count, differences to the one before, rows of raw.repayments."""
    total, carried = _COMPONENTS[component]
    selected = ", ".join(f"{expression} as {name}" for name, expression in _columns(component, carried))
    return (
        f"select {selected} from (select *, coalesce({total}, before) - before as difference from ("
        f"select *, coalesce(last_value({total} ignore nulls) over (partition by loan_id order by as_of_date"
        f" rows between unbounded preceding and 1 preceding), 0) as before from ("
        f"select * from raw.loan_totals where source_code = {source} and loan_id in {loans}"
        f" qualify row_number() over (partition by loan_id, as_of_date"
        f" order by file_date desc, file_id desc, line_no desc) = 1))) where difference <> 0"
    )


def _columns(component: str = "", carried: str | None = None) -> list[tuple[str, str]]:
    """Columns of a derived repayment and their expressions; ids and hashes derive from keys alone."""
    key = f"concat_ws('|', source_code, loan_id, {literal(component)}, strftime(as_of_date, '%Y-%m-%d'))"
    amount = "abs(difference)"
    filled = {carried: amount} if carried else {}
    return [
        ("payment_id", f"'rt_' || left(sha256({key}), 32)"),
        ("loan_id", "loan_id"),
        ("kind", "case when difference > 0 then 'payment' else 'refund' end"),
        ("paid_at", "cast(as_of_date as timestamp)"),
        ("value_date", "as_of_date"),
        ("amount_minor", amount),
        ("currency", "currency"),
        ("channel", literal(CHANNEL)),
        ("reference", literal(component)),
        *((name, filled.get(name, "cast(null as bigint)")) for name in ("principal_minor", "interest_minor")),
        *((name, filled.get(name, "cast(null as bigint)")) for name in ("fees_minor", "penalty_minor")),
        ("source_code", "source_code"),
        ("file_id", "file_id"),
        ("line_no", "line_no"),
        ("row_hash", f"hash({key}, difference)"),
        ("file_date", "file_date"),
        ("imputed_columns", "'payment_id,paid_at,value_date'"),
    ]
