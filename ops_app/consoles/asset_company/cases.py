"""Cases of the asset company: waiting to be placed, placed, come back, in house, ended; one record; placing in bulk."""

from __future__ import annotations

from collections.abc import Sequence

from ops_app.consoles.casework import batch_list, bulk, columns, lists, placement_list, search
from ops_app.consoles.casework.opening import open_named, open_where_there_is_work, opened_alone
from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.page import heading
from ops_app.domain.casework.cases import Custody
from ops_app.domain.casework.scope import Reach, scope_of
from ops_app.services.casework.cases import Case, CaseFilter

VIEWS = ("placed", "to_be_placed", "outsourced", "in_house", "recalled", "ended", "history", "batches", "all")
ENDED = {"outsourced": False, "ended": True, "history": None}
ACTS = {
    "in_house": ("queue", "assign"),
    "to_be_placed": ("place",),
    "placed": ("recall", "extend", "transfer", "withdraw_recall", "recall_now"),
    "recalled": ("queue", "assign"),
}


def listed(at: Here, view: str) -> tuple[Sequence[Case], Sequence[Case]]:
    empty = at.t(f"cases.next.{view}")
    if view in ENDED:
        return placement_list.show(at, f"placements_{view}", empty=empty, ended=ENDED[view])
    extra: Sequence[columns.Column] = ()
    if view == "to_be_placed":
        extra = (columns.against_placement(at),)
    elif view == "placed":
        extra = columns.countdown(at)
    wanted = CaseFilter(custody=None if view == "all" else Custody(view))
    return lists.show_cases(at, f"cases_{view}", wanted, empty=empty, extra=extra)


def show_lists(at: Here) -> None:
    """The search, one of the views, what may be done with many at once, and one case of them."""
    found = search.show(at)
    # whose cases are narrowed has one list of them: no other is served by an index, and what has ended is not theirs
    views = VIEWS if scope_of(at.actor).reach is Reach.ALL else ("all",)
    if views == VIEWS:
        open_where_there_is_work(at, VIEWS)
    view = url.tab(
        "cases_view", at.t("cases.views"), views, lambda code: at.t(f"cases.view.{code}"), language=at.actor.language
    )
    offered = {one.case_id: lists.name_of(at, one) for one in found}
    if view == "batches":
        of_batch, in_batch = batch_list.show(at)
        offered |= {one.case_id: one.loan_id for one in of_batch}
        selected = [one.case_id for one in in_batch]
    else:
        rows, chosen = listed(at, view)
        bulk.show(at, chosen, ACTS.get(view, ()))
        offered |= {one.case_id: lists.name_of(at, one) for one in rows}
        selected = [one.case_id for one in chosen]
    if view == "in_house":
        bulk.show_handover(at)
    open_named(at, offered, selected)


current = here()
heading(current, "cases")
if not opened_alone(current):
    show_lists(current)
