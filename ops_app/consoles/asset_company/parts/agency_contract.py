"""The contracts of an agency and the evaluations that speak for their renewal."""

from __future__ import annotations

import re

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.placement import (
    EVALUATION_KIND_NAMES,
    EVALUATION_RESULT_NAMES,
    Evaluation,
    EvaluationKind,
    EvaluationResult,
)
from ops_app.services.organisation.agencies import AgencyRecord, Contract, RecordedEvaluation
from ops_app.services.organisation.agency_contracts import add_contract, record_evaluation

SCORES = ("conduct_score", "quality_score", "security_score")


def contracts(at: Here, found: AgencyRecord) -> None:
    """The contracts so far, and entering the first or the next."""
    t, labels = at.t, at.labels
    Column = tables.Column[Contract]
    if found.contracts:
        tables.show_rows(
            (
                Column("number", t("agencies.contract_number"), lambda one: one.contract_number),
                Column("from", t("agencies.contract_from"), lambda one: labels.day(one.period.valid_from)),
                Column("to", t("agencies.contract_to_date"), lambda one: labels.day(one.period.valid_to)),
                Column("recorded", t("agencies.recorded"), lambda one: labels.moment(one.recorded_at)),
            ),
            found.contracts,
            title=t("agencies.tabs.contract"),
        )
    else:
        st.caption(t("agencies.no_contract"))
    if not at.may("agencies.manage"):
        st.caption(t("agencies.only_look"))
        return
    last = found.contracts[-1].period.valid_to if found.contracts else None
    with form(at, f"contract_{found.agency.agency_code}_{len(found.contracts)}") as f:
        one, two, three = st.columns(3)
        with one:
            number = f.text("contract_number", t("agencies.contract_number"), max_chars=64)
        with two:
            begins = f.day("valid_from", t("agencies.contract_from"), last or at.today)
        with three:
            ends = f.day("valid_to", t("agencies.contract_to_date"), None)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("agencies.renew") if found.contracts else t("agencies.first_contract"))
    f.require({"contract_number": number, "valid_from": begins, "valid_to": ends})
    f.run(
        lambda _key: add_contract(
            at.actor,
            at.app.store,
            now=at.now,
            agency_code=found.agency.agency_code,
            contract_number=number,
            valid_from=begins or at.today,
            valid_to=ends or at.today,
            today=at.today,
            reason=reason,
        ),
        done=t("agencies.done"),
    )


def evaluations(at: Here, found: AgencyRecord) -> None:
    """The evaluations so far, and recording one."""
    t = at.t
    _evaluated(at, found)
    if not at.may("agencies.evaluate"):
        st.caption(t("agencies.who_evaluates"))
        return
    with form(at, f"evaluation_{found.agency.agency_code}_{len(found.evaluations)}") as f:
        one, two = st.columns(2)
        with one:
            day = f.day("evaluated_date", t("agencies.evaluated_date"), at.today)
            kind = f.choice(
                "kind",
                t("agencies.evaluation_kind"),
                [one.value for one in EvaluationKind],
                lambda code: at.labels.named(EVALUATION_KIND_NAMES, code),
                index=1,
            )
            result = f.choice(
                "result",
                t("agencies.result"),
                [one.value for one in EvaluationResult],
                lambda code: at.labels.named(EVALUATION_RESULT_NAMES, code),
                index=None,
            )
        with two:
            scores = {name: f.text(name, t(f"agencies.{name}"), max_chars=3) for name in SCORES}
        note = f.reason("reason", t("agencies.note"))
        f.submit(t("agencies.record_evaluation"))
    f.require({"evaluated_date": day, "result": result, **scores})
    f.run(
        lambda key: record_evaluation(
            at.actor,
            at.app.store,
            now=at.now,
            agency_code=found.agency.agency_code,
            evaluation=Evaluation(
                day or at.today,
                EvaluationKind(str(kind)),
                result=EvaluationResult(str(result)),
                **{name: _score(name, text) for name, text in scores.items()},
            ),
            today=at.today,
            note=note,
            key=key,
        ),
        done=t("agencies.done"),
    )


def _evaluated(at: Here, found: AgencyRecord) -> None:
    t, labels = at.t, at.labels
    if not found.evaluations:
        st.caption(t("agencies.no_evaluation"))
        return

    def score(name: str) -> tables.Column[RecordedEvaluation]:
        return tables.Column(
            name, t(f"agencies.{name}"), lambda one: labels.count(getattr(one.evaluation, name)), right=True
        )

    Column = tables.Column[RecordedEvaluation]
    tables.show_rows(
        (
            Column("date", t("agencies.evaluated_date"), lambda one: labels.day(one.evaluation.evaluated_date)),
            Column(
                "kind",
                t("agencies.evaluation_kind"),
                lambda one: labels.named(EVALUATION_KIND_NAMES, one.evaluation.kind),
            ),
            *(score(name) for name in SCORES),
            Column(
                "result",
                t("agencies.result"),
                lambda one: labels.named(EVALUATION_RESULT_NAMES, one.evaluation.result),
            ),
            Column("note", t("agencies.note"), lambda one: one.note, width="large"),
        ),
        tuple(reversed(found.evaluations)),
        title=t("agencies.tabs.evaluations"),
    )


def _score(field: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text, re.ASCII):
        raise Invalid("Enter whole points from 0 to 100.", "请填写 0 至 100 的整数。", field=field)
    return int(text)
