"""Runs and their leases, requests for runs, readiness, corrections of refused rows, notifications."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.types import Moment

revision = "0003"
down_revision = "0002"

_STARTED = sa.text("state = 'started'")


def upgrade() -> None:
    _runs()
    _quarantine()
    _notices()


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("lease_until", Moment, nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("ended_at", Moment),
        sa.Column("detail_json", sa.Text, nullable=False),
        sa.CheckConstraint("state in ('started', 'succeeded', 'failed')", name="ck_runs_state"),
    )
    op.create_index(
        "uq_runs_one_started", "runs", ["state"], unique=True, sqlite_where=_STARTED, postgresql_where=_STARTED
    )
    op.create_index("ix_runs_business_date_started_at", "runs", ["business_date", "started_at"])
    op.create_table(
        "run_requests",
        sa.Column("request_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("requested_by", sa.String(64), nullable=False),
        sa.Column("requested_at", Moment, nullable=False),
        sa.Column("taken_at", Moment),
        sa.CheckConstraint("kind in ('day', 'replay')", name="ck_run_requests_kind"),
    )
    op.create_index("ix_run_requests_taken_at", "run_requests", ["taken_at"])


def _quarantine() -> None:
    op.create_table(
        "quarantine_corrections",
        sa.Column("correction_id", sa.String(64), primary_key=True),
        sa.Column("file_id", sa.String(64), nullable=False),
        sa.Column("line_no", sa.Integer, nullable=False),
        sa.Column("feed", sa.String(32), nullable=False),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("corrected_json", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("replayed_at", Moment),
        sa.Column("outcome", sa.Text),
        sa.CheckConstraint("decision in ('replay', 'discard')", name="ck_quarantine_corrections_decision"),
    )
    op.create_index("ix_quarantine_corrections_replayed_at", "quarantine_corrections", ["replayed_at"])


def _notices() -> None:
    op.create_table(
        "readiness",
        sa.Column("check_name", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("as_of", Moment, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.CheckConstraint("state in ('green', 'red', 'unknown')", name="ck_readiness_state"),
    )
    op.create_table(
        "notifications",
        sa.Column("notification_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject_key", sa.String(200), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("text_en", sa.Text, nullable=False),
        sa.Column("text_zh", sa.Text, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("sent_at", Moment),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.UniqueConstraint(
            "kind", "subject_key", "business_date", name="uq_notifications_kind_subject_key_business_date"
        ),
    )
