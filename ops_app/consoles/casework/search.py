"""The search of cases: by whole name, tails, case or loan. It runs when its button is pressed, and is logged."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.casework.lists import columns
from ops_app.consoles.casework.views import saved_views
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.casework.personal import TERM_NAMES, Term
from ops_app.services.casework.cases import Case, cases_of_ids
from ops_app.services.casework.finding import Found, search_cases

_FOUND = "_recoup_found_cases"


def show(at: Here) -> Sequence[Case]:
    """The search form and what the last search found and is still within reach."""
    t = at.t
    saved_views(at)
    with st.expander(t("cases.search"), expanded=bool(st.session_state.get(_FOUND))):
        with form(at, "search_cases") as f:
            one, two = st.columns([1, 2])
            with one:
                term = f.choice("term", t("cases.term"), [it.value for it in Term],
                                lambda code: at.labels.named(TERM_NAMES, code))  # fmt: skip
            with two:
                text = f.text("text", t("cases.text"), max_chars=200)
            f.submit(t("cases.find"))
        f.require({"text": text})
        f.run(lambda _key: _search(at, term or Term.NAME.value, text), done=lambda found: _said(at, found))
        ids = st.session_state.get(_FOUND, ())
        rows = cases_of_ids(at.actor, at.app.store, now=at.now, ids=ids) if ids else []
        if rows:
            tables.show_rows(columns(at), rows, title=t("cases.search"))
    return rows


def _search(at: Here, term: str, text: str) -> Found:
    found = search_cases(
        at.actor, at.app.store, now=at.now, term=Term(term), text=text, evidence=at.app.settings.evidence
    )
    st.session_state[_FOUND] = tuple(one.case_id for one in found.rows)
    return found


def _said(at: Here, found: Found) -> str:
    if not found.rows:
        return at.t("cases.nothing_found")
    return at.t("cases.found_more" if found.more else "cases.found", count=at.labels.count(len(found.rows)))
