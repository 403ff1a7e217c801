"""A figure as a card: value, comparison, line over time, definition, and the way to its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboards.definitions import Metric, metrics
from dashboards.queries import Figure, figure, is_shown
from dashboards.rows import Drill
from dashboards.rows_dialog import rows_button
from dashboards.sight import Sight

_DELTA_COLOURS = {"up": "normal", "down": "inverse", "none": "off"}


def cards(sight: Sight, codes: Sequence[str], columns: int = 4) -> None:
    """The figures that the snapshot has what it takes for, side by side and of one height."""
    shown = [metrics()[code] for code in codes if is_shown(sight.published, metrics()[code])]
    if not shown:
        return
    grid = st.grid(columns, min_column_width=230, row_height="content")
    for metric in shown:
        with grid.container(border=True, height="stretch", gap="small", vertical_alignment="distribute"):
            card(sight, metric)


def card(sight: Sight, metric: Metric) -> None:
    """One figure under the page's filters, drawn into the present container."""
    t, labels = sight.t, sight.labels
    now = figure(sight.published, metric, sight.filters)
    st.metric(
        t.of(metric.name),
        labels.short(now.value, metric.unit, sight.filters.currency),
        **_delta(sight, now),
        help=definition(sight, metric),
        chart_data=list(now.series) if len(now.series) > 1 else None,
        chart_type="area" if metric.kind in {"stock", "opening_rate"} else "bar" if metric.unit != "share" else "line",
    )
    notes = _notes(sight, now)
    if notes:
        st.caption(notes)
    late = [feed for feed in metric.feeds if feed in sight.missing]
    if late:
        names = ("、" if t.language == "zh" else ", ").join(labels.code("feed", feed) for feed in late)
        st.badge(t("card.late", feeds=names), color="red")
    if now.value is not None:
        rows_button(sight, Drill(metric.code, sight.filters), key=f"card_{metric.code}")


def _delta(sight: Sight, now: Figure) -> dict[str, Any]:
    metric, labels, t = now.metric, sight.labels, sight.t
    if now.value is None or metric.kind == "as_of":
        return {}
    if now.before is None:
        return {"delta": t("card.no_comparison"), "delta_color": "off", "delta_arrow": "off"}
    was = t("card.was", value=labels.short(now.before, metric.unit, sight.filters.currency))
    if now.value == now.before:
        return {"delta": 0, "delta_description": was}
    change = labels.change(now.value, now.before, metric.unit, sight.filters.currency)
    return {"delta": change, "delta_color": _DELTA_COLOURS[metric.better], "delta_description": was}


def _notes(sight: Sight, now: Figure) -> str:
    t = sight.t
    if now.why_empty:
        return empty_text(sight, now)
    if now.metric.kind in {"month_end", "flow_rate"} and now.day is not None:
        return t("card.month_end", day=sight.labels.day(now.day))
    if now.metric.kind == "stock" and now.day != sight.filters.period.end:
        # the last day of the period was not published, or not yet
        return t("card.on_day", day=sight.labels.day(now.day))
    return ""


def empty_text(sight: Sight, now: Figure) -> str:
    """Why there is no value, and what to do about it."""
    t = sight.t
    names = ("、" if t.language == "zh" else ", ").join(t(f"filter.{name}").lower() for name in now.not_split)
    if "currency" in now.not_split:
        return t("empty.not_split_currency")
    return t(f"empty.{now.why_empty}", filters=names)


def definition(sight: Sight, metric: Metric) -> str:
    """What a figure means, in the words of ``metrics.yml``."""
    t = sight.t
    parts = [
        t("card.definition", says=t.of(metric.says)),
        t("card.formula", formula=t.of(metric.formula)),
        t("card.window", window=t.of(metric.window)),
        t("card.source", mart=metric.mart, day=sight.labels.day(sight.published.as_of.business_date)),
    ]
    if metric.is_rate:
        parts[2:2] = [
            t("card.numerator", text=t.of(metric.numerator)),
            t("card.denominator", text=t.of(metric.denominator)),
        ]
    return "\n\n".join(parts)
