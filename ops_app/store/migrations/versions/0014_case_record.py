"""The case record: tags, attachments, saved views; contract numbers by their beginning."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from ops_app.store.types import Moment

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    _prefixes()
    _tags()
    _attachments()
    _views()


def _prefixes() -> None:
    by_bytes = {"loan_id": "varchar_pattern_ops"}
    op.create_index("ix_cases_loan_prefix", "cases", ["loan_id"], postgresql_ops=by_bytes)
    for lead in ("agency_code", "collector_id"):
        op.create_index(
            f"ix_cases_{lead}_loan_prefix",
            "cases",
            [lead, "loan_id"],
            postgresql_ops=by_bytes,
            **_where(f"{lead} is not null"),
        )


def _tags() -> None:
    op.create_table(
        "case_tags",
        sa.Column("tagging_id", sa.String(64), primary_key=True),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("house", sa.String(32), nullable=False),
        sa.Column("tag", sa.String(32), nullable=False),
        sa.Column("tagged_by", sa.String(64), nullable=False),
        sa.Column("tagged_by_name", sa.String(200), nullable=False),
        sa.Column("tagged_at", Moment, nullable=False),
        sa.Column("removed_by", sa.String(64)),
        sa.Column("removed_at", Moment),
        sa.CheckConstraint("(removed_at is null) = (removed_by is null)", name="ck_case_tags_removed"),
    )
    op.create_index(
        "uq_case_tags_one_on", "case_tags", ["case_id", "house", "tag"], unique=True, **_where("removed_at is null")
    )
    op.create_index(
        "ix_case_tags_list", "case_tags", ["house", "tag", "tagged_at", "case_id"], **_where("removed_at is null")
    )


def _attachments() -> None:
    op.create_table(
        "case_attachments",
        sa.Column("attachment_id", sa.String(64), primary_key=True),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("house", sa.String(32), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("for_agency", sa.Boolean, nullable=False),
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("added_by_name", sa.String(200), nullable=False),
        sa.Column("added_at", Moment, nullable=False),
        sa.Column("withdrawn_by", sa.String(64)),
        sa.Column("withdrawn_at", Moment),
        sa.Column("withdraw_reason", sa.Text),
        sa.CheckConstraint("size_bytes > 0", name="ck_case_attachments_size"),
        sa.CheckConstraint("(withdrawn_at is null) = (withdraw_reason is null)", name="ck_case_attachments_withdrawn"),
    )
    op.create_index("ix_case_attachments_case_id_added_at", "case_attachments", ["case_id", "added_at"])
    op.create_index("ix_case_attachments_added_by_added_at", "case_attachments", ["added_by", "added_at"])


def _views() -> None:
    op.create_table(
        "saved_views",
        sa.Column("view_id", sa.String(64), primary_key=True),
        sa.Column("owner_id", sa.String(64), sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("owner_name", sa.String(200), nullable=False),
        sa.Column("house", sa.String(32), nullable=False),
        sa.Column("page", sa.String(64), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("filters_json", sa.Text, nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("saved_at", Moment, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("ended_at", Moment),
        sa.CheckConstraint("version >= 1", name="ck_saved_views_version"),
    )
    op.create_index(
        "uq_saved_views_name", "saved_views", ["owner_id", "page", "name"], unique=True, **_where("ended_at is null")
    )
    op.create_index("ix_saved_views_house_page_shared", "saved_views", ["house", "page", "shared"])


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
