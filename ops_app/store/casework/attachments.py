"""What the store knows of the files attached to cases; the bytes lie in the evidence folder under their hash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection

from ops_app.store.tables.case_record import case_attachments


@dataclass(frozen=True)
class Attachment:
    """A file of a case. ``house`` is whose it is (empty: the asset company's); ``for_agency``: the agency that has the
    case may read it too."""

    attachment_id: str
    case_id: str
    house: str
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str
    note: str
    for_agency: bool
    added_by: str
    added_by_name: str
    added_at: datetime
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    withdraw_reason: str | None = None


def of_case(connection: Connection, case_id: str) -> list[Attachment]:
    """Every file of a case, the newest first."""
    rows = connection.execute(
        select(case_attachments)
        .where(case_attachments.c.case_id == case_id)
        .order_by(case_attachments.c.added_at.desc(), case_attachments.c.attachment_id)
    )
    return [Attachment(**row._mapping) for row in rows]


def by_id(connection: Connection, attachment_id: str) -> Attachment | None:
    """The file of an id, whoever asks; the service holds the scope."""
    row = connection.execute(select(case_attachments).where(case_attachments.c.attachment_id == attachment_id)).first()
    return Attachment(**row._mapping) if row else None


def add(connection: Connection, one: Attachment) -> None:
    """Enter a file."""
    connection.execute(insert(case_attachments).values(**vars(one)))


def withdraw(connection: Connection, attachment_id: str, *, now: datetime, by: str, reason: str) -> bool:
    """Offer a file no longer; its bytes and its row stay. Whether it was offered."""
    done = connection.execute(
        update(case_attachments)
        .where(case_attachments.c.attachment_id == attachment_id, case_attachments.c.withdrawn_at.is_(None))
        .values(withdrawn_at=now, withdrawn_by=by, withdraw_reason=reason)
    )
    return done.rowcount == 1


def bytes_since(connection: Connection, person_id: str, since: datetime) -> int:
    """How many bytes a person has added since then."""
    total: Any = connection.execute(
        select(func.coalesce(func.sum(case_attachments.c.size_bytes), 0)).where(
            case_attachments.c.added_by == person_id, case_attachments.c.added_at > since
        )
    ).scalar_one()
    return int(total)
