"""Messages that wait to be sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from ops_app.store.tables.organisation import outbox


@dataclass(frozen=True)
class Message:
    """One message; ``id`` counts up in each store and lets a receiver drop what it has already."""

    id: int
    topic: str
    key: str
    payload_json: str
    created_at: datetime


def waiting(connection: Connection, limit: int) -> list[Message]:
    """The oldest messages that were not sent, in order."""
    rows = connection.execute(
        select(outbox.c.id, outbox.c.topic, outbox.c.key, outbox.c.payload_json, outbox.c.created_at)
        .where(outbox.c.sent_at.is_(None))
        .order_by(outbox.c.id)
        .limit(limit)
    )
    return [Message(row.id, row.topic, row.key, row.payload_json, row.created_at) for row in rows]


def mark_sent(connection: Connection, message_id: int, now: datetime) -> bool:
    """The message was sent; says whether it was not marked before."""
    done = connection.execute(
        update(outbox).where(outbox.c.id == message_id, outbox.c.sent_at.is_(None)).values(sent_at=now)
    )
    return done.rowcount == 1
