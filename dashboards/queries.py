"""One figure as one query: its value, the value it is compared with, and its line over time. SQL does all the sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from dashboards.definitions import Metric
from dashboards.filters import Filters, Group
from dashboards.published import Published

Number = Decimal | float | int


@dataclass(frozen=True)
class Figure:
    """What a metric says now. ``why_empty`` (``no_mart``, ``not_split``, ``no_history``, ``no_rows``) says why nothing.

    ``top`` and ``bottom`` are the two sides as summed; ``day`` is the day a stock or month end stands for;
    ``not_split`` names the filters in use that the mart cannot be narrowed by.
    """

    metric: Metric
    value: Number | None = None
    before: Number | None = None
    top: Number | None = None
    bottom: Number | None = None
    day: date | None = None
    series: Sequence[float] = ()
    why_empty: str = ""
    not_split: tuple[str, ...] = ()


def is_shown(published: Published, metric: Metric) -> bool:
    """Whether the snapshot has what the figure needs; where it has not, the page does not speak of it."""
    if not published.has(metric.mart):
        return False
    return not metric.shown_if or bool(published.frame(metric.shown_if).item())


def published_days(published: Published, sources: Sequence[str] = ()) -> list[date]:
    """Business dates on which the portfolio was published, ascending; of ``sources`` alone when some are named."""
    if not published.has("rpt_portfolio_daily"):
        return []
    keys = {f"s{place}": source for place, source in enumerate(sources)}
    only = f"where source_code in ({', '.join('$' + key for key in keys)})" if keys else ""
    sql = f"select distinct business_date from rpt_portfolio_daily {only} order by business_date"
    return published.frame(sql, keys).get_column("business_date").to_list()


def month_ends(days: Sequence[date]) -> list[date]:
    """The last published day of each month that is over: the true last day, or a later month has begun."""
    ends = []
    for day, following in zip_longest(days, days[1:]):
        is_over = following.month != day.month if following else day == _last_of_month(day)
        if is_over:
            ends.append(day)
    return ends


def _last_of_month(day: date) -> date:
    following = day.replace(day=28).toordinal() + 4
    return date.fromordinal(following - date.fromordinal(following).day)


def figure(published: Published, metric: Metric, filters: Filters, group: Group = ()) -> Figure:
    """The figure under the filters, of one part of it when ``group`` names one."""
    columns = published.columns.get(metric.mart)
    if columns is None:
        return Figure(metric, why_empty="no_mart")
    missing = filters.not_split_by(columns, is_money=metric.unit == "money")
    if missing:
        return Figure(metric, why_empty="not_split", not_split=missing)
    where, values = narrowed(published, metric, filters, group)
    days = published_days(published, filters.sources)
    sql = _SQL[metric.kind](metric, filters, where, month_ends(days))
    if sql is None:
        return Figure(metric, why_empty="no_history")
    row = published.row(sql, values)
    value, before = _value(metric, row["top"], row["bottom"]), _value(metric, row["before_top"], row["before_bottom"])
    if not _is_compared(metric, filters, days):
        before = None
    return Figure(
        metric=metric,
        value=value,
        before=before,
        top=row["top"],
        bottom=row["bottom"],
        day=row["day"],
        series=[float(point) for point in row["series"] or () if point is not None],
        why_empty=_why_empty(metric, value, row["day"]),
    )


def _why_empty(metric: Metric, value: Number | None, day: date | None) -> str:
    if value is not None:
        return ""
    return "no_history" if metric.kind in {"month_end", "flow_rate"} and day is None else "no_rows"


def narrowed(published: Published, metric: Metric, filters: Filters, group: Group = ()) -> tuple[str, dict[str, Any]]:
    """The condition on the mart's rows: the filters, the clicked part, and what the figure itself leaves out."""
    columns = published.columns[metric.mart]
    where, values = filters.where(columns, group)
    if "$as_of" in metric.where:
        values["as_of"] = published.as_of.business_date
    # a month that is not over has rows of its own, which are no month end yet
    whole = " and is_month_complete" if metric.kind == "month_end" and "is_month_complete" in columns else ""
    return f"{where} and {metric.where}{whole}", values


def _value(metric: Metric, top: Number | None, bottom: Number | None) -> Number | None:
    if not metric.is_rate:
        return top
    # a rate of two exact sums; only the quotient itself is a float
    return float(Decimal(top or 0) / Decimal(bottom)) if bottom else None


def _is_compared(metric: Metric, filters: Filters, days: Sequence[date]) -> bool:
    """A comparison with days that were never published would be a false one."""
    if metric.kind in {"flow", "opening_rate"}:
        return bool(days) and days[0] <= filters.period.before_start
    return metric.kind != "stock" or filters.period.before_stock_day is not None


def _literal(day: date) -> str:
    return f"date '{day.isoformat()}'"


def _line(metric: Metric) -> str:
    return "top / nullif(bottom, 0)" if metric.is_rate else "top"


def _stock(metric: Metric, filters: Filters, where: str, ends: Sequence[date]) -> str | None:
    period = filters.period
    if period.stock_day is None:
        return None
    now, before = _literal(period.stock_day), _literal(period.before_stock_day or date.min)
    return f"""
with days as (
    select {metric.date} as day, coalesce({metric.top}, 0) as top, {metric.bottom or "null"} as bottom
    from {metric.mart}
    where {where} and ({metric.date} between {_literal(period.start)} and {now} or {metric.date} in ({now}, {before}))
    group by {metric.date}
)
select {now} as day,
    coalesce(max(top) filter (where day = {now}), 0) as top, max(bottom) filter (where day = {now}) as bottom,
    coalesce(max(top) filter (where day = {before}), 0) as before_top,
    max(bottom) filter (where day = {before}) as before_bottom,
    list({_line(metric)} order by day) filter (where day >= {_literal(period.start)}) as series
from days"""


