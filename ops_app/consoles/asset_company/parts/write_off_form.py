"""The form that asks for a write-off: what is owed by component, evidence, the document of approval."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import names
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.consoles.pages import PAGES
from ops_app.domain.errors import DomainError, Invalid
from ops_app.domain.ledger.accounts import COMPONENT_NAMES, Component
from ops_app.domain.ledger.write_off_criteria import METHOD_NAMES, PATH_NAMES, PROOF_NAMES, ProofKind, WriteOffPath
from ops_app.domain.money import Money
from ops_app.domain.organisation.amounts import sees_amounts
from ops_app.services.ledger.write_off_reading import Draft, draft_write_off
from ops_app.services.ledger.write_offs import LONGEST_DOCUMENT, request_write_off

CASES = next(spec.path for spec in PAGES if spec.key == "cases")


def show(at: Here, case_id: str, path: WriteOffPath) -> None:
    """What the write-off of a case rests on, and the form."""
    t, labels = at.t, at.labels
    try:
        found = draft_write_off(at.actor, at.app.store, now=at.now, case_id=case_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    case, recourse = found.case, found.recourse
    st.subheader(f"{case.loan_id} · {case.name_masked or '–'}", anchor=False)
    criterion = found.criteria.get(path)
    facts(
        {
            t("write_offs.path"): labels.named(PATH_NAMES, path),
            t("cases.days_past_due"): labels.count(case.days_past_due),
            t("write_offs.method"): labels.named(METHOD_NAMES, criterion.method) if criterion else "–",
            t("write_offs.extent"): t(
                "write_offs.parts_allowed" if criterion and criterion.partial else "write_offs.whole_only"
            ),
            t("write_offs.placements"): labels.count(recourse.placements),
            t("write_offs.interruptions"): labels.count(recourse.interruptions),
            t("write_offs.limitation"): labels.day(recourse.expires_date),
        }
    )
    st.page_link(CASES, label=t("write_offs.case"), query_params={"case_id": case.case_id})
    if criterion is None:
        st.info(t("write_offs.no_criterion"))
    elif not at.may("write_offs.request"):
        st.caption(names.who_may(at, "write_offs.request"))
    elif not sees_amounts(at.actor):
        st.caption(t("write_offs.amounts_needed"))
    elif not found.files:
        st.info(t("write_offs.no_files"))
    else:
        _form(at, found, path, criterion.proofs)


def _form(at: Here, found: Draft, path: WriteOffPath, proofs: tuple[ProofKind, ...]) -> None:
    t, labels, case = at.t, at.labels, found.case
    currency = case.currency
    files = {one.attachment_id: one.file_name for one in found.files}
    asked = [
        one for one in Component if one not in found.has_one and (found.owed.of(one) or one is Component.PRINCIPAL)
    ]
    with form(at, f"write_off_{case.case_id}_{path}") as f:
        version = f.version(case.version)
        one, two = st.columns(2)
        with one:
            typed = {
                part: f.text(
                    part.value,
                    t("write_offs.amount_of", part=labels.named(COMPONENT_NAMES, part),
                      owed=labels.money(found.owed.of(part), currency)),
                    value=str(Money(found.owed.of(part), currency).amount), max_chars=20,
                )
                for part in asked
            }  # fmt: skip
        with two:
            day = f.day("effective_date", t("write_offs.effective_date"), at.today)
            document = f.text("approval_document", t("write_offs.approval_document"), max_chars=LONGEST_DOCUMENT)
            chosen = {
                kind: f.choice(
                    f"proof_{kind.value}",
                    labels.named(PROOF_NAMES, kind),
                    list(files),
                    lambda it: files[it],
                    index=None,
                )
                for kind in proofs
            }
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("write_offs.ask"))
    f.require(
        {"effective_date": day, "approval_document": document, "reason": reason}
        | {f"proof_{kind.value}": file for kind, file in chosen.items()}
    )

    def command(key: str) -> str:
        return request_write_off(
            at.actor, at.app.store, now=at.now, case_id=case.case_id, version=version, path=path,
            effective_date=day or at.today, approval_document=document,
            proofs={kind: str(file) for kind, file in chosen.items()},
            parts={part: _amount(part, text, currency) for part, text in typed.items()}, reason=reason, key=key,
        )  # fmt: skip

    f.run(command, done=t("write_offs.asked"))


def _amount(part: Component, text: str, currency: str) -> int:
    """Whole minor units of what was typed; nothing typed is nothing. Raises ``Invalid`` beside its field."""
    try:
        return Money.parse(text.replace(",", "") or "0", currency).minor
    except Invalid as error:
        raise Invalid(error.en, error.zh, field=part.value) from error
