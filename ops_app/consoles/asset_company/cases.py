"""Cases of the asset company: waiting to be placed, placed, come back, in house, ended; one record; placing in bulk."""

from __future__ import annotations

from collections.abc import Sequence

from ops_app.consoles.casework import batch_list, bulk, columns, lists, placement_list, record, search
from ops_app.consoles.casework.opening import open_where_there_is_work
from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.desk import choose_among
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


current = here()
heading(current, "cases")
found = search.show(current)
# whose cases are narrowed has one list of them: no other is served by an index, and what has ended is not theirs
views = VIEWS if scope_of(current.actor).reach is Reach.ALL else ("all",)
if views == VIEWS:
    open_where_there_is_work(current, VIEWS)
the_view = url.tab(
    "cases_view", current.t("cases.views"), views, lambda code: current.t(f"cases.view.{code}"),
    language=current.actor.language,
)  # fmt: skip
offered = [(one.case_id, lists.name_of(current, one)) for one in found]
selected: Sequence[str] = ()
if the_view == "batches":
    of_batch, in_batch = batch_list.show(current)
    offered += [(one.case_id, one.loan_id) for one in of_batch]
    selected = [one.case_id for one in in_batch]
else:
    rows, chosen_rows = listed(current, the_view)
    bulk.show(current, chosen_rows, ACTS.get(the_view, ()))
    offered += [(one.case_id, lists.name_of(current, one)) for one in rows]
    selected = [one.case_id for one in chosen_rows]
if the_view == "in_house":
    bulk.show_handover(current)
names = dict(offered)
chosen = choose_among(
    current, "case", list(names), selected, row_id=str, label=current.t("cases.open"), show=lambda one: names[one]
)
if chosen:
    record.show(current, chosen)
