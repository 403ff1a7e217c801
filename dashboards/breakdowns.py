"""A figure split by a column, by day, or by both; summed in SQL with the same definition as the figure itself."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import polars as pl

from dashboards.definitions import Metric, metrics
from dashboards.filters import Filters
from dashboards.published import Published
from dashboards.queries import narrowed


def _day(day: date | None) -> str:
    return f"date '{(day or date.min).isoformat()}'"


def _windows(metric: Metric, filters: Filters) -> tuple[str, str]:
    """Conditions on the mart's rows for the present window and for the one it is compared with."""
    period = filters.period
    if metric.kind == "as_of":
        return "true", "false"
    if metric.kind == "stock":
        return f"{metric.date} = {_day(period.stock_day)}", f"{metric.date} = {_day(period.before_stock_day)}"
    return (
        f"{metric.date} between {_day(period.start)} and {_day(period.end)}",
        f"{metric.date} between {_day(period.before_start)} and {_day(period.before_end)}",
    )


def can_split(published: Published, metric: Metric, filters: Filters, *columns: str) -> bool:
    """Whether the mart has the columns and can be narrowed by every filter in use."""
    held = published.columns.get(metric.mart, ())
    return set(columns) <= set(held) and not filters.not_split_by(held, is_money=metric.unit == "money")


def by_group(published: Published, metric: Metric, filters: Filters, *columns: str) -> pl.DataFrame:
    """A figure by the values of ``columns``: those columns, then ``value``, ``before`` and ``share`` of the total.

    Largest first. Empty when the mart is missing or cannot be split so (ask ``can_split`` why).
    """
    if not can_split(published, metric, filters, *columns):
        return pl.DataFrame(schema={**dict.fromkeys(columns, pl.String), "value": pl.Float64})
    where, values = narrowed(published, metric, filters)
    now, before = _windows(metric, filters)
    keys = ", ".join(columns)
    value = f"({metric.top}) / nullif({metric.bottom}, 0)" if metric.is_rate else metric.top
    return published.frame(
        f"""
with now as (
    select {keys}, {value} as value from {metric.mart} where {where} and {now} group by {keys}
),
earlier as (
    select {keys}, {value} as before from {metric.mart} where {where} and {before} group by {keys}
)
select {", ".join(f"coalesce(now.{column}, earlier.{column}) as {column}" for column in columns)}, value, before,
    value / nullif(sum(value) over (), 0) as share
from now full join earlier
    on {" and ".join(f"now.{column} is not distinct from earlier.{column}" for column in columns)}
where value is not null or before is not null
order by value desc nulls last, {", ".join(str(place + 1) for place in range(len(columns)))}""",
        values,
    )


def by_day(
    published: Published, metric: Metric, filters: Filters, *columns: str, since: date | None = None
) -> pl.DataFrame:
    """A figure by day of the period (from ``since`` when it begins earlier), and by ``columns``: ``day, …, value``."""
    if not can_split(published, metric, filters, *columns):
        return pl.DataFrame(schema={"day": pl.Date, **dict.fromkeys(columns, pl.String), "value": pl.Float64})
    where, values = narrowed(published, metric, filters)
    keys = "".join(f", {column}" for column in columns)
    value = f"({metric.top}) / nullif({metric.bottom}, 0)" if metric.is_rate else metric.top
    start = _day(since or filters.period.start)
    return published.frame(
        f"select {metric.date} as day{keys}, {value} as value from {metric.mart} "
        f"where {where} and {metric.date} between {start} and {_day(filters.period.end)} "
        f"group by {metric.date}{keys} order by day{keys}",
        values,
    )


def running_cash(published: Published, filters: Filters) -> pl.DataFrame:
    """Net cash summed up day by day, for this period and the compared one: ``place`` (1st day …), ``which``, ``value``.

    The compared period runs on to its own length, so that the days ahead can be seen.
    """
    metric = metrics()["net_cash"]
    if not can_split(published, metric, filters):
        return pl.DataFrame(schema={"place": pl.Int64, "which": pl.String, "day": pl.Date, "value": pl.Float64})
    where, values = narrowed(published, metric, filters)
    period = filters.period
    return published.frame(
        f"""
with days as (
    select business_date as day, {metric.top} as cash,
        case when business_date >= {_day(period.start)} then 'now' else 'before' end as which
    from {metric.mart}
    where {where} and (business_date between {_day(period.start)} and {_day(period.end)}
        or business_date between {_day(period.before_start)} and {_day(period.start)} - 1)
    group by business_date
)
select date_diff('day', case which when 'now' then {_day(period.start)} else {_day(period.before_start)} end, day) + 1
    as place, which, day, sum(cash) over (partition by which order by day) as value
from days order by which, day""",
        values,
    )


