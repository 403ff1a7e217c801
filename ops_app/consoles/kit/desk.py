"""The desk: a queue from which one thing is taken, looked at and decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.tables import Listing, Shown

Row = TypeVar("Row")


_LEFT = "_{name}_left"
"""Place in the session: the row that still is selected, and that a link was followed from."""


def follow(name: str, left: str, to: str) -> None:
    """Go on from one record to another of the same page, as a button of the record does."""
    st.session_state[_LEFT.format(name=name)] = left
    st.query_params[f"{name}_id"] = to


def choose(
    here: Here, listing: Listing[Row], shown: Shown[Row], *, label: str, show: Callable[[Row], str]
) -> str | None:
    """The id of the one thing to look at: the row selected in the list, else the one named in the address, else the
    one chosen in the box (which works by keyboard and for screen readers, where a grid does not)."""
    return choose_among(here, listing.name, shown.rows, shown.selected, row_id=listing.row_id, label=label, show=show)


def choose_among(
    here: Here,
    name: str,
    rows: Sequence[Row],
    selected: Sequence[Row],
    *,
    row_id: Callable[[Row], str],
    label: str,
    show: Callable[[Row], str],
) -> str | None:
    """As ``choose``, over rows of any kind of list. Who followed a link of the record goes on with what it names, until
    another row is selected."""
    if len(selected) == 1 and row_id(selected[0]) != st.session_state.get(_LEFT.format(name=name)):
        st.session_state.pop(_LEFT.format(name=name), None)
        return row_id(selected[0])
    if len(selected) > 1:
        return None
    if not selected:
        st.session_state.pop(_LEFT.format(name=name), None)
    by_id = {row_id(row): row for row in rows}
    linked = st.query_params.get(f"{name}_id")
    if not by_id and not linked:
        return None
    ids: Sequence[str] = [*by_id, linked] if linked and linked not in by_id else list(by_id)

    def text(identity: str) -> str:
        if not identity:
            return "–"
        return show(by_id[identity]) if identity in by_id else here.t("lists.linked", id=identity[:12])

    chosen = url.choice(f"{name}_id", label, ["", *ids], text, default="", language=here.actor.language)
    return chosen or None
