"""Requests as pages show them: on the record of a case, in a list, and one with its steps, files and answer."""

from __future__ import annotations

from html import escape

import streamlit as st

from ops_app.consoles.asset_company.parts import approval_record
from ops_app.consoles.casework import claim_text, request_form
from ops_app.consoles.kit import record, tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.casework.requests import (
    ANSWERED_WITH_EVIDENCE,
    ANSWERS,
    CASE_REQUEST_KIND_NAMES,
    OF_A_PLACEMENT,
    OUTCOME_NAMES,
    STEP_NAMES,
    CaseRequestKind,
)
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.approvals import OPEN, REQUEST_STATE_NAMES, RequestState
from ops_app.services.casework.cases import CaseRecord
from ops_app.services.casework.request_answers import answer_request
from ops_app.services.casework.request_reading import (
    CaseRequest,
    CaseRequestFilter,
    CaseRequestRecord,
    list_case_requests,
    read_case_request,
)
from ops_app.services.casework.requests import withdraw_request
from ops_app.services.organisation import approvals as engine
from ops_app.services.organisation.approvals import RequestRecord

Column = tables.Column[CaseRequest]


def section(at: Here, found: CaseRecord) -> None:
    """The requests of a case: asked for here, and how each stands."""
    if not at.may("requests.view"):
        st.caption(at.t("requests.not_yours"))
        return
    case = found.case
    if at.may("requests.raise") and case.closed_date is None:
        with_agency = case.agency_code is not None
        request_form.ask(at, case, [kind for kind in CaseRequestKind if with_agency or kind not in OF_A_PLACEMENT])
    wanted = CaseRequestFilter(states=frozenset(), case_id=case.case_id)
    rows = list_case_requests(
        at.actor, at.app.store, now=at.now, wanted=wanted, sort="requested_at", descending=True, page_size=100
    ).rows
    if not rows:
        st.info(at.t("requests.none_here"))
        return
    tables.show_rows(columns(at)[1:], rows, title=at.t("cases.tabs.requests"))
    items = "".join(
        f'<li><a href="{escape(address(one.case_request_id))}" target="_self">{escape(name_of(at, one))}</a></li>'
        for one in rows
    )
    st.html(f"<ul>{items}</ul>")


def address(case_request_id: str) -> str:
    """Where a request is looked at and acted on."""
    return f"/requests?requests_id={case_request_id}"


def columns(at: Here) -> tuple[Column, ...]:
    """What a list shows of a request; the first is the loan."""
    t, labels = at.t, at.labels
    return (
        Column("loan", t("cases.loan"), lambda one: one.loan_id),
        Column("kind", t("requests.kind"), lambda one: labels.named(CASE_REQUEST_KIND_NAMES, one.kind)),
        Column("amount", t("approvals.amount"), lambda one: labels.minor(one.amount_minor, one.currency), right=True),
        Column("currency", t("approvals.currency"), lambda one: one.currency, width="small"),
        Column("who", t("requests.requester"), lambda one: one.requested_by_name),
        Column("agency", t("cases.agency"), lambda one: one.agency_code or "–"),
        Column("state", t("approvals.state"), lambda one: labels.named(REQUEST_STATE_NAMES, one.state)),
        Column("step", t("requests.step"), lambda one: labels.named(STEP_NAMES, one.step)),
        Column("due", t("requests.due"), lambda one: due_of(at, one)),
        Column("outcome", t("requests.outcome"), lambda one: labels.named(OUTCOME_NAMES, one.outcome)),
        Column("reply", t("requests.reply"), lambda one: one.reply or "–", width="large"),
        Column("asked", t("approvals.made"), lambda one: labels.moment(one.requested_at)),
    )


def due_of(at: Here, one: CaseRequest) -> str:
    """When it is due, and whether that is past."""
    due = at.labels.moment(one.due_at)
    return at.t("requests.late_since", moment=due) if one.is_late(at.now) else due


def name_of(at: Here, one: CaseRequest) -> str:
    """One request on one line."""
    state = at.labels.named(REQUEST_STATE_NAMES, one.state)
    kind = at.labels.named(CASE_REQUEST_KIND_NAMES, one.kind)
    return f"{kind} · {one.loan_id} · {at.labels.money(one.amount_minor, one.currency)} · {state}"


