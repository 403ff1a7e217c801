"""Data health: what arrived, what was refused, and what does not reconcile."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import streamlit as st

from dashboards import figures
from dashboards.breakdowns import by_group, can_split
from dashboards.cards import cards
from dashboards.charts import chart
from dashboards.definitions import metrics
from dashboards.rows import Drill
from dashboards.rows_dialog import close_page, column_config, in_names
from dashboards.sight import Sight, open_page
from dashboards.tables import drill_table, rows_behind
from dashboards.viewer import Viewer


def render(viewer: Viewer) -> None:
    """The page of data health."""
    opened = open_page(viewer, "data_health")
    if opened is None:
        return
    if opened.filters.products or opened.filters.regions:
        st.caption(opened.t("filter.not_here"))
    # files and bank lines belong to a source, not to a product or a region
    sight = replace(opened, filters=replace(opened.filters, products=(), regions=()))
    cards(sight, ("missing_feeds", "refused_share", "open_breaks", "open_difference"))
    if sight.published.has("rpt_data_health"):
        _feeds(sight)
    if sight.published.has("rpt_refused_rows"):
        _rules(sight)
    if sight.published.has("rpt_reconciliation"):
        _breaks(sight)
        _reconciliation(sight)
    if sight.published.has("fct_console_actions"):
        _acts(sight)
    close_page(sight)


def _feeds(sight: Sight) -> None:
    where, values = sight.filters.where(("source_code",))
    frame = sight.published.frame(
        f"""
select feed, source_code, last_file_date, days_late, is_missing, rows_in, rows_quarantined, refused_share,
    open_quarantine
from rpt_data_health
where {where} and business_date = (select max(business_date) from rpt_data_health)
order by is_missing desc, days_late desc nulls last, feed, source_code""",
        values,
    )
    chart(sight, "freshness", frame)
    if not frame.is_empty():
        drill_table(
            sight,
            frame,
            "freshness",
            rows_behind(sight, "refused_share", "feed", "source_code"),
            alt=sight.t("chart.freshness"),
        )
    refused = metrics()["refused_rows"]
    by_feed = by_group(sight.published, refused, sight.filters, "feed").filter(pl.col("value") > 0)
    if not by_feed.is_empty() and chart(sight, "refused_by_feed", by_feed, drill=Drill("refused_rows", sight.filters)):
        drawn = figures.bars_by_group(by_feed, "feed", sight.labels, "count")
        st.plotly_chart(drawn, config=figures.CONFIG, theme=None, alt=sight.t("chart.refused_by_feed"))


def _rules(sight: Sight) -> None:
    """Which rules refused rows, and of which feed: the quarantine desk is where they are corrected."""
    metric = metrics()["refused_by_rule"]
    frame = by_group(sight.published, metric, sight.filters, "feed", "rule").filter(pl.col("value") > 0)
    if not frame.is_empty() and chart(sight, "refused_by_rule", frame, drill=Drill(metric.code, sight.filters)):
        drill_table(
            sight,
            frame,
            "rules",
            rows_behind(sight, metric.code, "feed", "rule"),
            alt=sight.t("chart.refused_by_rule"),
        )


def _breaks(sight: Sight) -> None:
    metric = metrics()["open_breaks"]
    can = can_split(sight.published, metric, sight.filters, "kind")
    if not can:
        chart(sight, "breaks", pl.DataFrame(), can=False)
        return
    where, values = sight.filters.where(sight.published.columns[metric.mart])
    frame = sight.published.frame(
        f"""
select kind, sum(items) as items, sum(lender_amount) as lender_amount, sum(bank_amount) as bank_amount,
    sum(difference) as difference, max(oldest_age_days) as oldest_age_days
from {metric.mart} where {where} and state = 'open' group by kind order by items desc, kind""",
        values,
    )
    if chart(sight, "breaks", frame):
        drill_table(sight, frame, "breaks", rows_behind(sight, "open_breaks", "kind"), alt=sight.t("chart.breaks"))


def _reconciliation(sight: Sight) -> None:
    metric = metrics()["open_breaks"]
    if not can_split(sight.published, metric, sight.filters, "kind"):
        return
    where, values = sight.filters.where(sight.published.columns[metric.mart])
    frame = sight.published.frame(
        f"""
select state, sum(items) as items, sum(lender_amount) as lender_amount, sum(bank_amount) as bank_amount,
    sum(difference) as difference
from {metric.mart} where {where} group by state order by items desc, state""",
        values,
    )
    if chart(sight, "reconciliation", frame):
        drill = rows_behind(sight, "reconciled_items", "state")
        drill_table(sight, frame, "reconciliation", drill, alt=sight.t("chart.reconciliation"))


def _acts(sight: Sight) -> None:
    """The newest acts, those of the last minute among them: what was done on a console is a row here."""
    frame = sight.published.frame(
        "select occurred_at, actor_name, role_code, action, object_type, object_id, reason "
        "from fct_console_actions order by seq desc limit 50"
    )
    if chart(sight, "acts", frame):
        st.dataframe(
            in_names(frame, sight),
            hide_index=True,
            height="content" if frame.height <= 12 else 460,
            placeholder="",
            column_config=column_config(frame, sight),
            alt=sight.t("chart.acts"),
        )
