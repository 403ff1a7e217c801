"""A change of a parameter: what it would make, what would differ from which day, and whether it may be made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.parameter_timeline import Held, ParameterSet, Step
from ops_app.domain.organisation.parameter_values import Value, stored_text
from ops_app.domain.organisation.parameters import (
    GENESIS,
    Effect,
    HeldElsewhere,
    ParameterVersion,
    PeriodClosed,
    Scope,
)

EARLIEST = date(2000, 1, 1)
FARTHEST_AHEAD = timedelta(days=3660)

_NEVER = datetime.min.replace(tzinfo=UTC)

RISKY = "risky"
BACK_DATED = "back_dated"


@dataclass(frozen=True)
class Change:
    """What somebody wants from ``valid_from_date`` until before ``valid_to_date`` (``None``: until the next change).

    ``scope`` has ``value`` (``SET``), has none of its own (``FOLLOW``), or the planned version of that day does not
    happen (``WITHDRAW``).
    """

    code: str
    scope: Scope
    effect: Effect
    valid_from_date: date
    value: Value | None = None
    valid_to_date: date | None = None


@dataclass(frozen=True)
class Area:
    """Days of an area that are closed: from ``first_date`` until before ``end_date``."""

    area: str
    first_date: date
    end_date: date


@dataclass(frozen=True)
class NewVersion:
    """One version that a change makes."""

    effect: Effect
    value: Value | None
    valid_from_date: date
    replaces: int | None


@dataclass(frozen=True)
class Difference:
    """From ``first_date`` until before ``end_date`` (``None``: open) it would be ``after`` and not ``before``."""

    first_date: date
    end_date: date | None
    before: Held
    after: Held


@dataclass(frozen=True)
class Plan:
    """A change that may be made: the versions it makes, what differs, and why it needs an approval (nothing: it does
    not)."""

    change: Change
    versions: tuple[NewVersion, ...]
    differences: tuple[Difference, ...]
    approval_reasons: tuple[str, ...]


def plan(known: ParameterSet, change: Change, *, today: date, closed: Iterable[Area]) -> Plan:
    """What ``change`` would do, or the refusal: ``Invalid`` by field, ``HeldElsewhere``, ``PeriodClosed``."""
    definition = known.definition(change.code)
    if definition.held_in is not None:
        raise HeldElsewhere(definition)
    definition.check_scope(change.scope)
    if change.effect is Effect.SET:
        definition.rule.read(change.value)
    _check_days(change, today)
    own = known.steps(change.code, change.scope.text)
    following = next((step for step in own if step.valid_from_date > change.valid_from_date), None)
    _check_end(change, following)
    if change.effect is Effect.WITHDRAW:
        _check_planned(change, own, today)
    versions = _versions(known, change, own, following)
    end = change.valid_to_date or (following.valid_from_date if following else None)
    for one in closed:
        if (
            one.area == definition.area
            and one.end_date > change.valid_from_date
            and (end is None or one.first_date < end)
        ):
            raise PeriodClosed(one.area, one.first_date, one.end_date - timedelta(days=1))
    after = _with(known, change, versions)
    if change.effect is not Effect.WITHDRAW and _own(known, change, end) == _own(after, change, end):
        raise Invalid("This is what holds already.", "与现行取值相同。", field="value")
    reasons = ((RISKY,) if definition.risky else ()) + ((BACK_DATED,) if change.valid_from_date < today else ())
    return Plan(change, versions, _differences(known, after, change, end), reasons)


def chosen_day(day: date | None) -> date:
    """The day on which a change begins; raises ``Invalid`` where none was chosen."""
    if day is None:
        raise Invalid("Choose the day from which it holds.", "请选择生效日。", field="valid_from")
    return day


def _check_days(change: Change, today: date) -> None:
    if not EARLIEST <= change.valid_from_date <= today + FARTHEST_AHEAD:
        raise Invalid(
            f"Choose a day between {EARLIEST} and {today + FARTHEST_AHEAD}.",
            f"请选择 {EARLIEST} 至 {today + FARTHEST_AHEAD} 之间的日期。",
            field="valid_from",
        )
    if change.valid_to_date is not None and change.valid_to_date <= change.valid_from_date:
        raise Invalid("The end lies after the first day.", "截止日应晚于生效日。", field="valid_to")


def _check_end(change: Change, following: Step | None) -> None:
    if change.valid_to_date is None or following is None or change.valid_to_date <= following.valid_from_date:
        return
    number, day = following.version.version_no, following.valid_from_date
    raise Invalid(
        f"Version {number} begins on {day} and would overlap. End this one on that day at the latest, or withdraw "
        f"version {number} first.",
        f"第 {number} 版自 {day} 起生效，期间重叠。请将截止日设为不晚于该日，或先撤销第 {number} 版。",
        field="valid_to",
    )


def _check_planned(change: Change, own: tuple[Step, ...], today: date) -> None:
    if change.valid_from_date <= today or change.valid_from_date not in {step.valid_from_date for step in own}:
        raise Conflict(
            "Only a change that is still to come can be withdrawn.", "仅可撤销尚未生效的变更。", field="valid_from"
        )


def _versions(
    known: ParameterSet, change: Change, own: tuple[Step, ...], following: Step | None
) -> tuple[NewVersion, ...]:
    heads = _heads(known.versions(change.code, change.scope.text))
    first = NewVersion(change.effect, change.value, change.valid_from_date, heads.get(change.valid_from_date))
    end = change.valid_to_date
    if end is None or (following is not None and following.valid_from_date == end):
        return (first,)
    before = next((step.version for step in own if step.holds_on(end)), None)
    if before is None:
        return first, NewVersion(Effect.FOLLOW, None, end, heads.get(end))
    return first, NewVersion(before.effect, known.version_value(before), end, heads.get(end))


def _heads(versions: Iterable[ParameterVersion]) -> dict[date, int]:
    """For each day that ever had a version, the number of the one that was not replaced."""
    return {one.valid_from_date: one.version_no for one in versions}


def _with(known: ParameterSet, change: Change, versions: Iterable[NewVersion]) -> ParameterSet:
    """The set as it would be after the change; only the changed parameter is in it."""
    scope = change.scope.text
    made = [one for text in known.scopes(change.code) for one in known.versions(change.code, text)]
    number = len(known.versions(change.code, scope))
    for offset, one in enumerate(versions, start=1):
        made.append(
            ParameterVersion(
                seq=0,
                code=change.code,
                scope=scope,
                version_no=number + offset,
                effect=one.effect,
                value_json=None if one.value is None else stored_text(one.value),
                valid_from_date=one.valid_from_date,
                replaces=one.replaces,
                made_by="",
                made_at=_NEVER,
                approval_id=None,
                reason="",
                prev_id=GENESIS,
            )
        )
    return ParameterSet({change.code: known.definition(change.code)}, made)


def _own(known: ParameterSet, change: Change, end: date | None) -> list[tuple[date, Value | None]]:
    """What the scope itself has between the change's first day and ``end``: days on which it changes, and to what."""
    found: list[tuple[date, Value | None]] = [(change.valid_from_date, None)]
    for step in known.steps(change.code, change.scope.text):
        if end is not None and step.valid_from_date >= end:
            continue
        day, value = max(step.valid_from_date, change.valid_from_date), known.version_value(step.version)
        if step.valid_to_date is None or step.valid_to_date > change.valid_from_date:
            found = [*(one for one in found if one[0] != day), (day, value)]
    return [one for place, one in enumerate(found) if place == 0 or found[place - 1][1] != one[1]]


def _differences(before: ParameterSet, after: ParameterSet, change: Change, end: date | None) -> tuple[Difference, ...]:
    first = change.valid_from_date
    edges = {first} | {
        piece.valid_from_date
        for known in (before, after)
        for piece in known.pieces(change.code, change.scope, first, end)
    }
    found = []
    for day, following in pairwise([*sorted(edges), end]):
        assert day is not None
        old, new = (known.held(change.code, day, change.scope) for known in (before, after))
        if old.value != new.value:
            found.append(Difference(day, following, old, new))
    return tuple(found)
