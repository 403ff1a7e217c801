"""A large amount among small ones is shown whole."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from dashboards.widths import width_for


def test_a_column_with_one_wide_cell_gets_its_width_and_others_are_left_to_the_grid() -> None:
    amounts = pl.Series([Decimal("0.00")] * 9 + [Decimal("1234567.89")], dtype=pl.Decimal(18, 2))
    width = width_for("Amount", amounts)
    assert width is not None
    assert width >= 8 * len("1,234,567.89") + 20
    assert width_for("Amount", pl.Series([Decimal("10.00")] * 9, dtype=pl.Decimal(18, 2))) is None
    assert width_for("Amount", amounts[-5:]) is None  # the grid measures all of five
    assert width_for("Reason", pl.Series([None, "x"] * 5)) is None
    assert width_for("日期", pl.Series([None] * 9 + ["2026年11月25日"])) is not None
    assert width_for("Empty", pl.Series([], dtype=pl.String)) is None
