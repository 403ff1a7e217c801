"""Cases of an agency: what is placed with it now, who has it, when it goes back; assigned and transferred in bulk."""

from __future__ import annotations

from ops_app.consoles.casework import bulk, columns, lists, placement_file, record, search
from ops_app.consoles.casework.opening import show_announced
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.page import heading
from ops_app.services.casework.cases import CaseFilter

current = here()
heading(current, "agency_cases")
found = search.show(current)
show_announced(current)
rows, selected = lists.show_cases(
    current, "agency_cases", CaseFilter(), empty=current.t("cases.next.agency"),
    extra=(*columns.countdown(current), columns.held_open(current)),
)  # fmt: skip
if current.actor.agency_code:
    placement_file.of_agency(current, current.actor.agency_code)
bulk.show(current, selected, ("assign", "touch"))
bulk.show_handover(current)
chosen = choose_among(
    current, "case", [*found, *rows], selected, row_id=lambda one: one.case_id, label=current.t("cases.open"),
    show=lambda one: lists.name_of(current, one),
)  # fmt: skip
if chosen:
    record.show(current, chosen)
