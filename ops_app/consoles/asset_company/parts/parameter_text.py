"""Values of parameters as people read and type them, and what differs between two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.labels import EMPTY
from ops_app.domain.money import Money
from ops_app.domain.organisation.parameter_ranges import Range
from ops_app.domain.organisation.parameter_timeline import BEGINNING, Held
from ops_app.domain.organisation.parameter_values import ParameterKind, Value
from ops_app.domain.organisation.parameters import DIMENSIONS, Definition, Scope
from ops_app.services.organisation.parameter_catalogue import Names, catalogue


def pair(at: Here, texts: tuple[str, str]) -> str:
    """The text of a pair (English, 中文) in the person's language."""
    return texts[1] if at.actor.language == "zh" else texts[0]


def value_text(at: Here, definition: Definition, value: Value | None) -> str:
    """A value with its unit."""
    labels = at.labels
    if value is None:
        return EMPTY
    if isinstance(value, Money):
        return labels.money(value.minor, value.currency)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, Decimal):
        return labels.share(value) if definition.rule.kind is ParameterKind.SHARE else str(value)
    if isinstance(value, int):
        return f"{labels.count(value)} {pair(at, definition.unit)}" if definition.unit else labels.count(value)
    if isinstance(value, str):
        return labels.named(definition.code_names, value)
    return labels.listing([_part(at, definition, one) for one in value])


def _part(at: Here, definition: Definition, one: str | Range) -> str:
    return f"{one.code} {one.span}" if isinstance(one, Range) else at.labels.named(definition.code_names, one)


def typed_text(value: Value) -> str:
    """A value as a person would type it."""
    if isinstance(value, Money):
        return str(value.amount)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, tuple):
        return "\n".join(f"{one.code} {one.span}" if isinstance(one, Range) else one for one in value)
    return str(value)


def scope_text(at: Here, scope: Scope) -> str:
    """For whom a value holds, in words."""
    named = []
    for name in scope.named:
        code = str(getattr(scope, name))
        known = pair(at, names_of(name)[code]) if code in names_of(name) else code
        named.append(f"{at.t(f'parameters.dimensions.{name}')} {known}")
    return " · ".join(named) or at.t("parameters.scope_all")


def names_of(dimension: str) -> Names:
    """The codes of a dimension that have names."""
    assert dimension in DIMENSIONS
    known = catalogue()
    return {"product": known.products, "pack": known.packs, "lender": known.lenders}[dimension]


def source_text(at: Here, held: Held) -> str:
    """Where a value comes from."""
    scope = scope_text(at, Scope.parse(held.scope))
    if held.version_no == 0:
        return at.t("parameters.comes_default", scope=scope)
    return at.t("parameters.comes_version", number=held.version_no, scope=scope)


def days_text(at: Here, first: date, end: date | None) -> str:
    """From when until before when."""
    if first == BEGINNING and end is None:
        return at.t("parameters.always")
    shown = at.t("parameters.always") if first == BEGINNING else at.labels.day(first)
    if end is None:
        return at.t("parameters.days_open", first=shown)
    return at.t("parameters.days_closed", first=shown, end=at.labels.day(end))


def bounds_text(at: Here, definition: Definition) -> str:
    """What is allowed."""
    rule = definition.rule
    if rule.kind in (ParameterKind.CODE, ParameterKind.CODES, ParameterKind.RANGES):
        return at.labels.listing([at.labels.named(definition.code_names, code) for code in rule.codes])
    if rule.least is None or rule.most is None:
        return EMPTY

    def shown(bound: Decimal) -> str:
        if isinstance(definition.default, Money):
            return at.labels.money(int(bound), definition.default.currency)
        return at.labels.share(bound) if rule.kind is ParameterKind.SHARE else at.labels.count(int(bound))

    return at.t("parameters.bounds_between", least=shown(rule.least), most=shown(rule.most))


def differences(
    at: Here, definition: Definition, older: Value | None, newer: Value | None
) -> list[tuple[str, str, str]]:
    """What differs between two values: what, before and after. Ranges and codes are compared one by one."""
    if older == newer:
        return []
    if definition.rule.kind is ParameterKind.RANGES:
        spans = [{one.code: one.span for one in _ranges(value)} for value in (older, newer)]
        codes = [code for code in definition.rule.codes if spans[0].get(code) != spans[1].get(code)]
        return [(code, spans[0].get(code, EMPTY), spans[1].get(code, EMPTY)) for code in codes]
    if definition.rule.kind is ParameterKind.CODES and isinstance(older, tuple) and isinstance(newer, tuple):
        yes, no = at.t("parameters.chosen"), at.t("parameters.not_chosen")
        return [
            (at.labels.named(definition.code_names, code), yes if code in older else no, yes if code in newer else no)
            for code in definition.rule.codes
            if (code in older) != (code in newer)
        ]
    return [(pair(at, definition.name), value_text(at, definition, older), value_text(at, definition, newer))]


def _ranges(value: Value | None) -> Sequence[Range]:
    return [one for one in value if isinstance(one, Range)] if isinstance(value, tuple) else ()
