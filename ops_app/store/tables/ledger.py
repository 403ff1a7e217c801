"""Tables of the area ledger: recorded payments, breaks of reconciliation, decisions on them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_NAMES_ANOTHER = text("reverses_payment_id is not null")
_UNSETTLED = text("state in ('open', 'parked')")

payments = Table(
    "payments",
    metadata,
    Column("source_code", String(32), primary_key=True),
    Column("payment_id", String(200), primary_key=True),
    Column("loan_id", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("reverses_payment_id", String(200)),
    Column("paid_at", Moment, nullable=False),
    Column("value_date", Date, nullable=False),
    Column("posted_at", Moment),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("channel", String(64)),
    Column("payer_name", Text),
    Column("payer_account", Text),
    Column("reference", Text),
    Column("principal_minor", BigInteger),
    Column("interest_minor", BigInteger),
    Column("fees_minor", BigInteger),
    Column("penalty_minor", BigInteger),
    Column("body_hash", String(64), nullable=False),
    Column("recorded_at", Moment, nullable=False),
    CheckConstraint("amount_minor > 0", name="ck_payments_amount"),
    CheckConstraint("kind in ('payment', 'reversal', 'refund')", name="ck_payments_kind"),
    CheckConstraint("kind <> 'reversal' or reverses_payment_id is not null", name="ck_payments_reversal"),
    CheckConstraint(
        "principal_minor is null or interest_minor is null or fees_minor is null or penalty_minor is null"
        " or principal_minor + interest_minor + fees_minor + penalty_minor = amount_minor",
        name="ck_payments_parts",
    ),
    # the days of a list of payments, and by what one of them is found
    Index(None, "value_date", "source_code", "payment_id"),
    Index(None, "loan_id", "source_code", "value_date", "payment_id"),
    Index(None, "source_code", "value_date", "payment_id"),
    Index(None, "payment_id"),
    # what came before the payment that it names
    Index(
        "ix_payments_reverses", "source_code", "reverses_payment_id",
        sqlite_where=_NAMES_ANOTHER, postgresql_where=_NAMES_ANOTHER,
    ),
)  # fmt: skip

loan_instalments = Table(
    "loan_instalments",
    metadata,
    Column("source_code", String(32), primary_key=True),
    Column("loan_id", String(200), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("due_date", Date, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("due_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger, nullable=False),
    Column("as_of_date", Date, nullable=False),
    CheckConstraint("number >= 0", name="ck_loan_instalments_number"),
    CheckConstraint("due_minor >= 0 and paid_minor >= 0", name="ck_loan_instalments_amounts"),
)

breaks = Table(
    "breaks",
    metadata,
    Column("break_id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("source_code", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("lender_minor", BigInteger),
    Column("bank_minor", BigInteger),
    Column("recorded_minor", BigInteger),
    Column("difference_minor", BigInteger, nullable=False),
    Column("loan_id", String(200)),
    Column("payment_ids", Text, nullable=False),
    Column("bank_line_ids", Text, nullable=False),
    Column("value_date", Date, nullable=False),
    Column("opened_date", Date, nullable=False),
    Column("last_seen_date", Date, nullable=False),
    Column("suggestion_json", Text, nullable=False),
    Column("sides_json", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner_id", String(64)),
    Column("version", Integer, nullable=False),
    Column("reported_minor", BigInteger),
    Column("claimed_minor", BigInteger),
    Column("report_ids", Text, nullable=False, server_default="[]"),
    Column("claim_ids", Text, nullable=False, server_default="[]"),
    Column("escalated_date", Date),
    CheckConstraint(
        "kind in ('unmatched_lender', 'unmatched_bank', 'duplicate', 'amount_differs', 'date_out_of_period',"
        " 'unknown_loan', 'reversal_without_original', 'conflicting_content', 'report_without_payment',"
        " 'payment_not_reported', 'not_remitted', 'report_differs', 'reported_twice', 'claim_without_payment',"
        " 'claim_differs', 'claimed_twice')",
        name="ck_breaks_kind",
    ),
    CheckConstraint("state in ('open', 'parked', 'matched', 'split', 'rejected', 'cleared')", name="ck_breaks_state"),
    CheckConstraint("version >= 1", name="ck_breaks_version"),
    CheckConstraint("last_seen_date >= opened_date", name="ck_breaks_dates"),
    Index(None, "state", "opened_date", "break_id"),
    Index(None, "kind", "state"),
    Index("ix_breaks_unsettled", "opened_date", "break_id", sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED),
)

break_decisions = Table(
    "break_decisions",
    metadata,
    Column("decision_id", String(64), primary_key=True),
    Column("break_id", String(64), ForeignKey("breaks.break_id"), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("detail_json", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", String(64), nullable=False),
    Column("decided_at", Moment, nullable=False),
    Column("key", String(300), nullable=False),
    Column("nth", Integer, nullable=False),
    Unique("key"),
    Unique("break_id", "nth"),
    CheckConstraint(
        "decision in ('match', 'split', 'merge', 'reject', 'park', 'reverse', 'reopen')",
        name="ck_break_decisions_decision",
    ),
    CheckConstraint("nth >= 1", name="ck_break_decisions_nth"),
    Index(None, "break_id", "decided_at"),
)
