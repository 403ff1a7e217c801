"""The list of cases that was drawn last, for what is drawn of it: columns that look up a page at once, acts on many."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from ops_app.services.casework.cases import CaseFilter, CasesPage

_PAGE = "_recoup_cases_page"


@dataclass
class Drawn:
    """The list that was drawn last: its page, and its filter, sort and direction. One a session: what draws a column
    keeps it at hand, also where a file is made later and no session is there to ask."""

    page: CasesPage | None = None
    wanted: CaseFilter = field(default_factory=CaseFilter)
    sort: str = "days_past_due"
    descending: bool = True


def drawn() -> Drawn:
    """What this session drew last."""
    found: Drawn = st.session_state.setdefault(_PAGE, Drawn())
    return found
