"""Loans missing from a full feed: explained, parked, opened again; their cases stay open."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import missing_list, missing_record
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "missing_loans")
listing = missing_list.listing(at)
shown = tables.show_list(at, listing, missing_list.filters(at))
export_list(at, listing, shown)
if len(shown.selected) > 1:
    missing_record.act_on(at, shown.selected)
else:
    chosen = choose(
        at,
        listing,
        shown,
        label=at.t("missing_loans.open"),
        show=lambda one: f"{one.source_code} · {one.loan_id}",
    )
    if chosen:
        missing_record.show(at, chosen)
