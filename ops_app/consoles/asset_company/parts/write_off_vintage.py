"""Recoveries of written-off claims by month of write-off, cumulative, from the store."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_sheet
from ops_app.consoles.kit.export_making import Sheet
from ops_app.domain.organisation.amounts import sees_amounts
from ops_app.services.ledger.write_off_reading import Vintage, recovery_by_month

MONTHS = (0, 1, 2, 3, 6, 12, 24)
"""Months after the month of write-off that the table shows, each with what had come in until its end."""


def show(at: Here) -> None:
    """The table and its export."""
    t = at.t
    st.caption(t("write_offs.vintage_lead"))
    if not sees_amounts(at.actor):
        st.caption(t("write_offs.amounts_needed"))
        return
    rows = recovery_by_month(at.actor, at.app.store, now=at.now)
    if not rows:
        st.info(t("write_offs.none_booked"))
        return
    columns = _columns(at)
    place = st.container(horizontal=True)
    tables.show_rows(columns, rows, title=t("write_offs.tabs.vintage"))
    sheet = Sheet(
        "write_off_vintage", t("write_offs.tabs.vintage"), columns, {}, lambda limit: iter(list(rows)[:limit]), said=[]
    )
    export_sheet(at, sheet, place, len(rows))


def _columns(at: Here) -> tuple[tables.Column[Vintage], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[Vintage]

    def by(after: int) -> tables.Column[Vintage]:
        def shown(one: Vintage) -> str:
            amount = until(one, after, at)
            return "–" if amount is None else labels.minor(amount, one.currency)

        def figure(one: Vintage) -> object:
            return labels.figure(until(one, after, at), one.currency)

        label = t("write_offs.same_month") if after == 0 else t("write_offs.after_months", count=after)
        return Column(f"m{after}", label, shown, value=figure, right=True)

    def share(one: Vintage) -> str:
        recovered = max(one.recovered_minor.items(), default=(0, 0))[1]
        return labels.share(Decimal(recovered) / one.claim_minor) if one.claim_minor else "–"

    return (
        Column("month", t("write_offs.month"), lambda one: f"{one.year}-{one.month:02d}"),
        Column("count", t("write_offs.count"), lambda one: labels.count(one.count), right=True),
        Column("claim", t("write_offs.claim_minor"), lambda one: labels.minor(one.claim_minor, one.currency),
               value=lambda one: labels.figure(one.claim_minor, one.currency), right=True),
        Column("currency", t("cases.currency"), lambda one: one.currency, width="small"),
        *(by(after) for after in MONTHS),
        Column("share", t("write_offs.share"), share, right=True),
    )  # fmt: skip


def until(one: Vintage, after: int, at: Here) -> int | None:
    """What was recovered until the end of that month; nothing for a month that has not begun."""
    if (at.today.year - one.year) * 12 + at.today.month - one.month < after:
        return None
    reached = [amount for months, amount in sorted(one.recovered_minor.items()) if months <= after]
    return reached[-1] if reached else 0
