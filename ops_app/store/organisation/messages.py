"""Inbound messages: entering them, those that may be handled, what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from ops_app.domain.organisation.message_order import Line, OpenMessage
from ops_app.domain.organisation.messages import Channel, MessageState
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.messages import IS_OPEN, IS_PARKED, inbound_messages, message_arrivals

c = inbound_messages.c


@dataclass(frozen=True)
class KnownMessage:
    """A message under an id that came again."""

    number: int
    source_code: str
    message_id: str
    body_hash: str
    state: MessageState
    why: str | None
    why_en: str | None
    why_zh: str | None


@dataclass(frozen=True)
class KeptBody:
    """What a message says, as it came."""

    number: int
    source_code: str
    message_id: str
    loan_id: str
    kind: str
    body: str
    tries: int
    version: int
    parked_at: datetime | None


def known(connection: Connection, keys: Iterable[tuple[str, str]]) -> list[KnownMessage]:
    """Every message under these (source, message id), whatever its content."""
    query = select(c.number, c.source_code, c.message_id, c.body_hash, c.state, c.why, c.why_en, c.why_zh)
    found = []
    for some in chunks(sorted(set(keys)), 200):
        rows = connection.execute(query.where(tuple_(c.source_code, c.message_id).in_(list(some))).order_by(c.number))
        found += [KnownMessage(**dict(row._mapping) | {"state": MessageState(row.state)}) for row in rows]
    return found


def enter(connection: Connection, values: Mapping[str, Any]) -> int | None:
    """Enter a message; its number, or nothing where its id (or this very content) was entered meanwhile."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    entered = dialect.insert(inbound_messages).values(**values).on_conflict_do_nothing().returning(c.number)
    number = connection.execute(entered).scalar()
    return None if number is None else int(number)


def count_again(connection: Connection, number: int) -> None:
    """The message was delivered once more."""
    connection.execute(update(inbound_messages).where(c.number == number).values(deliveries=c.deliveries + 1))


def note_arrival(connection: Connection, channel: Channel, now: datetime, fresh: int, repeated: int) -> None:
    """So many deliveries came by ``channel``: new messages, and repetitions of known ones."""
    connection.execute(
        insert(message_arrivals).values(
            channel=channel.value, received_at=now, received=fresh + repeated, fresh=fresh, repeated=repeated
        )
    )


def due_lines(connection: Connection, now: datetime, limit: int) -> list[Line]:
    """The loans of up to ``limit`` messages that may be tried now, those first that have been due the longest."""
    rows = connection.execute(
        select(c.source_code, c.loan_id)
        .where(IS_OPEN, c.next_try_at <= now)
        .order_by(c.next_try_at, c.number)
        .limit(limit)
    )
    return list(dict.fromkeys((row.source_code, row.loan_id) for row in rows))


def open_in(connection: Connection, lines: Sequence[Line]) -> list[OpenMessage]:
    """Every open message of these loans."""
    query = select(
        c.number, c.source_code, c.loan_id, c.order_no, c.state, c.next_try_at, c.subject, c.waits_for
    ).where(IS_OPEN)
    found = []
    for some in chunks(lines, 200):
        rows = connection.execute(query.where(tuple_(c.source_code, c.loan_id).in_(list(some))))
        found += [OpenMessage(**dict(row._mapping) | {"state": MessageState(row.state)}) for row in rows]
    return found


def bodies(connection: Connection, numbers: Sequence[int]) -> list[KeptBody]:
    """What the messages say, in the order of their numbers."""
    query = select(
        c.number, c.source_code, c.message_id, c.loan_id, c.kind, c.body, c.tries, c.version, c.parked_at
    ).order_by(c.number)
    rows = [row for some in chunks(numbers) for row in connection.execute(query.where(c.number.in_(list(some))))]
    return [KeptBody(**row._mapping) for row in rows]


def change(connection: Connection, number: int, version: int, values: Mapping[str, Any]) -> bool:
    """Put a message where it stands now; says whether it still stood at ``version``."""
    done = connection.execute(
        update(inbound_messages).where(c.number == number, c.version == version).values(**values, version=version + 1)
    )
    return done.rowcount == 1


def wake_partners(connection: Connection, source: str, subjects: Sequence[str], now: datetime) -> None:
    """Parked messages of ``source`` that wait for one of ``subjects`` may be tried now."""
    for some in chunks(subjects):
        connection.execute(
            update(inbound_messages)
            .where(c.source_code == source, c.waits_for.in_(list(some)), IS_PARKED)
            .values(next_try_at=now)
        )


def parked_before(connection: Connection, moment: datetime, limit: int) -> list[KeptBody]:
    """Messages that have been parked since before ``moment``."""
    numbers: Sequence[int] = (
        connection.execute(select(c.number).where(IS_PARKED, c.parked_at < moment).order_by(c.number).limit(limit))
        .scalars()
        .all()
    )
    return bodies(connection, numbers)


def count_waiting(connection: Connection, now: datetime, most: int) -> int:
    """How many messages are due now, counted up to ``most``."""
    due = select(c.number).where(IS_OPEN, c.next_try_at <= now).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(due)).scalar_one())
