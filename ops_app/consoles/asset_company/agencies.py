"""Agencies: the list, one of them with all that belongs to it, and entering a new one."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import agency_details, agency_list, agency_record
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "agencies")
listing = agency_list.listing(at)
shown = tables.show_list(at, listing, agency_list.filters(at))
export_list(at, listing, shown)
chosen = choose(
    at,
    listing,
    shown,
    label=at.t("agencies.open"),
    show=lambda one: f"{one.agency_code} {one.short_name}",
)
if chosen:
    agency_record.show(at, chosen)
if at.may("agencies.manage"):
    agency_details.new(at)
