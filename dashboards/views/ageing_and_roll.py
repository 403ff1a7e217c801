"""Ageing and roll rates: how old the book is, where balances moved within a month, and how cohorts behave."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import streamlit as st

from dashboards import figures
from dashboards.breakdowns import by_day, by_group, can_split, flow_rates, roll_month_ends, rolls, vintages
from dashboards.cards import cards
from dashboards.charts import chart
from dashboards.definitions import metrics
from dashboards.queries import month_ends, published_days
from dashboards.rows import Drill
from dashboards.rows_dialog import close_page, rows_button
from dashboards.sight import Sight, open_page
from dashboards.tables import drill_table, rows_behind
from dashboards.viewer import Viewer


def render(viewer: Viewer) -> None:
    """The page of ageing, roll rates, flow rates and vintages."""
    sight = open_page(viewer, "ageing_and_roll")
    if sight is None:
        return
    cards(sight, ("balance", "flow_rate_m1_m2", "roll_rate_m1_m2", "cure_rate"))
    _ageing(sight)
    _rolls(sight)
    _flows(sight)
    if sight.published.has("rpt_vintages"):
        _vintages(sight)
    close_page(sight)


def _ageing(sight: Sight) -> None:
    balance, cases = metrics()["balance"], metrics()["cases"]
    can = can_split(sight.published, balance, sight.filters, "bucket")
    drill = Drill("balance", sight.filters)
    frame = by_day(sight.published, balance, sight.filters, "bucket")
    if chart(sight, "balance_by_day", frame, can=can, drill=drill):
        drawn = figures.stacked_by_day(frame, "bucket", sight.labels, "money", sight.filters.currency)
        st.plotly_chart(drawn, config=figures.CONFIG, theme=None, alt=sight.t("chart.balance_by_day"))
    money = by_group(sight.published, balance, sight.filters, "bucket")
    if not chart(sight, "ageing", money, can=can, drill=drill, day=sight.labels.day(sight.filters.period.stock_day)):
        return
    counts = by_group(sight.published, cases, sight.filters, "bucket")
    held = counts.select("bucket", pl.col("value").alias("cases"))
    table = money.join(held, on="bucket", how="left", nulls_equal=True).sort("bucket", nulls_last=True)
    drill_table(
        sight,
        table.select("bucket", "cases", pl.col("value").alias("balance"), "share", "before"),
        "ageing",
        rows_behind(sight, "balance", "bucket"),
        alt=sight.t("chart.balance_by_day"),
    )


def _rolls(sight: Sight) -> None:
    t = sight.t
    ends = roll_month_ends(sight.published, sight.filters)
    can = can_split(sight.published, metrics()["roll_balance"], sight.filters)
    if not chart(sight, "roll", pl.DataFrame({"day": ends}), can=can, lead=True, empty="no_history"):
        return
    line = st.container(horizontal=True, vertical_alignment="bottom")
    with line:
        month_end = st.selectbox(
            t("choice.month_end"), ends, key="ageing_month_end", format_func=sight.labels.day, width=220
        )
        by = st.segmented_control(
            t("choice.by"), ["balance", "cases"], default="balance", required=True, key="ageing_roll_by",
            format_func=lambda code: t(f"choice.{code}"), persist_state="session",
        )  # fmt: skip
    frame = rolls(sight.published, sight.filters, month_end)
    drawn = figures.roll_heat_map(frame, sight.labels, by, sight.filters.currency)
    st.plotly_chart(drawn, config=figures.CONFIG, theme=None, alt=t("chart.roll"))
    _roll_cell(sight, frame, by, month_end)


def _roll_cell(sight: Sight, frame: pl.DataFrame, by: str, month_end: date) -> None:
    """The rows of one cell: chosen by its two buckets, which a keyboard can do too."""
    t, labels = sight.t, sight.labels
    line = st.container(horizontal=True, vertical_alignment="bottom")
    origins = sorted(frame.get_column("from_bucket").unique())
    with line:
        origin = st.selectbox(
            t("choice.from_bucket"), origins, key="ageing_from", width=220,
            format_func=lambda code: labels.code("bucket", code),
        )  # fmt: skip
        targets = sorted(frame.filter(pl.col("from_bucket") == origin).get_column("to_bucket"))
        target = st.selectbox(
            t("choice.to_bucket"), targets, key="ageing_to", width=220,
            format_func=lambda code: labels.code("to_bucket", code),
        )  # fmt: skip
        closed = replace(sight.filters, period=replace(sight.filters.period, end=month_end))
        drill = Drill(f"roll_{by}", closed, (("from_bucket", origin), ("to_bucket", target)))
        rows_button(sight, drill, key="ageing_roll_cell")


def _flows(sight: Sight) -> None:
    metric = metrics()["flow_rate_m1_m2"]
    ends = month_ends(published_days(sight.published, sight.filters.sources))
    # the report holds cases in collection: of what is not overdue that is a remnant, and no base to flow from
    sql = "select distinct bucket from rpt_portfolio_daily where bucket <> 'C' order by bucket"
    buckets = sight.published.frame(sql).get_column("bucket").to_list()
    frame = flow_rates(sight.published, sight.filters, ends, buckets)
    if not chart(
        sight, "flow", frame, can=can_split(sight.published, metric, sight.filters), lead=True, empty="no_history"
    ):
        return
    frame = frame.with_columns((pl.col("from_bucket") + "→" + pl.col("to_bucket")).alias("pair"))
    pairs = frame.get_column("pair").unique(maintain_order=True).sort().to_list()
    drawn = figures.lines_by_day(
        frame, "pair", sight.labels, "share", names={pair: pair for pair in pairs}, months=True
    )
    st.plotly_chart(drawn, config=figures.CONFIG, theme=None, alt=sight.t("chart.flow"))


def _vintages(sight: Sight) -> None:
    t = sight.t
    columns = sight.published.columns["rpt_vintages"]
    can = not sight.filters.not_split_by(columns, is_money=True)
    first = vintages(sight.published, sight.filters, "30", "loans")
    if not chart(sight, "vintages", first, can=can, lead=True):
        return
    with st.container(horizontal=True):
        depth = st.segmented_control(
            t("choice.depth"), ["30", "90"], default="30", required=True, key="ageing_depth",
            format_func=lambda code: t(f"choice.depth_{code}"),
        )  # fmt: skip
        by = st.segmented_control(
            t("choice.by"), ["balance", "loans"], default="balance", required=True, key="ageing_vintage_by",
            format_func=lambda code: t(f"choice.{code}"),
        )  # fmt: skip
    drawn = figures.vintage_curves(vintages(sight.published, sight.filters, depth, by), sight.labels)
    st.plotly_chart(drawn, config=figures.CONFIG, theme=None, alt=t("chart.vintages"))
