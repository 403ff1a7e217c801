"""The approver's desk: the queue and the list of all, one request or many at once."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.asset_company.parts import approval_bulk, approval_list, approval_record
from ops_app.consoles.kit import refusals, tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list


def queue(at: Here) -> None:
    """What the reader may decide at this moment."""
    _show(at, "queue")


def everything(at: Here) -> None:
    """Every request, in every state."""
    _show(at, "all")


def _show(at: Here, which: str) -> None:
    listing = approval_list.listing(at, which)
    place = approval_list.totals_place()
    shown = tables.show_list(at, listing, approval_list.filters(at, which))
    approval_list.show_totals(at, place)
    export_list(at, listing, shown)
    refused = st.container()
    if len(shown.selected) > 1:
        approval_bulk.show(at, shown.selected)
    with refused:
        refusals.show(at, approval_bulk.REFUSED, what=at.t("approvals.request"))
    if len(shown.selected) > 1:
        return
    chosen = choose(
        at, listing, shown, label=at.t("approvals.open_one"), show=lambda one: approval_list.name_of(at, one)
    )
    if chosen:
        approval_record.show(at, chosen)
