"""Which cases an act is about: those selected in the list, or so many from its top as it is filtered and sorted."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.casework.drawn import drawn
from ops_app.consoles.kit.context import Here
from ops_app.services.casework.cases import Case, list_cases
from ops_app.services.casework.many import LARGEST_BULK

_AT_ONCE = 500


_DONE = "_recoup_chosen_cases_done"
"""How often an act on chosen cases was done: each time the number that chooses them begins at nothing."""


def cases_for(at: Here, selected: Sequence[Case], name: str) -> Sequence[Case]:
    """The cases somebody chose; nothing where the list is empty."""
    page = drawn().page
    if page is None or not page.rows:
        return ()
    if selected:
        return selected
    most = min(page.total, LARGEST_BULK)
    with st.container(width=360):
        count = st.number_input(
            at.t("cases.from_the_top", count=at.labels.count(most)), min_value=0, max_value=most, value=0, step=50,
            key=f"{name}_from_the_top.{st.session_state.get(_DONE, 0)}", help=at.t("cases.from_the_top_help"),
        )  # fmt: skip
    return _first(at, int(count or 0))


def begin_again() -> None:
    """Choose none from the top any more: what was chosen is done, and the same number would mean other cases."""
    st.session_state[_DONE] = st.session_state.get(_DONE, 0) + 1


def _first(at: Here, count: int) -> list[Case]:
    """The first ``count`` cases of the list that was drawn last, in its order."""
    last = drawn()
    found: list[Case] = []
    after: str | None = None
    while len(found) < count:
        page = list_cases(
            at.actor, at.app.store, now=at.now, wanted=last.wanted, sort=last.sort, descending=last.descending,
            after=after, limit=min(_AT_ONCE, count - len(found)),
        )  # fmt: skip
        found += page.rows
        after = page.next_after
        if after is None:
            break
    return found
