"""A batch that was returned: opened as it was entered, changed, previewed and submitted again."""

from __future__ import annotations

from datetime import date

import streamlit as st

from ops_app.consoles.casework import batch_form
from ops_app.consoles.kit import refusals
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.sitting import Said
from ops_app.consoles.kit.subjects import batch_address
from ops_app.domain.casework.placing import PLACING, WITH_END, batch_number
from ops_app.domain.errors import DomainError, Invalid
from ops_app.services.casework.batch_changes import Returned, read_own_batch, resubmit_batch
from ops_app.services.casework.batches import Asked, preview_batch
from ops_app.services.organisation.agencies import agency_codes
from ops_app.services.organisation.approvals import ApprovalRequest

REFUSED = "batch_again"
"""The place of what could not be asked for anew."""


def show(at: Here, one: ApprovalRequest) -> None:
    """The form of the batch of a returned request."""
    t = at.t
    try:
        found = read_own_batch(at.actor, at.app.store, now=at.now, batch_id=one.object_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.info(t("approvals.returned_batch"))
    place = st.container()
    _form(at, one, found)
    with place:
        refusals.show(at, REFUSED, what=t("cases.loan"))


def _form(at: Here, one: ApprovalRequest, found: Returned) -> None:
    t, batch = at.t, found.batch
    agencies = agency_codes(at.actor, at.app.store) if batch.kind in PLACING else {}
    agency: str | None = None
    due: date | None = None
    with form(at, f"batch_again_{batch.batch_id}") as f:
        version = f.version(one.version)
        first, second = st.columns(2)
        if agencies:
            codes = list(agencies)
            index = codes.index(batch.agency_code) if batch.agency_code in codes else None
            with first:
                agency = f.choice(
                    "agency_code", t("cases.agency"), codes, lambda code: f"{code} {agencies[code]}", index=index
                )
        if batch.kind in WITH_END:
            until = batch.due_at.astimezone(at.app.settings.zone).date() if batch.due_at else None
            with second:
                due = f.day("due_at", t("cases.due_date"), until)
        out = f.lines("cases", t("approvals.take_out"), height=80)
        leave_out = f.tick("leave_out", t("cases.leave_out"))
        reason = f.reason("reason", t("forms.reason"), value=batch.reason)
        wanted = f.version({case.case_id: case.version for case in found.cases}, "cases")
        names = {case.case_id: case.loan_id for case in found.cases}

        def asked() -> Asked:
            left = _without(wanted, names, out)
            return Asked(batch.kind, left, at.app.settings.timezone, agency, batch_form.until(at, due))

        with st.container(horizontal=True):
            look = f.look(
                t("cases.preview"),
                lambda: preview_batch(at.actor, at.app.store, now=at.now, asked=asked(), again=batch.batch_id),
            )
            f.submit(t("approvals.resubmit"))
    preview = look()
    if preview is not None:
        batch_form.show_preview(at, batch.kind, preview, len(wanted))
    needed: dict[str, object] = {"agency_code": agency} if agencies else {}
    f.require(needed | ({"due_at": due} if batch.kind in WITH_END else {}))

    def said(_done: object) -> Said:
        refusals.keep(REFUSED, ())
        number = batch_number(batch.batch_id, batch.made_at)
        links = ((t("cases.see_numbered", number=number), batch_address(batch.batch_id)),)
        return Said(t("approvals.resubmitted"), links)

    f.run(
        lambda key: resubmit_batch(
            at.actor, at.app.store, now=at.now, batch_id=batch.batch_id, expected_version=version, asked=asked(),
            reason=reason, leave_out=leave_out, key=key,
        ),
        done=said,
        refused=lambda refused: batch_form.keep_refused(at, refused, found.cases, place=REFUSED),
    )  # fmt: skip


def _without(wanted: dict[str, int], names: dict[str, str], out: str) -> dict[str, int]:
    """The cases that are left when the loans of ``out`` (one a line) are taken out; raises where one is not there."""
    loans = {line.strip() for line in out.splitlines() if line.strip()}
    missing = sorted(loans - set(names.values()))
    if missing:
        shown = missing[:5]
        raise Invalid(f"Not in this batch: {', '.join(shown)}", f"不在本批次中：{'、'.join(shown)}", field="cases")
    left = {case_id: version for case_id, version in wanted.items() if names.get(case_id) not in loans}
    if not left:
        raise Invalid("No case is left; withdraw the request instead.", "已无剩余案件，请改为撤回申请。", field="cases")
    return left
