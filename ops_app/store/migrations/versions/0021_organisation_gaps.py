"""An import that was confirmed can be given up; the review of rights begins each quarter and keeps its decisions; the
audit log and the sessions say from which network address; announcements have files, and people of agencies photos."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.types import Moment

revision = "0021"
down_revision = "0020"

_UNDECIDED = sa.text("decision is null")


def upgrade() -> None:
    op.add_column("imports", sa.Column("given_up_at", Moment()))
    op.create_table(
        "access_reviews",
        sa.Column("review_id", sa.String(8), primary_key=True),
        sa.Column("begun_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("escalated_at", Moment),
        sa.Column("closed_at", Moment),
    )
    op.create_index("ix_access_reviews_closed_at", "access_reviews", ["closed_at"])
    op.create_table(
        "access_review_rights",
        sa.Column("review_id", sa.String(8), sa.ForeignKey("access_reviews.review_id"), primary_key=True),
        sa.Column("person_id", sa.String(64), sa.ForeignKey("people.person_id"), primary_key=True),
        sa.Column("permission", sa.String(64), primary_key=True),
        sa.Column("role_code", sa.String(32), nullable=False),
        sa.Column("last_used_at", Moment),
        sa.Column("decision", sa.String(16)),
        sa.Column("reason", sa.Text),
        sa.Column("decided_by", sa.String(64)),
        sa.Column("decided_by_name", sa.String(200)),
        sa.Column("decided_at", Moment),
        sa.CheckConstraint("decision in ('kept', 'taken', 'lapsed')", name="ck_access_review_rights_decision"),
        sa.CheckConstraint("(decision is null) = (decided_at is null)", name="ck_access_review_rights_decided"),
    )
    op.create_index(
        "ix_access_review_rights_undecided", "access_review_rights", ["person_id", "permission"],
        sqlite_where=_UNDECIDED, postgresql_where=_UNDECIDED,
    )  # fmt: skip
    op.add_column("audit_log", sa.Column("address", sa.String(64)))
    op.create_index("ix_audit_log_address_seq", "audit_log", ["address", "seq"])
    op.add_column("sessions", sa.Column("address", sa.String(64)))
    op.create_table(
        "announcement_files",
        sa.Column("file_id", sa.String(64), primary_key=True),
        sa.Column("announcement_id", sa.String(64), sa.ForeignKey("announcements.announcement_id"), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("added_by_name", sa.String(200), nullable=False),
        sa.Column("added_at", Moment, nullable=False),
        sa.Column("removed_by", sa.String(64)),
        sa.Column("removed_at", Moment),
        sa.CheckConstraint("(removed_at is null) = (removed_by is null)", name="ck_announcement_files_removed"),
    )
    op.create_index("ix_announcement_files_announcement_id", "announcement_files", ["announcement_id"])
    op.create_table(
        "agency_photos",
        sa.Column("person_id", sa.String(64), sa.ForeignKey("people.person_id"), primary_key=True),
        sa.Column("agency_code", sa.String(32), sa.ForeignKey("agencies.agency_code"), nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("added_by_name", sa.String(200), nullable=False),
        sa.Column("added_at", Moment, nullable=False),
    )
    op.create_index("ix_agency_photos_agency_code", "agency_photos", ["agency_code"])
