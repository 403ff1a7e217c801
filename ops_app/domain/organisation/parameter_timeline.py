"""Which value holds on which day: the steps of a scope, and the set of all parameters that answers for any day."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from ops_app.domain.organisation.parameter_values import Value
from ops_app.domain.organisation.parameters import (
    ALL,
    Definition,
    Effect,
    NoSuchParameter,
    ParameterVersion,
    Scope,
)

BEGINNING = date.min
"""From when a default holds."""


@dataclass(frozen=True)
class Held:
    """A value and where it comes from: the ``scope`` that has it and its ``version_no`` there, 0 for a default; from
    ``valid_from_date`` (inclusive) to ``valid_to_date`` (exclusive, ``None``: no end is known)."""

    value: Value
    scope: str
    version_no: int
    valid_from_date: date
    valid_to_date: date | None


@dataclass(frozen=True)
class Step:
    """One live version of one scope with the day on which the next one begins."""

    version: ParameterVersion
    valid_to_date: date | None

    @property
    def valid_from_date(self) -> date:
        return self.version.valid_from_date

    def holds_on(self, day: date) -> bool:
        return self.valid_from_date <= day and (self.valid_to_date is None or day < self.valid_to_date)


def steps(versions: Iterable[ParameterVersion]) -> tuple[Step, ...]:
    """The live versions of one parameter in one scope in the order of their days: those that were not replaced, without
    withdrawn ones. Each ends where the next begins, so they neither overlap nor leave a day between them."""
    known = list(versions)
    replaced = {one.replaces for one in known}
    live = sorted(
        (one for one in known if one.version_no not in replaced and one.effect is not Effect.WITHDRAW),
        key=lambda one: one.valid_from_date,
    )
    ends: list[date | None] = [one.valid_from_date for one in live[1:]]
    return tuple(Step(one, end) for one, end in zip(live, [*ends, None], strict=False))


class _Source:
    """One scope's say: its steps, their first days, and its default."""

    def __init__(self, scope: str, live: tuple[Step, ...], default: Value | None) -> None:
        self.scope = scope
        self.steps = live
        self.starts = [step.valid_from_date for step in live]
        self.default = default


_MOST_ASKED = 10_000


class ParameterSet:
    """Every parameter with every version: answers which value holds for whom on which day.

    Made once for each state of the store; reading it touches no store.
    """

    def __init__(self, definitions: Mapping[str, Definition], versions: Iterable[ParameterVersion]) -> None:
        self.definitions = definitions
        self._asked: dict[tuple[str, Scope], tuple[_Source, ...]] = {}
        self._versions: dict[str, dict[str, list[ParameterVersion]]] = {}
        for one in versions:
            if one.code in definitions:  # a parameter that left the catalogue keeps its history in the store only
                self._versions.setdefault(one.code, {}).setdefault(one.scope, []).append(one)
        self._steps = {
            code: {scope: steps(found) for scope, found in by_scope.items()}
            for code, by_scope in self._versions.items()
        }
        self._values = {
            (one.code, one.scope, one.version_no): definitions[one.code].rule.kept(json.loads(one.value_json))
            for by_scope in self._versions.values()
            for found in by_scope.values()
            for one in found
            if one.value_json is not None
        }

    def definition(self, code: str) -> Definition:
        """The definition of ``code``; raises ``NoSuchParameter``."""
        found = self.definitions.get(code)
        if found is None:
            raise NoSuchParameter(code)
        return found

    def value(self, code: str, on_date: date, scope: Scope = ALL) -> Value:
        """The value of ``code`` for ``scope`` on ``on_date``: that of the most specific scope that has one."""
        return self.held(code, on_date, scope).value

    def held(self, code: str, on_date: date, scope: Scope = ALL) -> Held:
        """The value with its source. Dimensions by which the parameter does not vary are not looked at."""
        for source in self._sources(code, scope):
            place = bisect_right(source.starts, on_date)
            end = source.starts[place] if place < len(source.starts) else None
            step = source.steps[place - 1] if place else None
            if step is not None and step.version.effect is Effect.SET:
                number = step.version.version_no
                return Held(self._values[code, source.scope, number], source.scope, number, step.valid_from_date, end)
            if source.default is not None:
                first = step.valid_from_date if step else BEGINNING
                return Held(source.default, source.scope, 0, first, end)
        raise LookupError(f"{code} has no default")

    def _sources(self, code: str, scope: Scope) -> tuple[_Source, ...]:
        """The scopes that have a say for ``scope``, the most specific first; worked out once for each question."""
        found = self._asked.get((code, scope))
        if found is None:
            definition = self.definition(code)
            defaults = {ALL.text: definition.default, **definition.defaults}
            every = (
                _Source(text, self.steps(code, text), defaults.get(text))
                for text in (one.text for one in scope.only(definition.scopes).widening())
            )
            found = tuple(one for one in every if one.steps or one.default is not None)
            if len(self._asked) >= _MOST_ASKED:
                self._asked.clear()
            self._asked[code, scope] = found
        return found

    def scopes(self, code: str) -> tuple[str, ...]:
        """Every scope that has, or had, a value of its own; ``all`` first."""
        named = set(self.definition(code).defaults) | set(self._versions.get(code, {}))
        return (ALL.text, *sorted(named - {ALL.text}))

    def versions(self, code: str, scope: str) -> Sequence[ParameterVersion]:
        """All versions of ``code`` in ``scope`` in the order of their numbers, replaced and withdrawn ones too."""
        return self._versions.get(code, {}).get(scope, ())

    def version_value(self, version: ParameterVersion) -> Value | None:
        """The value of a version; ``None`` where it sets none."""
        return self._values.get((version.code, version.scope, version.version_no))

    def steps(self, code: str, scope: str) -> tuple[Step, ...]:
        """The live versions of ``code`` in ``scope``."""
        return self._steps.get(code, {}).get(scope, ())

    def pieces(self, code: str, scope: Scope, first: date, end: date | None) -> list[Held]:
        """What holds for ``scope`` from ``first`` until before ``end``, in pieces; the last piece may be open."""
        definition = self.definition(code)
        edges = {first}
        for candidate in scope.only(definition.scopes).widening():
            edges |= {step.valid_from_date for step in self.steps(code, candidate.text)}
        inside = sorted(day for day in edges if first <= day and (end is None or day < end))
        found: list[Held] = []
        for day, following in pairwise([*inside, end]):
            assert day is not None
            held = self.held(code, day, scope)
            last = found[-1] if found else None
            if last and (last.value, last.scope, last.version_no) == (held.value, held.scope, held.version_no):
                found[-1] = Held(last.value, last.scope, last.version_no, last.valid_from_date, following)
            else:
                found.append(Held(held.value, held.scope, held.version_no, day, following))
        return found
