"""The rows behind a figure: the same filters, the same window, and a sum that must equal the figure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import polars as pl

from dashboards.definitions import Metric, RowSet, RowsOf, metrics, row_sets
from dashboards.filters import DIMENSIONS, Filters, Group
from dashboards.published import Published
from dashboards.queries import Figure, Number, figure, month_ends, published_days

PAGE_ROWS = 50
_BOUND = ("start", "end", "opening_day", "as_of")
EXPORT_ROWS = 100_000
"""Rows of one export; a person narrows the filters to take more."""


@dataclass(frozen=True)
class Drill:
    """What a person clicked: a figure under filters, and the part of it when it was one row, bar or cell."""

    metric: str
    filters: Filters
    group: Group = ()


@dataclass(frozen=True)
class Behind:
    """One side of a figure as rows: how many, what they add up to, and what the figure itself says.

    ``ties`` is false where the two differ; the page then says so instead of showing either as the truth.
    """

    rows: RowSet
    count: int
    total: Number
    said: Number

    @property
    def ties(self) -> bool:
        return self.total == self.said


def sides(metric: Metric) -> tuple[str, ...]:
    """``top``, or ``top`` and ``bottom`` of a rate."""
    return tuple(side for side in metric.rows if side != "within")


def rows_of(drill: Drill, side: str) -> RowsOf:
    """The rows of one side; of a movement between two overdue buckets those of the cases themselves."""
    metric = metrics()[drill.metric]
    moved = dict(drill.group)
    overdue = [str(moved.get(column, "")).startswith("M") for column in ("from_bucket", "to_bucket")]
    return metric.rows["within" if "within" in metric.rows and all(overdue) else side]


def can_open(published: Published, drill: Drill, side: str = "top") -> bool:
    """Whether the rows are published and can be narrowed as the figure was."""
    metric = metrics()[drill.metric]
    source = row_sets()[rows_of(drill, side).rows]
    if not all(published.has(table) for table in _tables(source)):
        return False
    mart, columns = published.columns.get(metric.mart, ()), columns_of(published, source)
    if drill.filters.not_split_by(mart, is_money=metric.unit == "money"):
        return False
    in_use = {column for name, column in DIMENSIONS.items() if getattr(drill.filters, name) and column in mart}
    return in_use | {column for column, _ in drill.group} <= set(columns)


def behind(published: Published, drill: Drill, side: str = "top") -> Behind:
    """Count and sum of the rows behind one side of the figure."""
    part = rows_of(drill, side)
    shown = figure(published, metrics()[drill.metric], drill.filters, drill.group)
    sql, values = _rows(published, drill, part, shown)
    row = published.row(f"select count(*) as count, coalesce({part.sum}, 0) as total from ({sql})", values)
    said = shown.top if side == "top" else shown.bottom
    return Behind(row_sets()[part.rows], row["count"], row["total"], said if said is not None else 0)


def page(published: Published, drill: Drill, side: str, number: int, size: int = PAGE_ROWS) -> pl.DataFrame:
    """The rows of page ``number`` (from 1), in the order of the set."""
    part = rows_of(drill, side)
    shown = figure(published, metrics()[drill.metric], drill.filters, drill.group)
    sql, values = _rows(published, drill, part, shown)
    order = row_sets()[part.rows].order
    return published.frame(f"select * from ({sql}) order by {order} limit {size} offset {(number - 1) * size}", values)


def columns_of(published: Published, source: RowSet) -> tuple[str, ...]:
    """The columns of a set of rows in this snapshot."""
    values = {name: date.min for name in _BOUND if f"${name}" in source.sql}
    return tuple(published.frame(f"select * from ({source.sql}) limit 0", values).columns)


def _tables(source: RowSet) -> set[str]:
    words = source.sql.replace(",", " ").replace("(", " ").replace(")", " ").split()
    return {
        after
        for word, after in pairwise(words)
        if word in {"from", "join"} and after.startswith(("fct_", "dim_", "rpt_"))
    }


def _rows(published: Published, drill: Drill, part: RowsOf, shown: Figure) -> tuple[str, dict[str, Any]]:
    """The rows as a query. Only what narrowed the figure narrows its rows: a mart without products counts them all."""
    source = row_sets()[part.rows]
    mart = published.columns.get(metrics()[drill.metric].mart, ())
    where, values = drill.filters.where(set(columns_of(published, source)) & set(mart), drill.group)
    conditions = [where, part.where, _window(published, drill, part, source, shown)]
    period = drill.filters.period
    bound = {
        "start": period.start,
        "end": period.end,
        "opening_day": period.opening_day,
        "as_of": published.as_of.business_date,
    }
    values |= {name: bound[name] for name in _BOUND if f"${name}" in source.sql}
    return f"select * from ({source.sql}) where {' and '.join(f'({part})' for part in conditions)}", values


def _window(published: Published, drill: Drill, part: RowsOf, source: RowSet, shown: Figure) -> str:
    metric, period = metrics()[drill.metric], drill.filters.period
    if metric.kind == "as_of" or not source.date or part.day == "none":
        return "true"
    if metric.kind in {"flow", "opening_rate"}:
        return f"{source.date} between date '{period.start}' and date '{period.end}'"
    day = shown.day
    if part.day == "month_before" and day is not None:
        ends = [end for end in month_ends(published_days(published, drill.filters.sources)) if end < day]
        day = ends[-1] if ends else None
    return f"{source.date} = date '{day or date.min}'"
