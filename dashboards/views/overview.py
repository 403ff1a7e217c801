"""催收主要指标: the main figures, each with its definition, its comparison and its rows."""

from __future__ import annotations

import streamlit as st

from dashboards import figures
from dashboards.breakdowns import by_day, can_split, running_cash
from dashboards.cards import cards, definition
from dashboards.charts import chart
from dashboards.definitions import metrics
from dashboards.queries import is_shown
from dashboards.rows import Drill
from dashboards.rows_dialog import close_page
from dashboards.sight import Sight, open_page
from dashboards.viewer import Viewer

GROUPS = {
    "money": ("balance", "cases", "net_cash", "recovery_rate"),
    "movement": ("flow_rate_m1_m2", "roll_rate_m1_m2", "cure_rate"),
    "contact": ("connect_rate", "rpc_per_attempt", "promise_rate", "ptp_kept_rate"),
    "conduct": ("complaints", "blocked_attempts"),
    "trust": ("open_breaks", "open_difference", "refused_share", "missing_feeds"),
}
"""The figures of the page, by what they speak of. A group of which the snapshot has nothing is not mentioned."""


def render(viewer: Viewer) -> None:
    """The main page."""
    sight = open_page(viewer, "overview")
    if sight is None:
        return
    for group, codes in GROUPS.items():
        if any(is_shown(sight.published, metrics()[code]) for code in codes):
            st.subheader(sight.t(f"group.{group}"), anchor=False)
            cards(sight, codes)
        if group == "money":
            _charts(sight)
    _definitions(sight)
    close_page(sight)


def _charts(sight: Sight) -> None:
    left, right = st.columns(2, gap="large")
    currency = sight.filters.currency
    cash, balance = metrics()["net_cash"], metrics()["balance"]
    with left:
        frame = running_cash(sight.published, sight.filters)
        can = can_split(sight.published, cash, sight.filters)
        drill = Drill("net_cash", sight.filters)
        if chart(sight, "running", frame, can=can, drill=drill):
            st.plotly_chart(
                figures.running(frame, sight.labels, currency),
                config=figures.CONFIG,
                theme=None,
                alt=sight.t("chart.running"),
            )
    with right:
        frame = by_day(sight.published, balance, sight.filters, "bucket")
        can = can_split(sight.published, balance, sight.filters, "bucket")
        if chart(sight, "balance_by_day", frame, can=can, drill=Drill("balance", sight.filters)):
            drawn = figures.stacked_by_day(frame, "bucket", sight.labels, "money", currency)
            st.plotly_chart(drawn, config=figures.CONFIG, theme=None, alt=sight.t("chart.balance_by_day"))


def _definitions(sight: Sight) -> None:
    with st.expander(sight.t("card.definitions"), on_change="rerun", key="overview_definitions") as opened:
        if not opened.open:
            return
        for codes in GROUPS.values():
            for metric in (metrics()[code] for code in codes):
                if is_shown(sight.published, metric):
                    st.markdown(f"**{sight.t.of(metric.name)}**", width="stretch")
                    st.markdown(definition(sight, metric))
                    st.divider()
