"""The review of rights: which nobody uses, and what single people may less than their role."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.asset_company.parts import review_list, review_narrow, review_quarter
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "access_review")
review_quarter.show(at)
st.subheader(at.t("rights.every_person"), anchor=False)
listing = review_list.listing(at)
shown = tables.show_list(at, listing, review_list.filters(at))
export_list(at, listing, shown)
chosen = choose(
    at, listing, shown, label=at.t("rights.open"),
    show=lambda one: f"{one.person.display_name} · {at.t(f'permission.{one.permission}')}",
)  # fmt: skip
if chosen:
    review_narrow.take(at, chosen)
review_narrow.taken(at)
