"""Many breaks at once: what would happen, then one reason for all; all or none."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import streamlit as st

from ops_app.consoles.asset_company.parts.break_list import name_of
from ops_app.consoles.kit import refusals
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.breaks import BREAK_MOVE_NAMES, BreakMove
from ops_app.services.ledger.reconciliation import Break, decide_breaks, merge_breaks, preview_decision

MOVES = (BreakMove.PARK, BreakMove.REJECT, BreakMove.MERGE, BreakMove.REOPEN)


def show(at: Here, chosen: Sequence[Break]) -> None:
    """Preview and form for the breaks that are selected in the list."""
    t, labels = at.t, at.labels
    st.subheader(t("breaks.bulk", count=labels.count(len(chosen))), anchor=False)
    if not at.may("reconciliation.decide"):
        st.caption(t("breaks.only_look"))
        return
    what = st.segmented_control(
        t("breaks.decision"),
        MOVES,
        default=BreakMove.PARK,
        required=True,
        format_func=lambda code: labels.named(BREAK_MOVE_NAMES, code),
        key="breaks_bulk_move",
    )
    decision = BreakMove(str(what))
    items = {one.break_id: one.version for one in chosen}
    try:
        preview = preview_decision(at.actor, at.app.store, now=at.now, decision=decision, items=items)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    sums = labels.listing([labels.money(minor, currency) for currency, minor in preview.totals.items()])
    move = labels.named(BREAK_MOVE_NAMES, decision)
    st.info(t("breaks.preview", move=move, count=labels.count(preview.count), sums=sums))
    if preview.refused:
        called = {one.break_id: name_of(at, one) for one in chosen}
        st.warning(t("breaks.refused_left", count=labels.count(len(preview.refused))))
        rows = refusals.rows_of(preview.refused, lambda break_id: called[break_id])
        refusals.table(at, "breaks_preview", rows, what=t("breaks.one"))
    wanted = {break_id: version for break_id, version in items.items() if break_id not in preview.refused}
    if not wanted:
        return
    if decision is BreakMove.MERGE:
        _merge(at, wanted)
        return
    mark = hashlib.sha256(repr(sorted(wanted.items())).encode()).hexdigest()[:16]
    with form(at, f"bulk_{decision}_{mark}") as f:
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("breaks.apply", move=move, count=labels.count(len(wanted))))
    f.run(
        lambda key: decide_breaks(
            at.actor, at.app.store, now=at.now, decision=decision, items=wanted, reason=reason, key=key
        ),
        done=lambda done: t("breaks.done_many", count=labels.count(len(done))),
    )


def _merge(at: Here, wanted: Mapping[str, int]) -> None:
    """One decision for all that are chosen: they belong together, whatever their sides."""
    t = at.t
    if len(wanted) < 2:
        return
    mark = hashlib.sha256(repr(sorted(wanted.items())).encode()).hexdigest()[:16]
    with form(at, f"merge_{mark}") as f:
        accept = f.tick("accept_difference", t("breaks.accept_difference"))
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("breaks.apply", move=at.labels.named(BREAK_MOVE_NAMES, BreakMove.MERGE),
                   count=at.labels.count(len(wanted))))  # fmt: skip
    f.run(
        lambda key: merge_breaks(
            at.actor, at.app.store, now=at.now, items=wanted, accept_difference=accept, reason=reason, key=key
        ),
        done=lambda done: t("breaks.done_many", count=at.labels.count(len(done.moved))),
    )
