"""The form that asks for a change of a parameter: by its kind, with a preview of what changes from which day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import streamlit as st

from ops_app.consoles.asset_company.parts.parameter_text import days_text, pair, typed_text, value_text
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import Form, form
from ops_app.domain.money import Money
from ops_app.domain.organisation.parameter_changes import Change, Difference, Plan, chosen_day
from ops_app.domain.organisation.parameter_values import ParameterKind, Value
from ops_app.domain.organisation.parameters import Definition, Effect, ParameterChanged
from ops_app.services.organisation.parameters import Asked, ParameterRecord, preview_change, propose_change


@dataclass(frozen=True)
class Typed:
    """What stands in the form; the value is read only when it is asked for, so that its refusal finds its field."""

    value: Callable[[], Value | None]
    valid_from: date | None
    valid_to: date | None
    reason: str


def show(at: Here, found: ParameterRecord) -> None:
    """The form, or why there is none."""
    t, definition = at.t, found.definition
    if definition.held_in is not None:
        st.info(t("parameters.held_in", file=definition.held_in))
        return
    if not at.may("parameters.change"):
        st.caption(t("parameters.only_look"))
        return
    st.markdown(f"**{t('parameters.ask')}**")
    about = f"{definition.code}.{found.scope.text}"
    effect = _effect(at, found, f"effect_{about}")
    # the version that this filling began with: what is typed outlives a change by somebody else, and hears of it
    seen = st.session_state.setdefault(f"_seen_{about}", found.expected_version)
    with form(at, f"parameter_{about}_{effect}") as f:
        typed = _fields(at, f, found, effect)
        preview = f.look(t("parameters.preview"), lambda: _preview(at, _change(found, effect, typed)))
        f.submit(t("parameters.propose"))
    f.require({"valid_from": typed.valid_from})
    _show_preview(at, definition, preview())
    f.run(
        lambda key: _propose(at, _change(found, effect, typed), seen, typed.reason, key, about),
        done=lambda asked: _done(at, asked),
    )


def _effect(at: Here, found: ParameterRecord, key: str) -> Effect:
    """What to do. What is chosen stays offered though somebody else did it meanwhile: the form must be there to say so;
    after a change of one's own it begins anew."""
    if st.session_state.pop(f"_done_{key}", False):
        st.session_state.pop(key, None)
    offered = [one.value for one in _effects(at, found)]
    chosen = st.session_state.setdefault(key, Effect.SET.value)
    options = [one.value for one in Effect if one.value in (*offered, chosen)]
    said = st.segmented_control(
        at.t("parameters.effect"),
        options,
        required=True,
        format_func=lambda code: at.t(f"parameters.effects.{code}"),
        key=key,
    )
    return Effect(said or Effect.SET)


def _effects(at: Here, found: ParameterRecord) -> list[Effect]:
    last = next((one.version.effect for one in found.history if one.step and one.step.valid_to_date is None), None)
    offered = [Effect.SET]
    if last is Effect.SET:
        offered.append(Effect.FOLLOW)
    if _planned(at, found):
        offered.append(Effect.WITHDRAW)
    return offered


def _planned(at: Here, found: ParameterRecord) -> list[date]:
    days = {one.step.valid_from_date for one in found.history if one.step}
    return sorted(day for day in days if day > at.today)


def _fields(at: Here, f: Form, found: ParameterRecord, effect: Effect) -> Typed:
    t = at.t
    if effect is Effect.WITHDRAW:
        days = {day.isoformat(): day for day in _planned(at, found)}
        chosen = f.choice("valid_from", t("parameters.planned"), list(days), at.labels.day)
        return Typed(lambda: None, days.get(chosen or ""), None, f.reason("reason", t("forms.reason")))

    def nothing() -> Value | None:
        return None

    value = _value_field(at, f, found) if effect is Effect.SET else nothing
    one, two = st.columns(2)
    with one:
        first = f.day("valid_from", t("parameters.valid_from"), at.today + timedelta(days=1))
    with two:
        end = f.day("valid_to", t("parameters.valid_to"), None)
    return Typed(value, first, end, f.reason("reason", t("forms.reason")))


