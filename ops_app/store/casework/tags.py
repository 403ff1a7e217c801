"""Tags of cases in the store: each house has its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.casework.tags import Tag
from ops_app.store.tables.case_record import case_tags


@dataclass(frozen=True)
class Tagged:
    """A tag that a case has, of a house (empty: the asset company)."""

    tagging_id: str
    case_id: str
    house: str
    tag: Tag
    tagged_by: str
    tagged_by_name: str
    tagged_at: datetime


_SHOWN = [case_tags.c[name] for name in Tagged.__dataclass_fields__]


def of_case(connection: Connection, case_id: str, house: str | None) -> list[Tagged]:
    """The tags of a case that a house reads (``None``: of every house), the oldest first."""
    query = select(*_SHOWN).where(case_tags.c.case_id == case_id, case_tags.c.removed_at.is_(None))
    if house is not None:
        query = query.where(case_tags.c.house == house)
    rows = connection.execute(query.order_by(case_tags.c.tagged_at, case_tags.c.tag))
    return [Tagged(**{**row._mapping, "tag": Tag(row.tag)}) for row in rows]


def add(connection: Connection, one: Tagged) -> None:
    """Tag a case; a house tags it once with the same."""
    connection.execute(insert(case_tags).values(**{**vars(one), "tag": one.tag.value}))


def remove(connection: Connection, tagging_id: str, *, now: datetime, by: str) -> bool:
    """Take a tag away; whether it was there."""
    done = connection.execute(
        update(case_tags)
        .where(case_tags.c.tagging_id == tagging_id, case_tags.c.removed_at.is_(None))
        .values(removed_at=now, removed_by=by)
    )
    return done.rowcount == 1
