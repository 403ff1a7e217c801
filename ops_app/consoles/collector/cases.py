"""Cases of a collector: what is assigned to her now, and nothing else."""

from __future__ import annotations

from ops_app.consoles.casework import bulk, columns, lists, search
from ops_app.consoles.casework.opening import open_one, opened_alone
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.page import heading
from ops_app.services.casework.cases import CaseFilter


def show_lists(at: Here) -> None:
    """The search, her cases, an attempt with many at once, and one case of them."""
    found = search.show(at)
    rows, selected = lists.show_cases(
        at, "my_cases", CaseFilter(), empty=at.t("cases.next.own"),
        extra=(*columns.countdown(at), columns.held_open(at)),
    )  # fmt: skip
    bulk.show(at, selected, ("touch",))
    open_one(at, [*found, *rows], selected)


current = here()
heading(current, "my_cases")
if not opened_alone(current):
    show_lists(current)
