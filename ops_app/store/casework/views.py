"""Views that people keep of lists, in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from ops_app.store import stored_json
from ops_app.store.tables.case_record import saved_views
from ops_app.store.tables.organisation import people


@dataclass(frozen=True)
class SavedView:
    """A named set of filters of one page. ``shared`` offers it to the owner's house (empty: the asset company)."""

    view_id: str
    owner_id: str
    owner_name: str
    house: str
    page: str
    name: str
    filters: Mapping[str, str]
    shared: bool
    saved_at: datetime
    version: int


def offered(connection: Connection, person_id: str, house: str, page: str) -> list[SavedView]:
    """A person's own views of a page, then those that others of the house share, as long as they are of it; by name."""
    c = saved_views.c
    stays = func.coalesce(people.c.agency_code, "") == house
    rows = connection.execute(
        select(saved_views)
        .join(people, people.c.person_id == c.owner_id)
        .where(c.page == page, c.ended_at.is_(None))
        .where(or_(c.owner_id == person_id, and_(c.house == house, c.shared.is_(True), stays)))
        .order_by(c.name)
    )
    found = [_view(row) for row in rows]
    return sorted(found, key=lambda one: one.owner_id != person_id)


def of_owner(connection: Connection, view_id: str, person_id: str) -> SavedView | None:
    """The person's own view of that id."""
    c = saved_views.c
    row = connection.execute(
        select(saved_views).where(c.view_id == view_id, c.owner_id == person_id, c.ended_at.is_(None))
    ).first()
    return _view(row) if row else None


def named(connection: Connection, person_id: str, page: str, name: str) -> SavedView | None:
    """The person's own view of that name."""
    c = saved_views.c
    row = connection.execute(
        select(saved_views).where(c.owner_id == person_id, c.page == page, c.name == name, c.ended_at.is_(None))
    ).first()
    return _view(row) if row else None


def how_many(connection: Connection, person_id: str) -> int:
    """How many views a person keeps."""
    c = saved_views.c
    rows = connection.execute(select(c.view_id).where(c.owner_id == person_id, c.ended_at.is_(None)))
    return len(rows.all())


def add(connection: Connection, one: SavedView) -> None:
    """Keep a view."""
    values = {name: value for name, value in vars(one).items() if name != "filters"}
    connection.execute(insert(saved_views).values(**values, filters_json=stored_json.write(one.filters)))


def change(connection: Connection, one: SavedView) -> bool:
    """Write a view that was read at the version before; whether it still was."""
    c = saved_views.c
    done = connection.execute(
        update(saved_views)
        .where(c.view_id == one.view_id, c.version == one.version - 1, c.ended_at.is_(None))
        .values(
            filters_json=stored_json.write(one.filters),
            shared=one.shared,
            saved_at=one.saved_at,
            version=one.version,
            house=one.house,
        )
    )
    return done.rowcount == 1


def end(connection: Connection, view_id: str, version: int, now: datetime) -> bool:
    """Offer a view no longer; whether it was as it was read."""
    c = saved_views.c
    done = connection.execute(
        update(saved_views).where(c.view_id == view_id, c.version == version, c.ended_at.is_(None)).values(ended_at=now)
    )
    return done.rowcount == 1


def _view(row: Row[tuple[object, ...]]) -> SavedView:
    values = {name: row._mapping[name] for name in SavedView.__dataclass_fields__ if name != "filters"}
    return SavedView(**values, filters=stored_json.read(row._mapping["filters_json"]))
