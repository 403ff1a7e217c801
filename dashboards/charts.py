"""The frame around a chart: heading, one line on how to read it, the way to its rows, and words when it is empty."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboards.rows import Drill
from dashboards.rows_dialog import rows_button
from dashboards.sight import Sight


def chart(
    sight: Sight,
    code: str,
    frame: pl.DataFrame,
    *,
    can: bool = True,
    drill: Drill | None = None,
    lead: bool = False,
    empty: str = "no_rows",
    **words: object,
) -> bool:
    """Draw the heading of chart ``code``; true when ``frame`` holds something to draw.

    ``can`` is false when a filter in use cannot be applied, which is then said; ``empty`` names what
    is said when there is nothing; ``words`` fill the heading.
    """
    line = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    line.subheader(sight.t(f"chart.{code}", **words), anchor=False, width="content")
    if drill is not None and can and not frame.is_empty():
        with line:
            rows_button(sight, drill, key=f"chart_{code}")
    if lead:
        st.caption(sight.t(f"chart.{code}_lead"))
    if not can:
        st.info(sight.t("empty.not_split", filters=_in_use(sight)))
    elif frame.is_empty():
        st.info(sight.t(f"empty.{empty}"))
    return can and not frame.is_empty()


def _in_use(sight: Sight) -> str:
    names = [name for name in ("sources", "products", "regions") if getattr(sight.filters, name)]
    joiner = "、" if sight.t.language == "zh" else ", "
    return joiner.join(sight.t(f"filter.{name}").lower() for name in names or ["currency"])
