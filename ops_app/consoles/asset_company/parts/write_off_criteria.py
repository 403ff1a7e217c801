"""Criteria of write-off: every version, a test run over the whole book, and the form that asks for another version."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.write_off_criteria import (
    ANY,
    METHOD_NAMES,
    PATH_NAMES,
    PROOF_NAMES,
    VERDICT_NAMES,
    Criterion,
    ProofKind,
    WriteOffPath,
)
from ops_app.domain.money import Money
from ops_app.services.ledger.write_off_criteria import Outcome, list_criteria, request_criterion, try_criteria


def show(at: Here) -> None:
    """The criteria, the test run, and for those who may: ask for another version."""
    t = at.t
    st.caption(t("write_offs.criteria_lead"))
    rows = list_criteria(at.actor, at.app.store, now=at.now)
    tables.show_rows(_columns(at), rows, title=t("write_offs.tabs.criteria"))
    _try(at)
    if at.may("write_offs.criteria"):
        _change(at)


def _columns(at: Here) -> tuple[tables.Column[Criterion], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[Criterion]

    def band(one: Criterion) -> str:
        if one.least_minor is None and one.most_minor is None:
            return t("lists.all")
        return f"{labels.minor(one.least_minor, one.currency)} – {labels.minor(one.most_minor, one.currency)}"

    def code(value: str) -> str:
        return t("lists.all") if value == ANY else value

    return (
        Column("path", t("write_offs.path"), lambda one: labels.named(PATH_NAMES, one.path)),
        Column("lender", t("write_offs.lender"), lambda one: code(one.lender_code)),
        Column("product", t("write_offs.product"), lambda one: code(one.product_code)),
        Column("currency", t("cases.currency"), lambda one: code(one.currency)),
        Column("days", t("write_offs.least_days"), lambda one: labels.count(one.least_days_past_due), right=True),
        Column("band", t("write_offs.band"), band),
        Column("proofs", t("write_offs.proofs"),
               lambda one: labels.listing([labels.named(PROOF_NAMES, kind) for kind in one.proofs])),
        Column("partial", t("write_offs.partial"),
               lambda one: t("write_offs.yes") if one.partial else t("write_offs.no")),
        Column("method", t("write_offs.method"), lambda one: labels.named(METHOD_NAMES, one.method)),
        Column("starts", t("write_offs.starts_date"),
               lambda one: labels.day(one.starts_date) if one.version else t("write_offs.reference")),
        Column("version", t("write_offs.version"), lambda one: str(one.version) if one.version else "–"),
        Column("open", t("write_offs.is_open"), lambda one: t("write_offs.yes") if one.is_open else t("write_offs.no")),
    )  # fmt: skip


def _try(at: Here) -> None:
    """What would qualify now, by product and path, and what does not and why."""
    t, labels = at.t, at.labels
    if not st.toggle(t("write_offs.try"), key="write_off_try"):
        return
    run = try_criteria(at.actor, at.app.store, now=at.now)
    count = sum(one.count for one in run.eligible)
    with st.container(horizontal=True):
        st.metric(t("write_offs.would_qualify"), labels.count(count), border=True, width="content")
        for currency, amount in sorted(run.totals.items()):
            st.metric(t("write_offs.owed_minor"), labels.money(amount, currency), border=True, width="content")
    Column = tables.Column[Outcome]
    columns = (
        Column("verdict", t("write_offs.verdict"), lambda one: labels.named(VERDICT_NAMES, one.verdict)),
        Column("path", t("write_offs.path"), lambda one: labels.named(PATH_NAMES, one.path)),
        Column("lender", t("write_offs.lender"), lambda one: one.lender_code or "–"),
        Column("product", t("write_offs.product"), lambda one: one.product_code),
        Column("count", t("write_offs.count"), lambda one: labels.count(one.count), right=True),
        Column("owed", t("write_offs.owed_minor"), lambda one: labels.minor(one.owed_minor, one.currency), right=True),
        Column("currency", t("cases.currency"), lambda one: one.currency, width="small"),
    )
    tables.show_rows(columns, [*run.eligible, *run.excluded], title=t("write_offs.try"))


def _change(at: Here) -> None:
    t, labels = at.t, at.labels
    with st.expander(t("write_offs.change")), form(at, "write_off_criterion") as f:
        one, two = st.columns(2)
        with one:
            path = f.choice(
                "path", t("write_offs.path"), [it.value for it in WriteOffPath],
                lambda code: labels.named(PATH_NAMES, code), index=None,
            )  # fmt: skip
            lender = f.text("lender_code", t("write_offs.lender_typed"), max_chars=64)
            product = f.text("product_code", t("write_offs.product_typed"), max_chars=64)
            currency = f.text("currency", t("write_offs.currency_typed"), max_chars=3)
            least = f.text("least_minor", t("write_offs.least_typed"), max_chars=20)
            most = f.text("most_minor", t("write_offs.most_typed"), max_chars=20)
        with two:
            days = f.text("least_days_past_due", t("write_offs.least_days"), max_chars=5)
            proofs = f.choices(
                "proofs", t("write_offs.proofs"), [it.value for it in ProofKind],
                lambda code: labels.named(PROOF_NAMES, code),
            )  # fmt: skip
            method = f.choice(
                "method", t("write_offs.method"), list(METHOD_NAMES), lambda code: labels.named(METHOD_NAMES, code),
                index=None,
            )  # fmt: skip
            starts = f.day("starts_date", t("write_offs.starts_date"), at.today)
            partial = f.tick("partial", t("write_offs.partial"))
            shut = f.tick("is_open", t("write_offs.shut"))
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("write_offs.ask_change"))
    f.require({"path": path, "least_days_past_due": days, "method": method, "starts_date": starts, "reason": reason})

    def command(key: str) -> str:
        return request_criterion(
            at.actor, at.app.store, now=at.now, path=WriteOffPath(path or ""), least_days_past_due=_whole(days),
            proofs=[ProofKind(one) for one in proofs], method=method or "", starts_date=starts or at.today,
            partial=partial, least_minor=_amount(least, currency, "least_minor"),
            most_minor=_amount(most, currency, "most_minor"), lender_code=lender or ANY, product_code=product or ANY,
            currency=currency.upper() or ANY, is_open=not shut, reason=reason, key=key,
        )  # fmt: skip

    f.run(command, done=t("write_offs.change_asked"))


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Invalid("A whole number is wanted here.", "此处须填写整数。", field="least_days_past_due")
    return int(text)


def _amount(text: str, currency: str, field: str) -> int | None:
    if not text:
        return None
    if not currency:
        raise Invalid("Name the currency of the amounts.", "请填写金额的币种。", field="currency")
    try:
        return Money.parse(text.replace(",", ""), currency.upper()).minor
    except Invalid as error:
        raise Invalid(error.en, error.zh, field=field) from error
