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
from streamlit.delta_generator import DeltaGenerator

from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.widths import width_for
from ops_app.domain.errors import DomainError

Row = TypeVar("Row")
_ROWS_SHOWN_WHOLE = 15
_NEVER = "-"


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column: ``show`` gives what a person reads, ``value`` (default: the same) what an export holds.

    ``needs`` is the permission to see the ``value`` of a field that is shown masked: without it an export holds what
    the screen shows.
    """

    key: str
    label: str
    show: Callable[[Row], str]
    value: Callable[[Row], object] | None = None
    right: bool = False
    width: Literal["small", "medium", "large"] | int | None = None
    needs: str | None = None

    def exported(self, row: Row, may: Callable[[str], bool]) -> object:
        """What leaves in a file taken by somebody who ``may`` so much."""
        if self.value is None or (self.needs is not None and not may(self.needs)):
            return self.show(row)
        return self.value(row)


@dataclass(frozen=True)
class Wanted:
    """Which rows a list wants: filters as the page named them, an allowed sort key, and the window (``offset`` is a
    whole number of ``limit``)."""

    filters: Mapping[str, str]
    sort: str
    descending: bool
    limit: int
    offset: int

    @property
    def page(self) -> int:
        """The window as a page number from 1."""
        return self.offset // self.limit + 1


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """One list of a page. ``sorts`` maps allowed sort keys to labels; ``fetch`` returns a window and the total."""

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
    whole: Mapping[str, str] = field(default_factory=dict)
    """What filters that are never empty hold while nothing is narrowed; ``empty`` is said then."""
    page_size: int = 50


@dataclass(frozen=True)
class Shown(Generic[Row]):
    """What is on the screen: the rows of this page, those selected, and how many there are in all."""

    rows: Sequence[Row]
    selected: Sequence[Row]
    total: int
    wanted: Wanted
    beside: DeltaGenerator
    """A place beside the sort box, for the export button."""


def show_list(here: Here, listing: Listing[Row], filters: Mapping[str, str] | None = None) -> Shown[Row]:
    """Draw the list with its sort, selection and page buttons; filters were drawn by the page above it."""
    chosen = dict(filters or {})
    bar = st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute")
    with bar:
        place = st.empty()
    with bar, st.container(horizontal=True, vertical_alignment="bottom", width="content"):
        sort, descending = _sorting(here, listing)
        beside = st.container(width="content")
    size, name = listing.page_size, f"{listing.name}_page"
    url.back_to_first_page(name, (chosen, sort, descending))

    def window(number: int) -> Wanted:
        return Wanted(chosen, sort, descending, size, (number - 1) * size)

    wanted = window(url.page_number(name))
    rows, total = listing.fetch(wanted)
    pages = max(1, -(-total // size))
    if wanted.offset >= total > 0:  # the list became shorter than the page asked for
        wanted = window(url.page_number(name, pages))
        rows, total = listing.fetch(wanted)
    if not rows:
        narrowed = any(value != listing.whole.get(key, "") for key, value in chosen.items())
        st.info(listing.empty if listing.empty and not narrowed else here.t("lists.none"))
        return Shown((), (), total, wanted, beside)
    count = here.labels.count
    last = wanted.offset + len(rows)
    place.caption(here.t("lists.rows", first=count(wanted.offset + 1), last=count(last), total=count(total)))
    selected = _grid(listing, rows)
    if pages > 1:
        url.page_buttons(name, pages)
    return Shown(rows, selected, total, wanted, beside)


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


def show_rows(columns: Sequence[Column[Row]], rows: Sequence[Row], *, title: str) -> None:
    """A short table without sort, pages or selection."""
    frame = _frame(columns, rows)
    st.dataframe(frame, **_looks(columns, frame, title))


def _frame(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame({column.key: [column.show(row) for row in rows] for column in columns}, dtype="string")


def _looks(columns: Sequence[Column[Row]], frame: pd.DataFrame, title: str) -> dict[str, Any]:
    config = {
        column.key: st.column_config.TextColumn(
            column.label,
            width=column.width or width_for(column.label, list(frame[column.key])),
            alignment="right" if column.right else "left",
        )
        for column in columns
    }
    height = "content" if len(frame) <= _ROWS_SHOWN_WHOLE else 560
    return {"hide_index": True, "column_config": config, "alt": title, "height": height, "lazy": False}


def _grid(listing: Listing[Row] | Stream[Row], rows: Sequence[Row]) -> Sequence[Row]:
    frame = _frame(listing.columns, rows)
    options = _looks(listing.columns, frame, listing.title)
    if len(rows) > _ROWS_SHOWN_WHOLE:  # what is selected here opens below: leave it in sight
        options["height"] = 420
    if isinstance(listing, Listing) and not listing.selectable:
        st.dataframe(frame, **options)
        return ()
    # a selection is row positions: its key names the rows shown, so a refresh can never move it to others; where other
    # rows are shown, those that were selected and still are there stay so
    ids = [listing.row_id(row) for row in rows]
    marks = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
    place = f"_{listing.name}_selected"
    before = st.session_state.get(place, ())
    event = st.dataframe(
        frame, on_select="rerun", selection_mode="multi-row", key=f"{listing.name}_grid_{marks}",
        selection_default={"selection": {"rows": [n for n, one in enumerate(ids) if one in before]}}, **options
    )  # fmt: skip
    chosen = [position for position in event.selection.rows if 0 <= position < len(rows)]
    st.session_state[place] = [ids[position] for position in chosen]
    return [rows[position] for position in chosen]


@dataclass(frozen=True)
class Stream(Generic[Row]):
    """A list that only grows, read from the newest back by number: its pages stay the same while rows are added."""

    name: str
    title: str
    columns: Sequence[Column[Row]]
    row_id: Callable[[Row], str]
    fetch: Callable[[Any, int], tuple[Sequence[Row], Any]]
    """From below a number or behind a mark (``None``: from the first), at most so many: the rows and where the next
    page begins."""
    page_size: int = 50


def show_stream(here: Here, stream: Stream[Row], fingerprint: object) -> tuple[Sequence[Row], Sequence[Row]]:
    """Draw a page of a stream with buttons to older rows and back to the newest; the rows shown, and those selected."""
    before = url.cursor(f"{stream.name}_before", fingerprint)
    rows, older = stream.fetch(before, stream.page_size)
    if not rows:
        st.info(here.t("lists.none"))
        return (), ()
    selected = _grid(stream, rows)
    with st.container(horizontal=True):
        url.cursor_button(here.t("lists.newest"), f"{stream.name}_before", None, disabled=before is None)
        url.cursor_button(here.t("lists.older"), f"{stream.name}_before", older, disabled=older is None)
    return rows, selected


def show_keyed(
    here: Here, stream: Stream[Row], fingerprint: object, *, empty: str = "", narrowed: bool = False
) -> tuple[Sequence[Row], Sequence[Row]]:
    """Draw a page of a list that is read by marks, with buttons to the next page and back to the first where there is
    more than one; the rows shown, and those selected. ``empty`` is said of a list without rows that its reader has not
    ``narrowed``. A mark in the address that is none of this list begins it again."""
    place = f"{stream.name}_after"
    url.back_to_first_page(place, fingerprint)
    try:
        rows, more = stream.fetch(st.query_params.get(place) or None, stream.page_size)
    except DomainError:
        st.query_params.pop(place, None)
        rows, more = stream.fetch(None, stream.page_size)
    if not rows:
        st.info(empty if empty and not narrowed else here.t("lists.none"))
        return (), ()
    selected = _grid(stream, rows)
    if more is None and place not in st.query_params:
        return rows, selected
    with st.container(horizontal=True):
        url.mark_button(here.t("lists.first"), place, None, disabled=place not in st.query_params)
        url.mark_button(here.t("lists.next"), place, more, disabled=more is None)
    return rows, selected


def stream_rows(stream: Stream[Row], limit: int) -> Iterator[Row]:
    """Every row of the stream from the newest back, at most ``limit``."""
    before: Any = None
    left = limit
    while left > 0:
        rows, before = stream.fetch(before, min(500, left))
        yield from rows
        left -= len(rows)
        if before is None:
            return


def all_rows(listing: Listing[Row], wanted: Wanted, limit: int) -> Iterator[Row]:
    """Every row of the list as filtered, window by window, at most ``limit``."""
    step, offset = 500, 0
    while offset < limit:
        window, total = listing.fetch(Wanted(wanted.filters, wanted.sort, wanted.descending, step, offset))
        yield from window[: limit - offset]
        offset += len(window)
        if not window or offset >= total:
            return
