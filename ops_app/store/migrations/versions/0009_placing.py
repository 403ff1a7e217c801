"""Placing: batches that wait for an approval, announced recalls, alerts; touches and the tail of a placement."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.types import Moment

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    for column in (
        sa.Column("tail_until_date", sa.Date),
        sa.Column("first_touch_at", Moment),
        sa.Column("last_touch_at", Moment),
    ):
        op.add_column("placements", column)
    _batches()
    _batch_rows()
    _recall_notices()
    _alerts()


def _batches() -> None:
    op.create_table(
        "case_batches",
        sa.Column("batch_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("due_at", Moment),
        sa.Column("case_count", sa.Integer, nullable=False),
        sa.Column("excluded_count", sa.Integer, nullable=False),
        sa.Column("principal_minor", sa.BigInteger, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("rows_hash", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_by_name", sa.String(200), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.CheckConstraint("kind in ('place', 'extend', 'recall', 'transfer')", name="ck_case_batches_kind"),
        sa.CheckConstraint("case_count >= 1 and excluded_count >= 0", name="ck_case_batches_counts"),
    )
    op.create_index("ix_case_batches_made_at_batch_id", "case_batches", ["made_at", "batch_id"])


def _batch_rows() -> None:
    op.create_table(
        "case_batch_rows",
        sa.Column(
            "batch_id",
            sa.String(64),
            sa.ForeignKey("case_batches.batch_id", name="fk_case_batch_rows_batch_id"),
            primary_key=True,
        ),
        sa.Column(
            "case_id",
            sa.String(32),
            sa.ForeignKey("cases.case_id", name="fk_case_batch_rows_case_id"),
            primary_key=True,
        ),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("principal_minor", sa.BigInteger, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reasons_json", sa.Text, nullable=False),
        sa.CheckConstraint("outcome in ('asked', 'excluded', 'done', 'dropped')", name="ck_case_batch_rows_outcome"),
    )
    op.create_index("ix_case_batch_rows_case_id_batch_id", "case_batch_rows", ["case_id", "batch_id"])


def _recall_notices() -> None:
    op.create_table(
        "recall_notices",
        sa.Column("notice_id", sa.String(64), primary_key=True),
        sa.Column(
            "case_id", sa.String(32), sa.ForeignKey("cases.case_id", name="fk_recall_notices_case_id"), nullable=False
        ),
        sa.Column(
            "placement_id",
            sa.String(64),
            sa.ForeignKey("placements.placement_id", name="fk_recall_notices_placement_id"),
            nullable=False,
        ),
        sa.Column("agency_code", sa.String(32), nullable=False),
        sa.Column("because", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("given_by", sa.String(64), nullable=False),
        sa.Column("given_by_name", sa.String(200), nullable=False),
        sa.Column("given_at", Moment, nullable=False),
        sa.Column("effective_at", Moment, nullable=False),
        sa.Column("due_before_at", Moment, nullable=False),
        sa.Column("ended_at", Moment),
        sa.Column("end_kind", sa.String(16)),
        sa.CheckConstraint("because in ('asked', 'agency_expiry')", name="ck_recall_notices_because"),
        sa.CheckConstraint("(ended_at is null) = (end_kind is null)", name="ck_recall_notices_ended"),
        sa.CheckConstraint("end_kind in ('recalled', 'withdrawn', 'closed')", name="ck_recall_notices_end_kind"),
    )
    running = sa.text("ended_at is null")
    op.create_index(
        "uq_recall_notices_one_running", "recall_notices", ["placement_id"], unique=True, sqlite_where=running,
        postgresql_where=running,
    )  # fmt: skip
    op.create_index(
        "ix_recall_notices_agency_code_ended_at_effective_at",
        "recall_notices",
        ["agency_code", "ended_at", "effective_at"],
    )
    op.create_index("ix_recall_notices_case_id", "recall_notices", ["case_id"])


def _alerts() -> None:
    op.create_table(
        "case_alerts",
        sa.Column("alert_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject_key", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id", name="fk_case_alerts_case_id")),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("since_at", Moment, nullable=False),
        sa.Column("found_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("owner_id", sa.String(64), sa.ForeignKey("people.person_id", name="fk_case_alerts_owner_id")),
        sa.Column("closed_at", Moment),
        sa.Column("closed_by", sa.String(64)),
        sa.Column("closed_by_name", sa.String(200)),
        sa.Column("closing_note", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint(
            "kind in ('no_first_contact', 'no_touch', 'agency_stopped', 'over_capacity')",
            name="ck_case_alerts_kind",
        ),
        sa.CheckConstraint("(closed_at is null) = (closing_note is null)", name="ck_case_alerts_closed"),
        sa.CheckConstraint("version >= 1", name="ck_case_alerts_version"),
    )
    opened = sa.text("closed_at is null")
    op.create_index(
        "uq_case_alerts_one_open", "case_alerts", ["kind", "subject_key"], unique=True, sqlite_where=opened,
        postgresql_where=opened,
    )  # fmt: skip
    op.create_index("ix_case_alerts_closed_at_due_at_alert_id", "case_alerts", ["closed_at", "due_at", "alert_id"])
    op.create_index("ix_case_alerts_owner_id_closed_at", "case_alerts", ["owner_id", "closed_at"])
