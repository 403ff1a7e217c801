"""Given texts of columns that are computed from several source columns: sums, and dates moved by months.

The read layer sees only ``g_`` columns, so what was computed travels as text beside its proof that all parts were
readable: the value itself, else ``? `` and the parts as they stand, which no grammar reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from pipelines.readers import grammar
from pipelines.readers.column_maps import AddMonths, ColumnMap, Sum
from pipelines.sql_words import literal, quoted


def summed(plan: Sum, given_of: Callable[[str], str], read_of: Callable[[str], str]) -> str:
    """Each part is read by the grammar; one unreadable part makes the whole unreadable.

    ``given_of`` writes a source column as text, ``read_of`` reads such a text as a whole number.
    """
    parts = [(1, part) for part in plan.add] + [(-1, part) for part in plan.subtract]
    sources = [given_of(part) for _, part in parts]
    reads = [read_of(source) for source in sources]
    given = "nullif(concat_ws(' ', " + ", ".join(sources) + "), '')"
    readable = " and ".join(f"(({s}) is null or ({r}) is not null)" for s, r in zip(sources, reads, strict=True))
    total = " + ".join(f"{sign} * coalesce({r}, 0)" for (sign, _), r in zip(parts, reads, strict=True))
    proved = f"when {readable} then cast({total} as varchar)"
    return f"case when ({given}) is null then null {proved} else '? ' || ({given}) end"


def moved_date(
    plan: AddMonths, how: ColumnMap, types: Mapping[str, str], file_date: date, given_of: Callable[[str], str]
) -> str:
    """The start moved by whole months, at most a hundred years; unreadable where the start or the months are.

    ``types`` are the source's columns with their DuckDB types; ``given_of`` writes a source column as text.
    """
    if plan.from_ is not None:
        given_start = given_of(plan.from_)
        start = (
            quoted(plan.from_)
            if types[plan.from_] == "DATE"
            else grammar.date(given_start, how.formats, years_from=how.two_digit_years_from)
        )
    else:
        day = file_date.isoformat() if plan.base == "file_date" else str(plan.base)
        start, given_start = f"date '{day}'", literal(day)
    months = str(plan.months) if isinstance(plan.months, int) else grammar.integer(given_of(plan.months))
    given_months = literal(str(plan.months)) if isinstance(plan.months, int) else given_of(plan.months)
    moved = f"cast({start} + to_months(cast({months} as integer)) as date)"
    if plan.day == "month_start":
        moved = f"cast(date_trunc('month', {moved}) as date)"
    elif plan.day == "month_end":
        moved = f"last_day({moved})"
    in_reach = f"abs({months}) <= 1200 and {start} is not null"
    return (
        f"case when {given_start} is null or {given_months} is null then null"
        f" when {in_reach} then cast({moved} as varchar) else '? ' || {given_start} || ' ' || {given_months} end"
    )
