"""The repayment-audit desk: what reconciliation could not explain, one by one or in bulk, each with a reason."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import break_bulk, break_list, break_record
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "repayment_audit")
listing = break_list.listing(at)
totals = break_list.totals_place()
shown = tables.show_list(at, listing, break_list.filters(at))
break_list.show_totals(at, totals)
export_list(at, listing, shown)
if len(shown.selected) > 1:
    break_bulk.show(at, shown.selected)
else:
    chosen = choose(
        at,
        listing,
        shown,
        label=at.t("breaks.open_one"),
        show=lambda one: break_list.name_of(at, one),
    )
    if chosen:
        break_record.show(at, chosen)
