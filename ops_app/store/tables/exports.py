"""Table of exports: who took or asked for which rows, who released them, and the file behind the link."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

exports = Table(
    "exports",
    metadata,
    Column("export_id", String(64), primary_key=True),
    Column("number", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("what", String(200), nullable=False),
    Column("title", String(200), nullable=False),
    Column("filters_json", Text, nullable=False),
    Column("address", String(1000), nullable=False),
    Column("file_format", String(8), nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", String(64), ForeignKey("people.person_id"), nullable=False),
    Column("requested_by_name", String(200), nullable=False),
    Column("role_code", String(32), nullable=False),
    Column("agency_code", String(32)),
    Column("requested_at", Moment, nullable=False),
    Column("released_by", String(64)),
    Column("released_at", Moment),
    Column("made_at", Moment),
    Column("file_sha256", String(64)),
    Column("file_bytes", Integer),
    Column("until_at", Moment),
    Column("fetches", Integer, nullable=False),
    Column("ended_at", Moment),
    Column("ended_because", String(32)),
    Unique("number"),
    CheckConstraint("state in ('handed_over', 'requested', 'released', 'ready', 'ended')", name="ck_exports_state"),
    CheckConstraint("file_format in ('csv', 'xlsx')", name="ck_exports_file_format"),
    CheckConstraint("row_count >= 0 and fetches >= 0", name="ck_exports_counts"),
    CheckConstraint("released_by is null or released_by <> requested_by", name="ck_exports_maker_checker"),
    CheckConstraint(
        "state not in ('released', 'ready') or (released_by is not null and until_at is not null)",
        name="ck_exports_released",
    ),
    CheckConstraint("state <> 'ready' or file_sha256 is not null", name="ck_exports_ready"),
    CheckConstraint("(state = 'ended') = (ended_at is not null)", name="ck_exports_ended"),
    Index(None, "requested_by", "requested_at"),
    Index(None, "state", "until_at"),
)
