"""The table of which requests go up to the asset company, and the form that asks for another rule."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.casework.request_rules import ANY, ASSET_STEP_NAMES, AssetStep, RequestRule
from ops_app.domain.casework.requests import CASE_REQUEST_KIND_NAMES, CaseRequestKind
from ops_app.domain.errors import Invalid
from ops_app.domain.money import Money
from ops_app.services.casework.request_rules import list_request_rules, request_rule_change

DEFAULT_CURRENCY = "CNY"
"""How an amount is written where a rule is for every currency."""


def show(at: Here) -> None:
    """The rules that hold, and for those who may: ask for another."""
    t, labels = at.t, at.labels
    Column = tables.Column[RequestRule]

    def above(rule: RequestRule) -> str:
        if rule.above_minor is None:
            return "–"
        if rule.currency == ANY:
            return t("requests.above_any", amount=labels.minor(rule.above_minor, DEFAULT_CURRENCY))
        return labels.money(rule.above_minor, rule.currency)

    columns = (
        Column("kind", t("requests.kind"), lambda rule: labels.named(CASE_REQUEST_KIND_NAMES, rule.kind)),
        Column(
            "agency", t("cases.agency"), lambda rule: t("lists.all") if rule.agency_code == ANY else rule.agency_code
        ),
        Column(
            "currency", t("approvals.currency"), lambda rule: t("lists.all") if rule.currency == ANY else rule.currency
        ),
        Column("asset", t("requests.goes_up"), lambda rule: labels.named(ASSET_STEP_NAMES, rule.asset)),
        Column("above", t("requests.above"), above, right=True),
        Column("due", t("requests.due_hours"), lambda rule: labels.count(rule.due_hours), right=True),
    )
    st.caption(t("requests.rules_lead"))
    tables.show_rows(columns, list_request_rules(at.actor, at.app.store, now=at.now), title=t("requests.tabs.rules"))
    if at.may("requests.rules"):
        _change(at)


def _change(at: Here) -> None:
    t, labels = at.t, at.labels
    with st.expander(t("requests.change_rule")), form(at, "request_rule") as f:
        one, two = st.columns(2)
        with one:
            kind = f.choice(
                "kind", t("requests.kind"), [kind.value for kind in CaseRequestKind],
                lambda code: labels.named(CASE_REQUEST_KIND_NAMES, code), index=None,
            )  # fmt: skip
            agency = f.text("agency_code", t("requests.rule_agency"), max_chars=32)
            currency = f.text("currency", t("requests.rule_currency"), max_chars=3)
        with two:
            asset = f.choice(
                "asset", t("requests.goes_up"), [step.value for step in AssetStep],
                lambda code: labels.named(ASSET_STEP_NAMES, code), index=None,
            )  # fmt: skip
            above = f.text("above_minor", t("requests.above_typed"), max_chars=20)
            hours = f.text("due_hours", t("requests.due_hours"), value="48", max_chars=5)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("requests.ask_rule"))
    f.require({"kind": kind, "asset": asset})

    def command(key: str) -> str:
        return request_rule_change(
            at.actor, at.app.store, now=at.now, kind=CaseRequestKind(kind or ""), asset=AssetStep(asset or ""),
            due_hours=_whole(hours), above_minor=_amount(above, currency), agency_code=agency or ANY,
            currency=currency.upper() or ANY, reason=reason, key=key,
        )  # fmt: skip

    f.run(command, done=t("requests.rule_asked"))


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Invalid("A whole number is wanted here.", "此处须填写整数。", field="due_hours")
    return int(text)


def _amount(text: str, currency: str) -> int | None:
    if not text:
        return None
    if not currency:
        raise Invalid("Name the currency of the amount.", "请填写金额的币种。", field="currency")
    try:
        return Money.parse(text.replace(",", ""), currency.upper()).minor
    except Invalid as error:
        raise Invalid(error.en, error.zh, field="above_minor") from error