def _value_field(at: Here, f: Form, found: ParameterRecord) -> Callable[[], Value | None]:
    t, definition, held = at.t, found.definition, found.held.value
    rule, kind = definition.rule, definition.rule.kind
    label = f"{t('parameters.value')} ({pair(at, definition.unit)})" if definition.unit else t("parameters.value")

    def named(code: str) -> str:
        return at.labels.named(definition.code_names, code)

    if kind is ParameterKind.CODE:
        chosen = f.choice("value", label, rule.codes, named, index=rule.codes.index(str(held)))
        return lambda: rule.read(chosen)
    if kind is ParameterKind.CODES:
        some = f.choices("value", label, rule.codes, named, default=held if isinstance(held, tuple) else ())  # type: ignore[arg-type]
        return lambda: rule.read(some)
    if kind is ParameterKind.RANGES:
        lines = f.lines("value", label, value=typed_text(held), help=t("parameters.ranges_help"))
        return lambda: rule.typed(lines)
    if isinstance(held, Money):
        one, two = st.columns([3, 1])
        with one:
            amount = f.text("value", label, value=typed_text(held), max_chars=30)
        with two:
            currency = f.text("currency", t("parameters.currency"), value=held.currency, max_chars=3)
        return lambda: rule.typed(amount, currency.upper())
    if kind is ParameterKind.SHARE:
        label = f"{label} · {t('parameters.share_help')}"
    text = f.text("value", label, value=typed_text(held), max_chars=30)
    return lambda: rule.typed(text)


def _change(found: ParameterRecord, effect: Effect, typed: Typed) -> Change:
    value = typed.value() if effect is Effect.SET else None
    first = chosen_day(typed.valid_from)
    return Change(found.definition.code, found.scope, effect, first, value, typed.valid_to)


def _preview(at: Here, change: Change) -> Plan:
    return preview_change(at.actor, at.app.store, now=at.now, zone=at.app.settings.zone, change=change)


def _propose(at: Here, change: Change, seen: int, reason: str, key: str, about: str) -> Asked:
    try:
        asked = propose_change(
            at.actor,
            at.app.store,
            now=at.now,
            zone=at.app.settings.zone,
            change=change,
            expected_version=seen,
            reason=reason,
            key=key,
        )
    except ParameterChanged as changed:
        # said once, with the new version in sight above: pressing again means having seen it
        st.session_state[f"_seen_{about}"] = changed.version_no
        raise
    st.session_state.pop(f"_seen_{about}", None)
    st.session_state[f"_done_effect_{about}"] = True
    return asked


def _done(at: Here, asked: Asked) -> str:
    if asked.approval_id is not None:
        return at.t("parameters.asked", id=asked.approval_id)
    versions = [at.t("parameters.version_n", number=number) for number in asked.version_nos]
    return at.t("parameters.made", versions=at.labels.listing(versions))


def _show_preview(at: Here, definition: Definition, plan: Plan | None) -> None:
    if plan is None:
        return
    t = at.t
    st.markdown(f"**{t('parameters.previewed')}**")
    if plan.differences:
        Column = tables.Column[Difference]
        tables.show_rows(
            (
                Column("days", t("parameters.days"), lambda one: days_text(at, one.first_date, one.end_date)),
                Column("before", t("parameters.before"), lambda one: value_text(at, definition, one.before.value)),
                Column("after", t("parameters.after"), lambda one: value_text(at, definition, one.after.value)),
            ),
            plan.differences,
            title=t("parameters.previewed"),
        )
    else:
        st.caption(t("parameters.no_difference"))
    st.caption(t("parameters.needs_approval") if plan.approval_reasons else t("parameters.needs_none"))
