"""Tables of the area organisation: people, sessions, audit, inbox, outbox, parameters."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import CountedKey, Moment

people = Table(
    "people",
    metadata,
    Column("person_id", String(64), primary_key=True),
    Column("sign_in_name", String(64), nullable=False),
    Column("display_name", String(200), nullable=False),
    Column("role_code", String(32), nullable=False),
    Column("agency_code", String(32)),
    Column("language", String(8), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("must_change_password", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("version", Integer, nullable=False),
    Unique("sign_in_name"),
    CheckConstraint("language in ('en', 'zh')", name="ck_people_language"),
    CheckConstraint("sign_in_name = lower(sign_in_name)", name="ck_people_sign_in_name_lower"),
    CheckConstraint(
        "role_code not in ('agency_administrator', 'agency_supervisor') or agency_code is not null",
        name="ck_people_agency_role_has_agency",
    ),
    CheckConstraint(
        "agency_code is null or role_code in"
        " ('agency_administrator', 'agency_supervisor', 'collector', 'field_visitor')",
        name="ck_people_asset_role_has_no_agency",
    ),
    CheckConstraint("version >= 1", name="ck_people_version"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_hash", String(64), primary_key=True),
    Column("person_id", String(64), ForeignKey("people.person_id"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    Column("user_agent", String(300), nullable=False),
    # from where it was begun; null where that is not known
    Column("address", String(64)),
    Index(None, "person_id"),
    info={"unaudited": "signing in and out is audited by its act; being seen is not an act"},
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    # a hash, because people type passwords into the field for the name
    Column("name_hash", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("blocked_until", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    CheckConstraint("failures >= 0", name="ck_sign_in_attempts_failures"),
    Index(None, "last_at"),
    info={"unaudited": "a counter that slows guessing; refusals themselves are audited"},
)

known_devices = Table(
    "known_devices",
    metadata,
    Column("device_hash", String(64), primary_key=True),
    Column("person_id", String(64), ForeignKey("people.person_id"), nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    Index(None, "person_id"),
    info={"unaudited": "remembers a browser that signed in, so that a stranger's guesses cannot lock its owner out"},
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("occurred_at", Moment, nullable=False),
    Column("actor_id", String(64), nullable=False),
    Column("actor_name", String(200), nullable=False),
    Column("role_code", String(32), nullable=False),
    Column("agency_code", String(32)),
    Column("action", String(100), nullable=False),
    Column("object_type", String(64), nullable=False),
    Column("object_id", String(300), nullable=False),
    Column("before_json", Text),
    Column("after_json", Text),
    Column("reason", Text),
    Column("request_id", String(64)),
    Column("prev_hash", String(64), nullable=False),
    Column("row_hash", String(64), nullable=False),
    # from where; hashed with the row where there is one
    Column("address", String(64)),
    Unique("prev_hash"),  # the chain cannot fork
    Index(None, "occurred_at"),
    Index(None, "actor_id", "seq"),
    Index(None, "action", "seq"),
    Index(None, "object_type", "object_id", "seq"),
    Index(None, "address", "seq"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("key", String(300), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("field_hashes_json", Text),
    Column("answer_json", Text),
    Column("received_at", Moment, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", CountedKey, primary_key=True, autoincrement=True),
    Column("topic", String(100), nullable=False),
    Column("key", String(300), nullable=False),
    Column("payload_json", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", String(500)),
    Column("set_aside_at", Moment),
    Index("ix_outbox_unsent", "id", sqlite_where=text("sent_at is null"), postgresql_where=text("sent_at is null")),
    info={"unaudited": "publishing belongs to the act that publishes, which is audited; sending it is not an act"},
)

parameters = Table(
    "parameters",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("value_json", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String(64), nullable=False),
    Column("version", Integer, nullable=False),
)
