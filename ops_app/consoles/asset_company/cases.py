"""Cases of the asset company: in house, waiting to be placed, placed, come back, ended; one record; placing in bulk."""

from __future__ import annotations

from collections.abc import Sequence

from ops_app.consoles.casework import bulk, lists, record, search
from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.page import heading
from ops_app.domain.casework.cases import Custody
from ops_app.services.casework.cases import Case, CaseFilter

VIEWS = ("placed", "to_be_placed", "in_house", "recalled", "ended", "history", "all")
ACTS = {
    "in_house": ("queue", "assign"),
    "to_be_placed": ("place",),
    "placed": ("recall",),
    "recalled": ("queue", "assign"),
}


def listed(at: Here, view: str) -> tuple[Sequence[Case], Sequence[Case]]:
    if view in ("ended", "history"):
        return lists.show_placements(at, f"placements_{view}", ended=True if view == "ended" else None)
    extra: Sequence[lists.Column] = ()
    if view == "to_be_placed":
        extra = (lists.against_placement(at),)
    elif view == "placed":
        extra = lists.countdown(at)
    wanted = CaseFilter(custody=None if view == "all" else Custody(view))
    return lists.show_cases(at, f"cases_{view}", wanted, extra=extra)


current = here()
heading(current, "cases")
found = search.show(current)
the_view = url.tab(
    "cases_view", current.t("cases.views"), VIEWS, lambda code: current.t(f"cases.view.{code}"),
    language=current.actor.language,
)  # fmt: skip
rows, selected = listed(current, the_view)
bulk.show(current, selected, ACTS.get(the_view, ()))
chosen = choose_among(
    current, "case", [*found, *rows], selected, row_id=lambda one: one.case_id, label=current.t("cases.open"),
    show=lambda one: lists.name_of(current, one),
)  # fmt: skip
if chosen:
    record.show(current, chosen)
