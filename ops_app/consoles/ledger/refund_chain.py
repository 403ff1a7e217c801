"""The refunds of a payment, as its record and an item of suspense show them."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.domain.ledger.refunds import REFUND_GROUND_NAMES, REFUND_STATE_NAMES
from ops_app.services.ledger.refund_reading import Refund


def show(at: Here, rows: tuple[Refund, ...]) -> None:
    """The refunds of a payment, each with a link to its record."""
    t, labels = at.t, at.labels
    st.markdown(f"**{t('refunds.of_payment')}**")
    if not rows:
        st.caption(t("refunds.none_of_payment"))
        return
    Column = tables.Column[Refund]
    tables.show_rows(
        (
            Column("number", t("refunds.number"), lambda one: f"RFD{one.number:06d}", width="small"),
            Column("state", t("refunds.state"), lambda one: labels.named(REFUND_STATE_NAMES, one.state)),
            Column("amount", t("cases.amount"), lambda one: labels.money(one.amount_minor, one.currency), right=True),
            Column("ground", t("refunds.ground"), lambda one: labels.named(REFUND_GROUND_NAMES, one.ground)),
            Column("paid", t("refunds.paid_date"), lambda one: labels.day(one.paid_date) if one.paid_date else "–"),
            Column("asked", t("refunds.requested_at"), lambda one: labels.moment(one.requested_at)),
        ),
        rows,
        title=t("refunds.of_payment"),
    )
    if at.may("refunds.view"):
        with st.container(horizontal=True):
            for one in rows:
                st.link_button(f"RFD{one.number:06d}", f"/suspense?suspense_tab=refunds&refunds_id={one.refund_id}")
