"""The list of refunds, and the chosen one: what happened to it, its payouts and bank lines, what may be done."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.kit import names, tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.export_button import export_stream
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.consoles.kit.subjects import case_address
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.refunds import (
    REFUND_GROUND_NAMES,
    REFUND_MOVE_NAMES,
    REFUND_STATE_NAMES,
    RefundMove,
    RefundState,
)
from ops_app.services.ledger.refund_reading import (
    SORTS,
    Refund,
    RefundFilter,
    RefundPage,
    RefundRecord,
    list_refunds,
    read_refund,
)
from ops_app.services.ledger.refunds import fail_refund, reopen_refund, withdraw_refund
from ops_app.store.ledger.refunds import Payout, RefundLine, RefundStep

_NEEDS = {
    RefundMove.WITHDRAW: "refunds.request", RefundMove.FAIL: "refunds.pay", RefundMove.REOPEN: "refunds.pay",
}  # fmt: skip
_DOES = {
    RefundMove.WITHDRAW: withdraw_refund, RefundMove.FAIL: fail_refund, RefundMove.REOPEN: reopen_refund,
}  # fmt: skip


def show(at: Here) -> None:
    """Filters, totals, the list with its export, and the record of the chosen one."""
    t, labels = at.t, at.labels
    filters = _filters(at)
    wanted = RefundFilter(
        frozenset({RefundState(filters["state"])}) if filters["state"] else None, text=filters["text"] or None
    )
    last: list[RefundPage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[Refund], str | None]:
        page = list_refunds(
            at.actor, at.app.store, now=at.now, wanted=wanted, overdue=filters["wait"] == "overdue",
            sort=filters["sort"][:-1], descending=filters["sort"].endswith("-"), after=after, limit=limit,
        )  # fmt: skip
        last[:] = [page]
        return page.rows, page.next_after

    stream = tables.Stream(
        name="refunds", title=t("suspense.tabs.refunds"), columns=_columns(at), row_id=lambda one: one.refund_id,
        fetch=fetch,
    )  # fmt: skip
    place = st.container(horizontal=True)
    narrowed = any(filters[name] for name in ("state", "text", "wait"))
    rows, selected = tables.show_keyed(at, stream, filters, empty=t("refunds.none"), narrowed=narrowed)
    for total in last[0].sums if last else ():
        place.caption(
            t("refunds.sum", count=labels.count(total.count), amount=labels.money(total.amount_minor, total.currency))
        )
    if rows:
        export_stream(at, stream, filters, place)
    chosen = choose_among(
        at, "refunds", rows, selected, row_id=lambda one: one.refund_id, label=t("refunds.open"),
        show=lambda one: f"RFD{one.number:06d} · {one.loan_id} · {labels.money(one.amount_minor, one.currency)}",
    )  # fmt: skip
    if chosen:
        _record(at, chosen)


def _filters(at: Here) -> dict[str, str]:
    t, labels, language = at.t, at.labels, at.actor.language
    orders = [f"{name}{sign}" for name in SORTS for sign in ("-", "+")]
    one, two, three, four = st.columns(4)
    with one:
        state = url.choice("refunds_state", t("refunds.state"), ["", *(it.value for it in RefundState)],
                           lambda code: labels.named(REFUND_STATE_NAMES, code) if code else t("lists.all"),
                           default="", language=language)  # fmt: skip
    with two:
        wait = url.choice("refunds_wait", t("refunds.wait"), ("", "overdue"),
                          lambda code: t("refunds.waits_long") if code else t("lists.all"), default="",
                          language=language)  # fmt: skip
    with three:
        text = url.text("refunds_text", t("refunds.find"), placeholder=t("repayments.find_help"),
                        language=language)  # fmt: skip
    with four:
        sort = url.choice("refunds_sort", t("lists.sort"), orders,
                          lambda code: f"{t(f'refunds.sorts.{code[:-1]}')} {'↓' if code.endswith('-') else '↑'}",
                          default=orders[0], language=language)  # fmt: skip
    return {"state": state, "wait": wait, "text": text, "sort": sort}


def _columns(at: Here) -> tuple[tables.Column[Refund], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[Refund]
    return (
        Column("number", t("refunds.number"), lambda one: f"RFD{one.number:06d}", width="small"),
        Column("state", t("refunds.state"), lambda one: labels.named(REFUND_STATE_NAMES, one.state)),
        Column("amount", t("cases.amount"), lambda one: labels.minor(one.amount_minor, one.currency),
               value=lambda one: labels.figure(one.amount_minor, one.currency), right=True),
        Column("currency", t("cases.currency"), lambda one: one.currency, width="small"),
        Column("ground", t("refunds.ground"), lambda one: labels.named(REFUND_GROUND_NAMES, one.ground)),
        Column("loan", t("cases.loan"), lambda one: one.loan_id),
        Column("payment", t("cases.payment"), lambda one: one.payment_id),
        Column("payee", t("refunds.payee_name"), lambda one: one.payee_name_masked),
        Column("account", t("refunds.payee_account"), lambda one: one.payee_account_masked),
        Column("asked", t("refunds.requested_at"), lambda one: labels.moment(one.requested_at)),
        Column("by", t("refunds.requested_by"), lambda one: one.requested_by_name),
        Column("paid", t("refunds.paid_date"), lambda one: labels.day(one.paid_date) if one.paid_date else "–"),
        Column("source", t("repayments.source"), lambda one: one.source_code),
    )  # fmt: skip


def _record(at: Here, refund_id: str) -> None:
    t, labels = at.t, at.labels
    try:
        found = read_refund(at.actor, at.app.store, now=at.now, refund_id=refund_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    one = found.item
    st.subheader(f"RFD{one.number:06d} · {labels.money(one.amount_minor, one.currency)}", anchor=False)
    facts(
        {
            t("refunds.state"): labels.named(REFUND_STATE_NAMES, one.state),
            t("refunds.ground"): labels.named(REFUND_GROUND_NAMES, one.ground),
            t("refunds.held_part"): labels.money(one.held_part_minor, one.currency),
            t("refunds.applied_part"): labels.money(one.applied_part_minor, one.currency),
            t("cases.loan"): one.loan_id,
            t("cases.payment"): one.payment_id,
            t("refunds.payee_name"): one.payee_name_masked,
            t("refunds.payee_account"): one.payee_account_masked,
            t("refunds.document"): one.document,
            t("forms.reason"): one.reason,
            t("refunds.requested_by"): one.requested_by_name,
            t("refunds.paid_date"): labels.day(one.paid_date) if one.paid_date else "",
        }
    )
    with st.container(horizontal=True):
        st.link_button(t("suspense.to_payment"), f"/repayments?repayment_id={one.source_code}/{one.payment_id}")
        if one.case_id is not None:
            st.link_button(t("repayments.to_case"), f"{case_address(at, one.case_id)}&case_tab=ledger")
    if found.report is not None:
        said = "refunds.told_same" if found.report.is_same else "refunds.told_first"
        st.warning(t(said, payment=found.report.payment_id))
    _chain(at, found)
    _act(at, found)


def _chain(at: Here, found: RefundRecord) -> None:
    """What happened to it, by whom; its payouts; and the bank lines that answered."""
    t, labels = at.t, at.labels
    Step, Out, Line = tables.Column[RefundStep], tables.Column[Payout], tables.Column[RefundLine]
    st.markdown(f"**{t('refunds.steps')}**")
    tables.show_rows(
        (
            Step("at", t("refunds.when"), lambda it: labels.moment(it.made_at)),
            Step("what", t("refunds.what"),
                 lambda it: labels.named(REFUND_MOVE_NAMES, it.what) if it.what else t("refunds.asked_for")),
            Step("to", t("refunds.state"), lambda it: labels.named(REFUND_STATE_NAMES, it.to_state)),
            Step("by", t("refunds.by"), lambda it: it.made_by_name),
            Step("why", t("forms.reason"), lambda it: it.reason or "–"),
        ),
        found.steps, title=t("refunds.steps"),
    )  # fmt: skip
    if not found.payouts:
        return
    st.markdown(f"**{t('refunds.payouts')}**")
    cols = (
        Out("reference", t("refunds.reference"), lambda it: it.reference),
        Out("amount", t("cases.amount"), lambda it: labels.money(it.amount_minor, found.item.currency), right=True),
    )
    tables.show_rows(cols, found.payouts, title=t("refunds.payouts"))
    st.markdown(f"**{t('refunds.lines')}**")
    if not found.lines:
        st.caption(t("refunds.no_lines"))
        return
    tables.show_rows(
        (
            Line("what", t("refunds.what"), lambda it: t(f"refunds.line.{it.what}")),
            Line("line", t("refunds.bank_line"), lambda it: f"{it.account}/{it.line_id}"),
            Line("day", t("cases.value_date"), lambda it: labels.day(it.value_date)),
            Line("amount", t("cases.amount"), lambda it: labels.money(it.amount_minor, found.item.currency),
                 right=True),
            Line("reference", t("refunds.reference"), lambda it: it.reference),
        ),
        found.lines, title=t("refunds.lines"),
    )  # fmt: skip


def _act(at: Here, found: RefundRecord) -> None:
    t, one = at.t, found.item
    moves = [what for what in found.moves if at.may(_NEEDS[what])]
    if not found.moves:
        return
    if not moves:
        st.caption(names.who_may(at, _NEEDS[found.moves[0]]))
        return
    with form(at, f"refund_act_{one.refund_id}") as f:
        version = f.version(one.version)
        what = f.choice(
            "what", t("differences.what"), [it.value for it in moves], lambda code: t(f"refunds.acts.{code}"),
            index=None,
        )  # fmt: skip
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("differences.do"))
    f.require({"what": what, "reason": reason})
    f.run(
        lambda _key: _DOES[RefundMove(str(what))](
            at.actor, at.app.store, now=at.now, refund_id=one.refund_id, version=version, reason=reason
        ),
        done=t("refunds.done"),
    )
