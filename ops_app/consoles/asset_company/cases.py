"""Cases of the asset company: waiting to be placed, placed, come back, in house, ended; one record; placing in bulk."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.casework import batch_list, bulk, columns, lists, placement_list, record, search
from ops_app.consoles.casework.opening import open_where_there_is_work
from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import Here, here
from ops_app.consoles.kit.desk import choose_among
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
open_where_there_is_work(current, VIEWS)
the_view = url.tab(
    "cases_view", current.t("cases.views"), VIEWS, lambda code: current.t(f"cases.view.{code}"),
    language=current.actor.language,
)  # fmt: skip
rows: Sequence[Case] = ()
selected: Sequence[Case] = ()
if the_view == "batches":
    if not batch_list.show(current):
        st.info(current.t("cases.next.batches"))
else:
    rows, selected = listed(current, the_view)
    bulk.show(current, selected, ACTS.get(the_view, ()))
if the_view == "in_house":
    bulk.show_handover(current)
chosen = choose_among(
    current, "case", [*found, *rows], selected, row_id=lambda one: one.case_id, label=current.t("cases.open"),
    show=lambda one: lists.name_of(current, one),
)  # fmt: skip
if chosen:
    record.show(current, chosen)
