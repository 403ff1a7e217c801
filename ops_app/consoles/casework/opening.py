"""The cases page opens where there is work, a case in the place of its list, and an agency is told what goes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from ops_app.consoles.casework import lists, record
from ops_app.consoles.kit import names
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.domain.casework.cases import Custody
from ops_app.services.casework.cases import Case, CaseFilter, list_cases
from ops_app.services.casework.recalling import announced_recalls

_ORDER = (Custody.TO_BE_PLACED, Custody.PLACED, Custody.RECALLED, Custody.IN_HOUSE)
"""What waits for a decision first."""
_OPENED = "_recoup_cases_opened"
_CASE = "case_id"


def open_where_there_is_work(at: Here, views: Sequence[str]) -> None:
    """Once a session, and only where the address names no view: go to the first view that has rows."""
    if st.session_state.get(_OPENED):
        return
    st.session_state[_OPENED] = True  # also by a link: the address drops the first view, which would look like none
    if "cases_view" in st.query_params:
        return
    for custody in _ORDER:
        page = list_cases(at.actor, at.app.store, now=at.now, wanted=CaseFilter(custody=custody), limit=1)
        if page.rows:
            if custody.value != views[0]:
                st.query_params["cases_view"] = custody.value
            return


def opened_alone(at: Here) -> bool:
    """Show the case that the address names in the place of the list; whether there was one. A case out of reach is
    said once, and the list stands below it."""
    case_id = st.query_params.get(_CASE)
    if not case_id:
        return False
    if record.show(at, case_id, back=_back):
        return True
    _back()
    return False


def _back() -> None:
    st.query_params.pop(_CASE, None)
    st.query_params.pop("case_tab", None)


def open_one(at: Here, rows: Sequence[Case], selected: Sequence[Case]) -> None:
    """Below a list: the one case that is ticked, looked at without leaving the list; one chosen by name is opened in
    the place of the list."""
    names = {one.case_id: lists.name_of(at, one) for one in rows}
    open_named(at, names, [one.case_id for one in selected])


def open_named(at: Here, names: Mapping[str, str], selected: Sequence[str]) -> None:
    """As ``open_one``, of cases by their ids and what each is called."""
    chosen = choose_among(
        at, "case", list(names), selected, row_id=str, label=at.t("cases.open"), show=lambda one: names[one]
    )
    if chosen and selected:
        record.show(at, chosen)
    elif chosen:
        st.rerun()


def show_announced(at: Here) -> None:
    """What goes back from this agency, when and why."""
    for one in announced_recalls(at.actor, at.app.store, now=at.now):
        st.warning(
            at.t(
                "cases.goes_back", count=at.labels.count(one.count), moment=at.labels.moment(one.effective_at),
                why=names.system_reason(at, one.reason) if one.reason in _BY_SYSTEM else one.reason,
            )
        )  # fmt: skip


_BY_SYSTEM = {"agency contract ends"}
