"""Vouchers: closed periods that wait for their export to the general ledger, and the batches that left."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import voucher_list
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "vouchers")
voucher_list.waiting(at)
listing = voucher_list.listing(at)
shown = tables.show_list(at, listing)
export_list(at, listing, shown)
chosen = choose(
    at, listing, shown, label=at.t("vouchers.open"), show=lambda one: f"{one.number:06d} · {one.source_code}"
)  # fmt: skip
if chosen:
    voucher_list.record(at, chosen)
