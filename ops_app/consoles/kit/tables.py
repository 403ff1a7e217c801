"""The list: filtered and sorted where the data is, one page on the screen, rows to select, a governed export.

Rows come from a service page by page, so that a list of a million rows costs what its page costs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import pandas as pd
import streamlit as st

from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import Here

Row = TypeVar("Row")
PAGE_SIZES = ("25", "50", "100", "200")
_ROW_PX = 35
_NEVER = "-"


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column: ``show`` gives what a person reads, ``value`` (default: the same) what an export holds."""

    key: str
    label: str
    show: Callable[[Row], str]
    value: Callable[[Row], object] | None = None
    right: bool = False
    width: Literal["small", "medium", "large"] | int | None = None

    def exported(self, row: Row) -> object:
        return self.show(row) if self.value is None else self.value(row)


@dataclass(frozen=True)
class Wanted:
    """Which rows a list wants: filters as the page named them, an allowed sort key, and the window."""

    filters: Mapping[str, str]
    sort: str
    descending: bool
    limit: int
    offset: int


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """One list of a page. ``sorts`` maps allowed sort keys to their labels; ``fetch`` returns a window and the total."""

    name: str
    title: str
    columns: Sequence[Column[Row]]
    row_id: Callable[[Row], str]
    fetch: Callable[[Wanted], tuple[Sequence[Row], int]]
    sorts: Mapping[str, str] = field(default_factory=dict)
    default_sort: str = _NEVER
    default_descending: bool = True
    selectable: bool = False
    empty: str | None = None
    page_size: int = 50


@dataclass(frozen=True)
class Shown(Generic[Row]):
    """What is on the screen: the rows of this page, those selected, and how many there are in all."""

    rows: Sequence[Row]
    selected: Sequence[Row]
    total: int
    wanted: Wanted


def show_list(here: Here, listing: Listing[Row], filters: Mapping[str, str] | None = None) -> Shown[Row]:
    """Draw the list with its sort, page buttons and selection; filters were drawn by the page above it."""
    chosen = dict(filters or {})
    sort, descending = _sorting(here, listing)
    size = listing.page_size
    page_key = f"{listing.name}_page"
    url.back_to_first_page(page_key, (chosen, sort, descending))
    place = st.container()
    total = listing.fetch(Wanted(chosen, sort, descending, 0, 0))[1]
    number = url.page(page_key, max(1, -(-total // size)))
    wanted = Wanted(chosen, sort, descending, size, (number - 1) * size)
    rows = listing.fetch(wanted)[0] if total else ()
    with place:
        if not rows:
            st.info(listing.empty if listing.empty and not any(chosen.values()) else here.t("lists.none"))
            return Shown((), (), total, wanted)
        first = wanted.offset + 1
        count = here.labels.count
        st.caption(here.t("lists.rows", first=count(first), last=count(wanted.offset + len(rows)), total=count(total)))
        selected = _grid(listing, rows)
    return Shown(rows, selected, total, wanted)


def _sorting(here: Here, listing: Listing[Row]) -> tuple[str, bool]:
    if not listing.sorts:
        return listing.default_sort, listing.default_descending
    language = here.actor.language
    options = [f"{key}{sign}" for key in listing.sorts for sign in ("-", "+")]
    default = f"{listing.default_sort}{'-' if listing.default_descending else '+'}"

    def shown(option: str) -> str:
        return f"{listing.sorts[option[:-1]]} {'↓' if option.endswith('-') else '↑'}"

    with st.container(width=260):
        chosen = url.choice(
            f"{listing.name}_sort", here.t("lists.sort"), options, shown, default=default, language=language
        )
    return chosen[:-1], chosen.endswith("-")


def _grid(listing: Listing[Row], rows: Sequence[Row]) -> Sequence[Row]:
    frame = pd.DataFrame({column.key: [column.show(row) for row in rows] for column in listing.columns}, dtype="string")
    config = {
        column.key: st.column_config.TextColumn(
            column.label, width=column.width, alignment="right" if column.right else "left"
        )
        for column in listing.columns
    }
    options: dict[str, Any] = {
        "hide_index": True,
        "column_config": config,
        "alt": listing.title,
        "height": min(_ROW_PX * (len(rows) + 1) + 3, 560),
        "lazy": False,
    }
    if not listing.selectable:
        st.dataframe(frame, **options)
        return ()
    # a selection is row positions: its key names the very rows shown, so a refresh can never move it to others
    marks = hashlib.sha256("\n".join(repr(row) for row in rows).encode()).hexdigest()[:16]
    event = st.dataframe(
        frame, on_select="rerun", selection_mode="multi-row", key=f"{listing.name}_grid_{marks}", **options
    )
    return [rows[position] for position in event.selection.rows if 0 <= position < len(rows)]


def all_rows(listing: Listing[Row], wanted: Wanted, limit: int) -> Iterator[Row]:
    """Every row of the list as filtered, window by window, at most ``limit``."""
    step, offset = 1000, 0
    while offset < limit:
        window, total = listing.fetch(
            Wanted(wanted.filters, wanted.sort, wanted.descending, min(step, limit - offset), offset)
        )
        yield from window
        offset += len(window)
        if not window or offset >= total:
            return
