"""What is still open in a unit or with a person, counted by whoever knows: a registry that each area fills.

``register("cases", counter, ("cases", "案件"))`` adds a kind of open work of units, ``register_of_person`` one of
people, ``register_of_agency`` one of agencies. A unit does not close, nobody leaves, and no agency ends while any
counter finds something.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.engine import Connection

from ops_app.domain.errors import Refused
from ops_app.store.casework import open_cases
from ops_app.store.ledger import breaks
from ops_app.store.organisation import units

Counter = Callable[[Connection, str], int]
"""(connection, unit id, person id or agency code) → how many are open."""

_OF_UNIT: dict[str, tuple[Counter, tuple[str, str]]] = {}
_OF_PERSON: dict[str, tuple[Counter, tuple[str, str]]] = {}
_OF_AGENCY: dict[str, tuple[Counter, tuple[str, str]]] = {}


@dataclass(frozen=True)
class Open:
    """One kind of open work: its code, how many there are, and its name in English and 中文."""

    code: str
    count: int
    names: tuple[str, str]


class PersonStillHolds(Refused):
    """Somebody cannot leave while something is open with them; names everything that is."""

    def __init__(self, found: Sequence[Open]) -> None:
        english, chinese = listed(found)
        super().__init__(
            f"This person still holds: {english}. Move it to somebody else first.",
            f"该人员名下仍有：{chinese}。请先转交他人。",
        )


class AgencyStillHolds(Refused):
    """An agency does not end while something is open with it; names everything that is."""

    def __init__(self, found: Sequence[Open]) -> None:
        english, chinese = listed(found)
        super().__init__(
            f"The agency still holds: {english}. Recall or transfer it first.",
            f"该机构仍持有：{chinese}。请先退案或转机构。",
        )


def register(code: str, counter: Counter, names: tuple[str, str]) -> None:
    """Count ``code`` as open work of units; registering a code again replaces its counter."""
    _OF_UNIT[code] = (counter, names)


def register_of_person(code: str, counter: Counter, names: tuple[str, str]) -> None:
    """Count ``code`` as open work of people; registering a code again replaces its counter."""
    _OF_PERSON[code] = (counter, names)


def register_of_agency(code: str, counter: Counter, names: tuple[str, str]) -> None:
    """Count ``code`` as open work of agencies; registering a code again replaces its counter."""
    _OF_AGENCY[code] = (counter, names)


def open_in_unit(connection: Connection, unit_id: str, day: date) -> tuple[Open, ...]:
    """Everything that is open in a unit on ``day`` and after: its people, the units below it, and what is
    registered."""
    tree = units.tree(connection)
    below = {
        row.unit_id
        for row in tree.rows
        if row.parent_id == unit_id and (row.period.valid_to is None or row.period.valid_to > day)
    }
    own = (
        Open("people", units.count_members_from(connection, unit_id, day), ("people", "人员")),
        Open("child_units", len(below), ("units below it", "下级组织")),
    )
    return tuple(one for one in (*own, *_counted(_OF_UNIT, connection, unit_id)) if one.count)


def open_with_person(connection: Connection, person_id: str) -> tuple[Open, ...]:
    """Everything that is registered as open work of people and open with this one."""
    return tuple(one for one in _counted(_OF_PERSON, connection, person_id) if one.count)


def open_with_agency(connection: Connection, agency_code: str) -> tuple[Open, ...]:
    """Everything that is registered as open work of agencies and open with this one."""
    return tuple(one for one in _counted(_OF_AGENCY, connection, agency_code) if one.count)


def listed(found: Sequence[Open]) -> tuple[str, str]:
    """The open work as said in a sentence, in English and 中文."""
    return (
        ", ".join(f"{one.names[0]} ({one.count})" for one in found),
        "、".join(f"{one.names[1]}（{one.count}）" for one in found),
    )


def _counted(
    registry: dict[str, tuple[Counter, tuple[str, str]]], connection: Connection, subject_id: str
) -> list[Open]:
    return [Open(code, counter(connection, subject_id), names) for code, (counter, names) in registry.items()]


CASES = ("cases", "案件")
register("cases", open_cases.in_unit, CASES)
register_of_person("cases", open_cases.with_person, CASES)
register_of_person("breaks", breaks.count_unsettled_of, ("unsettled differences", "未决差异"))
register_of_agency("cases", open_cases.with_agency, CASES)
