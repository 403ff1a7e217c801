"""The list of requests on cases within reach, and the one that is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.casework import request_parts
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.domain.casework.requests import CASE_REQUEST_KIND_NAMES, STEP_NAMES, CaseRequestKind, Step
from ops_app.domain.organisation.amounts import sorts_for
from ops_app.domain.organisation.approvals import OPEN, REQUEST_STATE_NAMES, RequestState
from ops_app.services.casework.request_reading import (
    SORTABLE,
    CaseRequest,
    CaseRequestFilter,
    count_case_requests,
    list_case_requests,
)

STATES: dict[str, frozenset[RequestState]] = {
    "open": OPEN,
    **{state.value: frozenset({state}) for state in RequestState},
    "all": frozenset(),
}
WHOSE = ("all", "mine")


def show(at: Here) -> None:
    """Counts, filters, list, and the chosen request."""
    _counts(at)
    listing = _listing(at)
    shown = tables.show_list(at, listing, _filters(at))
    export_list(at, listing, shown)
    chosen = choose(
        at, listing, shown, label=at.t("approvals.open_one"), show=lambda one: request_parts.name_of(at, one)
    )
    if chosen:
        request_parts.show(at, chosen)


def _counts(at: Here) -> None:
    waiting, late = count_case_requests(at.actor, at.app.store, now=at.now)
    with st.container(horizontal=True):
        st.metric(at.t("requests.open"), at.labels.count(waiting), border=True, width="content")
        st.metric(at.t("requests.late"), at.labels.count(late), border=True, width="content")


def _filters(at: Here) -> dict[str, str]:
    t, language, labels = at.t, at.actor.language, at.labels
    chosen: dict[str, str] = {}
    with st.container(horizontal=True):
        state = url.choice(
            "requests_state", t("approvals.state"), list(STATES),
            lambda code: t(f"requests.states.{code}") if code in ("open", "all")
            else labels.named(REQUEST_STATE_NAMES, RequestState(code)),
            default="open", language=language,
        )  # fmt: skip
        chosen["state"] = "" if state == "open" else state
        chosen["kind"] = url.choice(
            "requests_kind", t("requests.kind"), ["", *(kind.value for kind in CaseRequestKind)],
            lambda code: labels.named(CASE_REQUEST_KIND_NAMES, code) if code else t("lists.all"),
            default="", language=language,
        )  # fmt: skip
        chosen["step"] = url.choice(
            "requests_step", t("requests.step"), ["", *(step.value for step in Step if step is not Step.NOBODY)],
            lambda code: labels.named(STEP_NAMES, code) if code else t("lists.all"), default="", language=language,
        )  # fmt: skip
        chosen["late"] = url.choice(
            "requests_late", t("requests.due"), ["", "late"],
            lambda code: t("requests.only_late") if code else t("lists.all"), default="", language=language,
        )  # fmt: skip
        whose = url.choice(
            "requests_whose", t("requests.whose"), WHOSE, lambda code: t(f"requests.whose_{code}"),
            default="all", language=language,
        )  # fmt: skip
        chosen["whose"] = "" if whose == "all" else whose
    with st.container(horizontal=True):  # a second row: seven in one would cut what they say
        if at.actor.agency_code is None:
            chosen["agency"] = url.text("requests_agency", t("cases.agency"), language=language, max_chars=32)
        chosen["text"] = url.text(
            "requests_text", t("lists.search"), placeholder=t("requests.search"), language=language
        )
    return chosen


def _listing(at: Here) -> tables.Listing[CaseRequest]:
    def fetch(wanted: tables.Wanted) -> tuple[Sequence[CaseRequest], int]:
        chosen = wanted.filters
        asked = CaseRequestFilter(
            states=STATES[chosen["state"] or "open"],
            kinds=frozenset({CaseRequestKind(chosen["kind"])}) if chosen["kind"] else frozenset(),
            agency_code=chosen.get("agency") or None,
            requested_by=at.actor.person_id if chosen["whose"] == "mine" else None,
            step=Step(chosen["step"]) if chosen["step"] else None,
            late_at=at.now if chosen["late"] else None,
            text=chosen["text"] or None,
        )
        found = list_case_requests(
            at.actor, at.app.store, now=at.now, wanted=asked, sort=wanted.sort, descending=wanted.descending,
            page=wanted.page, page_size=wanted.limit,
        )  # fmt: skip
        return found.rows, found.total

    return tables.Listing(
        name="requests",
        title=at.t("page.requests.title"),
        columns=request_parts.columns(at),
        row_id=lambda one: one.case_request_id,
        fetch=fetch,
        sorts={name: at.t(f"requests.sorts.{name}") for name in sorts_for(at.actor, SORTABLE)},
        default_sort="due_at",
        default_descending=False,
        selectable=True,
        empty=at.t("requests.empty"),
    )
