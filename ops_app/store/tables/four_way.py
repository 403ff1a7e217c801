"""Tables of the four-way reconciliation: what became of claims, proof sheets, reversals that were ordered."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

claim_findings = Table(
    "claim_findings",
    metadata,
    Column("claim_id", String(64), ForeignKey("case_requests.case_request_id"), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("confirmed_by", String(260)),
    Column("break_id", String(64), ForeignKey("breaks.break_id")),
    Column("reason", String(32)),
    Column("as_of_date", Date, nullable=False),
    CheckConstraint("state in ('waiting', 'confirmed', 'broken')", name="ck_claim_findings_state"),
    CheckConstraint("(state = 'confirmed') = (confirmed_by is not null)", name="ck_claim_findings_confirmed"),
    CheckConstraint("(state = 'broken') = (break_id is not null)", name="ck_claim_findings_broken"),
    Index(None, "break_id"),
)

proof_sheets = Table(
    "proof_sheets",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("book", String(32), primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("rows_json", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),
    CheckConstraint("revision >= 1", name="ck_proof_sheets_revision"),
)

payment_reversals = Table(
    "payment_reversals",
    metadata,
    Column("source_code", String(32), primary_key=True),
    Column("payment_id", String(200), primary_key=True),
    Column("break_id", String(64), ForeignKey("breaks.break_id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("ordered_by", String(64), nullable=False),
    Column("ordered_at", Moment, nullable=False),
    ForeignKeyConstraint(
        ["source_code", "payment_id"], ["payments.source_code", "payments.payment_id"],
        name="fk_payment_reversals_payment",
    ),
    CheckConstraint("amount_minor > 0", name="ck_payment_reversals_amount"),
    Index(None, "break_id"),
)  # fmt: skip
