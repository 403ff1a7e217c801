"""Checks of what must always hold of parameters: their versions follow one another, closed periods keep theirs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import Invalid
from ops_app.domain.findings import Finding, broken, holds
from ops_app.domain.organisation.parameter_timeline import steps
from ops_app.domain.organisation.parameters import GENESIS, Definition, Effect, ParameterVersion, sealed
from ops_app.services.organisation.closed_periods import kept_in
from ops_app.services.organisation.parameter_catalogue import catalogue
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.organisation import audit, parameters
from ops_app.store.store import Store

INVARIANT = 13
VERSIONS_NAME = "versions of a parameter follow one another without overlap or gap"
CLOSED_NAME = "a closed period keeps the parameters it was computed with"


def verify_versions(store: Store) -> Finding:
    """Invariant 13: every version is what it was when it was made, numbers have no gap, of the live versions of one
    scope each ends where the next begins, and each value is one that its parameter may have. Names the first wrong
    version."""
    with store.reading() as connection:
        made = parameters.all_versions(connection)
    wrong = _first_wrong(made)
    return broken(INVARIANT, VERSIONS_NAME, len(made), wrong) if wrong else holds(INVARIANT, VERSIONS_NAME, len(made))


def verify_closed_periods(store: Store) -> Finding:
    """Invariant 13: what a closed period kept is what was audited when it was closed, and no version made since reaches
    into it. Names the first wrong period."""
    with store.reading() as connection:
        known = in_force(connection)
        periods = parameters.periods(connection)
        said = audit.facts_after(connection, "period.closed")
    for one in sorted(periods, key=lambda it: it.closed_at):
        kept = json.loads(one.versions_json)
        name = f"{one.area} {one.first_date} to {one.end_date}"
        if said.get(one.period_id, {}).get("parameters") != content_hash(kept):
            return broken(INVARIANT, CLOSED_NAME, len(periods), f"{name}: what it kept is not what was audited")
        if _by_versions(kept, known.definitions) != _by_versions(kept_in(known, one), known.definitions):
            return broken(INVARIANT, CLOSED_NAME, len(periods), f"{name}: a version made since reaches into it")
    return holds(INVARIANT, CLOSED_NAME, len(periods))


def _first_wrong(made: Sequence[ParameterVersion]) -> str | None:
    definitions, before = catalogue().definitions, GENESIS
    by_scope: dict[tuple[str, str], list[ParameterVersion]] = {}
    for number, one in enumerate(made, start=1):
        name = f"version {one.version_no} of {one.code} ({one.scope})"
        if one.seq != number or one.prev_id != before:
            return f"{name}: a version before it is missing"
        if sealed(one).version_id != one.version_id:
            return f"{name}: it is not what it was when it was made"
        before = one.version_id
        same = by_scope.setdefault((one.code, one.scope), [])
        same.append(one)
        if one.version_no != len(same):
            return f"{name}: its number does not follow the one before"
        if one.effect is Effect.SET and (why := _wrong_value(definitions, one)):
            return f"{name}: {why}"
    for (code, scope), versions in sorted(by_scope.items()):
        for step, following in pairwise(steps(versions)):
            if step.valid_to_date != following.valid_from_date or step.valid_from_date >= following.valid_from_date:
                return f"version {following.version.version_no} of {code} ({scope}): it does not follow the one before"
    return None


def _wrong_value(definitions: Mapping[str, Definition], one: ParameterVersion) -> str | None:
    if one.code not in definitions:  # it left the catalogue; its history stays
        return None
    try:
        definitions[one.code].rule.kept(json.loads(one.value_json or "null"))
    except (Invalid, ValueError, TypeError) as error:
        return f"its value cannot be read ({error})"
    return None


def _by_versions(kept: Sequence[Mapping[str, Any]], definitions: Mapping[str, Definition]) -> list[str]:
    """What rests on versions that people made. Defaults may read otherwise in a later release; the period keeps its
    own."""
    return sorted(
        content_hash(row) for row in json.loads(json.dumps(kept, default=str))
        if row["version_no"] > 0 and row["code"] in definitions
    )  # fmt: skip
