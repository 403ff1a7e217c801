"""Inbound messages as people look at them: lists, counts, and how far behind the handling is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from ops_app.domain.organisation.messages import MessageState
from ops_app.domain.paging import MOST_COUNTED
from ops_app.store.tables.messages import IS_OPEN, inbound_messages, message_arrivals, message_consumers

c = inbound_messages.c
SORTS = ("number", "loan_id")
_SHOWN = (
    c.number, c.source_code, c.message_id, c.is_first, c.channel, c.kind, c.schema_version, c.loan_id, c.order_no,
    c.subject, c.waits_for, c.state, c.why, c.why_en, c.why_zh, c.outcome, c.tries, c.deliveries, c.size_bytes,
    c.received_at, c.next_try_at, c.parked_at, c.handled_at, c.version, c.body_hash,
)  # fmt: skip


@dataclass(frozen=True)
class InboundMessage:
    """One message without its body."""

    number: int
    source_code: str
    message_id: str
    is_first: bool
    channel: str
    kind: str | None
    schema_version: int | None
    loan_id: str | None
    order_no: int | None
    subject: str | None
    waits_for: str | None
    state: MessageState
    why: str | None
    why_en: str | None
    why_zh: str | None
    outcome: str | None
    tries: int
    deliveries: int
    size_bytes: int
    received_at: datetime
    next_try_at: datetime
    parked_at: datetime | None
    handled_at: datetime | None
    version: int
    body_hash: str


@dataclass(frozen=True)
class MessageFilter:
    """A state, and at most one of source and loan: each has an index."""

    state: MessageState = MessageState.DEAD
    source_code: str | None = None
    loan_id: str | None = None


@dataclass(frozen=True)
class SourceLag:
    """How far the messages of a source are behind."""

    source_code: str
    waiting: int
    parked: int
    oldest_received_at: datetime | None
    last_handled_at: datetime | None


@dataclass(frozen=True)
class Consumer:
    """Who takes messages out of the inbox, as they last said."""

    name: str
    holder: str
    lease_until: datetime
    renewed_at: datetime
    broker: str
    trouble: str | None


def _matching(query: Select[Any], wanted: MessageFilter) -> Select[Any]:
    query = query.where(c.state == wanted.state.value)
    if wanted.source_code is not None:
        query = query.where(c.source_code == wanted.source_code)
    if wanted.loan_id is not None:
        query = query.where(c.loan_id == wanted.loan_id)
    return query


def page(
    connection: Connection, wanted: MessageFilter, *, sort: str, descending: bool, after: tuple[Any, int] | None,
    limit: int,
) -> list[InboundMessage]:  # fmt: skip
    """Up to ``limit`` messages behind ``after`` (the sort value and the number of the last one seen)."""
    query = _matching(select(*_SHOWN), wanted)
    order = (c.number,) if sort == "number" else (c.loan_id, c.number)
    if sort == "loan_id":
        query = query.where(c.loan_id.is_not(None))  # what could not be read is of no loan
    if after is not None:
        mark = (after[1],) if sort == "number" else after
        row, seen = tuple_(*order), tuple_(*mark, types=[one.type for one in order])
        query = query.where(row < seen if descending else row > seen)
    query = query.order_by(*(one.desc() if descending else one.asc() for one in order)).limit(limit)
    return [_message(row) for row in connection.execute(query)]


def _message(row: Any) -> InboundMessage:
    return InboundMessage(**dict(row._mapping) | {"state": MessageState(row.state)})


def read_many(connection: Connection, numbers: Sequence[int], *, lock: bool = False) -> dict[int, InboundMessage]:
    """Messages by number; with ``lock`` nobody else decides on them before this transaction ends."""
    query = select(*_SHOWN).where(c.number.in_(list(numbers)))
    found = connection.execute(query.with_for_update() if lock else query)
    return {row.number: _message(row) for row in found}


def text_of(connection: Connection, number: int) -> str | None:
    """The text of a message as it came, where one was kept."""
    return connection.execute(select(c.body).where(c.number == number)).scalar()


def count(connection: Connection, wanted: MessageFilter) -> int:
    """How many match, counted no further than ``MOST_COUNTED`` + 1."""
    some = _matching(select(c.number), wanted).limit(MOST_COUNTED + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def counts(connection: Connection) -> dict[MessageState, int]:
    """How many messages stand in each state, counted no further than ``MOST_COUNTED`` + 1."""
    return {state: count(connection, MessageFilter(state)) for state in MessageState}


def lags(connection: Connection) -> list[SourceLag]:
    """How far each source is behind. Sources are found by stepping through the index, one look-up a source."""
    open_rows = connection.execute(
        select(c.source_code, c.state, func.count().label("many"), func.min(c.received_at).label("oldest"))
        .where(IS_OPEN)
        .group_by(c.source_code, c.state)
    ).all()
    found: dict[str, dict[str, Any]] = {}
    for row in open_rows:
        mine = found.setdefault(row.source_code, {})
        mine[row.state] = row.many
        mine["oldest"] = min(filter(None, (mine.get("oldest"), row.oldest)))
    handled = _last_handled(connection)
    return [
        SourceLag(
            source, found.get(source, {}).get(MessageState.WAITING.value, 0),
            found.get(source, {}).get(MessageState.PARKED.value, 0), found.get(source, {}).get("oldest"),
            handled.get(source),
        )
        for source in sorted(found.keys() | handled.keys())
    ]  # fmt: skip


def _last_handled(connection: Connection) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    source = ""
    while True:
        following = connection.execute(select(func.min(c.source_code)).where(c.source_code > source)).scalar()
        if following is None:
            return found
        source = following
        last = connection.execute(
            select(func.max(c.handled_at)).where(c.source_code == source, c.handled_at.is_not(None))
        ).scalar()
        if last is not None:
            found[source] = last


@dataclass(frozen=True)
class Totals:
    """Every delivery that ever came, and every message by where it stands."""

    received: int
    fresh: int
    repeated: int
    deliveries: int
    by_state: Mapping[str, int]


def totals(connection: Connection) -> Totals:
    """Counted whole: for the proof, not for a page."""
    a = message_arrivals.c
    came = connection.execute(
        select(*(func.coalesce(func.sum(one), 0) for one in (a.received, a.fresh, a.repeated)))
    ).one()
    rows = connection.execute(select(c.state, func.count(), func.sum(c.deliveries)).group_by(c.state)).all()
    return Totals(
        int(came[0]), int(came[1]), int(came[2]), sum(int(row[2]) for row in rows),
        {str(row[0]): int(row[1]) for row in rows},
    )  # fmt: skip


def consumer(connection: Connection, name: str) -> Consumer | None:
    """The consumer as it last said, if there ever was one."""
    row = connection.execute(select(message_consumers).where(message_consumers.c.name == name)).first()
    return None if row is None else Consumer(**row._mapping)


def take_lease(connection: Connection, one: Consumer) -> bool:
    """Take or renew the lease for ``one.holder``; False while somebody else holds it."""
    m = message_consumers.c
    values = {
        "holder": one.holder, "lease_until": one.lease_until, "renewed_at": one.renewed_at, "broker": one.broker,
        "trouble": one.trouble,
    }  # fmt: skip
    taken = connection.execute(
        update(message_consumers)
        .where(m.name == one.name, (m.holder == one.holder) | (m.lease_until < one.renewed_at))
        .values(**values)
    )
    if taken.rowcount == 1:
        return True
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    entered = dialect.insert(message_consumers).values(name=one.name, **values).on_conflict_do_nothing()
    return connection.execute(entered, execution_options={"preserve_rowcount": True}).rowcount == 1


def give_back_lease(connection: Connection, name: str, holder: str, now: datetime) -> None:
    """The holder stops: the next one need not wait for the lease to run out."""
    m = message_consumers.c
    connection.execute(
        update(message_consumers).where(m.name == name, m.holder == holder).values(lease_until=now, renewed_at=now)
    )
