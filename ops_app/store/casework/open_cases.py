"""How many open cases are in whose hands: what must be moved before a unit closes, an agency ends, a person leaves."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.engine import Connection

from ops_app.store.tables.casework import cases
from ops_app.store.tables.units import memberships


def with_person(connection: Connection, person_id: str) -> int:
    """Open cases that are assigned to a person."""
    return _count(connection, cases.c.collector_id == person_id)


def in_unit(connection: Connection, unit_id: str) -> int:
    """Open cases of those who belong to a unit now or from a later day on (a stay that ended does not count)."""
    people = select(memberships.c.person_id).where(memberships.c.unit_id == unit_id, memberships.c.valid_to.is_(None))
    return _count(connection, cases.c.collector_id.in_(people))


def with_agency(connection: Connection, agency_code: str) -> int:
    """Open cases that are placed with an agency."""
    return _count(connection, cases.c.agency_code == agency_code)


def _count(connection: Connection, whose: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).where(whose, cases.c.closed_date.is_(None))).scalar_one())
