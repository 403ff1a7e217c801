"""Receipts of announcements in the store: who has read one, and who of its audience has not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from ops_app.domain.organisation.announcements import ALL_AGENCIES, ASSET_COMPANY, Audience, place_of_agency
from ops_app.domain.organisation.people import Actor, Role
from ops_app.store.tables.announcements import announcement_reads
from ops_app.store.tables.organisation import people


@dataclass(frozen=True)
class Receipt:
    """That a person has read (or acknowledged) an announcement, in the role they had then; ``read_at`` is ``None``
    for a person of the audience who has not."""

    person_id: str
    person_name: str
    role: Role
    agency_code: str | None
    receipt: str | None
    language: str | None
    read_at: datetime | None


def add(connection: Connection, announcement_id: str, actor: Actor, receipt: str, language: str, now: datetime) -> bool:
    """Enter the receipt of ``actor``; false where it was there already, whoever of two clicks came first."""
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    entered = connection.execute(
        dialect.insert(announcement_reads)
        .on_conflict_do_nothing()
        .values(
            announcement_id=announcement_id,
            person_id=actor.person_id,
            person_name=actor.name,
            role_code=actor.role.value,
            agency_code=actor.agency_code,
            receipt=receipt,
            language=language,
            read_at=now,
        ),
        execution_options={"preserve_rowcount": True},
    )
    return bool(entered.rowcount == 1)


def given(connection: Connection, announcement_id: str) -> list[Receipt]:
    """Every receipt of an announcement, oldest first."""
    rows = connection.execute(
        select(announcement_reads)
        .where(announcement_reads.c.announcement_id == announcement_id)
        .order_by(announcement_reads.c.read_at, announcement_reads.c.person_id)
    )
    return [
        Receipt(
            row.person_id, row.person_name, Role(row.role_code), row.agency_code, row.receipt, row.language, row.read_at
        )
        for row in rows
    ]


def outstanding(connection: Connection, announcement_id: str, audience: Audience) -> list[Receipt]:
    """Active people of the audience, as it is now, without a receipt."""
    read = select(announcement_reads.c.person_id).where(announcement_reads.c.announcement_id == announcement_id)
    rows = connection.execute(
        select(people.c.person_id, people.c.display_name, people.c.role_code, people.c.agency_code)
        .where(people.c.active.is_(True), _of(audience), people.c.person_id.not_in(read))
        .order_by(people.c.display_name, people.c.person_id)
    )
    return [
        Receipt(row.person_id, row.display_name, Role(row.role_code), row.agency_code, None, None, None) for row in rows
    ]


def counts(connection: Connection, announcement_ids: list[str]) -> dict[str, int]:
    """How many receipts each announcement has."""
    counted = (
        select(announcement_reads.c.announcement_id, func.count())
        .where(announcement_reads.c.announcement_id.in_(announcement_ids))
        .group_by(announcement_reads.c.announcement_id)
    )
    return {str(identity): int(number) for identity, number in connection.execute(counted).tuples()}


def known_agencies(connection: Connection) -> list[str]:
    """Codes of the agencies that have people."""
    codes = select(people.c.agency_code).where(people.c.agency_code.is_not(None)).distinct()
    found: list[str] = [*connection.execute(codes).scalars()]
    return sorted(found)


def _of(audience: Audience) -> ColumnElement[bool]:
    agency = people.c.agency_code
    each: list[ColumnElement[bool]] = []
    for role, place in audience.pairs():
        if place == ASSET_COMPANY:
            there: ColumnElement[bool] = agency.is_(None)
        elif place == ALL_AGENCIES:
            there = agency.is_not(None)
        else:
            there = agency == place.removeprefix(place_of_agency(""))
        each.append(and_(people.c.role_code == role.value, there))
    return or_(*each)
