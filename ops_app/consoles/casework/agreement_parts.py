"""Waivers and plans as pages show them: on the record of a case, in a list, and one with instalments and history."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from ops_app.consoles.casework import request_parts
from ops_app.consoles.kit import names, tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.record import facts
from ops_app.domain.casework.request_forms import CONDITIONS
from ops_app.domain.casework.requests import CASE_REQUEST_KIND_NAMES
from ops_app.domain.casework.waivers import COMPONENTS
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.accounts import COMPONENT_NAMES, Component
from ops_app.domain.ledger.agreements import (
    AGREEMENT_MOVE_NAMES,
    AGREEMENT_STATE_NAMES,
    INSTALMENT_STATE_NAMES,
    LAPSE_REASON_NAMES,
    AgreementState,
    Instalment,
)
from ops_app.services.casework.cases import CaseRecord
from ops_app.services.ledger.agreement_reading import (
    Agreement,
    AgreementEvent,
    AgreementRecord,
    agreements_of_case,
    read_agreement,
)

Column = tables.Column[Agreement]


def section(at: Here, found: CaseRecord) -> None:
    """The waivers and plans of a case, each with its instalments: what was agreed, kept, broken, and what is left."""
    if not at.may("requests.view"):
        st.caption(at.t("requests.not_yours"))
        return
    rows = agreements_of_case(at.actor, at.app.store, now=at.now, case_id=found.case.case_id)
    if not rows:
        st.info(at.t("agreements.none_here"))
        return
    tables.show_rows(columns(at)[1:], rows, title=at.t("cases.tabs.agreements"))
    for one in rows:
        with st.expander(name_of(at, one), expanded=one is rows[0]):
            _terms(at, one)
            instalments(at, one)


def columns(at: Here) -> tuple[Column, ...]:
    """What a list shows of an agreement; the first is the loan."""
    t, labels = at.t, at.labels

    def money(name: str) -> Column:
        return Column(
            name, t(f"agreements.{name}"), lambda one: labels.minor(getattr(one, f"{name}_minor"), one.currency),
            value=lambda one: labels.figure(getattr(one, f"{name}_minor"), one.currency), right=True,
        )  # fmt: skip

    return (
        Column("loan", t("cases.loan"), lambda one: one.loan_id),
        Column("kind", t("requests.kind"), lambda one: labels.named(CASE_REQUEST_KIND_NAMES, one.kind)),
        Column("state", t("agreements.state"), lambda one: state_of(at, one)),
        money("waived"),
        money("to_pay"),
        money("paid"),
        money("left"),
        Column("currency", t("approvals.currency"), lambda one: one.currency, width="small"),
        Column("due", t("agreements.next_due"), lambda one: labels.day(one.next_due_date)),
        Column("missed", t("agreements.missed"), lambda one: labels.count(one.missed), right=True),
        Column("agency", t("cases.agency"), lambda one: one.agency_code or "–"),
        Column("who", t("requests.requester"), lambda one: one.requested_by_name),
        Column("granted", t("agreements.granted"), lambda one: labels.moment(one.granted_at)),
    )


def state_of(at: Here, one: Agreement) -> str:
    """Where it stands, and why it is no more."""
    state = at.labels.named(AGREEMENT_STATE_NAMES, one.state)
    if one.lapse_reason is not None:
        return at.t("agreements.lapsed_by", state=state, reason=at.labels.named(LAPSE_REASON_NAMES, one.lapse_reason))
    return state


def name_of(at: Here, one: Agreement) -> str:
    """One agreement on one line."""
    kind = at.labels.named(CASE_REQUEST_KIND_NAMES, one.kind)
    return f"{kind} · {one.loan_id} · {at.labels.money(one.to_pay_minor, one.currency)} · {state_of(at, one)}"


def show(at: Here, agreement_id: str) -> None:
    """One agreement with all that belongs to it."""
    try:
        found = read_agreement(at.actor, at.app.store, now=at.now, agreement_id=agreement_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.subheader(name_of(at, found.item), anchor=False)
    if not found.is_judged:
        st.info(at.t("agreements.not_in_ledger"))
    _terms(at, found.item)
    address = escape(request_parts.address(found.item.agreement_id))
    st.html(f'<a href="{address}" target="_self">{escape(at.t("notices.open"))}</a>')
    instalments(at, found.item)
    _re_aged(at, found)
    _history(at, found.events)


def _terms(at: Here, one: Agreement) -> None:
    t, labels = at.t, at.labels
    waived = {
        t("agreements.waived_part", part=labels.named(COMPONENT_NAMES, Component(part))): labels.money(
            minor, one.currency
        )
        for part in COMPONENTS
        if (minor := getattr(one, f"waived_{part}_minor")) not in (0, None)
    }
    given = {
        t("agreements.state"): state_of(at, one),
        t("agreements.condition"): labels.named(CONDITIONS, one.condition),
        **waived,
        t("agreements.to_pay"): labels.money(one.to_pay_minor, one.currency),
        t("agreements.paid"): labels.money(one.paid_minor, one.currency),
        t("agreements.left"): labels.money(one.left_minor, one.currency),
        t("agreements.next_due"): labels.day(one.next_due_date) if one.next_due_date else "",
        t("agreements.met"): labels.day(one.met_date) if one.met_date else "",
        t("agreements.lapsed_on"): labels.day(one.lapsed_date) if one.lapsed_date else "",
    }
    if one.granted_at is not None:
        given |= {
            t("agreements.counts_from"): labels.day(one.counts_from_date),
            t("agreements.grace"): labels.days(one.grace_days),
            t("agreements.missed_most"): labels.count(one.missed_most),
            t("agreements.counted"): t("labels.yes") if one.is_counted else t("labels.no"),
            t("agreements.judged"): labels.day(one.judged_date),
        }
    facts(given)
    if one.closes_as is not None:
        st.success(t("agreements.settled"))
    elif one.state is AgreementState.FULFILLED and one.short_minor not in (0, None):
        st.warning(t("agreements.short", amount=labels.money(one.short_minor, one.currency)))


def instalments(at: Here, one: Agreement) -> None:
    """The plan: what is due when, what of it came, and whether it was kept."""
    t, labels = at.t, at.labels
    if not one.instalments:
        st.caption(t("agreements.no_plan"))
        return
    Shown = tables.Column[Instalment]
    shown = (
        Shown("nth", t("agreements.nth"), lambda it: labels.count(it.nth), right=True, width="small"),
        Shown("due", t("agreements.due"), lambda it: labels.day(it.due_date)),
        Shown("amount", t("cases.amount"), lambda it: labels.money(it.amount_minor, one.currency), right=True),
        Shown("in_time", t("agreements.in_time"), lambda it: labels.money(it.in_time_minor, one.currency), right=True),
        Shown("paid", t("agreements.paid"), lambda it: labels.money(it.paid_minor, one.currency), right=True),
        Shown("state", t("agreements.state"), lambda it: labels.named(INSTALMENT_STATE_NAMES, it.state)),
    )
    tables.show_rows(shown, one.instalments, title=t("agreements.plan"))


def _re_aged(at: Here, found: AgreementRecord) -> None:
    for row in found.re_aged:
        said = {
            "day": at.labels.day(row.re_aged_date), "days": at.labels.count(row.days_past_due), "bucket": row.bucket,
        }  # fmt: skip
        if row.ended_date is None:
            st.info(at.t("agreements.re_aged", **said))
        else:
            st.caption(at.t("agreements.re_aged_until", until=at.labels.day(row.ended_date), **said))


def _history(at: Here, events: Sequence[AgreementEvent]) -> None:
    t, labels = at.t, at.labels
    if not events:
        return
    Shown = tables.Column[AgreementEvent]
    shown = (
        Shown("when", t("record.when"), lambda it: labels.moment(it.made_at)),
        Shown("day", t("agreements.business_date"), lambda it: labels.day(it.business_date)),
        Shown("what", t("cases.happened"), lambda it: labels.named(AGREEMENT_MOVE_NAMES, it.what)),
        Shown("state", t("agreements.state"), lambda it: labels.named(AGREEMENT_STATE_NAMES, it.to_state)),
        Shown("who", t("record.who"), lambda it: it.made_by_name),
        Shown("why", t("forms.reason"), lambda it: names.system_reason(at, it.reason, it.made_by), width="large"),
        Shown("entry", t("agreements.ledger_event"), lambda it: it.ledger_event_id or "–"),
    )
    tables.show_rows(shown, list(reversed(events)), title=t("agreements.history"))