def show(at: Here, case_request_id: str) -> None:
    """One request and all that its reader may do about it."""
    try:
        found = read_case_request(at.actor, at.app.store, now=at.now, case_request_id=case_request_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    one = found.item
    approval_record.facts(at, found.approval)
    _outcome(at, found)
    _files(at, found)
    is_own = one.requested_by == at.actor.person_id
    if found.refusal is None and found.is_answered:
        _answer(at, found)
        _refuse(at, found)
    elif found.refusal is None:
        approval_record.decide(at, RequestRecord(found.approval, found.history, None, None))
    elif one.state is RequestState.WAITING and (is_own or at.may("approvals.decide")):
        st.info(found.refusal.sentence(at.actor.language))
    if is_own and one.state is RequestState.RETURNED and found.case_in_reach:
        request_form.ask_again(at, found)
    if is_own and one.state in OPEN and one.kind is not CaseRequestKind.DISPUTE:
        _withdraw(at, found)
    approval_record.history(at, RequestRecord(found.approval, found.history, None, None, found.rounds))


def _outcome(at: Here, found: CaseRequestRecord) -> None:
    one, t, labels = found.item, at.t, at.labels
    if one.is_late(at.now):
        said = "requests.is_late_told" if one.escalated_at else "requests.is_late"
        st.warning(t(said, moment=labels.moment(one.due_at)))
    facts = {
        t("requests.step"): labels.named(STEP_NAMES, one.step),
        t("requests.due"): labels.moment(one.due_at),
        t("requests.outcome"): labels.named(OUTCOME_NAMES, one.outcome),
        t("requests.reply"): one.reply or "",
        t("requests.replied_by"): one.replied_by_name or "",
    }
    if one.escalated_at:
        facts[t("requests.escalated")] = labels.moment(one.escalated_at)
    if one.kind is CaseRequestKind.PAYMENT_CONFIRMATION:
        facts |= claim_text.facts(at, one.case_request_id)
    if one.detail:
        facts[t("requests.payment_id")] = str(one.detail.get("payment_id", ""))
    record.facts(facts)


def _files(at: Here, found: CaseRequestRecord) -> None:
    if not found.files:
        st.caption(at.t("requests.no_files" if found.case_in_reach else "requests.case_gone"))
        return
    rows = "".join(
        f'<li><a href="/api/v1/case-requests/{escape(found.item.case_request_id)}/files/{escape(one.evidence_id)}"'
        f' target="_self">{escape(one.file_name)}</a> · {escape(at.t(f"requests.part.{one.part}"))} ·'
        f" {escape(one.added_by_name)} · {escape(at.labels.moment(one.added_at))}</li>"
        for one in found.files
    )
    st.html(f"<strong>{escape(at.t('requests.evidence'))}</strong><ul>{rows}</ul>")


def _answer(at: Here, found: CaseRequestRecord) -> None:
    """The last step of a kind that is settled by an answer: how, in words, with files."""
    one, t = found.item, at.t
    st.subheader(t("requests.answer"), anchor=False)
    with form(at, f"answer_{one.case_request_id}") as f:
        version, content = f.version(found.approval.version), f.version(found.approval.content_hash, "content")
        codes = [outcome.value for outcome in ANSWERS[one.kind]]
        outcome = f.choice(
            "outcome", t("requests.outcome"), codes, lambda code: at.labels.named(OUTCOME_NAMES, code),
            index=0 if len(codes) == 1 else None,
        )  # fmt: skip
        payment = ""
        if one.kind is CaseRequestKind.PAYMENT_CONFIRMATION:
            payment = f.text("payment_id", t("requests.payment_id"))
        files = request_form.uploads(at, f, required=one.kind in ANSWERED_WITH_EVIDENCE)
        reply = f.reason("reply", t("requests.reply"))
        f.submit(t("requests.answer"))
    f.require({"outcome": outcome})
    f.run(
        lambda key: answer_request(
            at.actor, at.app.store, now=at.now, evidence_folder=at.app.settings.evidence,
            case_request_id=one.case_request_id, expected_version=version, content_hash=content,
            outcome=outcome or "", reply=reply, files=files,
            payment_id=payment, key=key,
        ),
        done=t("requests.answered"),
    )  # fmt: skip


def _refuse(at: Here, found: CaseRequestRecord) -> None:
    """Instead of an answer: reject it or send it back, with a reason; a dispute is only sent back."""
    one, approval, t = found.item, found.approval, at.t
    acts = {"return": engine.return_request}
    if one.kind is not CaseRequestKind.DISPUTE:
        acts = {"reject": engine.reject} | acts
    with st.expander(t("requests.instead")):
        with form(at, f"instead_{one.case_request_id}") as f:
            version, content = f.version(approval.version), f.version(approval.content_hash, "content")
            what = f.choice("what", t("approvals.decision"), list(acts), lambda code: t(f"requests.acts.{code}"))
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("cases.do"), primary=False)
        f.run(
            lambda key: acts[what or "return"](
                at.actor, at.app.store, now=at.now, request_id=approval.request_id, expected_version=version,
                content_hash=content, reason=reason, key=key,
            ),
            done=lambda done: t("approvals.done", state=at.labels.named(REQUEST_STATE_NAMES, done.state)),
        )  # fmt: skip


def _withdraw(at: Here, found: CaseRequestRecord) -> None:
    t, one = at.t, found.item
    with st.expander(t("approvals.withdraw")):
        with form(at, f"withdraw_{one.case_request_id}") as f:
            version = f.version(found.approval.version)
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("approvals.withdraw"), primary=False)
        f.run(
            lambda key: withdraw_request(
                at.actor, at.app.store, now=at.now, case_request_id=one.case_request_id,
                expected_version=version, reason=reason, key=key,
            ),
            done=lambda done: t("approvals.done", state=at.labels.named(REQUEST_STATE_NAMES, done.state)),
        )  # fmt: skip
