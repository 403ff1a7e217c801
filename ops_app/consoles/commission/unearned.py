"""Payments of some days that earn nobody a commission, each with its reason."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.domain.ledger.commissions import UNEARNED_NAMES
from ops_app.services.ledger.commission_reading import NotEarned, list_unearned


def show(at: Here) -> None:
    """The list, some hundred cases at a time; the month so far unless other days are named."""
    t, labels = at.t, at.labels
    one, two = st.columns(2)
    with one:
        since = url.day("unearned_since", t("commission.first_date")) or at.today.replace(day=1)
    with two:
        last = url.day("unearned_until", t("commission.last_date")) or at.today
    if since > last:
        st.error(t("lists.range_reversed"))
        return
    st.caption(t("commission.unearned_days", first=labels.day(since), last=labels.day(last)))
    place = "unearned_after"
    url.back_to_first_page(place, (since, last))
    rows, more = list_unearned(
        at.actor, at.app.store, now=at.now, first_date=since, end_date=last + timedelta(days=1),
        after=st.query_params.get(place, ""),
    )  # fmt: skip
    if not rows:
        st.info(t("commission.unearned_none"))
    else:
        Column = tables.Column[NotEarned]
        tables.show_rows(
            (
                Column("value_date", t("commission.value_date"), lambda it: labels.day(it.value_date)),
                Column("loan", t("cases.loan"), lambda it: it.loan_id),
                Column("payment", t("commission.payment"), lambda it: it.payment_id),
                Column("agency", t("cases.agency"), lambda it: it.agency_code or "–"),
                Column("why", t("commission.reason"), lambda it: labels.named(UNEARNED_NAMES, it.reason)),
            ),
            rows,
            title=t("commission.tabs.unearned"),
        )
    if more or place in st.query_params:
        with st.container(horizontal=True):
            url.mark_button(t("commission.first_cases"), place, None, disabled=place not in st.query_params)
            url.mark_button(t("commission.more_cases"), place, more, disabled=more is None)
