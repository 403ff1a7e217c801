"""Saved views of a page of cases: its filters under a name, shown again by one click, shared by those who may."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import attempt, form
from ops_app.domain.casework.views import LONGEST_NAME
from ops_app.services.casework.saved_views import SHARE, SavedView, list_views, remove_view, save_view

_NEVER_KEPT = ("case_id", "case_tab")
"""What a view does not hold: the record that stands open below the list, and marks of its pages (``…_after``)."""


def page_of(at: Here) -> str:
    """The page of cases that this person has."""
    return next(page for needed, page in _PAGES if at.may(needed))


_PAGES = (("cases.company", "cases"), ("cases.agency", "agency_cases"), ("cases.view", "my_cases"))


def saved_views(at: Here) -> None:
    """The views this person may use, and the present filters to keep as another."""
    t, page = at.t, page_of(at)
    found = {one.view_id: one for one in list_views(at.actor, at.app.store, now=at.now, page=page)}
    with st.popover(t("cases.saved_views")):
        if found:
            chosen = st.selectbox(
                t("cases.saved_views"),
                list(found),
                format_func=lambda it: _named(at, found[it]),
                key="cases_view_chosen",
            )
            one = found[chosen]
            with st.container(horizontal=True):
                st.button(t("cases.use_view"), on_click=_use, args=(one.filters,), key="cases_view_use", type="primary")
                if one.owner_id == at.actor.person_id and st.button(t("cases.remove_view"), key="cases_view_remove"):
                    attempt(
                        at,
                        lambda: remove_view(
                            at.actor, at.app.store, now=at.now, view_id=one.view_id, version=one.version
                        ),
                        done=t("cases.view_removed"),
                    )
        else:
            st.caption(t("cases.no_views"))
        with form(at, "save_view") as f:
            name = f.text("name", t("cases.view_name"), max_chars=LONGEST_NAME)
            shared = at.may(SHARE) and f.tick("shared", t("cases.share_view"))
            f.submit(t("cases.save_view"), primary=False)
        f.require({"name": name})
        f.run(
            lambda _key: save_view(
                at.actor, at.app.store, now=at.now, page=page, name=name, filters=_present(), shared=shared
            ),
            done=lambda one: t("cases.view_kept", name=one.name),
        )


def _named(at: Here, one: SavedView) -> str:
    if one.owner_id != at.actor.person_id:
        return at.t("cases.view_of", name=one.name, who=one.owner_name)
    return at.t("cases.view_shared", name=one.name) if one.shared else one.name


def _present() -> dict[str, str]:
    """The filters that stand in the address now."""
    return {
        name: value
        for name, value in st.query_params.items()
        if name not in _NEVER_KEPT and not name.endswith("_after")
    }


def _use(filters: Mapping[str, str]) -> None:
    st.query_params.clear()
    for name, value in filters.items():
        st.query_params[name] = value
