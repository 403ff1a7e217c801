"""The repayment-audit desk: what reconciliation could not explain, one by one or in bulk, each with a reason; how long
it has stood; and the daily proof sheet."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import break_ages, break_bulk, break_list, break_proof, break_record
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.page import heading


def _breaks(at: Here) -> None:
    listing = break_list.listing(at)
    totals = break_list.totals_place()
    shown = tables.show_list(at, listing, break_list.filters(at))
    break_list.show_totals(at, totals)
    export_list(at, listing, shown)
    if len(shown.selected) > 1:
        break_bulk.show(at, shown.selected)
        return
    chosen = choose(
        at,
        listing,
        shown,
        label=at.t("breaks.open_one"),
        show=lambda one: break_list.name_of(at, one),
    )
    if chosen:
        break_record.show(at, chosen)


TABS = {"breaks": _breaks, "ages": break_ages.show, "proof": break_proof.show}

current = here()
heading(current, "repayment_audit")
tab = url.tab(
    "audit_tab", current.t("page.repayment_audit.title"), list(TABS), lambda name: current.t(f"breaks.tabs.{name}"),
    language=current.actor.language,
)  # fmt: skip
TABS[tab](current)
