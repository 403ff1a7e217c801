"""The asset company's tree on any day: look, add, move, rename, close."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.asset_company.parts import unit_acts, unit_list, unit_record
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "organisation")
day = url.day("units_day", at.t("organisation.day"), lambda typed: at.t("lists.no_day", typed=typed)) or at.today
listing = unit_list.listing(at, day)
shown = tables.show_list(at, listing, {"day": "" if day == at.today else day.isoformat()})
export_list(at, listing, shown)
if not shown.total:
    unit_acts.first(at)
else:
    chosen = choose(
        at,
        listing,
        shown,
        label=at.t("organisation.open"),
        show=lambda one: f"{one.row.name} ({one.unit.unit_code})",
    )
    if chosen:
        unit_record.show(at, chosen, day)
    elif at.may("organisation.manage"):
        st.caption(at.t("organisation.choose_first"))
