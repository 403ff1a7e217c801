"""Requests on a case, the rules of what goes up, evidence files, notices to people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.types import Moment

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    _requests()
    _rules()
    _evidence()
    _notices()


def _requests() -> None:
    op.create_table(
        "case_requests",
        sa.Column("case_request_id", sa.String(64), primary_key=True),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("requested_by", sa.String(64), nullable=False),
        sa.Column("requested_by_name", sa.String(200), nullable=False),
        sa.Column("role_code", sa.String(32), nullable=False),
        sa.Column("requested_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("form_json", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("needs_asset", sa.Boolean, nullable=False),
        sa.Column("approval_id", sa.String(64), sa.ForeignKey("approval_requests.request_id")),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("awaited_role", sa.String(32)),
        sa.Column("escalated_at", Moment),
        sa.Column("outcome", sa.String(32)),
        sa.Column("reply", sa.Text),
        sa.Column("replied_by", sa.String(64)),
        sa.Column("replied_by_name", sa.String(200)),
        sa.Column("detail_json", sa.Text),
        sa.Column("ended_at", Moment),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("approval_id", name="uq_case_requests_approval_id"),
        sa.CheckConstraint(
            "kind in ('waiver', 'instalment', 'keep_case', 'return_case', 'documents', 'stop_collection', 'dispute',"
            " 'payment_confirmation')",
            name="ck_case_requests_kind",
        ),
        sa.CheckConstraint(
            "state in ('waiting', 'returned', 'approved', 'rejected', 'withdrawn', 'expired')",
            name="ck_case_requests_state",
        ),
        sa.CheckConstraint("(state in ('waiting', 'returned')) = (ended_at is null)", name="ck_case_requests_ended"),
        sa.CheckConstraint("(ended_at is null) or (outcome is not null)", name="ck_case_requests_outcome"),
        sa.CheckConstraint("(state = 'waiting') = (awaited_role is not null)", name="ck_case_requests_awaited"),
        sa.CheckConstraint("amount_minor >= 0", name="ck_case_requests_amount"),
        sa.CheckConstraint("due_at > requested_at", name="ck_case_requests_due"),
        sa.CheckConstraint(
            "replied_by is null or replied_by <> requested_by", name="ck_case_requests_maker_is_not_checker"
        ),
        sa.CheckConstraint("version >= 1", name="ck_case_requests_version"),
    )
    for columns in (
        ("case_id", "requested_at"),
        ("agency_code", "requested_at", "case_request_id"),
        ("requested_by", "requested_at", "case_request_id"),
        ("requested_at", "case_request_id"),
    ):
        op.create_index(f"ix_case_requests_{'_'.join(columns)}", "case_requests", list(columns))
    is_open = sa.text("ended_at is null")
    op.create_index(
        "ix_case_requests_open", "case_requests", ["due_at", "case_request_id"],
        sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip


def _rules() -> None:
    op.create_table(
        "case_request_rules",
        sa.Column("rule_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("agency_code", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("asset", sa.String(16), nullable=False),
        sa.Column("above_minor", sa.BigInteger),
        sa.Column("due_hours", sa.Integer, nullable=False),
        sa.Column("starts_at", Moment, nullable=False),
        sa.Column("ends_at", Moment),
        sa.Column("entered_at", Moment, nullable=False),
        sa.Column("entered_by", sa.String(64), nullable=False),
        sa.CheckConstraint("asset in ('always', 'above', 'never')", name="ck_case_request_rules_asset"),
        sa.CheckConstraint("(asset = 'above') = (above_minor is not null)", name="ck_case_request_rules_above"),
        sa.CheckConstraint("due_hours >= 1", name="ck_case_request_rules_due"),
        sa.CheckConstraint("ends_at is null or ends_at >= starts_at", name="ck_case_request_rules_dates"),
    )
    lasting = sa.text("ends_at is null")
    op.create_index(
        "uq_case_request_rules_one", "case_request_rules", ["kind", "agency_code", "currency"],
        unique=True, sqlite_where=lasting, postgresql_where=lasting,
    )  # fmt: skip


def _evidence() -> None:
    op.create_table(
        "evidence_files",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("first_kept_at", Moment, nullable=False),
        sa.CheckConstraint("size_bytes > 0", name="ck_evidence_files_size"),
    )
    op.create_table(
        "evidence_links",
        sa.Column("evidence_id", sa.String(64), primary_key=True),
        sa.Column("object_type", sa.String(64), nullable=False),
        sa.Column("object_id", sa.String(64), nullable=False),
        sa.Column("part", sa.String(16), nullable=False),
        sa.Column("sha256", sa.String(64), sa.ForeignKey("evidence_files.sha256"), nullable=False),
        sa.Column("file_name", sa.String(120), nullable=False),
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("added_by_name", sa.String(200), nullable=False),
        sa.Column("added_at", Moment, nullable=False),
        sa.UniqueConstraint(
            "object_type", "object_id", "part", "sha256", name="uq_evidence_links_object_type_object_id_part_sha256"
        ),
    )
    for table in ("evidence_files", "evidence_links"):
        make_append_only(table)


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("object_type", sa.String(64), nullable=False),
        sa.Column("object_id", sa.String(200), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("by_name", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("read_at", Moment),
    )
    op.create_index("ix_notices_person_id_created_at_notice_id", "notices", ["person_id", "created_at", "notice_id"])
    unread = sa.text("read_at is null")
    op.create_index(
        "ix_notices_unread", "notices", ["person_id", "notice_id"], sqlite_where=unread, postgresql_where=unread
    )
