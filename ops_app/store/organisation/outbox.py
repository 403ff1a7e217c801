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
    attempts: int = 0


def waiting(connection: Connection, limit: int) -> list[Message]:
    """The oldest messages that were neither sent nor set aside, in order."""
    c = outbox.c
    rows = connection.execute(
        select(c.id, c.topic, c.key, c.payload_json, c.created_at, c.attempts)
        .where(c.sent_at.is_(None), c.set_aside_at.is_(None))
        .order_by(c.id)
        .limit(limit)
    )
    return [Message(row.id, row.topic, row.key, row.payload_json, row.created_at, row.attempts) for row in rows]


def note_failure(
    connection: Connection, message_id: int, why: str, *, attempts: int, set_aside_at: datetime | None
) -> None:
    """The message did not leave, having been refused ``attempts`` times by now; ``set_aside_at``: it is tried no more,
    so that others are not kept waiting."""
    connection.execute(
        update(outbox)
        .where(outbox.c.id == message_id, outbox.c.sent_at.is_(None))
        .values(attempts=attempts, last_error=why[:500], set_aside_at=set_aside_at)
    )


def wait_again(connection: Connection) -> list[int]:
    """Let every message that was set aside wait again; their ids, in order."""
    c = outbox.c
    ids = connection.execute(
        update(outbox)
        .where(c.set_aside_at.is_not(None), c.sent_at.is_(None))
        .values(set_aside_at=None, attempts=0)
        .returning(c.id)
    )
    return sorted(ids.scalars())


def mark_sent(connection: Connection, message_id: int, now: datetime) -> bool:
    """The message was sent; says whether it was not marked before."""
    done = connection.execute(
        update(outbox).where(outbox.c.id == message_id, outbox.c.sent_at.is_(None)).values(sent_at=now)
    )
    return done.rowcount == 1
