"""The record of a payment: its facts, what it paid, every entry with its stornos, its reversals, breaks and holds."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import record, tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.subjects import case_address
from ops_app.consoles.ledger import refund_chain, refund_form
from ops_app.consoles.ledger.repayment_list import id_of, name_of, posted
from ops_app.domain.contact.holds import HOLD_CAUSE_NAMES, HOLD_END_NAMES, ContactHold
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.accounts import COMPONENT_NAMES, Component
from ops_app.domain.ledger.breaks import BREAK_KIND_NAMES, BREAK_STATE_NAMES
from ops_app.domain.ledger.events import EVENT_KIND_NAMES
from ops_app.domain.ledger.places import Place
from ops_app.domain.ledger.refunds import RefundGround
from ops_app.domain.ledger.repayments import REPAYMENT_KIND_NAMES, RepaymentKind
from ops_app.services.contact.deciding import dispute_payment
from ops_app.services.ledger.payment_lists import (
    EntryLine,
    InstalmentShare,
    ListedPayment,
    RepaymentRecord,
    read_repayment,
)
from ops_app.services.ledger.reconciliation import Break
from ops_app.services.ledger.refund_reading import refunds_of_payment


def show(at: Here, key: str) -> None:
    """The payment that ``key`` (source/payment id) names, or the one sentence that there is none."""
    source, _, payment_id = key.partition("/")
    try:
        found = read_repayment(at.actor, at.app.store, now=at.now, source_code=source, payment_id=payment_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.subheader(name_of(at, found.item), anchor=False)
    _facts(at, found.item)
    _paid(at, found)
    _instalments(at, found)
    _chain(at, found)
    if at.may("refunds.view"):
        _refunds(at, source, payment_id, found)
    if at.actor.agency_code is None:
        _entries(at, found)
        _breaks(at, found)
        _holds(at, found)
    _dispute(at, found)


def _facts(at: Here, row: ListedPayment) -> None:
    t, labels, it = at.t, at.labels, row.payment.content
    record.facts(
        {
            t("cases.payment"): it.payment_id,
            t("repayments.source"): it.source_code,
            t("cases.loan"): it.loan_id,
            t("cases.kind"): labels.named(REPAYMENT_KIND_NAMES, it.kind),
            t("cases.amount"): labels.money(it.amount_minor, it.currency),
            t("cases.value_date"): labels.day(it.value_date),
            t("repayments.paid_at"): labels.moment(it.paid_at),
            t("repayments.posted_at"): labels.moment(it.posted_at) if it.posted_at else "",
            t("cases.recorded"): labels.moment(row.payment.recorded_at),
            t("cases.channel"): labels.code("payment_channel", it.channel),
            t("repayments.payer"): labels.listing([one for one in (it.payer_name, it.payer_account) if one]),
            t("repayments.reference"): it.reference or "" if at.actor.agency_code is None else "",
            t("cases.reverses"): it.reverses_payment_id or "",
            t("repayments.place"): posted(at, row),
            t("repayments.content_hash"): row.payment.body_hash[:16],
        }
    )
    if row.case_id:
        st.link_button(at.t("repayments.to_case"), case_address(at, row.case_id))


def _paid(at: Here, found: RepaymentRecord) -> None:
    """What the sender says it paid, and what it paid by the journal, part by part."""
    t, labels, it = at.t, at.labels, found.item.payment.content
    rows = [
        (
            labels.named(COMPONENT_NAMES, part),
            labels.minor(getattr(it, f"{part.value}_minor", None), it.currency),
            labels.minor(found.paid.repaid_minor[part], it.currency),
            labels.minor(found.paid.recovered_minor[part], it.currency),
        )
        for part in Component
    ]
    st.markdown(f"**{t('repayments.paid')}**")
    if found.item.place is Place.PENDING:
        st.caption(t("repayments.not_posted"))
    Column = tables.Column[tuple[str, str, str, str]]
    columns = (
        Column("part", t("repayments.component"), lambda row: row[0]),
        Column("said", t("repayments.by_sender"), lambda row: row[1], right=True),
        Column("repaid", t("repayments.repaid"), lambda row: row[2], right=True),
        Column("recovered", t("repayments.recovered"), lambda row: row[3], right=True),
    )
    tables.show_rows(columns, rows, title=t("repayments.paid"))
    record.facts(
        {
            t("repayments.held"): labels.money(found.paid.held_minor, it.currency),
            t("repayments.elsewhere"): labels.money(found.paid.elsewhere_minor, it.currency),
        }
    )


def _instalments(at: Here, found: RepaymentRecord) -> None:
    """What it paid of which instalment, where the schedule of the loan is known."""
    t, labels, currency = at.t, at.labels, found.item.payment.content.currency
    if not found.instalments:
        return
    st.markdown(f"**{t('repayments.instalments')}**")
    Column = tables.Column[InstalmentShare]
    columns = (
        Column("number", t("repayments.instalment"), lambda it: str(it.number)),
        Column("due", t("repayments.due_date"), lambda it: labels.day(it.due_date)),
        Column("share", t("cases.amount"), lambda it: labels.money(it.share_minor, currency), right=True),
    )
    tables.show_rows(columns, found.instalments, title=t("repayments.instalments"))


def _chain(at: Here, found: RepaymentRecord) -> None:
    t, labels = at.t, at.labels
    st.markdown(f"**{t('repayments.chain')}**")
    if not found.chain:
        st.caption(t("repayments.no_chain"))
        return
    mine = found.item.payment.content.reverses_payment_id

    def how(row: ListedPayment) -> str:
        return t("repayments.is_reversed" if row.payment.content.payment_id == mine else "repayments.reverses_this")

    Column = tables.Column[ListedPayment]
    columns = (
        Column("how", t("repayments.relation"), how),
        Column("payment", t("cases.payment"), id_of),
        Column("kind", t("cases.kind"), lambda row: labels.named(REPAYMENT_KIND_NAMES, row.payment.content.kind)),
        Column("value_date", t("cases.value_date"), lambda row: labels.day(row.payment.content.value_date)),
        Column("amount", t("cases.amount"),
               lambda row: labels.money(row.payment.content.amount_minor, row.payment.content.currency), right=True),
        Column("place", t("repayments.place"), lambda row: posted(at, row)),
    )  # fmt: skip
    tables.show_rows(columns, found.chain, title=t("repayments.chain"))


def _refunds(at: Here, source: str, payment_id: str, found: RepaymentRecord) -> None:
    """What of it was given back or is asked for, and the form that takes a wrong deduction back."""
    it = found.item.payment.content
    rows = refunds_of_payment(at.actor, at.app.store, now=at.now, source_code=source, payment_id=payment_id)
    refund_chain.show(at, rows)
    asks = at.may("refunds.request") and it.kind is RepaymentKind.PAYMENT
    if asks and found.item.place in (Place.CASE, Place.SUSPENSE):
        with st.expander(at.t("refunds.ask")):
            refund_form.show(at, source, payment_id, it.currency, ground=RefundGround.WRONG_DEDUCTION)


def _entries(at: Here, found: RepaymentRecord) -> None:
    """Every line that was posted for it, and because of which event it was posted anew."""
    t, labels = at.t, at.labels
    st.markdown(f"**{t('repayments.entries')}**")
    if not found.entries:
        st.caption(t("repayments.no_entries"))
        return
    causes = {one.event_id: one for one in found.because}

    def why(line: EntryLine) -> str:
        event = causes.get(line.because or "")
        if event is None:
            return "–"
        return labels.listing(
            [labels.named(EVENT_KIND_NAMES, event.kind), labels.day(event.value_date), event.cause_id]
        )

    Column = tables.Column[EntryLine]
    columns = (
        Column("nth", t("repayments.entry"), lambda it: str(it.nth), width="small"),
        Column("how", t("repayments.how"), lambda it: t("repayments.storno" if it.reverses else "repayments.posting")),
        Column("posted", t("repayments.booked_at"), lambda it: labels.moment(it.posted_at)),
        Column("accounting", t("repayments.accounting"), lambda it: labels.day(it.accounting_date)),
        Column("debit", t("repayments.debit"), lambda it: it.debit),
        Column("credit", t("repayments.credit"), lambda it: it.credit),
        Column("component", t("repayments.component"), lambda it: labels.named(COMPONENT_NAMES, it.component)),
        Column("amount", t("cases.amount"), lambda it: labels.money(it.amount_minor, it.currency), right=True),
        Column("because", t("repayments.because"), why),
    )
    tables.show_rows(columns, found.entries, title=t("repayments.entries"))


def _breaks(at: Here, found: RepaymentRecord) -> None:
    t, labels = at.t, at.labels
    if not found.breaks:
        return
    st.markdown(f"**{t('repayments.breaks')}**")
    Column = tables.Column[Break]
    columns = (
        Column("kind", t("breaks.kind"), lambda it: labels.named(BREAK_KIND_NAMES, it.kind)),
        Column("state", t("breaks.state"), lambda it: labels.named(BREAK_STATE_NAMES, it.state)),
        Column("opened", t("repayments.opened"), lambda it: labels.day(it.opened_date)),
        Column("difference", t("breaks.difference"), lambda it: labels.money(it.difference_minor, it.currency),
               right=True),
    )  # fmt: skip
    tables.show_rows(columns, found.breaks, title=t("repayments.breaks"))


def _holds(at: Here, found: RepaymentRecord) -> None:
    t, labels = at.t, at.labels
    if not found.holds:
        return
    st.markdown(f"**{t('holds.of_payment')}**")
    Column = tables.Column[ContactHold]
    columns = (
        Column("cause", t("holds.cause"), lambda it: labels.named(HOLD_CAUSE_NAMES, it.cause)),
        Column("begun", t("holds.begun"), lambda it: labels.moment(it.begun_at)),
        Column("until", t("holds.until"), lambda it: labels.moment(it.until_at or it.due_at)),
        Column("end", t("holds.end"), lambda it: labels.named(HOLD_END_NAMES, it.end_kind)),
        Column("why", t("record.why"), lambda it: it.end_reason or "–"),
    )
    tables.show_rows(columns, found.holds, title=t("holds.of_payment"))


def _dispute(at: Here, found: RepaymentRecord) -> None:
    """Say that the payment is disputed: contact on its case is held until somebody decides."""
    it, case_id = found.item.payment.content, found.item.case_id
    if case_id is None or not at.may("contact.hold"):
        return
    with st.expander(at.t("holds.dispute")):
        st.caption(at.t("holds.dispute_help"))
        with form(at, f"dispute_{case_id}") as f:
            reason = f.reason("reason", at.t("forms.reason"))
            f.submit(at.t("holds.dispute"))
        f.run(
            lambda _key: dispute_payment(
                at.actor, at.app.store, now=at.now, case_id=case_id, source_code=it.source_code,
                payment_id=it.payment_id, reason=reason,
            ),
            done=at.t("holds.disputed"),
        )  # fmt: skip
