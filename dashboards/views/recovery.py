"""Recovery: net cash by day, product and bucket, and against the period before."""

from __future__ import annotations

import streamlit as st

from dashboards import figures
from dashboards.breakdowns import by_day, by_group, can_split, running_cash
from dashboards.cards import cards
from dashboards.charts import chart
from dashboards.definitions import metrics
from dashboards.rows import Drill
from dashboards.rows_dialog import close_page
from dashboards.sight import Sight, open_page
from dashboards.tables import drill_table, rows_behind
from dashboards.viewer import Viewer

_SPLITS = {"by_product": "product_code", "by_bucket": "bucket", "by_source": "source_code"}


def render(viewer: Viewer) -> None:
    """The page of recovery."""
    sight = open_page(viewer, "recovery")
    if sight is None:
        return
    cards(sight, ("net_cash", "recovery_rate", "balance", "cases"))
    left, right = st.columns(2, gap="large")
    with left:
        _by_day(sight)
    with right:
        _running(sight)
    left, right = st.columns(2, gap="large")
    with left:
        _by(sight, "by_product", is_ordered=False)
    with right:
        _by(sight, "by_bucket", is_ordered=True)
    _by(sight, "by_source", is_ordered=False, is_drawn=False)
    close_page(sight)


def _by_day(sight: Sight) -> None:
    metric = metrics()["net_cash"]
    frame = by_day(sight.published, metric, sight.filters)
    can = can_split(sight.published, metric, sight.filters)
    if chart(sight, "cash_by_day", frame, can=can, drill=Drill("net_cash", sight.filters)):
        drawn = figures.bars_by_day(frame, sight.labels, "money", sight.t.of(metric.name), sight.filters.currency)
        st.plotly_chart(drawn, config=figures.CONFIG, theme=None, alt=sight.t("chart.cash_by_day"))


def _running(sight: Sight) -> None:
    frame = running_cash(sight.published, sight.filters)
    can = can_split(sight.published, metrics()["net_cash"], sight.filters)
    if chart(sight, "running", frame, can=can, drill=Drill("net_cash", sight.filters)):
        drawn = figures.running(frame, sight.labels, sight.filters.currency)
        st.plotly_chart(drawn, config=figures.CONFIG, theme=None, alt=sight.t("chart.running"))


def _by(sight: Sight, code: str, *, is_ordered: bool, is_drawn: bool = True) -> None:
    metric, column = metrics()["net_cash"], _SPLITS[code]
    frame = by_group(sight.published, metric, sight.filters, column)
    can = can_split(sight.published, metric, sight.filters, column)
    if not chart(sight, code, frame, can=can, drill=Drill("net_cash", sight.filters)):
        return
    if is_ordered:
        frame = frame.sort(column, nulls_last=True)
    if is_drawn:
        currency = sight.filters.currency
        drawn = figures.bars_by_group(frame, column, sight.labels, "money", currency, ordered=is_ordered)
        st.plotly_chart(drawn, config=figures.CONFIG, theme=None, alt=sight.t(f"chart.{code}"))
    drill_table(
        sight,
        frame,
        f"recovery_{code}",
        rows_behind(sight, "net_cash", column),
        alt=sight.t(f"chart.{code}"),
    )
