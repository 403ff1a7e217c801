"""Units in the store: the rows of the tree, and who belongs to which unit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from ops_app.domain.canonical import key_hash
from ops_app.domain.organisation.people import Role
from ops_app.domain.organisation.periods import Period
from ops_app.domain.organisation.units import Tree, UnitKind, UnitPeriod
from ops_app.store.store import Transaction
from ops_app.store.tables.organisation import people
from ops_app.store.tables.units import memberships, unit_periods, units


@dataclass(frozen=True)
class Unit:
    """What of a unit never changes with a day, and who changed it last."""

    unit_id: str
    unit_code: str
    kind: UnitKind
    changed_at: datetime
    changed_by: str
    version: int


@dataclass(frozen=True)
class Membership:
    """One person's stay in one unit."""

    membership_id: str
    person_id: str
    display_name: str
    sign_in_name: str
    role: Role
    unit_id: str
    period: Period


def tree(connection: Connection) -> Tree:
    """Every row of the tree."""
    rows = connection.execute(
        select(
            unit_periods.c.unit_id,
            units.c.kind,
            unit_periods.c.parent_id,
            unit_periods.c.name,
            unit_periods.c.valid_from,
            unit_periods.c.valid_to,
        )
        .join_from(unit_periods, units, unit_periods.c.unit_id == units.c.unit_id)
        .order_by(unit_periods.c.unit_id, unit_periods.c.valid_from)
    )
    return Tree(
        tuple(
            UnitPeriod(row.unit_id, UnitKind(row.kind), row.parent_id, row.name, Period(row.valid_from, row.valid_to))
            for row in rows
        )
    )


def lock(connection: Connection) -> None:
    """Hold the whole tree until the end of the transaction: two changes at once could make a circle together."""
    connection.execute(select(units.c.unit_id).order_by(units.c.unit_id).with_for_update()).all()


def all_units(connection: Connection) -> dict[str, Unit]:
    """Unit id → unit."""
    return {row.unit_id: _unit(row) for row in connection.execute(_units())}


def by_id(connection: Connection, unit_id: str) -> Unit | None:
    """The unit of an id."""
    row = connection.execute(_units().where(units.c.unit_id == unit_id)).first()
    return None if row is None else _unit(row)


def _units() -> Select[Any]:
    return select(
        units.c.unit_id, units.c.unit_code, units.c.kind, units.c.changed_at, units.c.changed_by, units.c.version
    )


def _unit(row: Row[Any]) -> Unit:
    values = dict(row._mapping)
    return Unit(kind=UnitKind(values.pop("kind")), **values)


def add(transaction: Transaction, unit_code: str, row: UnitPeriod) -> None:
    """Insert a unit and its first row; code and head office are unique."""
    transaction.connection.execute(
        insert(units).values(
            unit_id=row.unit_id,
            unit_code=unit_code,
            kind=row.kind.value,
            created_at=transaction.now,
            changed_at=transaction.now,
            changed_by=transaction.actor.name,
            version=1,
        )
    )
    add_row(transaction, row)


def add_row(transaction: Transaction, row: UnitPeriod) -> None:
    """Insert a row of the tree."""
    transaction.connection.execute(
        insert(unit_periods).values(
            period_id=key_hash("unit_period", row.unit_id, row.period.valid_from.isoformat()),
            unit_id=row.unit_id,
            parent_id=row.parent_id,
            name=row.name,
            valid_from=row.period.valid_from,
            valid_to=row.period.valid_to,
            recorded_at=transaction.now,
            recorded_by=transaction.actor.person_id,
        )
    )


def end_row(transaction: Transaction, unit_id: str, valid_to: date) -> None:
    """End the open row of a unit."""
    transaction.connection.execute(
        update(unit_periods)
        .where(unit_periods.c.unit_id == unit_id, unit_periods.c.valid_to.is_(None))
        .values(valid_to=valid_to)
    )


def touch(transaction: Transaction, unit_id: str, version: int) -> bool:
    """Note that the unit changed, if nobody did since ``version``; says whether it did."""
    done = transaction.connection.execute(
        update(units)
        .where(units.c.unit_id == unit_id, units.c.version == version)
        .values(version=units.c.version + 1, changed_at=transaction.now, changed_by=transaction.actor.name)
    )
    return done.rowcount == 1


def _members() -> Select[Any]:
    return select(
        memberships.c.membership_id,
        memberships.c.person_id,
        people.c.display_name,
        people.c.sign_in_name,
        people.c.role_code,
        memberships.c.unit_id,
        memberships.c.valid_from,
        memberships.c.valid_to,
    ).join_from(memberships, people)


def _membership(row: Row[Any]) -> Membership:
    return Membership(
        row.membership_id,
        row.person_id,
        row.display_name,
        row.sign_in_name,
        Role(row.role_code),
        row.unit_id,
        Period(row.valid_from, row.valid_to),
    )


def members_on(connection: Connection, unit_id: str, day: date) -> list[Membership]:
    """Who belongs to the unit itself on ``day``, by name."""
    rows = connection.execute(
        _members()
        .where(
            memberships.c.unit_id == unit_id,
            memberships.c.valid_from <= day,
            or_(memberships.c.valid_to.is_(None), memberships.c.valid_to > day),
        )
        .order_by(people.c.display_name, people.c.person_id)
    )
    return [_membership(row) for row in rows]


def count_members_from(connection: Connection, unit_id: str, day: date) -> int:
    """How many memberships of the unit still hold on ``day`` or begin later."""
    found: int = connection.execute(
        select(func.count()).where(
            memberships.c.unit_id == unit_id, or_(memberships.c.valid_to.is_(None), memberships.c.valid_to > day)
        )
    ).scalar_one()
    return found


def memberships_of(connection: Connection, person_id: str) -> list[Membership]:
    """Every stay of a person, oldest first."""
    rows = connection.execute(_members().where(memberships.c.person_id == person_id).order_by(memberships.c.valid_from))
    return [_membership(row) for row in rows]


def add_membership(transaction: Transaction, person_id: str, unit_id: str, period: Period) -> str:
    """Insert a stay; the store refuses one that shares a day with another of the same person. Returns its id."""
    membership_id = key_hash("membership", person_id, period.valid_from.isoformat())
    transaction.connection.execute(
        insert(memberships).values(
            membership_id=membership_id,
            person_id=person_id,
            unit_id=unit_id,
            valid_from=period.valid_from,
            valid_to=period.valid_to,
            recorded_at=transaction.now,
            recorded_by=transaction.actor.person_id,
        )
    )
    return membership_id


def end_membership(transaction: Transaction, membership_id: str, valid_to: date) -> bool:
    """End an open stay; says whether it was open."""
    done = transaction.connection.execute(
        update(memberships)
        .where(memberships.c.membership_id == membership_id, memberships.c.valid_to.is_(None))
        .values(valid_to=valid_to)
    )
    return done.rowcount == 1
