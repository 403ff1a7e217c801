"""Settlements as a list, and the form that opens the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import streamlit as st

from ops_app.consoles.casework.narrowing import agency_choice
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.forms import form
from ops_app.domain.ledger.settlements import SETTLEMENT_STATE_NAMES, SettlementState
from ops_app.services.ledger.commission_reading import list_own_settlements, list_settlements
from ops_app.services.ledger.settlements import Settlement, open_settlement
from ops_app.services.organisation.agencies import agency_codes


def show(at: Here, *, own: bool) -> str | None:
    """The list with its filters; the id of the settlement to look at."""
    t, language = at.t, at.actor.language
    agency = ""
    one, two = st.columns(2)
    if not own:
        with one:
            agency = agency_choice(at, "settlements_agency")
    states = [it.value for it in SettlementState if not own or it is not SettlementState.DRAFT]
    with one if own else two:
        state = url.choice(
            "settlements_state", t("commission.state"), ["", *states],
            lambda code: at.labels.named(SETTLEMENT_STATE_NAMES, code) if code else t("lists.all"), default="",
            language=language,
        )  # fmt: skip

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[Settlement], int]:
        state = SettlementState(wanted.filters["state"]) if wanted.filters["state"] else None
        if own:
            return list_own_settlements(
                at.actor, at.app.store, now=at.now, state=state, page=wanted.page, page_size=wanted.limit
            )
        return list_settlements(
            at.actor, at.app.store, now=at.now, agency_code=wanted.filters["agency"] or None, state=state,
            page=wanted.page, page_size=wanted.limit,
        )  # fmt: skip

    listing = tables.Listing(
        name="settlements", title=t("commission.settlements"), columns=_columns(at),
        row_id=lambda it: it.settlement_id, fetch=fetch, selectable=True,
        empty=t("commission.own_none" if own else "commission.none"),
    )  # fmt: skip
    shown = tables.show_list(at, listing, {"agency": agency, "state": state})
    export_list(at, listing, shown)
    return choose(at, listing, shown, label=t("commission.open"), show=lambda it: it.number)


def _columns(at: Here) -> tuple[tables.Column[Settlement], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[Settlement]

    def total(key: str) -> tables.Column[Settlement]:
        def minor(it: Settlement) -> int | None:
            return it.totals[f"{key}_minor"] if isinstance(it.totals, Mapping) else None

        return Column(
            key, t(f"commission.{key}"), lambda it: labels.minor(minor(it), it.currency),
            value=lambda it: labels.figure(minor(it), it.currency), right=True,
        )  # fmt: skip

    return (
        Column("number", t("commission.settlement"), lambda it: it.number),
        Column("agency", t("cases.agency"), lambda it: it.agency_code, width="small"),
        Column("first", t("commission.first_date"), lambda it: labels.day(it.first_date)),
        Column("last", t("commission.last_date"), lambda it: labels.day(it.end_date - timedelta(days=1))),
        Column("state", t("commission.state"), lambda it: labels.named(SETTLEMENT_STATE_NAMES, it.state)),
        total("net"),
        total("tax"),
        total("gross"),
        total("due"),
        total("carried_out"),
        Column("currency", t("cases.currency"), lambda it: it.currency, width="small"),
        Column("invoice", t("commission.invoice"), lambda it: it.invoice_number or "–"),
        Column("computed", t("commission.computed_at"), lambda it: labels.moment(it.computed_at)),
    )


def open_next(at: Here) -> None:
    """The form that opens a settlement: of the whole month before, unless another period is named."""
    t = at.t
    if not at.may("commission.settle"):
        return
    agencies = agency_codes(at.actor, at.app.store)
    last = at.today.replace(day=1)
    first = (last - timedelta(days=1)).replace(day=1)
    with st.expander(t("commission.open_new")), form(at, "open_settlement") as f:
        agency = f.choice("agency_code", t("cases.agency"), list(agencies), lambda it: f"{it} {agencies[it]}",
                          index=None)  # fmt: skip
        currency = f.text("currency", t("cases.currency"), value="CNY", max_chars=3)
        begin = f.day("first_date", t("commission.first_date"), first)
        end = f.day("end_date", t("commission.last_date"), last - timedelta(days=1))
        f.submit(t("commission.do_open"))
    f.require({"agency_code": agency, "currency": currency, "first_date": begin, "end_date": end})
    f.run(
        lambda key: open_settlement(
            at.actor, at.app.store, now=at.now, agency_code=str(agency), currency=currency.upper(),
            first_date=begin or first, end_date=(end or last) + timedelta(days=1), key=key,
        ),
        done=lambda it: t("commission.opened", count=at.labels.count(it.lines)),
    )  # fmt: skip
