"""The form of a request on a case, drawn from the fields that the domain declares for its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import streamlit as st

from ops_app.consoles.casework import agreement_trial
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import Form, form
from ops_app.domain.casework.evidence import ENDINGS, MOST_BYTES, MOST_FILES, Upload
from ops_app.domain.casework.request_forms import (
    EVIDENCE_REQUIRED,
    FIELDS,
    FieldKind,
    FormField,
    names_amounts,
    typed_value,
)
from ops_app.domain.casework.requests import CASE_REQUEST_KIND_NAMES, CaseRequestKind
from ops_app.domain.money import Money
from ops_app.domain.organisation.amounts import sees_amounts
from ops_app.domain.organisation.rights import AmountsHidden
from ops_app.services.casework.cases import Case
from ops_app.services.casework.request_reading import CaseRequestRecord
from ops_app.services.casework.requests import Asking, raise_request, resubmit_request
from ops_app.services.casework.waiver_audit import try_agreement
from ops_app.services.ledger.agreements import OF_AGREEMENTS


def ask(at: Here, case: Case, kinds: list[CaseRequestKind]) -> None:
    """Choose what to ask for, fill in its form, and ask."""
    t = at.t
    if not sees_amounts(at.actor):
        kinds = [kind for kind in kinds if not names_amounts(kind, {})]
    with st.expander(t("requests.raise")):
        code = st.selectbox(
            t("requests.kind"), [kind.value for kind in kinds], index=None, placeholder=t("forms.choose"),
            format_func=lambda code: at.labels.named(CASE_REQUEST_KIND_NAMES, code), key=f"ask_{case.case_id}",
        )  # fmt: skip
        if code is None:
            return
        kind = CaseRequestKind(code)
        if kind is CaseRequestKind.DISPUTE:
            st.warning(t("requests.dispute_help"))
        with form(at, f"ask_{case.case_id}_{kind}") as f:
            version = f.version(case.version)
            read, files, reason = _fields(at, f, kind, case.currency, {})
            look = None
            if kind in OF_AGREEMENTS:
                look = f.look(
                    t("agreements.try"),
                    lambda: try_agreement(
                        at.actor, at.app.store, now=at.now, zone=at.app.settings.zone, case_id=case.case_id, kind=kind,
                        form=read(),
                    ),
                )  # fmt: skip
            f.submit(t("requests.send"))
        if look is not None and (found := look()) is not None:
            agreement_trial.show(at, found)
        f.run(
            lambda key: raise_request(
                at.actor, at.app.store, now=at.now, zone=at.app.settings.zone, evidence_folder=at.app.settings.evidence,
                case_id=case.case_id, case_version=version, asking=Asking(kind, read(), reason, files), key=key,
            ),
            done=t("requests.sent"),
        )  # fmt: skip


def ask_again(at: Here, found: CaseRequestRecord) -> None:
    """What came back to its maker, changed and submitted again."""
    t, one = at.t, found.item
    if not sees_amounts(at.actor) and names_amounts(one.kind, one.form):
        st.info(AmountsHidden().sentence(at.actor.language))
        return
    st.info(t("requests.returned_help", reason=one.reply or "–"))
    with form(at, f"again_{one.case_request_id}") as f:
        version = f.version(found.approval.version)
        read, files, reason = _fields(at, f, one.kind, one.currency, one.form)
        f.submit(t("approvals.resubmit"))
    f.run(
        lambda key: resubmit_request(
            at.actor, at.app.store, now=at.now, zone=at.app.settings.zone, evidence_folder=at.app.settings.evidence,
            case_request_id=one.case_request_id, expected_version=version,
            asking=Asking(one.kind, read(), reason, files), key=key,
        ),
        done=t("approvals.resubmitted"),
    )  # fmt: skip


def uploads(at: Here, f: Form, *, required: bool) -> tuple[Upload, ...]:
    """The field for evidence."""
    label = at.t(
        "requests.files_required" if required else "requests.files",
        most=MOST_FILES, size=MOST_BYTES // (1024 * 1024),
    )  # fmt: skip
    return tuple(Upload(*one) for one in f.files("files", label, endings=ENDINGS, most_bytes=MOST_BYTES))


def _fields(
    at: Here, f: Form, kind: CaseRequestKind, currency: str, before: Mapping[str, Any]
) -> tuple[Callable[[], dict[str, Any]], tuple[Upload, ...], str]:
    """Draw the fields; what reads them together, the files, and the reason."""
    typed: dict[str, object] = {}
    columns = st.columns(2)
    fields = [one for one in FIELDS[kind] if one.kind is not FieldKind.MONEY or sees_amounts(at.actor)]
    for number, one in enumerate(fields):
        with columns[number % 2] if one.kind is not FieldKind.TEXT else st.container():
            typed[one.name] = _draw(at, f, one, currency, before.get(one.name))
    files = uploads(at, f, required=kind in EVIDENCE_REQUIRED and not before)
    reason = f.reason("reason", at.t("forms.reason"))

    def read() -> dict[str, Any]:
        given = {}
        for one in fields:
            value = typed[one.name]
            given[one.name] = typed_value(one, value, currency) if isinstance(value, str) and _is_typed(one) else value
        return {name: value for name, value in given.items() if value not in (None, "", [])}

    return read, files, reason


def _draw(at: Here, f: Form, one: FormField, currency: str, before: Any) -> object:
    label = at.labels.named({one.name: one.names}, one.name)
    label = label[:1].upper() + label[1:]
    if one.kind is FieldKind.MONEY:
        label = at.t("requests.in_currency", label=label, currency=currency)
        shown = "" if before is None else format(Money(int(before), currency).amount, "f")
        return f.text(one.name, _marked(at, one, label), value=shown, max_chars=24)
    label = _marked(at, one, label)
    if one.kind is FieldKind.WHOLE:
        return f.text(one.name, label, value="" if before is None else str(before), max_chars=9)
    if one.kind is FieldKind.DAY:
        chosen = f.day(one.name, label, date.fromisoformat(before) if before else None)
        return None if chosen is None else chosen.isoformat()
    if one.kind is FieldKind.CODE:
        codes = list(one.codes)
        index = codes.index(before) if before in codes else None
        return f.choice(one.name, label, codes, lambda code: at.labels.named(one.codes, code), index=index)
    if one.kind is FieldKind.CODES:
        return f.choices(
            one.name, label, list(one.codes), lambda code: at.labels.named(one.codes, code), default=before or ()
        )
    return f.paragraphs(one.name, label, value=before or "", max_chars=1000, height=90)


def _marked(at: Here, one: FormField, label: str) -> str:
    return label if one.required else at.t("requests.optional", label=label)


def _is_typed(one: FormField) -> bool:
    return one.kind in (FieldKind.MONEY, FieldKind.WHOLE, FieldKind.TEXT)
