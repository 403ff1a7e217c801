"""The list of loans that a full feed did not have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.domain.casework.missing import MISSING_STATE_NAMES, MissingState
from ops_app.services.casework.missing import SORTS, MissingLoan, list_missing

UNSETTLED = (MissingState.OPEN, MissingState.PARKED)


def id_of(one: MissingLoan) -> str:
    """The finding as an address holds it."""
    return f"{one.first_missed_date.isoformat()}/{one.source_code}/{one.loan_id}"


def key_of(identity: str) -> tuple[str, str, date] | None:
    """The key of an address; nothing for what is none."""
    day, _, rest = identity.partition("/")
    source, _, loan = rest.partition("/")
    try:
        return (source, loan, date.fromisoformat(day)) if source and loan else None
    except ValueError:
        return None


def filters(at: Here) -> dict[str, str]:
    """State, and the beginning of the loan's number."""
    t, language = at.t, at.actor.language
    names = {"": t("missing_loans.unsettled"), "all": t("missing_loans.all")}
    one, two = st.columns([1, 2])
    with one:
        state = url.choice(
            "missing_state", t("missing_loans.state"), ["", *(state.value for state in MissingState), "all"],
            lambda code: names.get(code) or at.labels.named(MISSING_STATE_NAMES, code), default="", language=language,
        )  # fmt: skip
    with two:
        text = url.text("missing_text", t("lists.search"), placeholder=t("missing_loans.search"), language=language)
    return {"state": state, "text": text.strip()}


def listing(at: Here) -> tables.Listing[MissingLoan]:
    """The longest missing first."""
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[MissingLoan], int]:
        state = wanted.filters.get("state", "")
        states = UNSETTLED if not state else tuple(MissingState) if state == "all" else (MissingState(state),)
        page = list_missing(
            at.actor, at.app.store, now=at.now, states=states, text=wanted.filters.get("text") or None,
            sort=wanted.sort, descending=wanted.descending, offset=wanted.offset, limit=wanted.limit,
        )  # fmt: skip
        return page.rows, page.total

    def state(one: MissingLoan) -> str:
        return labels.named(MISSING_STATE_NAMES, one.state(at.today))

    Column = tables.Column[MissingLoan]
    return tables.Listing(
        name="missing",
        title=t("page.missing_loans.title"),
        columns=(
            Column("loan", t("cases.loan"), lambda one: one.loan_id),
            Column("source", t("missing_loans.source"), lambda one: one.source_code, width="small"),
            Column("state", t("missing_loans.state"), state),
            Column("first", t("missing_loans.first"), lambda one: labels.day(one.first_missed_date)),
            Column("last", t("missing_loans.last"), lambda one: labels.day(one.last_missed_date)),
            Column("balance", t("cases.balance"), lambda one: labels.minor(one.balance_minor, one.currency or ""),
                   value=lambda one: labels.figure(one.balance_minor, one.currency), right=True),
            Column("currency", t("cases.currency"), lambda one: one.currency or "–", width="small"),
            Column("until", t("missing_loans.until"), lambda one: labels.day(one.until_date)),
            Column("back", t("missing_loans.back"), lambda one: labels.day(one.cleared_date)),
            Column("reason", t("missing_loans.reason"), lambda one: one.reason or "–"),
            Column("by", t("missing_loans.by"), lambda one: one.made_by_name or "–"),
        ),
        row_id=id_of,
        fetch=fetch,
        sorts={name: t(f"missing_loans.sorts.{name}") for name in SORTS},
        default_sort="first_missed_date",
        default_descending=False,
        selectable=True,
        empty=t("missing_loans.none"),
    )  # fmt: skip
