"""Frames to plotly figures: pure, in one house style, units on the axes, colours that colour-blind readers tell apart.

Amounts arrive as exact decimals and become floats only here, as positions of pixels; what is written beside them is
written from the decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from dashboards.labels import Labels

PALETTE = ("#1f5f8b", "#d17c1b", "#2e8b6f", "#a33b5c", "#6c5b9a", "#8a8f98")
"""Series without an order; the order itself stays apart for the three common kinds of colour blindness."""
ORDERED = ("#dbe9c9", "#b5d5b9", "#8abfb0", "#62a5aa", "#4488a1", "#346a92", "#2d4b7c", "#272b5c")
"""Light to dark, for things that get worse: buckets, and the youngest to the oldest cohort."""
_HEAT = ((0.0, "#f6f8fa"), (0.15, "#d5e4ee"), (0.5, "#6da3c4"), (1.0, "#174a6e"))
_INK, _FAINT, _GRID = "#1d2733", "#4d5a68", "#e6eaee"
_FONT = (
    "system-ui, -apple-system, 'Segoe UI', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', "
    "'WenQuanYi Micro Hei', sans-serif"
)
CONFIG = {"displayModeBar": False, "responsive": True, "doubleClick": "reset", "scrollZoom": False}
"""What every chart is drawn with: no tool bar, whose words plotly does not translate."""


def _house(figure: go.Figure, *, height: int = 320, legend: bool = True) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 16, "t": 36 if legend else 12, "b": 8},
        font={"family": _FONT, "size": 13, "color": _INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        colorway=list(PALETTE),
        showlegend=legend,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left", "title": None},
        hoverlabel={"bgcolor": "#ffffff", "bordercolor": "#d5dbe1", "font": {"family": _FONT, "color": _INK}},
        bargap=0.25,
        dragmode=False,
    )
    axis = {
        "gridcolor": _GRID,
        "linecolor": "#c3cbd3",
        "zerolinecolor": "#c3cbd3",
        "automargin": True,
        "tickfont": {"color": _FAINT},
        "title": {"font": {"color": _FAINT, "size": 12}, "standoff": 8},
    }
    figure.update_xaxes(**{**axis, "showgrid": False})
    figure.update_yaxes(**axis)
    return figure


def _days(figure: go.Figure, labels: Labels, days: Sequence[Any]) -> None:
    """A day axis whose words are in the reader's language, whatever the browser's."""
    places = sorted(set(days))
    step = max(1, -(-len(places) // 8))
    shown = places[::step]
    pattern = "{0.month}/{0.day}" if not labels.is_english else "{0.day} {month}"
    texts = [pattern.format(day, month=labels.month(day).split(" ")[0]) for day in shown]
    figure.update_xaxes(tickmode="array", tickvals=shown, ticktext=texts, type="date", tickangle=0)


def _scaled(frame: pl.DataFrame, column: str, labels: Labels, unit: str) -> tuple[list[float | None], str]:
    """Positions on the axis, and the word of their unit."""
    values = [None if value is None else float(value) for value in frame.get_column(column)]
    if unit == "share":
        return [None if value is None else value * 100 for value in values], "%"
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    divisor, word = labels.scale(largest) if unit == "money" else (1, "")
    return [None if value is None else value / divisor for value in values], word


def _whole_ticks(figure: go.Figure, largest: float) -> None:
    """There is no half of a case: few counts get a tick each."""
    if largest <= 8:
        figure.update_xaxes(dtick=1, tickformat="d")


def _axis_title(labels: Labels, unit: str, word: str, currency: str) -> str:
    if unit == "share":
        return labels.texts("axis.share")
    if unit == "money":
        return labels.texts("axis.money", unit=f"{word} {currency}".strip())
    return labels.texts("axis.count")


def bars_by_day(frame: pl.DataFrame, labels: Labels, unit: str, name: str, currency: str = "") -> go.Figure:
    """``day, value`` as bars."""
    values, word = _scaled(frame, "value", labels, unit)
    days = frame.get_column("day").to_list()
    hover = [
        f"{labels.day(day)}<br>{name}: {labels.exact(value, unit, currency)}"
        for day, value in zip(days, frame.get_column("value"), strict=True)
    ]
    figure = go.Figure(go.Bar(x=days, y=values, hovertext=hover, hoverinfo="text", name=name, marker_color=PALETTE[0]))
    _house(figure, legend=False).update_yaxes(title_text=_axis_title(labels, unit, word, currency))
    _days(figure, labels, days)
    return figure


def running(frame: pl.DataFrame, labels: Labels, currency: str) -> go.Figure:
    """``place, which, day, value``: the sum so far against that of the compared period, day for day."""
    values, word = _scaled(frame, "value", labels, "money")
    frame = frame.with_columns(pl.Series("y", values, dtype=pl.Float64))
    figure = go.Figure()
    styles = {"before": (PALETTE[5], "dot", 2), "now": (PALETTE[0], "solid", 3)}
    for which, (colour, dash, width) in styles.items():
        part = frame.filter(pl.col("which") == which)
        hover = [
            f"{labels.day(row['day'])}<br>{labels.exact(row['value'], 'money', currency)}"
            for row in part.iter_rows(named=True)
        ]
        figure.add_scatter(
            x=part.get_column("place"),
            y=part.get_column("y"),
            name=labels.texts(f"chart.{which}"),
            mode="lines",
            line={"color": colour, "dash": dash, "width": width},
            hovertext=hover,
            hoverinfo="text",
        )
    _house(figure).update_yaxes(title_text=_axis_title(labels, "money", word, currency), rangemode="tozero")
    figure.update_xaxes(title_text=labels.texts("axis.day_of_period"), tickformat="d")
    return figure


def bars_by_group(
    frame: pl.DataFrame, column: str, labels: Labels, unit: str, currency: str = "", *, ordered: bool = False
) -> go.Figure:
    """``column, value, before`` as lying bars, largest on top, or in the order of the codes when ``ordered``."""
    frame = frame.sort(column, descending=True) if ordered else frame.reverse()
    names = [labels.code(column, value) for value in frame.get_column(column)]
    both = pl.concat([frame.select(pl.col("value")), frame.select(pl.col("before").alias("value"))])
    values, word = _scaled(both, "value", labels, unit)
    figure = go.Figure()
    # where nothing came before, nothing is compared
    compared = frame.get_column("before").null_count() < frame.height
    shown = (("before", "#c9d1d9", frame.height), ("now", PALETTE[0], 0))
    for which, colour, at in shown if compared else shown[1:]:
        exact = frame.get_column("value" if which == "now" else "before")
        text = labels.texts(f"chart.{which}")
        figure.add_bar(
            y=names,
            x=values[at : at + frame.height],
            orientation="h",
            name=text,
            marker_color=colour,
            hovertext=[
                f"{name}<br>{text}: {labels.exact(value, unit, currency)}"
                for name, value in zip(names, exact, strict=True)
            ],
            hoverinfo="text",
        )
    _house(figure, height=max(220, 90 + 44 * frame.height)).update_layout(
        legend_traceorder="reversed", bargroupgap=0.08
    )
    figure.update_xaxes(title_text=_axis_title(labels, unit, word, currency), showgrid=True)
    figure.update_yaxes(showgrid=False, type="category")
    if unit == "count":
        _whole_ticks(figure, max((value for value in values if value is not None), default=0.0))
    return figure


def stacked_by_day(frame: pl.DataFrame, column: str, labels: Labels, unit: str, currency: str = "") -> go.Figure:
    """``day, column, value`` stacked, in the order of the codes, light to dark."""
    values, word = _scaled(frame, "value", labels, unit)
    frame = frame.with_columns(pl.Series("y", values, dtype=pl.Float64))
    codes = sorted(code for code in frame.get_column(column).unique() if code is not None)
    days = sorted(set(frame.get_column("day")))
    figure = go.Figure()
    for place, code in enumerate(codes):
        part = frame.filter(pl.col(column) == code)
        hover = [
            f"{labels.day(row['day'])}<br>{labels.code(column, code)}: {labels.exact(row['value'], unit, currency)}"
            for row in part.iter_rows(named=True)
        ]
        colour = _step(place, len(codes))
        figure.add_bar(
            x=part.get_column("day"),
            y=part.get_column("y"),
            name=labels.code(column, code),
            marker_color=colour,
            hovertext=hover,
            hoverinfo="text",
        )
    _house(figure, height=380).update_layout(barmode="stack", bargap=0.05, margin_t=64, legend_traceorder="normal")
    figure.update_yaxes(title_text=_axis_title(labels, unit, word, currency))
    _days(figure, labels, days)
    return figure


def _step(place: int, count: int) -> str:
    """Colour number ``place`` of ``count``, spread over the ordered palette."""
    return ORDERED[-1] if count < 2 else ORDERED[round(place * (len(ORDERED) - 1) / (count - 1))]


def roll_heat_map(frame: pl.DataFrame, labels: Labels, by: str, currency: str) -> go.Figure:
    """``from_bucket, to_bucket, cases, balance, …_share``: where each bucket went; every row sums to 100 %."""
    rows = sorted(frame.get_column("from_bucket").unique())
    columns = sorted({*rows, *frame.get_column("to_bucket")}, key=_exits_last)
    cells = {(row["from_bucket"], row["to_bucket"]): row for row in frame.iter_rows(named=True)}
    unit = "money" if by == "balance" else "count"
    shares, texts, hover = [], [], []
    for origin in rows:
        found = [cells.get((origin, target)) for target in columns]
        shares.append([None if cell is None else float(cell[f"{by}_share"] or 0) * 100 for cell in found])
        texts.append(["" if cell is None else labels.share(cell[f"{by}_share"]) for cell in found])
        hover.append(
            [
                ""
                if cell is None
                else f"{labels.code('bucket', origin)} → {labels.code('to_bucket', target)}<br>"
                f"{labels.exact(cell[by], unit, currency)}<br>{labels.exact(cell[f'{by}_share'], 'share')}"
                for cell, target in zip(found, columns, strict=True)
            ]
        )
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=[labels.code("to_bucket", code) for code in columns],
            y=[labels.code("bucket", code) for code in rows],
            text=texts,
            texttemplate="%{text}",
            hovertext=hover,
            hoverinfo="text",
            colorscale=list(_HEAT),
            zmin=0,
            zmax=100,
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": "%"}, "thickness": 12, "outlinewidth": 0},
        )
    )
    _house(figure, height=max(260, 120 + 44 * len(rows)), legend=False).update_layout(margin_t=8)
    figure.update_xaxes(title_text=labels.texts("axis.to_bucket"), type="category")
    figure.update_yaxes(
        title_text=labels.texts("axis.from_bucket"), autorange="reversed", showgrid=False, type="category"
    )
    return figure


def _exits_last(code: str) -> tuple[bool, str]:
    return not (code == "C" or (code[:1] == "M" and code[1:].isdigit())), code


def lines_by_day(
    frame: pl.DataFrame, column: str, labels: Labels, unit: str, *, names: dict[str, str], months: bool = False
) -> go.Figure:
    """``day, column, value`` as lines, one for each code in ``names``, in that order; markers where points are few."""
    when = labels.month if months else labels.day
    figure = go.Figure()
    for place, (code, name) in enumerate(names.items()):
        part = frame.filter(pl.col(column) == code)
        values, _ = _scaled(part, "value", labels, unit)
        hover = [
            f"{when(row['day'])}<br>{name}: {labels.exact(row['value'], unit)}" for row in part.iter_rows(named=True)
        ]
        figure.add_scatter(
            x=part.get_column("day"),
            y=values,
            name=name,
            mode="lines+markers" if part.height <= 31 else "lines",
            line={"color": PALETTE[place % len(PALETTE)], "width": 2},
            marker={"size": 6},
            hovertext=hover,
            hoverinfo="text",
        )
    _house(figure).update_yaxes(title_text=_axis_title(labels, unit, "", ""), rangemode="tozero")
    days = frame.get_column("day").to_list()
    if months:
        shown = sorted(set(days))
        figure.update_xaxes(tickmode="array", tickvals=shown, ticktext=[labels.month(day) for day in shown])
    else:
        _days(figure, labels, days)
    return figure


def vintage_curves(frame: pl.DataFrame, labels: Labels) -> go.Figure:
    """``cohort_month, months_on_book, value``: one curve a cohort, younger ones lighter; compare at equal age only."""
    cohorts = sorted(frame.get_column("cohort_month").unique())
    age = labels.texts("axis.months_on_book")
    figure = go.Figure()
    for place, cohort in enumerate(cohorts):
        part = frame.filter(pl.col("cohort_month") == cohort).sort("months_on_book")
        name = labels.month(cohort)
        hover = [
            f"{name}<br>{age}: {row['months_on_book']}<br>{labels.exact(row['value'], 'share')}"
            for row in part.iter_rows(named=True)
        ]
        values, _ = _scaled(part, "value", labels, "share")
        figure.add_scatter(
            x=part.get_column("months_on_book"),
            y=values,
            name=name,
            hovertext=hover,
            hoverinfo="text",
            mode="lines+markers" if part.height < 3 else "lines",
            line={"color": _cohort_colour(place, len(cohorts)), "width": 2},
        )
    _house(figure, height=380).update_yaxes(title_text=labels.texts("axis.share"), rangemode="tozero")
    figure.update_layout(legend={"orientation": "v", "x": 1.02, "y": 1, "yanchor": "top"}, margin_t=12)
    figure.update_xaxes(title_text=labels.texts("axis.months_on_book"), tickformat="d", zeroline=False)
    return figure


def _cohort_colour(place: int, count: int) -> str:
    # the lightest step would vanish as a thin line on white
    steps = ORDERED[2:][::-1]
    return steps[0] if count < 2 else steps[round(place * (len(steps) - 1) / (count - 1))]


def funnel(steps: Sequence[tuple[str, int]], labels: Labels) -> go.Figure:
    """Counts of each step from attempt to promise kept, each with its share of the step before."""
    counts = [count for _, count in steps]
    texts = []
    for place, count in enumerate(counts):
        share = "" if place == 0 or not counts[place - 1] else f" · {labels.share(count / counts[place - 1])}"
        texts.append(f"{labels.count(count)}{share}")
    figure = go.Figure(
        go.Bar(
            y=[name for name, _ in steps],
            x=counts,
            orientation="h",
            text=texts,
            textposition="outside",
            cliponaxis=False,
            marker_color=[_step(place + 2, len(steps) + 2) for place in range(len(steps))][::-1],
            hovertext=[f"{name}: {text}" for (name, _), text in zip(steps, texts, strict=True)],
            hoverinfo="text",
        )
    )
    _house(figure, height=90 + 52 * len(steps), legend=False)
    figure.update_xaxes(title_text=labels.texts("axis.count"), showgrid=True, range=[0, max([*counts, 1]) * 1.22])
    figure.update_yaxes(autorange="reversed", showgrid=False)
    _whole_ticks(figure, max(counts, default=0))
    return figure
