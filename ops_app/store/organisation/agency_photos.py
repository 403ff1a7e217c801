"""Photos of an agency's people in the store; their bytes lie in the evidence folder under their hash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection

from ops_app.store.tables.agencies import agency_photos
from ops_app.store.tables.organisation import people


@dataclass(frozen=True)
class Photo:
    """The photo of one person, as their agency or the asset company entered it."""

    person_id: str
    agency_code: str
    media_type: str
    sha256: str
    added_by_name: str
    added_at: datetime

    def facts(self) -> dict[str, object]:
        """What the audit log keeps of a photo: never the picture."""
        return {"person_id": self.person_id, "media_type": self.media_type, "sha256": self.sha256}


def of_agency(connection: Connection, agency_code: str) -> dict[str, Photo]:
    """Person → photo, of those who are people of the agency now."""
    rows = connection.execute(
        select(agency_photos)
        .join(people, people.c.person_id == agency_photos.c.person_id)
        .where(people.c.agency_code == agency_code, agency_photos.c.agency_code == agency_code)
    )
    return {row.person_id: Photo(**row._mapping) for row in rows}


def put(connection: Connection, one: Photo) -> None:
    """Keep a photo; the one there was gives way."""
    remove(connection, one.person_id)
    connection.execute(insert(agency_photos).values(**vars(one)))


def remove(connection: Connection, person_id: str) -> bool:
    """Show no photo of a person any more; the bytes stay as evidence. Says whether there was one."""
    return connection.execute(delete(agency_photos).where(agency_photos.c.person_id == person_id)).rowcount == 1
