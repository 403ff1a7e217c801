"""Tables of operations: runs and their leases, requests for runs, readiness, corrections of refused rows, notices."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, Index, Integer, String, Table, Text, text
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_STARTED = text("state = 'started'")

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("business_date", Date, nullable=False),
    Column("state", String(16), nullable=False),
    Column("lease_until", Moment, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("detail_json", Text, nullable=False),
    CheckConstraint("state in ('started', 'succeeded', 'failed')", name="state"),
    # one run at a time that writes the warehouse: the database says so
    Index("uq_runs_one_started", "state", unique=True, sqlite_where=_STARTED, postgresql_where=_STARTED),
    Index(None, "business_date", "started_at"),
    info={"unaudited": "bookkeeping of runs; what a run changes is audited where it changes it"},
)

run_requests = Table(
    "run_requests",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("business_date", Date, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", String(64), nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("taken_at", Moment),
    CheckConstraint("kind in ('day', 'replay')", name="kind"),
    Index(None, "taken_at"),
)

readiness = Table(
    "readiness",
    metadata,
    Column("check_name", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("business_date", Date, nullable=False),
    Column("as_of", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    CheckConstraint("state in ('green', 'red', 'unknown')", name="state"),
    info={"unaudited": "derived from checks; each run computes it anew"},
)

_NOT_APPLIED = text("replayed_at is null")

quarantine_corrections = Table(
    "quarantine_corrections",
    metadata,
    Column("correction_id", String(64), primary_key=True),
    Column("file_id", String(64), nullable=False),
    Column("line_no", Integer, nullable=False),
    Column("feed", String(32), nullable=False),
    Column("source_code", String(32), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("corrected_json", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("replayed_at", Moment),
    Column("outcome", Text),
    CheckConstraint("decision in ('replay', 'discard')", name="decision"),
    Index(None, "replayed_at"),
    Index(
        "uq_quarantine_corrections_one_open", "file_id", "feed", "line_no", unique=True,
        sqlite_where=_NOT_APPLIED, postgresql_where=_NOT_APPLIED,
    ),
)  # fmt: skip

notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("subject_key", String(200), nullable=False),
    Column("business_date", Date, nullable=False),
    Column("text_en", Text, nullable=False),
    Column("text_zh", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    # the same thing is announced once a day, however often the watch looks
    Unique("kind", "subject_key", "business_date"),
    info={"unaudited": "announcements of what checks found; reading one changes nothing"},
)
