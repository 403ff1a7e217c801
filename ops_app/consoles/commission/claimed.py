"""Statements that agencies claim, beside what their contract gives: by period, line by line, and what is decided."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.casework.narrowing import agency_choice
from ops_app.consoles.commission import claimed_lines
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.amounts import sees_amounts
from ops_app.services.ledger.claimed_commissions import compare_claims
from ops_app.services.ledger.claimed_reading import (
    ClaimedPeriod,
    ClaimedRecord,
    ClaimedStatement,
    list_claims,
    list_own_claims,
    read_claim,
    read_own_claim,
)

AMOUNTS = ("collected", "received", "eligible", "claimed", "recomputed", "difference")


def show(at: Here, *, own: bool) -> None:
    """The statements, and the one selected: its periods and its lines."""
    chosen = _list(at, own)
    if not chosen:
        return
    try:
        found = (read_own_claim if own else read_claim)(at.actor, at.app.store, now=at.now, statement_id=chosen)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    _record(at, found)
    if not own:
        _compare(at, found)
    _periods(at, found)
    claimed_lines.show(at, found, own=own)


def _list(at: Here, own: bool) -> str | None:
    t, labels = at.t, at.labels
    agency = "" if own else agency_choice(at, "claims_agency")

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[ClaimedStatement], int]:
        if own:
            return list_own_claims(at.actor, at.app.store, now=at.now, page=wanted.page, page_size=wanted.limit)
        return list_claims(
            at.actor, at.app.store, now=at.now, agency_code=wanted.filters["agency"] or None, page=wanted.page,
            page_size=wanted.limit,
        )  # fmt: skip

    Column = tables.Column[ClaimedStatement]
    listing = tables.Listing(
        name="claims", title=t("claimed.statements"),
        columns=(
            Column("number", t("claimed.number"), lambda it: it.number),
            Column("agency", t("cases.agency"), lambda it: it.agency_code, width="small"),
            Column("until", t("claimed.until"), lambda it: labels.day(it.until_date)),
            Column("currency", t("cases.currency"), lambda it: it.currency, width="small"),
            Column("taken", t("claimed.taken_at"), lambda it: labels.moment(it.taken_at)),
            Column("compared", t("claimed.compared_at"), lambda it: labels.moment(it.compared_at)),
        ),
        row_id=lambda it: it.statement_id, fetch=fetch, selectable=True,
        empty=t("claimed.own_none" if own else "claimed.none"),
    )  # fmt: skip
    shown = tables.show_list(at, listing, {"agency": agency})
    export_list(at, listing, shown)
    return choose(at, listing, shown, label=t("claimed.open"), show=lambda it: it.number)


def _record(at: Here, found: ClaimedRecord) -> None:
    t, labels, one = at.t, at.labels, found.statement
    st.subheader(one.number, anchor=False)
    since = labels.day(one.since_date) if one.since_date else t("claimed.from_the_first")
    facts(
        {
            t("cases.agency"): one.agency_code,
            t("claimed.covers"): t("claimed.days", since=since, until=labels.day(one.until_date)),
            t("claimed.source"): one.source_code,
            t("claimed.tolerance"): labels.money(one.tolerance_minor, one.currency),
            t("claimed.compared_at"): labels.moment(one.compared_at),
            t("claimed.not_claimed"): labels.money(found.not_claimed_minor, one.currency),
        }
    )


def _compare(at: Here, found: ClaimedRecord) -> None:
    t, one = at.t, found.statement
    if not at.may("commission.settle"):
        return
    with form(at, f"compare_{one.statement_id}") as f:
        version = f.version(one.version)
        f.submit(t("claimed.compare"), primary=False)
    f.run(
        lambda _: compare_claims(
            at.actor, at.app.store, now=at.now, statement_id=one.statement_id, version=version
        ),
        done=lambda it: t("claimed.compared", count=at.labels.count(it)),
    )  # fmt: skip


def _periods(at: Here, found: ClaimedRecord) -> None:
    """By period, and all periods together."""
    t, labels, currency = at.t, at.labels, found.statement.currency
    st.markdown(f"**{t('claimed.periods')}**")
    Column = tables.Column[ClaimedPeriod]

    def amount(key: str) -> tables.Column[ClaimedPeriod]:
        return Column(
            key, t(f"claimed.{key}"), lambda it: labels.minor(getattr(it, f"{key}_minor"), currency), right=True
        )

    def number(key: str) -> tables.Column[ClaimedPeriod]:
        name = "open_lines" if key == "open" else key
        return Column(key, t(f"claimed.{name}"), lambda it: labels.count(getattr(it, key)), right=True, width="small")

    tables.show_rows(
        (
            Column("period", t("claimed.period"), lambda it: it.period, width="small"),
            number("lines"),
            *(amount(key) for key in AMOUNTS),
            *(number(key) for key in ("differing", "open", "disputed", "accepted")),
        ),
        [*found.periods, *([_together(at, found)] if len(found.periods) > 1 and sees_amounts(at.actor) else [])],
        title=t("claimed.periods"),
    )
    st.caption(t("claimed.rounding"))


def _together(at: Here, found: ClaimedRecord) -> ClaimedPeriod:
    names = [name for name in ClaimedPeriod.__dataclass_fields__ if name != "period"]
    sums = {name: sum(getattr(one, name) for one in found.periods) for name in names}
    return ClaimedPeriod(at.t("claimed.all"), **sums)
