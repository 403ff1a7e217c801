"""People in the store: look up, list, add, change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from ops_app.domain.organisation.people import Role
from ops_app.store.tables.organisation import people

SORTABLE = ("sign_in_name", "display_name", "role_code", "agency_code", "created_at", "active")


@dataclass(frozen=True)
class Person:
    """One person, without anything secret."""

    person_id: str
    sign_in_name: str
    display_name: str
    role: Role
    agency_code: str | None
    language: str
    active: bool
    must_change_password: bool
    created_at: datetime
    version: int

    def facts(self) -> dict[str, object]:
        """What the audit log keeps of a person."""
        return {
            "sign_in_name": self.sign_in_name,
            "display_name": self.display_name,
            "role_code": self.role.value,
            "agency_code": self.agency_code,
            "language": self.language,
            "active": self.active,
        }


_COLUMNS = (
    people.c.person_id,
    people.c.sign_in_name,
    people.c.display_name,
    people.c.role_code,
    people.c.agency_code,
    people.c.language,
    people.c.active,
    people.c.must_change_password,
    people.c.created_at,
    people.c.version,
)


def _person(row: Row[Any]) -> Person:
    values = dict(row._mapping)
    return Person(role=Role(values.pop("role_code")), **values)


def by_id(connection: Connection, person_id: str) -> Person | None:
    """The person of an id."""
    row = connection.execute(select(*_COLUMNS).where(people.c.person_id == person_id)).first()
    return None if row is None else _person(row)


def by_name(connection: Connection, sign_in_name: str) -> Person | None:
    """The person of a folded sign-in name."""
    row = connection.execute(select(*_COLUMNS).where(people.c.sign_in_name == sign_in_name)).first()
    return None if row is None else _person(row)


def password_hash(connection: Connection, person_id: str) -> str | None:
    """The stored hash; the one place that reads it."""
    found: str | None = connection.execute(
        select(people.c.password_hash).where(people.c.person_id == person_id)
    ).scalar()
    return found


def lock_active(connection: Connection, role: Role) -> int:
    """How many people of ``role`` can sign in; locks them, so that two acts cannot remove the last two at once."""
    return len(
        connection.execute(
            select(people.c.person_id)
            .where(people.c.role_code == role.value, people.c.active.is_(True))
            .order_by(people.c.person_id)
            .with_for_update()
        ).all()
    )


def others_active(connection: Connection, role: Role, person_id: str) -> bool:
    """Whether anybody of ``role`` but ``person_id`` can sign in."""
    query = select(people.c.person_id).where(
        people.c.role_code == role.value, people.c.active.is_(True), people.c.person_id != person_id
    )
    return connection.execute(query.limit(1)).first() is not None


def anybody(connection: Connection) -> bool:
    """Whether there is any person yet."""
    return connection.execute(select(people.c.person_id).limit(1)).first() is not None


def add(connection: Connection, person: Person, hashed: str) -> None:
    """Insert a person; the sign-in name is unique."""
    connection.execute(
        insert(people).values(
            person_id=person.person_id,
            sign_in_name=person.sign_in_name,
            display_name=person.display_name,
            role_code=person.role.value,
            agency_code=person.agency_code,
            language=person.language,
            password_hash=hashed,
            must_change_password=person.must_change_password,
            active=person.active,
            created_at=person.created_at,
            version=person.version,
        )
    )


def change(connection: Connection, person_id: str, version: int, values: Mapping[str, object]) -> bool:
    """Change a person if nobody did since ``version`` was read; says whether it did."""
    done = connection.execute(
        update(people)
        .where(people.c.person_id == person_id, people.c.version == version)
        .values(**values, version=people.c.version + 1)
    )
    return done.rowcount == 1


def ids_of_agency(connection: Connection, agency_code: str) -> list[str]:
    """The ids of everybody of an agency."""
    return list(connection.execute(select(people.c.person_id).where(people.c.agency_code == agency_code)).scalars())


@dataclass(frozen=True)
class PeopleFilter:
    """What a list of people is narrowed by; ``None`` means not at all. ``text`` is found in either name."""

    text: str | None = None
    role: Role | None = None
    agency_code: str | None = None
    active: bool | None = None


def page(
    connection: Connection, wanted: PeopleFilter, *, sort: str, descending: bool, offset: int, limit: int
) -> tuple[list[Person], int]:
    """One page of people and how many there are in all; ``sort`` is one of ``SORTABLE``."""
    if sort not in SORTABLE:
        raise ValueError(f"people are not sorted by {sort}")
    total: int = connection.execute(_narrowed(select(func.count()).select_from(people), wanted)).scalar_one()
    column = people.c[sort]
    order = column.desc().nulls_last() if descending else column.asc().nulls_first()
    rows = connection.execute(
        _narrowed(select(*_COLUMNS), wanted).order_by(order, people.c.person_id).offset(offset).limit(limit)
    )
    return [_person(row) for row in rows], total


def _narrowed(query: Select[Any], wanted: PeopleFilter) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.text:
        text = wanted.text.strip()
        conditions.append(
            people.c.sign_in_name.icontains(text, autoescape=True)
            | people.c.display_name.icontains(text, autoescape=True)
        )
    if wanted.role is not None:
        conditions.append(people.c.role_code == wanted.role.value)
    if wanted.agency_code is not None:
        conditions.append(people.c.agency_code == wanted.agency_code)
    if wanted.active is not None:
        conditions.append(people.c.active.is_(wanted.active))
    return query.where(*conditions) if conditions else query


def lock(connection: Connection, person_id: str) -> None:
    """Hold a person until the end of the transaction: what is counted per person is counted by one act at a time. Who
    only refers to the person does not wait."""
    connection.execute(
        select(people.c.person_id).where(people.c.person_id == person_id).with_for_update(key_share=True)
    )
