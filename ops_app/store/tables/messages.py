"""Tables of inbound messages: the one inbox of every channel, how many deliveries came, and who takes them out."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, String, Table, Text, text
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import CountedKey, Moment

_OPEN = text("state in ('waiting', 'parked')")
_PARKED = text("state = 'parked'")
_FIRST = text("is_first")
_BOOKKEEPING = "taking in and handling is bookkeeping: what a message does, and what people do with one, is audited"

inbound_messages = Table(
    "inbound_messages",
    metadata,
    Column("number", CountedKey, primary_key=True, autoincrement=True),
    Column("source_code", String(32), nullable=False),
    Column("message_id", String(200), nullable=False),
    Column("body_hash", String(64), nullable=False),
    # the content that took the id; what came later under it with other content did not
    Column("is_first", Boolean, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("kind", String(32)),
    Column("schema_version", Integer),
    Column("loan_id", String(200)),
    Column("order_no", BigInteger),
    Column("subject", String(300)),
    Column("waits_for", String(300)),
    Column("state", String(16), nullable=False),
    Column("why", String(32)),
    Column("why_en", Text),
    Column("why_zh", Text),
    Column("outcome", String(32)),
    Column("tries", Integer, nullable=False),
    Column("deliveries", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("body", Text),
    Column("received_at", Moment, nullable=False),
    Column("next_try_at", Moment, nullable=False),
    Column("parked_at", Moment),
    Column("handled_at", Moment),
    Column("version", Integer, nullable=False),
    Unique("source_code", "message_id", "body_hash"),
    CheckConstraint("state in ('waiting', 'parked', 'done', 'dead', 'given_up')", name="ck_inbound_messages_state"),
    CheckConstraint("channel in ('rest', 'nats', 'amqp', 'file', 'embedded')", name="ck_inbound_messages_channel"),
    CheckConstraint(
        "state not in ('waiting', 'parked') or (kind is not null and loan_id is not null and order_no is not null"
        " and body is not null and handled_at is null)",
        name="ck_inbound_messages_open",
    ),
    CheckConstraint(
        "state <> 'parked' or (why is not null and parked_at is not null)", name="ck_inbound_messages_parked"
    ),
    CheckConstraint("state not in ('dead', 'given_up') or why is not null", name="ck_inbound_messages_why"),
    CheckConstraint(
        "state not in ('done', 'dead', 'given_up') or handled_at is not null", name="ck_inbound_messages_handled"
    ),
    CheckConstraint("state <> 'done' or outcome is not null", name="ck_inbound_messages_outcome"),
    CheckConstraint("deliveries >= 1 and tries >= 0", name="ck_inbound_messages_counts"),
    Index(
        "uq_inbound_messages_first", "source_code", "message_id", unique=True,
        sqlite_where=_FIRST, postgresql_where=_FIRST,
    ),
    Index(None, "state", "number"),
    Index(None, "state", "source_code", "number"),
    Index(None, "state", "loan_id", "number"),
    Index("ix_inbound_messages_due", "next_try_at", "number", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(
        "ix_inbound_messages_line", "source_code", "loan_id", "order_no", "number",
        sqlite_where=_OPEN, postgresql_where=_OPEN,
    ),
    Index("ix_inbound_messages_partner", "source_code", "waits_for", sqlite_where=_PARKED, postgresql_where=_PARKED),
    Index(None, "source_code", "handled_at"),
    info={"unaudited": _BOOKKEEPING},
)  # fmt: skip

message_arrivals = Table(
    "message_arrivals",
    metadata,
    Column("arrival_id", CountedKey, primary_key=True, autoincrement=True),
    Column("channel", String(16), nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("received", Integer, nullable=False),
    Column("fresh", Integer, nullable=False),
    Column("repeated", Integer, nullable=False),
    CheckConstraint("received = fresh + repeated and fresh >= 0 and repeated >= 0", name="ck_message_arrivals_sum"),
    info={"unaudited": _BOOKKEEPING},
)

message_consumers = Table(
    "message_consumers",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", String(100), nullable=False),
    Column("lease_until", Moment, nullable=False),
    Column("renewed_at", Moment, nullable=False),
    Column("broker", String(200), nullable=False),
    Column("trouble", String(300)),
    info={"unaudited": "a lease means nothing after a restart"},
)

IS_OPEN = text("inbound_messages.state in ('waiting', 'parked')")
IS_PARKED = text("inbound_messages.state = 'parked'")
"""The conditions of the indexes over open messages, spelt out: a bound value would not let them be used."""
