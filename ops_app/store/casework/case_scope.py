"""Whose cases somebody reads: the conditions that bind every query of cases to a scope."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, false, or_, select
from sqlalchemy.engine import Connection

from ops_app.domain.casework.scope import Reach, Scope
from ops_app.store.tables.casework import assignments, cases, placements
from ops_app.store.tables.units import memberships
from ops_app.store.zone import day_of


def within(scope: Scope, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions that bind a query of cases to ``scope`` at ``now``; every reader of cases uses them."""
    return [*_reached(scope, now), *left_of(scope, now)]


def left_of(scope: Scope, now: datetime) -> list[ColumnElement[bool]]:
    """What is left to somebody whose cases are narrowed: those of some sources, or of the collectors of some units."""
    left: list[ColumnElement[bool]] = []
    if scope.sources is not None:
        left.append(cases.c.source_code.in_(sorted(scope.sources)))
    if scope.units is not None:
        left.append(cases.c.collector_id.in_(members_of(scope.units, now)))
    return left


def members_of(units: frozenset[str], now: datetime) -> Select[Any]:
    """The ids of those who belong to any of ``units`` on the day of ``now`` in the house's zone."""
    day = day_of(now)
    return select(memberships.c.person_id).where(
        memberships.c.unit_id.in_(sorted(units)),
        memberships.c.valid_from <= day,
        or_(memberships.c.valid_to.is_(None), memberships.c.valid_to > day),
    )


def is_member(connection: Connection, person_id: str, units: frozenset[str], now: datetime) -> bool:
    """Whether somebody belongs to any of ``units`` on the day of ``now``."""
    query = members_of(units, now).where(memberships.c.person_id == person_id)
    return connection.execute(query.limit(1)).first() is not None


def house_of(scope: Scope) -> str:
    """Whose tags and views a reader has: an agency's code, or nothing for the asset company."""
    return scope.agency_code or ""


def _reached(scope: Scope, now: datetime) -> list[ColumnElement[bool]]:
    if scope.reach is Reach.ALL:
        return []
    if scope.reach is Reach.NARROWED:
        return [] if scope.units is not None or scope.sources is not None else [false()]
    if scope.reach is Reach.AGENCY and scope.agency_code:
        return _placed_with(scope.agency_code, now)
    if scope.reach is Reach.OWN and scope.collector_id:
        mine: list[ColumnElement[bool]] = [
            cases.c.collector_id == scope.collector_id,
            exists().where(
                assignments.c.case_id == cases.c.case_id,
                assignments.c.collector_id == scope.collector_id,
                assignments.c.ended_at.is_(None),
            ),
        ]
        if scope.agency_code:
            return mine + _placed_with(scope.agency_code, now)
        return [*mine, cases.c.agency_code.is_(None)]
    return [false()]


def _placed_with(agency_code: str, now: datetime) -> list[ColumnElement[bool]]:
    return [
        cases.c.agency_code == agency_code,
        exists().where(
            placements.c.case_id == cases.c.case_id,
            placements.c.agency_code == agency_code,
            placements.c.ended_at.is_(None),
            placements.c.placed_at <= now,
            placements.c.due_at > now,
        ),
    ]
