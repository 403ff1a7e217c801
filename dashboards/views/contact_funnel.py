"""Contact funnel: from attempt to cash, per attempt and per connect kept apart."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboards import figures
from dashboards.breakdowns import by_day, by_group, can_split
from dashboards.cards import cards, empty_text
from dashboards.charts import chart
from dashboards.definitions import metrics
from dashboards.queries import figure
from dashboards.rows import Drill
from dashboards.rows_dialog import close_page
from dashboards.sight import Sight, open_page
from dashboards.tables import drill_table, rows_behind
from dashboards.viewer import Viewer

STEPS = ("attempts", "connected", "right_party", "promises", "promises_kept")
RATES = ("connect_rate", "rpc_per_attempt", "rpc_per_connect", "promise_rate")


def render(viewer: Viewer) -> None:
    """The page of the contact funnel."""
    sight = open_page(viewer, "contact_funnel")
    if sight is None:
        return
    if not sight.published.has("rpt_contact_funnel"):
        st.info(sight.t("empty.no_mart"))
        return
    attempts = figure(sight.published, metrics()["attempts"], sight.filters)
    if attempts.not_split:
        st.info(empty_text(sight, attempts))
        return
    cards(sight, (*RATES, "ptp_kept_rate", "attempts", "contact_cash"))
    left, right = st.columns(2, gap="large")
    with left:
        _funnel(sight)
    with right:
        _rates(sight)
    _by(sight, "by_channel", "channel")
    _by(sight, "by_agency", "agency_code")
    close_page(sight)


def _funnel(sight: Sight) -> None:
    found = [figure(sight.published, metrics()[code], sight.filters) for code in STEPS]
    frame = pl.DataFrame({"top": [now.top for now in found if now.top]}, strict=False)
    if chart(sight, "funnel", frame, drill=Drill("attempts", sight.filters)):
        steps = [(sight.t.of(now.metric.name), int(now.top or 0)) for now in found]
        drawn = figures.funnel(steps, sight.labels)
        st.plotly_chart(drawn, config=figures.CONFIG, theme=None, alt=sight.t("chart.funnel"))


def _rates(sight: Sight) -> None:
    parts = [
        by_day(sight.published, metrics()[code], sight.filters).with_columns(pl.lit(code).alias("rate"))
        for code in RATES
    ]
    frame = pl.concat(parts, how="vertical_relaxed")
    if chart(sight, "rates", frame, drill=Drill("attempts", sight.filters)):
        names = {code: sight.t.of(metrics()[code].name) for code in RATES}
        drawn = figures.lines_by_day(frame, "rate", sight.labels, "share", names=names)
        st.plotly_chart(drawn, config=figures.CONFIG, theme=None, alt=sight.t("chart.rates"))


def _by(sight: Sight, code: str, column: str) -> None:
    """One line a channel or agency: the counts of each step and the rates, all of them sums over the period."""
    attempts = metrics()["attempts"]
    if not can_split(sight.published, attempts, sight.filters, column):
        return
    frame = by_group(sight.published, attempts, sight.filters, column).filter(pl.col("value") > 0)
    frame = frame.select(column, pl.col("value").alias("attempts"))
    if frame.is_empty():
        return
    for name in (*STEPS[1:], *RATES):
        part = by_group(sight.published, metrics()[name], sight.filters, column)
        frame = frame.join(part.select(column, pl.col("value").alias(name)), on=column, how="left", nulls_equal=True)
    chart(sight, code, frame)
    drill_table(
        sight,
        frame,
        f"funnel_{column}",
        rows_behind(sight, "attempts", column),
        alt=sight.t(f"chart.{code}"),
        absent=sight.t("labels.in_house") if column == "agency_code" else "",
    )