def rolls(published: Published, filters: Filters, month_end: date) -> pl.DataFrame:
    """From which bucket to which, ``from_bucket, to_bucket, cases, balance`` and shares of the row."""
    metric = metrics()["roll_balance"]
    if not can_split(published, metric, filters):
        return pl.DataFrame(schema={"from_bucket": pl.String, "to_bucket": pl.String})
    where, values = narrowed(published, metric, filters)
    return published.frame(
        f"""
with moved as (
    select from_bucket, to_bucket, sum(cases) as cases, sum(balance_start) as balance
    from {metric.mart} where {where} and month_end_date = {_day(month_end)} group by from_bucket, to_bucket
)
select *, cases / nullif(sum(cases) over (partition by from_bucket), 0) as cases_share,
    balance / nullif(sum(balance) over (partition by from_bucket), 0) as balance_share
from moved order by from_bucket, to_bucket""",
        values,
    )


def roll_month_ends(published: Published, filters: Filters) -> list[date]:
    """Month ends for which movements are known, newest first."""
    if not published.has("rpt_roll_rates"):
        return []
    where, values = narrowed(published, metrics()["roll_balance"], filters)
    sql = (
        f"select distinct month_end_date from rpt_roll_rates where {where} "
        f"and month_end_date <= {_day(filters.period.end)} order by month_end_date desc"
    )
    return published.frame(sql, values).get_column("month_end_date").to_list()


def flow_rates(published: Published, filters: Filters, ends: list[date], buckets: list[str]) -> pl.DataFrame:
    """Flow rate of every pair of neighbouring buckets at each month end: ``day, from_bucket, to_bucket, value``."""
    metric = metrics()["flow_rate_m1_m2"]
    known = [day for day in ends if day <= filters.period.end][-13:]
    if len(known) < 2 or len(buckets) < 2 or not can_split(published, metric, filters):
        return pl.DataFrame(
            schema={"day": pl.Date, "from_bucket": pl.String, "to_bucket": pl.String, "value": pl.Float64}
        )
    where, values = narrowed(published, metric, filters)
    pairs = ", ".join(f"('{lower}', '{upper}')" for lower, upper in pairwise(buckets))
    return published.frame(
        f"""
with ends as (select unnest([{", ".join(map(_day, known))}]) as day),
pairs as (select * from (values {pairs}) as named (from_bucket, to_bucket)),
held as (
    select business_date as day, bucket, sum(balance) as balance from {metric.mart}
    where {where} and business_date in ({", ".join(map(_day, known))}) group by business_date, bucket
),
months as (select day, lag(day) over (order by day) as earlier from ends)
select months.day, from_bucket, to_bucket, coalesce(now.balance, 0) as balance, before.balance as balance_before,
    coalesce(now.balance, 0) / nullif(before.balance, 0) as value
from months cross join pairs
left join held as now on now.day = months.day and now.bucket = pairs.to_bucket
left join held as before on before.day = months.earlier and before.bucket = pairs.from_bucket
where months.earlier is not null
order by months.day, from_bucket""",
        values,
    )


def vintages(published: Published, filters: Filters, depth: str, by: str) -> pl.DataFrame:
    """Curves of the twelve youngest cohorts: ``cohort_month, months_on_book, value``.

    ``depth`` is 30 or 90 days; ``by`` is ``balance`` (of what was originated) or ``loans``.
    """
    held = published.columns.get("rpt_vintages", ())
    top = f"ever_{depth}_{'balance' if by == 'balance' else 'loans'}"
    bottom = "originated" if by == "balance" else "loans"
    if not {top, bottom} <= set(held) or filters.not_split_by(held, is_money=True):
        return pl.DataFrame(schema={"cohort_month": pl.Date, "months_on_book": pl.Int64, "value": pl.Float64})
    where, values = filters.where(held)
    return published.frame(
        f"""
select cohort_month, months_on_book, sum({top}) / nullif(sum({bottom}), 0) as value, sum({bottom}) as size
from rpt_vintages
where {where} and cohort_month in (
    select distinct cohort_month from rpt_vintages where {where} order by cohort_month desc limit 12
)
group by cohort_month, months_on_book order by cohort_month, months_on_book""",
        values,
    )
