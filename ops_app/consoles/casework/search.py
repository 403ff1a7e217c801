"""The search of cases: by whole name, tails, case or loan. It runs when its button is pressed, and is logged.

What was typed and what it found stay until they are cleared, also while a case is opened and on other pages; they are
of one person, and what is shown again is looked up in their reach again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from ops_app.consoles.casework.columns import columns
from ops_app.consoles.casework.views import saved_views
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.domain.casework.personal import TERM_NAMES, Term
from ops_app.domain.errors import DomainError
from ops_app.services.casework.cases import Case, cases_of_ids
from ops_app.services.casework.finding import search_cases

_SOUGHT = "_recoup_case_search"
_TERM, _TEXT = "search_cases.term", "search_cases.text"
_LONGEST = 200


@dataclass(frozen=True)
class _Sought:
    """What somebody searched for, and what it found; ``ids`` is ``None`` where the search was refused."""

    person_id: str
    term: str
    text: str
    ids: tuple[str, ...] | None
    more: bool = False


def show(at: Here) -> Sequence[Case]:
    """The search form and what the last search found and is still within reach."""
    saved_views(at)
    sought = _last(at)
    with st.expander(at.t("cases.search"), expanded=sought is not None):
        refusal = _form(at, sought)
        sought = _last(at)
        if refusal or sought is None or sought.ids is None:
            return ()
        rows = cases_of_ids(at.actor, at.app.store, now=at.now, ids=sought.ids) if sought.ids else []
        if not rows:
            st.info(at.t("cases.nothing_found"))
            return ()
        st.caption(at.t("cases.found_more" if sought.more else "cases.found", count=at.labels.count(len(rows))))
        tables.show_rows(columns(at), rows, title=at.t("cases.search"))
    return rows


def _last(at: Here) -> _Sought | None:
    """The last search of this person; another's of the same window is forgotten."""
    found: _Sought | None = st.session_state.get(_SOUGHT)
    if found is not None and found.person_id != at.actor.person_id:
        _clear()
        return None
    return found


def _clear() -> None:
    st.session_state.pop(_SOUGHT, None)
    st.session_state[_TERM], st.session_state[_TEXT] = Term.NAME.value, ""


def _form(at: Here, sought: _Sought | None) -> bool:
    """The fields, filled as they were when this page was left; whether a search was refused now."""
    t = at.t
    if sought is not None and _TEXT not in st.session_state:
        st.session_state[_TERM], st.session_state[_TEXT] = sought.term, sought.text
    with st.form("form_search_cases"):
        one, two = st.columns([1, 2])
        with one:
            term = st.selectbox(
                t("cases.term"), [it.value for it in Term], key=_TERM,
                format_func=lambda code: at.labels.named(TERM_NAMES, code),
            )  # fmt: skip
        with two:
            text = (st.text_input(t("cases.text"), key=_TEXT, max_chars=_LONGEST, autocomplete="off") or "").strip()
            beside = st.empty()
        with st.container(horizontal=True):
            pressed = st.form_submit_button(t("cases.find"), type="primary")
            st.form_submit_button(t("cases.clear_search"), on_click=_clear)
    if not pressed:
        return False
    if not text:
        beside.error(t("forms.required"))
        return True
    ids: tuple[str, ...] | None = None
    more, refusal = False, None
    try:
        found = search_cases(
            at.actor, at.app.store, now=at.now, term=Term(term), text=text, evidence=at.app.settings.evidence
        )
        ids, more = tuple(one.case_id for one in found.rows), found.more
    except DomainError as error:
        refusal = error.sentence(at.actor.language)
        beside.error(refusal)
    st.session_state[_SOUGHT] = _Sought(at.actor.person_id, str(term), text, ids, more)
    return refusal is not None
