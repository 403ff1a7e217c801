"""Versions of parameters and closed periods in the store: read all, add one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.engine import Connection

from ops_app.domain.organisation.parameters import GENESIS, Effect, ParameterVersion
from ops_app.store.asking import ask
from ops_app.store.tables.approvals import approval_requests
from ops_app.store.tables.organisation import people
from ops_app.store.tables.parameters import closed_periods, parameter_versions

_LOCK = 0x5EC0_0A0F
"""The advisory lock under which versions are numbered and periods closed in PostgreSQL; SQLite has one writer."""

_HEAD = select(parameter_versions.c.version_id).order_by(parameter_versions.c.seq.desc()).limit(1)


@dataclass(frozen=True)
class ClosedPeriod:
    """Days of one area whose figures are final: from ``first_date`` until before ``end_date``. ``versions_json`` holds
    the parameters it was computed with."""

    period_id: str
    area: str
    first_date: date
    end_date: date
    versions_json: str
    closed_by: str
    closed_at: datetime
    reason: str


def lock(connection: Connection) -> None:
    """Wait until nobody else changes parameters or closes a period; held to the end of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def head(connection: Connection) -> str:
    """The id of the newest version, which stands for the whole table; one step into its key."""
    found = ask(connection, _HEAD)
    return str(found[0][0]) if found else GENESIS


def newest(connection: Connection) -> tuple[int, str]:
    """Number and id of the newest version; (0, ``GENESIS``) before the first."""
    table = parameter_versions
    row = connection.execute(select(table.c.seq, table.c.version_id).order_by(table.c.seq.desc()).limit(1)).first()
    return (row.seq, row.version_id) if row else (0, GENESIS)


def all_versions(connection: Connection) -> list[ParameterVersion]:
    """Every version ever made, in order."""
    rows = connection.execute(select(parameter_versions).order_by(parameter_versions.c.seq))
    return [_version(dict(row._mapping)) for row in rows]


def _version(values: dict[str, Any]) -> ParameterVersion:
    return ParameterVersion(effect=Effect(values.pop("effect")), **values)


def add(connection: Connection, version: ParameterVersion) -> None:
    """Insert a sealed version."""
    connection.execute(insert(parameter_versions).values(vars(version) | {"effect": version.effect.value}))


def approval_in_hand(connection: Connection, kind: str, object_id: str) -> str | None:
    """The request for this change whose command is running at this moment: approved, and not answered yet."""
    found: str | None = connection.execute(
        select(approval_requests.c.request_id).where(
            approval_requests.c.kind == kind,
            approval_requests.c.object_id == object_id,
            approval_requests.c.state == "approved",
            approval_requests.c.result_json.is_(None),
        )
    ).scalar()
    return found


def names(connection: Connection, person_ids: Sequence[str]) -> dict[str, str]:
    """The names of people by their ids; those who are not people of the store are missing."""
    rows = connection.execute(
        select(people.c.person_id, people.c.display_name).where(people.c.person_id.in_(sorted(set(person_ids))))
    )
    return {row.person_id: row.display_name for row in rows}


def periods(connection: Connection, area: str | None = None) -> list[ClosedPeriod]:
    """The closed periods (of ``area``), the latest first."""
    query = select(closed_periods).order_by(closed_periods.c.first_date.desc(), closed_periods.c.area)
    if area is not None:
        query = query.where(closed_periods.c.area == area)
    return [ClosedPeriod(**row._mapping) for row in connection.execute(query)]


def period(connection: Connection, period_id: str) -> ClosedPeriod | None:
    """One closed period."""
    row = connection.execute(select(closed_periods).where(closed_periods.c.period_id == period_id)).first()
    return None if row is None else ClosedPeriod(**row._mapping)


def add_period(connection: Connection, closed: ClosedPeriod) -> None:
    """Insert a closed period."""
    connection.execute(insert(closed_periods).values(vars(closed)))
