"""The asset company's tree of units: look at any day, add, move, rename, close (feature 8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.exc import IntegrityError

from ops_app.domain.errors import Conflict
from ops_app.domain.organisation import units as rules
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.periods import Period
from ops_app.domain.organisation.units import (
    NoSuchUnit,
    UnitKind,
    UnitPeriod,
    UnitStillHolds,
    checked_unit_code,
    checked_unit_name,
    unit_id_of,
)
from ops_app.services.act import act
from ops_app.services.organisation.open_work import Open, listed, open_in_unit
from ops_app.services.organisation.people import checked_why
from ops_app.store.organisation import units
from ops_app.store.organisation.units import Membership, Unit
from ops_app.store.store import Store, Transaction

__all__ = [
    "TreeRow",
    "UnitRecord",
    "add_unit",
    "change_unit",
    "close_unit",
    "read_tree",
    "read_unit",
]


@dataclass(frozen=True)
class TreeRow:
    """One unit of the tree on a day: how deep it lies, and what it is."""

    depth: int
    unit: Unit
    row: UnitPeriod


@dataclass(frozen=True)
class UnitRecord:
    """One unit on a day: where it lies, its rows so far and to come, who belongs to it, what is open in it."""

    unit: Unit
    row: UnitPeriod
    path: tuple[UnitPeriod, ...]
    rows: tuple[UnitPeriod, ...]
    members: tuple[Membership, ...]
    open_work: tuple[Open, ...]


@act("organisation.view")
def read_tree(actor: Actor, store: Store, *, now: datetime, day: date) -> tuple[TreeRow, ...]:
    """The tree as it is, was or will be on ``day``, parents before children."""
    with store.reading() as connection:
        tree, known = units.tree(connection), units.all_units(connection)
    return tuple(TreeRow(depth, known[row.unit_id], row) for depth, row in tree.in_order(day))


@act("organisation.view")
def read_unit(actor: Actor, store: Store, *, now: datetime, unit_id: str, day: date) -> UnitRecord:
    """One unit as it is on ``day``. Raises ``NoSuchUnit``."""
    with store.reading() as connection:
        tree, unit = units.tree(connection), units.by_id(connection, unit_id)
        if unit is None:
            raise NoSuchUnit
        path = tree.path(unit_id, day)
        return UnitRecord(
            unit,
            path[-1],
            path,
            tree.of(unit_id),
            tuple(units.members_on(connection, unit_id, day)),
            open_in_unit(connection, unit_id, day),
        )


@act("organisation.manage")
def add_unit(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    unit_code: str,
    name: str,
    kind: UnitKind,
    parent_id: str | None,
    valid_from: date,
    valid_to: date | None = None,
) -> UnitPeriod:
    """Add a unit under ``parent_id`` (the head office: under nothing) for a period. Raises ``Invalid`` by its field, or
    ``Conflict`` when the code was ever given."""
    code = checked_unit_code(unit_code)
    row = UnitPeriod(unit_id_of(code), kind, parent_id, checked_unit_name(name), Period(valid_from, valid_to))
    with store.writing(actor, now) as transaction:
        units.lock(transaction.connection)
        rules.added(units.tree(transaction.connection), row)
        try:
            units.add(transaction, code, row)
        except IntegrityError as error:
            raise Conflict(
                "There is a head office, or this unit code, already.", "总部或该组织代码已存在。", field="unit_code"
            ) from error
        transaction.audit("unit.added", "unit", row.unit_id, after={"unit_code": code, **_facts(row)})
    return row


@act("organisation.manage")
def change_unit(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    unit_id: str,
    version: int,
    parent_id: str | None,
    name: str,
    valid_from: date,
    reason: str,
) -> UnitPeriod:
    """Move a unit under another parent, or rename it, from ``valid_from`` on; its old row ends there.

    ``version`` is what the caller saw: ``Conflict`` names who changed it since. Raises ``NoSuchUnit``,
    ``UnitChangesLater`` or ``WrongPlace`` (a circle, a parent that is not there for as long).
    """
    why, called = checked_why(reason), checked_unit_name(name)
    with store.writing(actor, now) as transaction:
        before = _locked(transaction, unit_id, version)
        tree = units.tree(transaction.connection)
        last = tree.of(unit_id)[-1]
        after = rules.changed(tree, unit_id, parent_id=parent_id, name=called, valid_from=valid_from)
        new = after.of(unit_id)[-1]
        units.end_row(transaction, unit_id, valid_from)
        units.add_row(transaction, new)
        units.touch(transaction, unit_id, before.version)
        transaction.audit("unit.changed", "unit", unit_id, before=_facts(last), after=_facts(new), reason=why)
    return new


@act("organisation.manage")
def close_unit(
    actor: Actor, store: Store, *, now: datetime, unit_id: str, version: int, valid_to: date, reason: str
) -> None:
    """Close a unit: ``valid_to`` is the first day without it. Refused with everything that is still open in it
    (``UnitStillHolds``); otherwise raises as ``change_unit``."""
    why = checked_why(reason)
    with store.writing(actor, now) as transaction:
        before = _locked(transaction, unit_id, version)
        found = open_in_unit(transaction.connection, unit_id, valid_to)
        if found:
            raise UnitStillHolds(*listed(found))
        tree = units.tree(transaction.connection)
        last = tree.of(unit_id)[-1]
        rules.closed(tree, unit_id, valid_to=valid_to)
        units.end_row(transaction, unit_id, valid_to)
        units.touch(transaction, unit_id, before.version)
        transaction.audit(
            "unit.closed", "unit", unit_id, before=_facts(last), after=_facts(last) | {"valid_to": valid_to}, reason=why
        )


def _locked(transaction: Transaction, unit_id: str, version: int) -> Unit:
    units.lock(transaction.connection)
    unit = units.by_id(transaction.connection, unit_id)
    if unit is None:
        raise NoSuchUnit
    if unit.version != version:
        raise Conflict(
            f"{unit.changed_by} changed this unit meanwhile. Look again.",
            f"{unit.changed_by} 已先行变更该组织，请刷新后再试。",
        )
    return unit


def _facts(row: UnitPeriod) -> dict[str, object]:
    return {
        "kind": row.kind,
        "name": row.name,
        "parent_id": row.parent_id,
        "valid_from": row.period.valid_from,
        "valid_to": row.period.valid_to,
    }
