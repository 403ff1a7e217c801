"""Parameters as people read them: the list on a day, and the record of one with its whole history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from ops_app.domain.organisation.parameter_timeline import Held, ParameterSet, Step
from ops_app.domain.organisation.parameter_values import Value
from ops_app.domain.organisation.parameters import ALL, Definition, ParameterVersion, Scope
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_page, check_sort
from ops_app.services.act import act
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.organisation import parameters as stored
from ops_app.store.store import Store

SORTABLE = ("code", "name", "next_date", "changed_at")


@dataclass(frozen=True)
class ParameterFilter:
    """What a list of parameters is narrowed by; ``text`` is found in code, name and help of either language."""

    area: str | None = None
    text: str | None = None
    changed_only: bool = False


@dataclass(frozen=True)
class ParameterRow:
    """One parameter on a day: what holds for all, what comes next and when, and how many narrower scopes have values of
    their own. ``version_no`` is the newest for all (0: the default only)."""

    definition: Definition
    held: Held
    next_date: date | None
    next_value: Value | None
    narrower: int
    version_no: int
    changed_at: datetime | None


@dataclass(frozen=True)
class ParametersPage:
    """One page of a list of parameters; ``total`` counts all that match."""

    rows: tuple[ParameterRow, ...]
    total: int
    page: int
    page_size: int


@dataclass(frozen=True)
class Past:
    """One version with its value, who made it, and the days on which it holds: none where it was replaced, withdrawn,
    or is itself a withdrawal."""

    version: ParameterVersion
    value: Value | None
    made_by_name: str
    step: Step | None


@dataclass(frozen=True)
class ParameterRecord:
    """One parameter in one scope: what holds on the day, every version (the newest first), and the scopes that have
    values of their own. ``expected_version`` is what a change must name."""

    definition: Definition
    scope: Scope
    held: Held
    history: tuple[Past, ...]
    scopes: tuple[str, ...]

    @property
    def expected_version(self) -> int:
        return len(self.history)


@act("parameters.view")
def list_parameters(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    on_date: date,
    wanted: ParameterFilter | None = None,
    sort: str = "code",
    descending: bool = False,
    page: int = 1,
    page_size: int = 50,
) -> ParametersPage:
    """One page (from 1) of the parameters that match ``wanted``, as they are on ``on_date``; ``sort`` is one of
    ``SORTABLE``."""
    check_sort(sort, SORTABLE, "Parameters")
    check_page(page, page_size)
    with store.reading() as connection:
        known = in_force(connection)
    filters = wanted or ParameterFilter()
    rows = [_row(known, one, on_date) for one in known.definitions.values() if _matches(one, filters)]
    if filters.changed_only:
        rows = [row for row in rows if row.changed_at is not None]
    rows.sort(key=lambda row: row.definition.code)
    rows.sort(key=_sort_key(sort, actor.language), reverse=descending)
    first = (page - 1) * page_size
    return ParametersPage(tuple(rows[first : first + page_size]), len(rows), page, page_size)


def _matches(definition: Definition, wanted: ParameterFilter) -> bool:
    if wanted.area is not None and definition.area != wanted.area:
        return False
    text = (wanted.text or "").strip().casefold()
    return any(text in one.casefold() for one in (definition.code, *definition.name, *definition.help))


def _row(known: ParameterSet, definition: Definition, on_date: date) -> ParameterRow:
    code = definition.code
    pieces = known.pieces(code, ALL, on_date, None)
    upcoming = pieces[1] if len(pieces) > 1 else None
    made = [one for scope in known.scopes(code) for one in known.versions(code, scope)]
    return ParameterRow(
        definition=definition,
        held=known.held(code, on_date),
        next_date=upcoming.valid_from_date if upcoming else None,
        next_value=upcoming.value if upcoming else None,
        narrower=len(known.scopes(code)) - 1,
        version_no=len(known.versions(code, ALL.text)),
        changed_at=max((one.made_at for one in made), default=None),
    )


def _sort_key(sort: str, language: str) -> Any:
    if sort == "name":
        return lambda row: row.definition.name[1 if language == "zh" else 0]
    if sort == "next_date":
        return lambda row: row.next_date or date.max
    if sort == "changed_at":
        return lambda row: "" if row.changed_at is None else row.changed_at.isoformat()
    return lambda row: row.definition.code


@act("parameters.view")
def read_parameter(
    actor: Actor, store: Store, *, now: datetime, on_date: date, code: str, scope: Scope = ALL
) -> ParameterRecord:
    """One parameter in ``scope`` as it is on ``on_date``, with its whole history. Raises ``NoSuchParameter``."""
    with store.reading() as connection:
        known = in_force(connection)
        definition = known.definition(code)
        definition.check_scope(scope)
        versions = known.versions(code, scope.text)
        names = stored.names(connection, [one.made_by for one in versions])
    live = {step.version.version_no: step for step in known.steps(code, scope.text)}
    history = tuple(
        Past(one, known.version_value(one), names.get(one.made_by, one.made_by), live.get(one.version_no))
        for one in reversed(versions)
    )
    # until the day on which another value or another scope has its say, not only the next step of the same scope
    held = replace(
        known.held(code, on_date, scope), valid_to_date=known.pieces(code, scope, on_date, None)[0].valid_to_date
    )
    return ParameterRecord(definition, scope, held, history, known.scopes(code))
