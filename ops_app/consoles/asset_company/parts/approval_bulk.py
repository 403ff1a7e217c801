"""Many requests at once: what would happen, then one decision with one reason for those that can be decided so; the
others stand in a table with their reasons."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import streamlit as st

from ops_app.consoles.asset_company.parts.approval_list import name_of
from ops_app.consoles.kit import refusals
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.approvals import REQUEST_MOVE_NAMES, RequestMove
from ops_app.services.organisation import approvals as engine
from ops_app.services.organisation.approvals import ApprovalRequest, DecidedMany, Read

REFUSED = "approvals_bulk"
"""The place of what the last decision on several requests refused."""


def show(at: Here, chosen: Sequence[ApprovalRequest]) -> None:
    """Preview and form for the requests that are selected in the list."""
    t, labels = at.t, at.labels
    st.subheader(t("approvals.bulk", count=labels.count(len(chosen))), anchor=False)
    if not at.may("approvals.decide"):
        st.caption(t("approvals.only_look"))
        return
    what = st.segmented_control(
        t("approvals.decision"),
        [move.value for move in engine.DECISIONS],
        default=RequestMove.APPROVE.value,
        required=True,
        format_func=lambda code: labels.named(REQUEST_MOVE_NAMES, RequestMove(code)),
        key="approvals_bulk_move",
    )
    decision = RequestMove(str(what))
    items = {one.request_id: Read(one.version, str(one.content_hash)) for one in chosen}
    try:
        preview = engine.preview_decisions(at.actor, at.app.store, now=at.now, decision=decision, items=items)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    sums = labels.listing([labels.money(minor, currency) for currency, minor in preview.totals.items()])
    move = labels.named(REQUEST_MOVE_NAMES, decision)
    st.info(t("approvals.preview", move=move, count=labels.count(preview.count), sums=sums))
    called = {one.request_id: name_of(at, one) for one in chosen}
    if preview.refused:
        st.warning(t("approvals.refused_left", count=labels.count(len(preview.refused))))
        rows = refusals.rows_of(preview.refused, lambda request_id: called[request_id])
        refusals.table(at, "approvals_preview", rows, what=t("approvals.request"))
    wanted = {request_id: read for request_id, read in items.items() if request_id not in preview.refused}
    if not wanted:
        return
    mark = hashlib.sha256(repr(sorted(wanted.items(), key=lambda pair: pair[0])).encode()).hexdigest()[:16]
    with form(at, f"approvals_bulk_{decision}_{mark}") as f:
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("approvals.apply", move=move, count=labels.count(len(wanted))))

    def said(done: DecidedMany) -> str:
        refusals.keep(REFUSED, refusals.rows_of(done.refused, lambda request_id: called[request_id]))
        return t("approvals.done_many", count=labels.count(len(done.done)))

    def none_done(refused: Mapping[str, DomainError]) -> str:
        refusals.keep(REFUSED, refusals.rows_of(refused, lambda request_id: called[request_id]), rest_done=False)
        return t("refusals.see_table", count=labels.count(len(refused)), total=labels.count(len(wanted)))

    f.run(
        lambda key: engine.decide_requests(
            at.actor, at.app.store, now=at.now, decision=decision, items=wanted, reason=reason, leave_out=True, key=key
        ),
        done=said,
        refused=none_done,
    )
