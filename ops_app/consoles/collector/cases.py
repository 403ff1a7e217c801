"""Cases of a collector: what is assigned to her now, and nothing else."""

from __future__ import annotations

from ops_app.consoles.casework import bulk, columns, lists, record, search
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.page import heading
from ops_app.services.casework.cases import CaseFilter

current = here()
heading(current, "my_cases")
found = search.show(current)
rows, selected = lists.show_cases(
    current, "my_cases", CaseFilter(), empty=current.t("cases.next.own"),
    extra=(*columns.countdown(current), columns.held_open(current)),
)  # fmt: skip
bulk.show(current, selected, ("touch",))
chosen = choose_among(
    current, "case", [*found, *rows], selected, row_id=lambda one: one.case_id, label=current.t("cases.open"),
    show=lambda one: lists.name_of(current, one),
)  # fmt: skip
if chosen:
    record.show(current, chosen)
