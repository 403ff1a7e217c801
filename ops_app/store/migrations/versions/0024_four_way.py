"""Breaks of agency reports and collectors' claims, what became of each claim, proof sheets, reversals to be posted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.types import Moment

revision = "0024"
down_revision = "0023"

_KINDS = (
    "kind in ('unmatched_lender', 'unmatched_bank', 'duplicate', 'amount_differs', 'date_out_of_period',"
    " 'unknown_loan', 'reversal_without_original', 'conflicting_content', 'report_without_payment',"
    " 'payment_not_reported', 'not_remitted', 'report_differs', 'reported_twice', 'claim_without_payment',"
    " 'claim_differs', 'claimed_twice')"
)
_DECISIONS = "decision in ('match', 'split', 'merge', 'reject', 'park', 'reverse', 'reopen')"


def upgrade() -> None:
    _breaks()
    op.create_table(
        "claim_findings",
        sa.Column(
            "claim_id", sa.String(64),
            sa.ForeignKey("case_requests.case_request_id", name="fk_claim_findings_claim_id"), primary_key=True,
        ),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("confirmed_by", sa.String(260)),
        sa.Column("break_id", sa.String(64), sa.ForeignKey("breaks.break_id", name="fk_claim_findings_break_id")),
        sa.Column("reason", sa.String(32)),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.CheckConstraint("state in ('waiting', 'confirmed', 'broken')", name="ck_claim_findings_state"),
        sa.CheckConstraint(
            "(state = 'confirmed') = (confirmed_by is not null)", name="ck_claim_findings_confirmed"
        ),
        sa.CheckConstraint("(state = 'broken') = (break_id is not null)", name="ck_claim_findings_broken"),
    )  # fmt: skip
    op.create_index("ix_claim_findings_break_id", "claim_findings", ["break_id"])
    op.create_table(
        "proof_sheets",
        sa.Column("business_date", sa.Date, primary_key=True),
        sa.Column("book", sa.String(32), primary_key=True),
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rows_json", sa.Text, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.CheckConstraint("revision >= 1", name="ck_proof_sheets_revision"),
    )
    make_append_only("proof_sheets")
    op.create_table(
        "payment_reversals",
        sa.Column("source_code", sa.String(32), primary_key=True),
        sa.Column("payment_id", sa.String(200), primary_key=True),
        sa.Column(
            "break_id", sa.String(64), sa.ForeignKey("breaks.break_id", name="fk_payment_reversals_break_id"),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("ordered_by", sa.String(64), nullable=False),
        sa.Column("ordered_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["source_code", "payment_id"], ["payments.source_code", "payments.payment_id"],
            name="fk_payment_reversals_payment",
        ),
        sa.CheckConstraint("amount_minor > 0", name="ck_payment_reversals_amount"),
    )  # fmt: skip
    op.create_index("ix_payment_reversals_break_id", "payment_reversals", ["break_id"])
    make_append_only("payment_reversals")


def _breaks() -> None:
    columns = (
        sa.Column("reported_minor", sa.BigInteger),
        sa.Column("claimed_minor", sa.BigInteger),
        sa.Column("report_ids", sa.Text, nullable=False, server_default="[]"),
        sa.Column("claim_ids", sa.Text, nullable=False, server_default="[]"),
        sa.Column("escalated_date", sa.Date),
    )
    if op.get_bind().dialect.name == "postgresql":
        for column in columns:
            op.add_column("breaks", column)
        for name, of, check in (
            ("ck_breaks_kind", "breaks", _KINDS),
            ("ck_break_decisions_decision", "break_decisions", _DECISIONS),
        ):
            op.drop_constraint(name, of, type_="check")
            op.create_check_constraint(name, of, check)
    else:
        # SQLite makes a table anew to change a check; the decisions, which name breaks and are never changed, are laid
        # aside and put back as they were
        op.execute("create temporary table decisions_aside as select * from break_decisions")
        op.drop_table("break_decisions")
        with op.batch_alter_table("breaks") as table:
            for column in columns:
                table.add_column(column)
            table.drop_constraint("ck_breaks_kind", type_="check")
            table.create_check_constraint("ck_breaks_kind", sa.text(_KINDS))
        _decisions()
        op.execute("insert into break_decisions select * from decisions_aside")
        op.execute("drop table decisions_aside")
        make_append_only("break_decisions")
    unsettled = sa.text("state in ('open', 'parked')")
    op.create_index(
        "ix_breaks_unsettled", "breaks", ["opened_date", "break_id"],
        sqlite_where=unsettled, postgresql_where=unsettled,
    )  # fmt: skip


def _decisions() -> None:
    op.create_table(
        "break_decisions",
        sa.Column("decision_id", sa.String(64), primary_key=True),
        sa.Column(
            "break_id", sa.String(64), sa.ForeignKey("breaks.break_id", name="fk_break_decisions_break_id"),
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
        sa.CheckConstraint(_DECISIONS, name="ck_break_decisions_decision"),
        sa.CheckConstraint("nth >= 1", name="ck_break_decisions_nth"),
    )  # fmt: skip
    op.create_index("ix_break_decisions_break_id_decided_at", "break_decisions", ["break_id", "decided_at"])
