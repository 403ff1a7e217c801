"""Cases of the asset company: waiting to be placed, placed, come back, in house, ended; one record; placing in bulk."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.casework import batch_list, bulk, lists, search
from ops_app.consoles.casework.opening import open_one, open_where_there_is_work, opened_alone
from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.page import heading
from ops_app.domain.casework.cases import Custody
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
        return lists.show_placements(at, f"placements_{view}", empty=empty, ended=ENDED[view])
    extra: Sequence[lists.Column] = ()
    if view == "to_be_placed":
        extra = (lists.against_placement(at),)
    elif view == "placed":
        extra = lists.countdown(at)
    wanted = CaseFilter(custody=None if view == "all" else Custody(view))
    return lists.show_cases(at, f"cases_{view}", wanted, empty=empty, extra=extra)


def show_lists(at: Here) -> None:
    """The search, one of the views, what may be done with many at once, and one case of them."""
    found = search.show(at)
    open_where_there_is_work(at, VIEWS)
    view = url.tab(
        "cases_view", at.t("cases.views"), VIEWS, lambda code: at.t(f"cases.view.{code}"), language=at.actor.language
    )
    rows: Sequence[Case] = ()
    selected: Sequence[Case] = ()
    if view == "batches":
        if not batch_list.show(at):
            st.info(at.t("cases.next.batches"))
    else:
        rows, selected = listed(at, view)
        bulk.show(at, selected, ACTS.get(view, ()))
    if view == "in_house":
        bulk.show_handover(at)
    open_one(at, [*found, *rows], selected)


current = here()
heading(current, "cases")
if not opened_alone(current):
    show_lists(current)
