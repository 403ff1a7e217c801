"""Announcements for those who make them: the list, one with its preview and readers, and the form of a new one."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import announcement_form, announcement_list, announcement_record
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "announcements")
listing = announcement_list.listing(at)
shown = tables.show_list(at, listing, announcement_list.filters(at))
export_list(at, listing, shown)
chosen = choose(
    at,
    listing,
    shown,
    label=at.t("announcements.open_one"),
    show=lambda one: announcement_list.name_of(at, one),
)
if chosen:
    announcement_record.show(at, chosen)
announcement_form.draft(at)
