"""An amount among dashes is shown whole: the column gets the width that the grid would not give it."""

from __future__ import annotations

import pytest

from ops_app.consoles.kit.widths import MOST, width_for


@pytest.mark.parametrize(
    ("label", "texts", "least"),
    [
        ("Amount", [*["–"] * 5, "473.67"], 62),  # the grid leaves such a cell out: twice the average
        ("下期还款日", [*["–"] * 7, "2026年11月25日"], 140),
        ("Instalments that may be missed", [*["–"] * 7, "1,000"], 200),
        ("Reason", [*["x"] * 9, "a long sentence " * 40], MOST),
    ],
)
def test_a_column_of_which_one_cell_is_much_wider_is_as_wide_as_that_cell(
    label: str, texts: list[str], least: int
) -> None:
    made = width_for(label, texts)
    assert made is not None
    assert least <= made <= MOST


@pytest.mark.parametrize(
    "texts",
    [["–", "–", "473.67"], ["1,000.00"] * 20, ["10.00", "100,000.00"] * 10, []],
)
def test_a_column_that_the_grid_measures_rightly_is_left_to_it(texts: list[str]) -> None:
    assert width_for("Amount", texts) is None
