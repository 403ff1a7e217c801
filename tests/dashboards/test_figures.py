"""Frames in, figures out: units on the axes, words in the reader's language, amounts written exactly."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import plotly.graph_objects as go
import polars as pl
import pytest

from dashboards import figures
from dashboards.labels import Labels
from dashboards.texts import Texts

EN, ZH = Labels(Texts("en")), Labels(Texts("zh"))
DAYS = pl.DataFrame(
    {
        "day": [date(2026, 11, 1), date(2026, 11, 2)],
        "value": [Decimal("1234567.89"), Decimal("23456.70")],
        "bucket": ["M1", "M2"],
        "before": [Decimal("1000000.00"), None],
        "which": ["before", "now"],
        "place": [1, 1],
    }
)


def axis_words(figure: go.Figure) -> str:
    return f"{figure.layout.xaxis.title.text} {figure.layout.yaxis.title.text}"


@pytest.mark.parametrize(("labels", "unit", "first"), [(EN, "M CNY", 1.23456789), (ZH, "万 CNY", 123.456789)])
def test_amounts_stand_in_a_readable_unit_that_the_axis_names(labels: Labels, unit: str, first: float) -> None:
    drawn = figures.bars_by_day(DAYS, labels, "money", "x", "CNY")
    assert unit in axis_words(drawn)
    assert drawn.data[0].y[0] == pytest.approx(first)


def test_what_is_written_beside_a_bar_is_the_exact_amount() -> None:
    drawn = figures.bars_by_day(DAYS, EN, "money", "Net cash", "CNY")
    assert "1,234,567.89 CNY" in drawn.data[0].hovertext[0]


def test_days_are_written_in_the_language_of_the_reader() -> None:
    assert list(figures.bars_by_day(DAYS, EN, "money", "x", "CNY").layout.xaxis.ticktext) == ["1 Nov", "2 Nov"]
    assert list(figures.bars_by_day(DAYS, ZH, "money", "x", "CNY").layout.xaxis.ticktext) == ["11/1", "11/2"]


def test_shares_are_per_cent() -> None:
    frame = DAYS.with_columns(pl.Series("value", [0.25, None]))
    drawn = figures.bars_by_day(frame, EN, "share", "x")
    assert list(drawn.data[0].y) == [25.0, None]
    assert "%" in axis_words(drawn)


def test_the_period_before_is_drawn_paler_and_named() -> None:
    drawn = figures.running(DAYS, ZH, "CNY")
    assert [line.name for line in drawn.data] == ["上期", "本期"]
    bars = figures.bars_by_group(DAYS, "bucket", EN, "money", "CNY", ordered=True)
    assert {bar.name for bar in bars.data} == {"This period", "Period before"}


def test_worse_buckets_are_darker() -> None:
    drawn = figures.stacked_by_day(DAYS, "bucket", EN, "money", "CNY")
    assert [bar.name for bar in drawn.data] == ["M1", "M2"]
    light, dark = (int(bar.marker.color[1:], 16) for bar in drawn.data)
    assert light > dark


def test_the_heat_map_keeps_buckets_in_order_and_exits_last() -> None:
    frame = pl.DataFrame(
        {
            "from_bucket": ["M1", "M1", "M2"],
            "to_bucket": ["paid", "M2", "M3"],
            "cases": [1, 3, 2],
            "balance": [Decimal("10.00"), Decimal("30.00"), Decimal("5.00")],
            "cases_share": [0.25, 0.75, 1.0],
            "balance_share": [0.25, 0.75, 1.0],
        }
    )
    drawn = figures.roll_heat_map(frame, EN, "balance", "CNY").data[0]
    assert list(drawn.x) == ["M1", "M2", "M3", "paid"]
    assert [list(row) for row in drawn.z] == [[None, 75.0, None, 25.0], [None, None, 100.0, None]]
    assert drawn.text[0][1] == "75.0%"
    assert "30.00 CNY" in drawn.hovertext[0][1]


def test_a_step_of_the_funnel_shows_its_share_of_the_step_before() -> None:
    drawn = figures.funnel([("Attempts", 200), ("Connected", 50), ("Right party", 0), ("Promises", 0)], EN).data[0]
    assert list(drawn.text) == ["200", "50 · 25.0%", "0 · 0.0%", "0"]


@pytest.mark.parametrize("count", [1, 2, 12])
def test_every_cohort_has_a_line_of_its_own(count: int) -> None:
    frame = pl.DataFrame(
        [
            {"cohort_month": date(2025, month + 1, 1), "months_on_book": age, "value": age / 100}
            for month in range(count)
            for age in range(4)
        ]
    )
    drawn = figures.vintage_curves(frame, ZH)
    assert [line.name for line in drawn.data] == [f"2025年{month + 1}月" for month in range(count)]


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (Decimal("12345678.90"), "money", "CN¥12.35M", "¥1234.57万"),
        (Decimal("1234567890.00"), "money", "CN¥1.23B", "¥12.35亿"),
        (Decimal("999.50"), "money", "CN¥999.50", "¥999.50"),
        (Decimal("-11601.61"), "money", "-CN¥11.6K", "-¥1.16万"),
        (12345, "count", "12,345", "12,345"),
        (0.3156, "share", "31.6%", "31.6%"),
        (None, "money", "–", "–"),
    ],
)
def test_figures_are_written_as_people_of_that_language_write_them(
    value: Decimal | float | None, unit: str, english: str, chinese: str
) -> None:
    assert EN.short(value, unit, "CNY") == english
    assert ZH.short(value, unit, "CNY") == chinese


@pytest.mark.parametrize(
    ("now", "before", "unit", "said"),
    [
        (Decimal("110"), Decimal("100"), "money", "+10.0%"),
        (Decimal("-90"), Decimal("-100"), "money", "+10.0%"),
        (Decimal("90"), Decimal("100"), "count", "-10.0%"),
        (0.25, 0.3, "share", "-5.0 pts"),
        (3, 0, "count", "+3"),
    ],
)
def test_a_change_is_said_in_per_cent_or_in_points(now: Decimal, before: Decimal, unit: str, said: str) -> None:
    assert EN.change(now, before, unit, "CNY") == said
