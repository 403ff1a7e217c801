"""Imports and the corrections of their refused rows; take-overs with their history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.types import Moment

revision = "0011"
down_revision = "0010"

_STATES = "'reading', 'previewed', 'confirmed', 'applied', 'repeated', 'reversing', 'reversed', 'discarded'"


def upgrade() -> None:
    _imports()
    _corrections()
    _take_overs()


def _imports() -> None:
    op.create_table(
        "imports",
        sa.Column("import_id", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("file_bytes", sa.BigInteger, nullable=False),
        sa.Column("file_date", sa.Date, nullable=False),
        sa.Column("template", sa.String(64), nullable=False),
        sa.Column("entry", sa.String(64), nullable=False),
        sa.Column("feed", sa.String(32), nullable=False),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("uploaded_by", sa.String(64), sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("uploaded_by_name", sa.String(200), nullable=False),
        sa.Column("uploaded_at", Moment, nullable=False),
        sa.Column("changed_by_name", sa.String(200), nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.Column("rows_in", sa.BigInteger),
        sa.Column("rows_accepted", sa.BigInteger),
        sa.Column("rows_quarantined", sa.BigInteger),
        sa.Column("refusal", sa.String(32)),
        sa.Column("refusal_en", sa.Text),
        sa.Column("refusal_zh", sa.Text),
        sa.Column("file_id", sa.String(64)),
        sa.Column("rows_repeated", sa.BigInteger),
        sa.Column("repeats_before", sa.BigInteger),
        sa.Column("applied_by", sa.String(64)),
        sa.Column("applied_at", Moment),
        sa.Column("said_en", sa.Text),
        sa.Column("said_zh", sa.Text),
        sa.CheckConstraint(f"state in ({_STATES})", name="ck_imports_state"),
        sa.CheckConstraint("version >= 1", name="ck_imports_version"),
        sa.CheckConstraint(
            "rows_in is null or rows_in = rows_accepted + rows_quarantined", name="ck_imports_accounted"
        ),
        sa.CheckConstraint(
            "state not in ('applied', 'reversing', 'reversed') or (file_id is not null and applied_at is not null)",
            name="ck_imports_applied",
        ),
    )
    op.create_index("ix_imports_uploaded_at_import_id", "imports", ["uploaded_at", "import_id"])
    op.create_index("ix_imports_content_sha256", "imports", ["content_sha256"])
    op.create_index("ix_imports_state", "imports", ["state"])


def _corrections() -> None:
    op.create_table(
        "import_corrections",
        sa.Column("import_id", sa.String(64), sa.ForeignKey("imports.import_id"), primary_key=True),
        sa.Column("line_no", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("corrected_json", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_by_name", sa.String(200), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.CheckConstraint("decision in ('replay', 'discard')", name="ck_import_corrections_decision"),
    )


def _take_overs() -> None:
    op.create_table(
        "take_overs",
        sa.Column("take_over_id", sa.String(64), primary_key=True),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_by_name", sa.String(200), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("rows_new", sa.Integer, nullable=False),
        sa.Column("cases_placed", sa.Integer, nullable=False),
        sa.Column("proof_json", sa.Text, nullable=False),
    )
    op.create_index("ix_take_overs_made_at", "take_overs", ["made_at"])
    op.create_table(
        "history_rows",
        sa.Column("feed", sa.String(32), primary_key=True),
        sa.Column("source_code", sa.String(32), primary_key=True),
        sa.Column("row_key", sa.String(300), primary_key=True),
        sa.Column("loan_id", sa.String(200), nullable=False),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id")),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("collector_ref", sa.String(200)),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("begun_at", Moment, nullable=False),
        sa.Column("ended_at", Moment),
        sa.Column("due_date", sa.Date),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("currency", sa.String(3)),
        sa.Column("text", sa.Text),
        sa.Column("file_id", sa.String(64), nullable=False),
        sa.Column("line_no", sa.BigInteger, nullable=False),
        sa.Column("difference", sa.String(16)),
        sa.Column("take_over_id", sa.String(64), sa.ForeignKey("take_overs.take_over_id"), nullable=False),
        sa.CheckConstraint(
            "feed in ('placements', 'assignments', 'notes', 'promises', 'settled_commissions')",
            name="ck_history_rows_feed",
        ),
        sa.CheckConstraint("(case_id is null) = (difference is not null)", name="ck_history_rows_difference"),
    )
    op.create_index("ix_history_rows_case_id_feed_begun_at", "history_rows", ["case_id", "feed", "begun_at"])
    op.create_index("ix_history_rows_difference_feed_row_key", "history_rows", ["difference", "feed", "row_key"])
