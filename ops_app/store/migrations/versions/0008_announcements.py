"""Announcements with their audiences and receipts; exports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.types import Moment

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    _announcements()
    _audiences()
    _reads()
    _exports()


def _announcements() -> None:
    op.create_table(
        "announcements",
        sa.Column("announcement_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("title_en", sa.String(200), nullable=False),
        sa.Column("body_en", sa.Text, nullable=False),
        sa.Column("title_zh", sa.String(200), nullable=False),
        sa.Column("body_zh", sa.Text, nullable=False),
        sa.Column("valid_from_at", Moment, nullable=False),
        sa.Column("valid_until_at", Moment, nullable=False),
        sa.Column("drafted_by", sa.String(64), nullable=False),
        sa.Column("drafted_at", Moment, nullable=False),
        sa.Column("edited_by", sa.String(64), nullable=False),
        sa.Column("published_by", sa.String(64)),
        sa.Column("published_at", Moment),
        sa.Column("withdrawn_by", sa.String(64)),
        sa.Column("withdrawn_at", Moment),
        sa.Column("withdrawal_reason", sa.Text),
        sa.Column("changed_by_name", sa.String(200), nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("kind in ('notice', 'rule_change')", name="ck_announcements_kind"),
        sa.CheckConstraint("state in ('draft', 'published', 'withdrawn')", name="ck_announcements_state"),
        sa.CheckConstraint("valid_from_at < valid_until_at", name="ck_announcements_validity"),
        sa.CheckConstraint(
            "(title_en = '') = (body_en = '') and (title_zh = '') = (body_zh = '')"
            " and (title_en <> '' or title_zh <> '')",
            name="ck_announcements_language",
        ),
        sa.CheckConstraint(
            "published_by is null or (published_by <> drafted_by and published_by <> edited_by)",
            name="ck_announcements_maker_checker",
        ),
        sa.CheckConstraint(
            "(published_at is null) = (published_by is null) and (state <> 'published' or published_at is not null)",
            name="ck_announcements_published",
        ),
        sa.CheckConstraint("(state = 'withdrawn') = (withdrawn_at is not null)", name="ck_announcements_withdrawn"),
        sa.CheckConstraint("version >= 1", name="ck_announcements_version"),
    )
    op.create_index("ix_announcements_state_valid_until_at", "announcements", ["state", "valid_until_at"])


def _audiences() -> None:
    op.create_table(
        "announcement_audiences",
        sa.Column("announcement_id", sa.String(64), sa.ForeignKey("announcements.announcement_id"), primary_key=True),
        sa.Column("role_code", sa.String(32), primary_key=True),
        sa.Column("place", sa.String(64), primary_key=True),
    )
    op.create_index("ix_announcement_audiences_role_code_place", "announcement_audiences", ["role_code", "place"])


def _reads() -> None:
    op.create_table(
        "announcement_reads",
        sa.Column("announcement_id", sa.String(64), sa.ForeignKey("announcements.announcement_id"), primary_key=True),
        sa.Column("person_id", sa.String(64), sa.ForeignKey("people.person_id"), primary_key=True),
        sa.Column("person_name", sa.String(200), nullable=False),
        sa.Column("role_code", sa.String(32), nullable=False),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("receipt", sa.String(16), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("read_at", Moment, nullable=False),
        sa.CheckConstraint("receipt in ('read', 'acknowledged')", name="ck_announcement_reads_receipt"),
        sa.CheckConstraint("language in ('en', 'zh')", name="ck_announcement_reads_language"),
    )
    op.create_index("ix_announcement_reads_person_id", "announcement_reads", ["person_id"])
    make_append_only("announcement_reads")


def _exports() -> None:
    op.create_table(
        "exports",
        sa.Column("export_id", sa.String(64), primary_key=True),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("what", sa.String(200), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("filters_json", sa.Text, nullable=False),
        sa.Column("address", sa.String(1000), nullable=False),
        sa.Column("file_format", sa.String(8), nullable=False),
        sa.Column("row_count", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("requested_by", sa.String(64), sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("requested_by_name", sa.String(200), nullable=False),
        sa.Column("role_code", sa.String(32), nullable=False),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("requested_at", Moment, nullable=False),
        sa.Column("released_by", sa.String(64)),
        sa.Column("released_at", Moment),
        sa.Column("made_at", Moment),
        sa.Column("file_sha256", sa.String(64)),
        sa.Column("file_bytes", sa.Integer),
        sa.Column("until_at", Moment),
        sa.Column("fetches", sa.Integer, nullable=False),
        sa.Column("ended_at", Moment),
        sa.Column("ended_because", sa.String(32)),
        sa.UniqueConstraint("number", name="uq_exports_number"),
        sa.CheckConstraint(
            "state in ('handed_over', 'requested', 'released', 'ready', 'ended')", name="ck_exports_state"
        ),
        sa.CheckConstraint("file_format in ('csv', 'xlsx')", name="ck_exports_file_format"),
        sa.CheckConstraint("row_count >= 0 and fetches >= 0", name="ck_exports_counts"),
        sa.CheckConstraint("released_by is null or released_by <> requested_by", name="ck_exports_maker_checker"),
        sa.CheckConstraint(
            "state not in ('released', 'ready') or (released_by is not null and until_at is not null)",
            name="ck_exports_released",
        ),
        sa.CheckConstraint("state <> 'ready' or file_sha256 is not null", name="ck_exports_ready"),
        sa.CheckConstraint("(state = 'ended') = (ended_at is not null)", name="ck_exports_ended"),
    )
    op.create_index("ix_exports_requested_by_requested_at", "exports", ["requested_by", "requested_at"])
    op.create_index("ix_exports_state_until_at", "exports", ["state", "until_at"])
