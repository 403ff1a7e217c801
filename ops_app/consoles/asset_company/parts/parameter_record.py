"""One parameter: what holds for whom, its versions, and how two of them differ."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.asset_company.parts import parameter_form
from ops_app.consoles.asset_company.parts.parameter_text import (
    bounds_text,
    days_text,
    differences,
    names_of,
    pair,
    scope_text,
    source_text,
    value_text,
)
from ops_app.consoles.kit import record, tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.labels import EMPTY
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.parameter_values import Value
from ops_app.domain.organisation.parameters import ALL, DIMENSIONS, Definition, Effect, Scope
from ops_app.services.organisation.parameter_catalogue import catalogue
from ops_app.services.organisation.parameters import ParameterRecord, Past, read_parameter, waiting_changes


def show(at: Here, code: str) -> None:
    """The record of a parameter in the chosen scope, and the form that asks for a change."""
    definition = catalogue().definitions.get(code)
    scope = ALL
    try:
        if definition is not None:
            st.subheader(pair(at, definition.name), anchor=False)
            st.caption(pair(at, definition.help))
            scope = _scope(at, definition)
        found = read_parameter(at.actor, at.app.store, now=at.now, on_date=at.today, code=code, scope=scope)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    _facts(at, found)
    _waiting(at, found)
    _own_values(at, found)
    _history(at, found)
    _compare(at, found)
    parameter_form.show(at, found)


def _scope(at: Here, definition: Definition) -> Scope:
    """The scope to look at, kept in the address; raises ``Invalid`` for what is no code."""
    offered = [name for name in DIMENSIONS if name in definition.scopes]
    if not offered:
        return ALL
    chosen: dict[str, str] = {}
    for place, name in zip(st.columns(len(offered)), offered, strict=True):
        with place:
            chosen[name] = _dimension(at, name)
    return Scope(**{name: code for name, code in chosen.items() if code})


def _dimension(at: Here, name: str) -> str:
    label, known, key = at.t(f"parameters.dimensions.{name}"), names_of(name), f"parameters_{name}"
    if name == "lender":  # a feed may bring one that no file describes
        return url.text(key, label, placeholder=at.t("lists.all"), language=at.actor.language, max_chars=32)

    def shown(code: str) -> str:
        return pair(at, known[code]) if code else at.t("lists.all")

    return url.choice(key, label, ["", *known], shown, default="", language=at.actor.language)


def _facts(at: Here, found: ParameterRecord) -> None:
    t, definition, held = at.t, found.definition, found.held
    record.facts(
        {
            t("parameters.code"): definition.code,
            t("parameters.scope"): scope_text(at, found.scope),
            t("parameters.holds"): value_text(at, definition, held.value),
            t("parameters.comes_from"): source_text(at, held),
            t("parameters.days"): days_text(at, held.valid_from_date, held.valid_to_date),
            t("parameters.bounds"): bounds_text(at, definition),
            t("parameters.approval"): t("parameters.risky") if definition.risky else t("parameters.not_risky"),
            t("parameters.read_by"): definition.read_by,
        }
    )
    if definition.awaited:
        st.caption(t("parameters.awaited"))


def _waiting(at: Here, found: ParameterRecord) -> None:
    """Changes that were asked for and are not decided yet."""
    code, scope = found.definition.code, found.scope
    for one, change in waiting_changes(at.actor, at.app.store, now=at.now, code=code, scope=scope):
        what = value_text(at, found.definition, change.value)
        if change.effect is not Effect.SET:
            what = at.t(f"parameters.effects.{change.effect}")
        days = days_text(at, change.valid_from_date, change.valid_to_date)
        st.info(at.t("parameters.waiting", who=one.maker_name, what=what, days=days, id=one.request_id))


def _own_values(at: Here, found: ParameterRecord) -> None:
    """The narrower scopes that have values of their own."""
    narrower = [Scope.parse(text) for text in found.scopes[1:]]
    if not narrower or found.scope != ALL:
        return
    with st.expander(f"{at.t('parameters.own_values')} ({at.labels.count(len(narrower))})"):
        held = {
            one: read_parameter(
                at.actor, at.app.store, now=at.now, on_date=at.today, code=found.definition.code, scope=one
            ).held
            for one in narrower
        }

        def today(one: Scope) -> str:
            return value_text(at, found.definition, held[one].value)

        Column = tables.Column[Scope]
        tables.show_rows(
            (
                Column("scope", at.t("parameters.scope"), lambda one: scope_text(at, one)),
                Column("value", at.t("parameters.today"), today),
                Column("source", at.t("parameters.comes_from"), lambda one: source_text(at, held[one])),
            ),
            narrower,
            title=at.t("parameters.own_values"),
        )


def _history(at: Here, found: ParameterRecord) -> None:
    t = at.t
    st.markdown(f"**{t('parameters.history')}**")
    if not found.history:
        st.caption(t("parameters.no_versions"))
        return
    Column = tables.Column[Past]
    tables.show_rows(
        (
            Column(
                "number", t("parameters.version"), lambda one: at.labels.count(one.version.version_no), width="small"
            ),
            Column("days", t("parameters.days"), lambda one: _days(at, found, one)),
            Column("value", t("parameters.value"), lambda one: _value(at, found.definition, one)),
            Column("who", t("record.who"), lambda one: one.made_by_name),
            Column("when", t("record.when"), lambda one: at.labels.moment(one.version.made_at)),
            Column("why", t("record.why"), lambda one: one.version.reason, width="medium"),
            Column("approval", t("parameters.approved_as"), lambda one: one.version.approval_id or EMPTY),
        ),
        found.history,
        title=t("parameters.history"),
    )


def _days(at: Here, found: ParameterRecord, one: Past) -> str:
    if one.step is not None:
        return days_text(at, one.step.valid_from_date, one.step.valid_to_date)
    if one.version.effect is Effect.WITHDRAW:
        return at.t("parameters.days_withdrawal")
    by = next((it for it in found.history if it.version.replaces == one.version.version_no), None)
    withdrawn = by is not None and by.version.effect is Effect.WITHDRAW
    return at.t("parameters.days_withdrawn") if withdrawn else at.t("parameters.days_replaced")


def _value(at: Here, definition: Definition, one: Past) -> str:
    if one.version.effect is Effect.FOLLOW:
        return at.t("parameters.follows")
    if one.version.effect is Effect.WITHDRAW:
        return at.t("parameters.withdraws")
    return value_text(at, definition, one.value)


def _compare(at: Here, found: ParameterRecord) -> None:
    """Any two versions beside each other; version 0 is the default."""
    if not found.history:
        return
    t = at.t
    default = found.definition.defaults.get(found.scope.text, found.definition.default)
    values: dict[int, Value | None] = {0: default}
    values |= {one.version.version_no: one.value for one in reversed(found.history)}
    texts = {number: t("parameters.version_n", number=number) for number in values} | {0: t("parameters.default")}
    numbers = list(values)
    with st.expander(t("parameters.compare")):
        one, two = st.columns(2)
        key = f"{found.definition.code}.{found.scope.text}.{len(numbers)}"
        older = one.selectbox(
            t("parameters.older"), numbers, index=len(numbers) - 2, format_func=texts.__getitem__, key=f"older_{key}"
        )
        newer = two.selectbox(
            t("parameters.newer"), numbers, index=len(numbers) - 1, format_func=texts.__getitem__, key=f"newer_{key}"
        )
        rows = differences(at, found.definition, values.get(older), values.get(newer))
        if not rows:
            st.caption(t("parameters.same"))
            return
        Column = tables.Column[tuple[str, str, str]]
        tables.show_rows(
            (
                Column("what", t("parameters.what"), lambda row: row[0]),
                Column("before", texts[older], lambda row: row[1]),
                Column("after", texts[newer], lambda row: row[2]),
            ),
            rows,
            title=t("parameters.compare"),
        )
