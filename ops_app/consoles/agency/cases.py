"""Cases of an agency: what is placed with it now, who has it, when it goes back; assigned and transferred in bulk."""

from __future__ import annotations

from ops_app.consoles.casework import bulk, columns, lists, placement_file, search
from ops_app.consoles.casework.opening import open_one, opened_alone, show_announced
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.page import heading
from ops_app.services.casework.cases import CaseFilter


def show_lists(at: Here) -> None:
    """The search, what goes back, the cases placed now, and what may be done with many at once."""
    found = search.show(at)
    show_announced(at)
    rows, selected = lists.show_cases(
        at, "agency_cases", CaseFilter(), empty=at.t("cases.next.agency"),
        extra=(*columns.countdown(at), columns.held_open(at)),
    )  # fmt: skip
    if at.actor.agency_code:
        placement_file.of_agency(at, at.actor.agency_code)
    bulk.show(at, selected, ("assign", "touch"))
    bulk.show_handover(at)
    open_one(at, [*found, *rows], selected)


current = here()
heading(current, "agency_cases")
if not opened_alone(current):
    show_lists(current)
