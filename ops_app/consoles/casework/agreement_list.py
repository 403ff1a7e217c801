"""The list of waivers and plans within reach, with what they come to, and the one that is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from ops_app.consoles.casework import agreement_parts
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.domain.casework.requests import CASE_REQUEST_KIND_NAMES
from ops_app.domain.ledger.agreements import AGREEMENT_STATE_NAMES, RUNNING, AgreementState
from ops_app.domain.organisation.amounts import sorts_for
from ops_app.services.ledger.agreement_reading import (
    SORTABLE,
    Agreement,
    AgreementFilter,
    AgreementsPage,
    list_agreements,
)

KINDS = ("waiver", "instalment")
NARROWED = ("due_week", "broken")
WEEK = timedelta(days=7)


def show(at: Here) -> None:
    """Filters, totals, list, and the chosen agreement."""
    found: list[AgreementsPage] = []
    filters = _filters(at)
    place = st.container()
    listing = _listing(at, found)
    shown = tables.show_list(at, listing, filters)
    with place:
        _totals(at, found[-1])
    export_list(at, listing, shown)
    chosen = choose(
        at, listing, shown, label=at.t("agreements.open"), show=lambda one: agreement_parts.name_of(at, one)
    )
    if chosen:
        agreement_parts.show(at, chosen)


def _totals(at: Here, found: AgreementsPage) -> None:
    """What all that match come to, by currency."""
    t, labels = at.t, at.labels
    for one in found.totals:
        with st.container(horizontal=True):
            st.metric(t("agreements.count"), labels.count(one.count), border=True, width="content")
            for name in ("waived", "to_pay", "paid", "left"):
                amount = labels.money(getattr(one, f"{name}_minor"), one.currency)
                st.metric(t(f"agreements.{name}"), amount, border=True, width="content")


def _filters(at: Here) -> dict[str, str]:
    t, language, labels = at.t, at.actor.language, at.labels
    chosen: dict[str, str] = {}
    with st.container(horizontal=True):
        chosen["state"] = url.choice(
            "agreements_state", t("agreements.state"), ["", "running", *(state.value for state in AgreementState)],
            lambda code: labels.named(AGREEMENT_STATE_NAMES, AgreementState(code))
            if code not in ("", "running") else t("agreements.running") if code else t("lists.all"),
            default="", language=language,
        )  # fmt: skip
        chosen["kind"] = url.choice(
            "agreements_kind", t("requests.kind"), ["", *KINDS],
            lambda code: labels.named(CASE_REQUEST_KIND_NAMES, code) if code else t("lists.all"),
            default="", language=language,
        )  # fmt: skip
        chosen["only"] = url.choice(
            "agreements_only", t("agreements.only"), ["", *NARROWED],
            lambda code: t(f"agreements.narrowed.{code}") if code else t("lists.all"), default="", language=language,
        )  # fmt: skip
        if at.actor.agency_code is None:
            chosen["agency"] = url.text("agreements_agency", t("cases.agency"), language=language, max_chars=32)
        chosen["text"] = url.text(
            "agreements_text", t("lists.search"), placeholder=t("requests.search"), language=language
        )
    return chosen


def _listing(at: Here, seen: list[AgreementsPage]) -> tables.Listing[Agreement]:
    def fetch(wanted: tables.Wanted) -> tuple[Sequence[Agreement], int]:
        chosen = wanted.filters
        state = chosen["state"]
        due = chosen["only"] == "due_week"
        asked = AgreementFilter(
            states=RUNNING if state == "running" else frozenset({AgreementState(state)}) if state else frozenset(),
            kind=chosen["kind"] or None,
            agency_code=chosen.get("agency") or None,
            due_from=at.today if due else None,
            due_until=at.today + WEEK if due else None,
            broken=chosen["only"] == "broken",
            text=chosen["text"] or None,
        )
        found = list_agreements(
            at.actor, at.app.store, now=at.now, wanted=asked, sort=wanted.sort, descending=wanted.descending,
            page=wanted.page, page_size=wanted.limit,
        )  # fmt: skip
        seen.append(found)
        return found.rows, found.total

    return tables.Listing(
        name="agreements",
        title=at.t("page.agreements.title"),
        columns=agreement_parts.columns(at),
        row_id=lambda one: one.agreement_id,
        fetch=fetch,
        sorts={name: at.t(f"agreements.sorts.{name}") for name in sorts_for(at.actor, SORTABLE)},
        default_sort="granted_at",
        default_descending=True,
        selectable=True,
        empty=at.t("agreements.empty"),
    )
