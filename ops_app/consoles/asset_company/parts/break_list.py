"""The queue of the repayment-audit desk."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.domain.ledger.breaks import (
    BREAK_KIND_NAMES,
    BREAK_STATE_NAMES,
    DECIDED,
    SUGGESTED_ACTIONS,
    UNSETTLED,
    BreakKind,
    BreakState,
)
from ops_app.domain.money import Money
from ops_app.services.ledger.ageing import owner_of
from ops_app.services.ledger.reconciliation import Break, BreakFilter, BreaksPage, list_breaks

STATES: dict[str, frozenset[BreakState]] = {
    "unsettled": UNSETTLED,
    "open": frozenset({BreakState.OPEN}),
    "parked": frozenset({BreakState.PARKED}),
    "decided": DECIDED,
    "cleared": frozenset({BreakState.CLEARED}),
    "all": frozenset(BreakState),
}
AGES = ("", "1", "3", "7", "30")
_PAGE = "_recoup_breaks_page"


def filters(at: Here) -> dict[str, str]:
    """State, kind, age and text."""
    t, language = at.t, at.actor.language
    one, two, three, late, four = st.columns([2, 2, 1, 1, 2])
    with one:
        state = url.choice(
            "breaks_state",
            t("breaks.state"),
            list(STATES),
            lambda code: t(f"breaks.states.{code}"),
            default="unsettled",
            language=language,
        )
    with two:
        kind = url.choice(
            "breaks_kind",
            t("breaks.kind"),
            ["", *(kind.value for kind in BreakKind)],
            lambda code: at.labels.named(BREAK_KIND_NAMES, code) if code else t("lists.all"),
            default="",
            language=language,
        )
    with three:
        age = url.choice(
            "breaks_age",
            t("breaks.least_age"),
            AGES,
            lambda code: at.labels.days(int(code)) if code else t("lists.all"),
            default="",
            language=language,
        )
    with late:
        escalated = url.choice(
            "breaks_late",
            t("breaks.limit"),
            ("", "late"),
            lambda code: t("breaks.escalated") if code else t("lists.all"),
            default="",
            language=language,
        )
    with four:
        text = url.text("breaks_text", t("lists.search"), placeholder=t("breaks.search"), language=language)
    return {"state": "" if state == "unsettled" else state, "kind": kind, "age": age, "late": escalated, "text": text}


def listing(at: Here) -> tables.Listing[Break]:
    """The list of breaks with both sides, age and suggestion."""
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[Break], int]:
        page = _page(at, wanted)
        st.session_state[_PAGE] = page
        return page.rows, page.total

    def age(one: Break) -> str:
        page: BreaksPage = st.session_state[_PAGE]
        return labels.days(page.age_days(one))

    def amount(name: str, label: str) -> tables.Column[Break]:
        def minor(one: Break) -> int | None:
            found: int | None = getattr(one, name)
            return found

        return tables.Column(
            name,
            label,
            lambda one: labels.minor(minor(one), one.currency),
            value=lambda one: None if (it := minor(one)) is None else Money(it, one.currency).amount,
            right=True,
        )

    Column = tables.Column[Break]
    return tables.Listing(
        name="breaks",
        title=t("page.repayment_audit.title"),
        columns=(
            Column("kind", t("breaks.kind"), lambda one: labels.named(BREAK_KIND_NAMES, one.kind)),
            Column("state", t("breaks.state"), lambda one: labels.named(BREAK_STATE_NAMES, one.state)),
            Column("loan", t("breaks.loan"), lambda one: one.loan_id or "–"),
            amount("lender_minor", t("breaks.lender")),
            amount("bank_minor", t("breaks.bank")),
            amount("recorded_minor", t("breaks.recorded")),
            amount("reported_minor", t("breaks.report")),
            amount("claimed_minor", t("breaks.claim")),
            amount("difference_minor", t("breaks.difference")),
            Column("currency", t("breaks.currency"), lambda one: one.currency),
            Column("value_date", t("breaks.value_date"), lambda one: labels.day(one.value_date)),
            Column("age", t("breaks.age"), age, right=True),
            Column("owner", t("breaks.owner"), lambda one: labels.role(owner_of(one))),
            Column("escalated", t("breaks.escalated"), lambda one: labels.day(one.escalated_date)),
            Column("suggestion", t("breaks.suggestion"), lambda one: _suggested(at, one)),
            Column("source", t("breaks.source"), lambda one: one.source_code),
        ),
        row_id=lambda one: one.break_id,
        fetch=fetch,
        sorts={name: t(f"breaks.sorts.{name}") for name in ("opened_date", "value_date", "difference_minor", "kind")},
        default_sort="opened_date",
        default_descending=False,
        selectable=True,
        empty=t("breaks.none"),
    )


def _page(at: Here, wanted: tables.Wanted) -> BreaksPage:
    chosen, age = wanted.filters, wanted.filters["age"]
    return list_breaks(
        at.actor,
        at.app.store,
        now=at.now,
        wanted=BreakFilter(
            kinds=frozenset({BreakKind(chosen["kind"])}) if chosen["kind"] else frozenset(),
            states=STATES[chosen["state"] or "unsettled"],
            escalated=chosen["late"] == "late",
            text=chosen["text"] or None,
        ),
        least_age_days=int(age) if age else None,
        sort=wanted.sort,
        descending=wanted.descending,
        page=wanted.page,
        page_size=wanted.limit,
    )


def _suggested(at: Here, one: Break) -> str:
    return at.labels.named(SUGGESTED_ACTIONS, one.suggestion.get("action")) if one.state in UNSETTLED else "–"


def name_of(at: Here, one: Break) -> str:
    """One break on one line, as a choice."""
    kind = at.labels.named(BREAK_KIND_NAMES, one.kind)
    what = one.loan_id or at.labels.listing((*one.payment_ids, *one.bank_line_ids, *one.report_ids)[:2])
    return f"{kind} · {what} · {at.labels.money(one.difference_minor, one.currency)}"


def totals_place() -> DeltaGenerator:
    """Where the totals stand: above the filters that decide them."""
    return st.container(horizontal=True)


def show_totals(at: Here, place: DeltaGenerator) -> None:
    """How many breaks match and what their differences add up to, per currency; as of which business date."""
    page: BreaksPage = st.session_state[_PAGE]
    with place:
        st.metric(at.t("breaks.count"), at.labels.count(page.total), border=True, width="content")
        for currency, (_, minor) in page.totals.items():
            amount = at.labels.money(minor, currency)
            st.metric(at.t("breaks.sum", currency=currency), amount, border=True, width="content")
        as_of = at.labels.day(page.as_of_date)
        st.metric(at.t("breaks.as_of"), as_of, border=True, width="content")
