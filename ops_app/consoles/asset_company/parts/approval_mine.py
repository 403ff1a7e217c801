"""One's own requests: where they stand, taken back, or changed and submitted again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import streamlit as st

from ops_app.consoles.asset_company.parts import approval_list, approval_record
from ops_app.consoles.casework import batch_again
from ops_app.consoles.casework.request_rules import DEFAULT_CURRENCY
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.forms import Form, form
from ops_app.consoles.kit.subjects import IDENTIFIERS
from ops_app.domain.casework.requests import kind_of
from ops_app.domain.errors import Invalid
from ops_app.domain.hidden import Hidden
from ops_app.domain.money import Money
from ops_app.domain.organisation.approvals import OPEN, REQUEST_STATE_NAMES, RequestState
from ops_app.domain.organisation.rights import AmountsHidden
from ops_app.services.casework.batches import OBJECT as BATCH
from ops_app.services.organisation import approvals as engine
from ops_app.services.organisation.approvals import ApprovalRequest


def show(at: Here) -> None:
    """The reader's own requests and what they may still do about each."""
    listing = approval_list.listing(at, "mine")
    shown = tables.show_list(at, listing, approval_list.filters(at, "mine"))
    export_list(at, listing, shown)
    chosen = choose(
        at, listing, shown, label=at.t("approvals.open_one"), show=lambda one: approval_list.name_of(at, one)
    )
    if not chosen:
        return
    found = engine.read_request(at.actor, at.app.store, now=at.now, request_id=chosen)
    approval_record.facts(at, found.item)
    if found.item.maker_id == at.actor.person_id:
        if found.item.state is RequestState.RETURNED:
            _again(at, found.item)
        if found.item.state in OPEN:
            _withdraw(at, found.item)
    approval_record.history(at, found)


def _again(at: Here, one: ApprovalRequest) -> None:
    """Where a returned request is changed: a batch with its cases, a request on a case on its own page, others here."""
    if one.object_type == BATCH and at.may("cases.place"):
        batch_again.show(at, one)
    elif kind_of(one.kind) is not None:
        st.info(at.t("approvals.returned_on_case"))
        address = f"/requests?requests_id={one.request_id}"
        st.html(f'<a href="{escape(address)}" target="_self">{escape(at.t("approvals.change_on_case"))}</a>')
    else:
        _resubmit(at, one)


def _resubmit(at: Here, one: ApprovalRequest) -> None:
    t = at.t
    if isinstance(one.amount_minor, Hidden):
        st.info(AmountsHidden().sentence(at.actor.language))
        return
    known = engine.kinds().get(one.kind)
    is_fixed = known is not None and known.fixed
    st.info(t("approvals.returned_fixed" if is_fixed else "approvals.returned_help"))
    with form(at, f"resubmit_{one.request_id}") as f:
        version = f.version(one.version)
        amount = None
        if one.amount_minor is not None and one.currency is not None and not is_fixed:
            value = format(Money(one.amount_minor, one.currency).amount, "f")
            amount = f.text("amount", t("approvals.amount_in", currency=one.currency), value=value, max_chars=24)
        typed = {} if is_fixed else _fields(at, f, one)
        reason = f.reason("reason", t("forms.reason"), value=one.reason)
        f.submit(t("approvals.resubmit"))

    def command(key: str) -> engine.Moved:
        minor = one.amount_minor if amount is None else Money.parse(amount, one.currency or "").minor
        arguments = dict(one.arguments) | {name: convert(text) for name, (text, convert) in typed.items()}
        if "amount_minor" in one.arguments:
            arguments["amount_minor"] = minor
        return engine.resubmit(
            at.actor, at.app.store, now=at.now, request_id=one.request_id, expected_version=version,
            arguments=arguments, amount_minor=minor, currency=one.currency, flags=one.flags, reason=reason, key=key,
        )  # fmt: skip

    f.run(command, done=t("approvals.resubmitted"))


def _fields(at: Here, f: Form, one: ApprovalRequest) -> Mapping[str, tuple[str, Callable[[str], Any]]]:
    """A field for each plain argument that is not what the request is about."""
    known = engine.kinds().get(one.kind)
    names = known.labels if known else {}
    typed: dict[str, tuple[str, Callable[[str], Any]]] = {}
    for name, value in one.arguments.items():
        if isinstance(value, bool) or not isinstance(value, str | int) or name == "amount_minor":
            continue
        if name not in names or name in IDENTIFIERS or str(value) in (one.object_id, *one.object_id.split("/")):
            continue
        typed[name] = _field(at, f, one, name, value, names)
    return typed


def _field(
    at: Here, f: Form, one: ApprovalRequest, name: str, value: str | int, names: Mapping[str, tuple[str, str]]
) -> tuple[str, Callable[[str], Any]]:
    """One argument as a person reads it (a code by its name, an amount in whole units) and what reads it back."""
    label = at.labels.named(names, name)
    codes = [key.removeprefix(f"{name}.") for key in names if key.startswith(f"{name}.")]
    if isinstance(value, str) and value in codes:
        chosen = f.choice(
            name, label, codes, lambda code: at.labels.named(names, f"{name}.{code}"), index=codes.index(value)
        )
        return chosen or value, str
    if isinstance(value, int) and (name.endswith("_minor") or name == "above"):
        said = str(one.arguments.get("currency") or one.currency or "")
        currency = said if len(said) == 3 else DEFAULT_CURRENCY
        typed = f.text(name, label, value=format(Money(value, currency).amount, "f"), max_chars=24)
        return typed, _amount(name, currency)
    return f.text(name, label, value=str(value), max_chars=500), _whole(name) if isinstance(value, int) else str


def _amount(name: str, currency: str) -> Callable[[str], int]:
    def convert(text: str) -> int:
        try:
            return Money.parse(text.replace(",", ""), currency).minor
        except Invalid as error:
            raise Invalid(error.en, error.zh, field=name) from error

    return convert


def _whole(name: str) -> Callable[[str], int]:
    def convert(text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise Invalid("A whole number is wanted here.", "此处须填写整数。", field=name) from None

    return convert


def _withdraw(at: Here, one: ApprovalRequest) -> None:
    t, labels = at.t, at.labels
    with st.expander(t("approvals.withdraw")), form(at, f"withdraw_{one.request_id}") as f:
        version = f.version(one.version)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("approvals.withdraw"), primary=False)
    f.run(
        lambda key: engine.withdraw(
            at.actor, at.app.store, now=at.now, request_id=one.request_id, expected_version=version,
            reason=reason, key=key,
        ),
        done=lambda done: t("approvals.done", state=labels.named(REQUEST_STATE_NAMES, done.state)),
    )  # fmt: skip