def _flow(metric: Metric, filters: Filters, where: str, ends: Sequence[date]) -> str | None:
    period = filters.period
    if period.stock_day is None or period.stock_day < period.start:
        return None
    within = f"day between {_literal(period.start)} and {_literal(period.end)}"
    earlier = f"day between {_literal(period.before_start)} and {_literal(period.before_end)}"
    zero = "null" if metric.is_rate else "0"
    return f"""
with days as (
    select {metric.date} as day, {metric.top} as top, {metric.bottom or "null"} as bottom
    from {metric.mart}
    where {where} and {metric.date} between {_literal(period.before_start)} and {_literal(period.end)}
    group by {metric.date}
)
select null::date as day,
    coalesce(sum(top) filter (where {within}), {zero}) as top, sum(bottom) filter (where {within}) as bottom,
    coalesce(sum(top) filter (where {earlier}), {zero}) as before_top,
    sum(bottom) filter (where {earlier}) as before_bottom,
    list({_line(metric)} order by day) filter (where {within}) as series
from days"""


def _month_end(metric: Metric, filters: Filters, where: str, ends: Sequence[date]) -> str | None:
    return f"""
with ends as (
    select month_end_date as day, row_number() over (order by month_end_date desc) as age
    from (
        select distinct month_end_date from {metric.mart}
        where month_end_date <= {_literal(filters.period.end)} and {where}
    )
),
months as (
    select month_end_date as day, {metric.top} as top, {metric.bottom or "null"} as bottom
    from {metric.mart}
    where {where} and month_end_date in (select day from ends where age <= 13)
    group by month_end_date
)
select max(ends.day) as day,
    max(top) filter (where age = 1) as top, max(bottom) filter (where age = 1) as bottom,
    max(top) filter (where age = 2) as before_top, max(bottom) filter (where age = 2) as before_bottom,
    list({_line(metric)} order by ends.day) filter (where age <= 13) as series
from ends left join months on months.day = ends.day"""


def _flow_rate(metric: Metric, filters: Filters, where: str, ends: Sequence[date]) -> str | None:
    known = [day for day in ends if day <= filters.period.end][-14:]
    if len(known) < 2:
        return None
    lower, upper = metric.buckets
    return f"""
with ends as (select unnest([{", ".join(map(_literal, known))}]) as day),
held as (
    select business_date as day,
        sum(balance) filter (where bucket = '{lower}') as lower, sum(balance) filter (where bucket = '{upper}') as upper
    from {metric.mart}
    where {where} and business_date in ({", ".join(map(_literal, known))}) and bucket in ('{lower}', '{upper}')
    group by business_date
),
months as (
    select ends.day, coalesce(upper, 0) as top, lag(lower) over (order by ends.day) as bottom,
        row_number() over (order by ends.day desc) as age
    from ends left join held on held.day = ends.day
)
select max(day) as day, max(top) filter (where age = 1) as top, max(bottom) filter (where age = 1) as bottom,
    max(top) filter (where age = 2) as before_top, max(bottom) filter (where age = 2) as before_bottom,
    list({_line(metric)} order by day) filter (where bottom is not null) as series
from months"""


def _opening_rate(metric: Metric, filters: Filters, where: str, ends: Sequence[date]) -> str | None:
    period = filters.period
    if period.opening_day is None:
        return None
    opening, before = _literal(period.opening_day), _literal(period.before_opening_day or date.min)
    within = f"between {_literal(period.start)} and {_literal(period.end)}"
    earlier = f"between {_literal(period.before_start)} and {_literal(period.before_end)}"
    return f"""
with held as (
    select sum(balance) filter (where business_date = {opening}) as now,
        sum(balance) filter (where business_date = {before}) as before
    from {metric.mart} where {where} and business_date in ({opening}, {before})
),
placed as (
    select sum(opened_balance) filter (where opened_date {within}) as now,
        sum(opened_balance) filter (where opened_date {earlier}) as before
    from dim_cases where {where} and (opened_date {within} or opened_date {earlier})
),
cash as (
    select business_date as day, sum(net_cash) as top from {metric.mart}
    where {where} and (business_date {within} or business_date {earlier})
    group by business_date
),
sides as (
    select coalesce(held.now, 0) + coalesce(placed.now, 0) as bottom,
        coalesce(held.before, 0) + coalesce(placed.before, 0) as before_bottom
    from held, placed
),
running as (
    select day, top, sum(top) over (order by day) / nullif(any_value(bottom) over (), 0) as point
    from cash, sides where day {within}
)
select null::date as day, any_value(sides.bottom) as bottom,
    case when {period.before_opening_day is None} then null else any_value(sides.before_bottom) end as before_bottom,
    coalesce((select sum(top) from cash where day {within}), 0) as top,
    coalesce((select sum(top) from cash where day {earlier}), 0) as before_top,
    (select list(point order by day) from running) as series
from sides"""


def _as_of(metric: Metric, filters: Filters, where: str, ends: Sequence[date]) -> str | None:
    return f"""
select null::date as day, coalesce({metric.top}, 0) as top, {metric.bottom or "null"} as bottom,
    null as before_top, null as before_bottom, null as series
from {metric.mart} where {where}"""


_SQL = {
    "stock": _stock,
    "flow": _flow,
    "month_end": _month_end,
    "flow_rate": _flow_rate,
    "opening_rate": _opening_rate,
    "as_of": _as_of,
}
