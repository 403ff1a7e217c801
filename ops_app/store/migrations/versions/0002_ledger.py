"""Payments, breaks and decisions on breaks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.types import Moment

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _payments()
    _breaks()
    _decisions()


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("source_code", sa.String(32), primary_key=True),
        sa.Column("payment_id", sa.String(200), primary_key=True),
        sa.Column("loan_id", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reverses_payment_id", sa.String(200)),
        sa.Column("paid_at", Moment, nullable=False),
        sa.Column("value_date", sa.Date, nullable=False),
        sa.Column("posted_at", Moment),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("channel", sa.String(64)),
        sa.Column("payer_name", sa.Text),
        sa.Column("payer_account", sa.Text),
        sa.Column("reference", sa.Text),
        sa.Column("principal_minor", sa.BigInteger),
        sa.Column("interest_minor", sa.BigInteger),
        sa.Column("fees_minor", sa.BigInteger),
        sa.Column("penalty_minor", sa.BigInteger),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("recorded_at", Moment, nullable=False),
        sa.CheckConstraint("amount_minor > 0", name="ck_payments_amount"),
        sa.CheckConstraint("kind in ('payment', 'reversal', 'refund')", name="ck_payments_kind"),
        sa.CheckConstraint("kind <> 'reversal' or reverses_payment_id is not null", name="ck_payments_reversal"),
        sa.CheckConstraint(
            "principal_minor is null or interest_minor is null or fees_minor is null or penalty_minor is null"
            " or principal_minor + interest_minor + fees_minor + penalty_minor = amount_minor",
            name="ck_payments_parts",
        ),
    )
    op.create_index(
        "ix_payments_value_date_source_code_payment_id", "payments", ["value_date", "source_code", "payment_id"]
    )
    op.create_index("ix_payments_source_code_loan_id", "payments", ["source_code", "loan_id"])
    make_append_only("payments")


def _breaks() -> None:
    op.create_table(
        "breaks",
        sa.Column("break_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("lender_minor", sa.BigInteger),
        sa.Column("bank_minor", sa.BigInteger),
        sa.Column("recorded_minor", sa.BigInteger),
        sa.Column("difference_minor", sa.BigInteger, nullable=False),
        sa.Column("loan_id", sa.String(200)),
        sa.Column("payment_ids", sa.Text, nullable=False),
        sa.Column("bank_line_ids", sa.Text, nullable=False),
        sa.Column("value_date", sa.Date, nullable=False),
        sa.Column("opened_date", sa.Date, nullable=False),
        sa.Column("last_seen_date", sa.Date, nullable=False),
        sa.Column("suggestion_json", sa.Text, nullable=False),
        sa.Column("sides_json", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("owner_id", sa.String(64)),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint(
            "kind in ('unmatched_lender', 'unmatched_bank', 'duplicate', 'amount_differs', 'date_out_of_period',"
            " 'unknown_loan', 'reversal_without_original', 'conflicting_content')",
            name="ck_breaks_kind",
        ),
        sa.CheckConstraint(
            "state in ('open', 'parked', 'matched', 'split', 'rejected', 'cleared')", name="ck_breaks_state"
        ),
        sa.CheckConstraint("version >= 1", name="ck_breaks_version"),
        sa.CheckConstraint("last_seen_date >= opened_date", name="ck_breaks_dates"),
    )
    op.create_index("ix_breaks_state_opened_date_break_id", "breaks", ["state", "opened_date", "break_id"])
    op.create_index("ix_breaks_kind_state", "breaks", ["kind", "state"])


def _decisions() -> None:
    op.create_table(
        "break_decisions",
        sa.Column("decision_id", sa.String(64), primary_key=True),
        sa.Column(
            "break_id",
            sa.String(64),
            sa.ForeignKey("breaks.break_id", name="fk_break_decisions_break_id"),
            nullable=False,
        ),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("detail_json", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=False),
        sa.Column("decided_at", Moment, nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.UniqueConstraint("key", name="uq_break_decisions_key"),
        sa.UniqueConstraint("break_id", "nth", name="uq_break_decisions_break_id_nth"),
        sa.CheckConstraint(
            "decision in ('match', 'split', 'reject', 'park', 'reopen')", name="ck_break_decisions_decision"
        ),
        sa.CheckConstraint("nth >= 1", name="ck_break_decisions_nth"),
    )
    op.create_index("ix_break_decisions_break_id_decided_at", "break_decisions", ["break_id", "decided_at"])
    make_append_only("break_decisions")
