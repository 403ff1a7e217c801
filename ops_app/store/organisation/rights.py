"""Rights in the store: what is taken away from a person, and when a right was last used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from ops_app.domain.organisation.rights import NOTHING_LESS, Narrowing, Rights
from ops_app.store import stored_json
from ops_app.store.tables.organisation import audit_log, people
from ops_app.store.tables.rights import rights_narrowed, rights_used


@dataclass(frozen=True)
class Narrowed:
    """One thing that a person may less: ``value`` is ``[]`` (withheld), currency → most in minor units (limit), or the
    units or sources that are left."""

    person_id: str
    kind: Narrowing
    permission: str
    value: Any
    reason: str
    set_by: str
    set_at: datetime


def rights_of(connection: Connection, person_id: str) -> Rights:
    """What is taken away from a person; read at every run, so that it holds at once."""
    return _rights(narrowings(connection, person_id))


def narrowings(connection: Connection, person_id: str | None = None) -> list[Narrowed]:
    """Everything that is taken away from a person, or from anybody."""
    query = select(rights_narrowed)
    if person_id is not None:
        query = query.where(rights_narrowed.c.person_id == person_id)
    rows = connection.execute(
        query.order_by(rights_narrowed.c.person_id, rights_narrowed.c.kind, rights_narrowed.c.permission)
    )
    return [_narrowed(row) for row in rows]


def narrowings_of_agency(connection: Connection, agency_code: str) -> list[tuple[Narrowed, str]]:
    """Everything that is taken away from anybody of an agency, with the person's name, by name."""
    rows = connection.execute(
        select(rights_narrowed, people.c.display_name)
        .join(people, people.c.person_id == rights_narrowed.c.person_id)
        .where(people.c.agency_code == agency_code)
        .order_by(people.c.display_name, people.c.person_id, rights_narrowed.c.kind, rights_narrowed.c.permission)
    )
    return [(_narrowed(row), row.display_name) for row in rows]


def _narrowed(row: Any) -> Narrowed:
    return Narrowed(
        row.person_id, Narrowing(row.kind), row.permission, stored_json.read(row.value_json), row.reason,
        row.set_by, row.set_at,
    )  # fmt: skip


def narrow(connection: Connection, one: Narrowed) -> None:
    """Take something away; what was taken of that kind before is replaced."""
    widen(connection, one.person_id, one.kind, one.permission)
    connection.execute(
        insert(rights_narrowed).values(
            person_id=one.person_id, kind=one.kind.value, permission=one.permission, reason=one.reason,
            value_json=stored_json.write(one.value), set_by=one.set_by, set_at=one.set_at,
        )
    )  # fmt: skip


def widen(connection: Connection, person_id: str, kind: Narrowing, permission: str) -> bool:
    """Give back what was taken; says whether anything was."""
    done = connection.execute(
        delete(rights_narrowed).where(
            rights_narrowed.c.person_id == person_id,
            rights_narrowed.c.kind == kind.value,
            rights_narrowed.c.permission == permission,
        )
    )
    return done.rowcount == 1


def used(connection: Connection, person_id: str, permission: str, now: datetime) -> None:
    """Remember that a person used a right; once a day is enough."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    entered = dialect.insert(rights_used).values(person_id=person_id, permission=permission, last_used_at=now)
    connection.execute(
        entered.on_conflict_do_update(
            index_elements=[rights_used.c.person_id, rights_used.c.permission],
            set_={"last_used_at": entered.excluded.last_used_at},
            where=rights_used.c.last_used_at < entered.excluded.last_used_at,
        )
    )


def last_uses(connection: Connection) -> dict[tuple[str, str], datetime]:
    """(person, right) → when it was last used."""
    return {(row.person_id, row.permission): row.last_used_at for row in connection.execute(select(rights_used))}


def last_sign_ins(connection: Connection) -> dict[str, datetime]:
    """Person → when they last signed in."""
    rows: Any = connection.execute(
        select(audit_log.c.actor_id, func.max(audit_log.c.occurred_at).label("at"))
        .where(audit_log.c.action == "session.started")
        .group_by(audit_log.c.actor_id)
    )
    return {row.actor_id: row.at for row in rows}


def _rights(rows: Iterable[Narrowed]) -> Rights:
    found = list(rows)
    if not found:
        return NOTHING_LESS
    of = {kind: [one for one in found if one.kind is kind] for kind in Narrowing}

    def left(kind: Narrowing) -> frozenset[str] | None:
        return frozenset(code for one in of[kind] for code in one.value) if of[kind] else None

    return Rights(
        withheld=frozenset(one.permission for one in of[Narrowing.WITHHELD]),
        limits=frozenset(
            (one.permission, currency, int(most)) for one in of[Narrowing.LIMIT] for currency, most in one.value.items()
        ),
        units=left(Narrowing.TEAM),
        sources=left(Narrowing.PORTFOLIO),
    )
