"""Small tables whose every line opens its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import streamlit as st

from dashboards.rows import Drill
from dashboards.rows_dialog import ask_for, column_config, in_names
from dashboards.sight import Sight

_ROWS = "rows"


def drill_table(
    sight: Sight,
    frame: pl.DataFrame,
    key: str,
    drill: Callable[[Mapping[str, Any]], Drill],
    *,
    alt: str,
    absent: str = "",
) -> None:
    """A table with a button in each line that opens the rows of ``drill(line)``; ``absent`` stands for no value."""
    if frame.is_empty():
        st.caption(sight.t("empty.no_rows"))
        return
    lines = frame.to_dicts()
    click = f"table_{key}"
    shown = in_names(frame, sight).with_columns(pl.lit(sight.t("card.rows")).alias(_ROWS))
    config = column_config(frame, sight)
    config[_ROWS] = st.column_config.ButtonColumn(
        sight.t("card.rows"),
        type="tertiary",
        width=72,
        key=click,
        on_click=_clicked,
        args=(click, [drill(line) for line in lines]),
    )
    st.dataframe(
        shown,
        hide_index=True,
        column_config=config,
        alt=alt,
        height="content" if frame.height <= 15 else 520,
        placeholder=absent,
    )


def rows_behind(sight: Sight, code: str, *columns: str) -> Callable[[Mapping[str, Any]], Drill]:
    """For ``drill_table``: a line's rows are those of the figure ``code`` with the line's values of ``columns``."""
    return lambda line: Drill(code, sight.filters, tuple((column, line[column]) for column in columns))


def _clicked(click: str, drills: list[Drill]) -> None:
    state = st.session_state[click]
    if state is not None and 0 <= state["row"] < len(drills):
        ask_for(drills[state["row"]])
