"""Tables of suspense and refunds: what each payment has in suspense, refunds and their moves, payout files, bank lines.

``suspense_items`` follows the journal (``services/ledger/suspense_standing.py``) and is held against it by
``recoup verify``. Of a refund what was asked for never changes, moves and payouts are append-only (triggers of the
migration); a payout's answer is written once. Payees are sealed with the key of personal data.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, Text, text
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_STANDS = text("held_minor <> 0 or requested_minor <> 0")
_POSTED = text("event_id is not null")
STATES = (
    "requested", "in_approval", "returned", "approved", "in_payout", "paid", "failed", "rejected", "withdrawn",
    "lapsed",
)  # fmt: skip

suspense_items = Table(
    "suspense_items",
    metadata,
    Column("item_id", String(32), primary_key=True),
    Column("event_id", String(32), ForeignKey("ledger_events.event_id"), nullable=False),
    Column("account", String(32), nullable=False),
    Column("case_id", String(32), ForeignKey("cases.case_id")),
    Column("source_code", String(32), nullable=False),
    Column("loan_id", String(200), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("payment_id", String(300), nullable=False),
    Column("since_date", Date, nullable=False),
    Column("held_minor", BigInteger, nullable=False),
    # what open requests wait for of it; what is free is held less requested
    Column("requested_minor", BigInteger, nullable=False),
    Column("owner_id", String(64), ForeignKey("people.person_id")),
    Column("version", Integer, nullable=False),
    Unique("event_id", "account"),
    CheckConstraint("account in ('suspense_unmatched', 'suspense_case')", name="ck_suspense_items_account"),
    CheckConstraint("(account = 'suspense_case') = (case_id is not null)", name="ck_suspense_items_case"),
    CheckConstraint("requested_minor >= 0", name="ck_suspense_items_requested"),
    CheckConstraint("version >= 1", name="ck_suspense_items_version"),
    Index(None, "case_id"),
    Index("ix_suspense_items_standing", "since_date", "item_id", sqlite_where=_STANDS, postgresql_where=_STANDS),
    Index("ix_suspense_items_amount", "held_minor", "item_id", sqlite_where=_STANDS, postgresql_where=_STANDS),
    info={"unaudited": "what stands in suspense is written with the events that post it, which are audited"},
)

refunds = Table(
    "refunds",
    metadata,
    Column("refund_id", String(32), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("item_id", String(32), ForeignKey("suspense_items.item_id"), nullable=False),
    Column("case_id", String(32), ForeignKey("cases.case_id")),
    Column("source_code", String(32), nullable=False),
    Column("loan_id", String(200), nullable=False),
    Column("payment_id", String(300), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("ground", String(16), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("held_part_minor", BigInteger, nullable=False),
    Column("payee_sealed", Text, nullable=False),
    Column("payee_digest", String(64), nullable=False),
    Column("payee_name_masked", String(16), nullable=False),
    Column("payee_account_masked", String(16), nullable=False),
    Column("document", String(200), nullable=False),
    Column("attachment_id", String(64)),
    Column("reason", Text, nullable=False),
    Column("requested_by", String(64), nullable=False),
    Column("requested_by_name", String(200), nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("event_id", String(32), ForeignKey("ledger_events.event_id")),
    Column("paid_event_id", String(32), ForeignKey("ledger_events.event_id")),
    Column("paid_date", Date),
    Column("attempts", Integer, nullable=False),
    Column("move_count", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Unique("number"),
    CheckConstraint(f"state in ({', '.join(repr(one) for one in STATES)})", name="ck_refunds_state"),
    CheckConstraint("ground in ('overpayment', 'wrong_deduction')", name="ck_refunds_ground"),
    CheckConstraint("amount_minor > 0 and held_part_minor between 0 and amount_minor", name="ck_refunds_amount"),
    CheckConstraint("ground <> 'overpayment' or held_part_minor = amount_minor", name="ck_refunds_overpayment"),
    CheckConstraint(
        "state not in ('approved', 'in_payout', 'paid', 'failed') or event_id is not null", name="ck_refunds_posted"
    ),
    CheckConstraint("(state = 'paid') = (paid_event_id is not null)", name="ck_refunds_paid"),
    CheckConstraint("(paid_event_id is null) = (paid_date is null)", name="ck_refunds_paid_date"),
    CheckConstraint("number >= 1 and version >= 1 and attempts >= 0 and move_count >= 1", name="ck_refunds_version"),
    Index(None, "state", "requested_at", "refund_id"),
    Index(None, "requested_at", "refund_id"),
    Index(None, "amount_minor", "refund_id"),
    Index(None, "item_id"),
    Index(None, "source_code", "payment_id"),
    Index(None, "case_id"),
    Index("uq_refunds_event", "event_id", unique=True, sqlite_where=_POSTED, postgresql_where=_POSTED),
)

refund_moves = Table(
    "refund_moves",
    metadata,
    Column("refund_id", String(32), ForeignKey("refunds.refund_id"), primary_key=True),
    Column("nth", Integer, primary_key=True),
    Column("what", String(16), nullable=False),
    Column("from_state", String(16)),
    Column("to_state", String(16), nullable=False),
    Column("reason", Text),
    Column("made_by", String(64), nullable=False),
    Column("made_by_name", String(200), nullable=False),
    Column("made_at", Moment, nullable=False),
    CheckConstraint("nth >= 1", name="ck_refund_moves_nth"),
)

payout_files = Table(
    "payout_files",
    metadata,
    Column("file_id", String(32), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("source_code", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("template_json", Text, nullable=False),
    Column("execution_date", Date, nullable=False),
    Column("payouts", Integer, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("file_hash", String(64), nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),
    Unique("number"),
    CheckConstraint("number >= 1 and payouts >= 1 and total_minor > 0", name="ck_payout_files_content"),
)

payouts = Table(
    "payouts",
    metadata,
    Column("reference", String(32), primary_key=True),
    Column("refund_id", String(32), ForeignKey("refunds.refund_id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("file_id", String(32), ForeignKey("payout_files.file_id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    # a refund is in one file at a time: each further payout of it is another attempt, after the bank's no
    Unique("refund_id", "attempt"),
    Unique("refund_id", "file_id"),
    CheckConstraint("attempt >= 1 and amount_minor > 0", name="ck_payouts_attempt"),
    Index(None, "file_id"),
)

refund_lines = Table(
    "refund_lines",
    metadata,
    Column("source_code", String(32), primary_key=True),
    Column("account", String(64), primary_key=True),
    Column("line_id", String(200), primary_key=True),
    Column("reference", String(32), ForeignKey("payouts.reference"), nullable=False),
    Column("what", String(16), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("value_date", Date, nullable=False),
    Column("event_id", String(32), ForeignKey("ledger_events.event_id"), nullable=False),
    Column("noted_at", Moment, nullable=False),
    # a payout leaves the bank once and comes back once
    Unique("reference", "what"),
    CheckConstraint("what in ('paid', 'returned')", name="ck_refund_lines_what"),
    CheckConstraint("amount_minor > 0", name="ck_refund_lines_amount"),
)

refund_reports = Table(
    "refund_reports",
    metadata,
    Column("source_code", String(32), primary_key=True),
    Column("payment_id", String(200), primary_key=True),
    Column("refund_id", String(32), ForeignKey("refunds.refund_id"), nullable=False),
    # whether the lender's word is about the money that was posted here already
    Column("is_same", Integer, nullable=False),
    Column("noted_at", Moment, nullable=False),
    Unique("refund_id"),
    CheckConstraint("is_same in (0, 1)", name="ck_refund_reports_same"),
    info={"unaudited": "what the lender says of a refund is noted with its payment, which is audited"},
)
