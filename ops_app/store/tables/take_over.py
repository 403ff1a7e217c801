"""Tables of take-overs: each with its proof sheet, and the rows of the former book as history."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_FEEDS = "'placements', 'assignments', 'notes', 'promises', 'settled_commissions'"

take_overs = Table(
    "take_overs",
    metadata,
    Column("take_over_id", String(64), primary_key=True),
    Column("made_by", String(64), nullable=False),
    Column("made_by_name", String(200), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("rows_new", Integer, nullable=False),
    Column("cases_placed", Integer, nullable=False),
    Column("proof_json", Text, nullable=False),
    Index(None, "made_at"),
)

history_rows = Table(
    "history_rows",
    metadata,
    Column("feed", String(32), primary_key=True),
    Column("source_code", String(32), primary_key=True),
    Column("row_key", String(300), primary_key=True),
    Column("loan_id", String(200), nullable=False),
    Column("case_id", String(32), ForeignKey("cases.case_id")),
    Column("agency_code", String(32)),
    Column("collector_ref", String(200)),
    Column("status", String(32), nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("due_date", Date),
    Column("amount_minor", BigInteger),
    Column("currency", String(3)),
    Column("text", Text),
    Column("file_id", String(64), nullable=False),
    Column("line_no", BigInteger, nullable=False),
    Column("difference", String(16)),
    Column("take_over_id", String(64), ForeignKey("take_overs.take_over_id"), nullable=False),
    CheckConstraint(f"feed in ({_FEEDS})", name="ck_history_rows_feed"),
    CheckConstraint("(case_id is null) = (difference is not null)", name="ck_history_rows_difference"),
    Index(None, "case_id", "feed", "begun_at"),
    Index(None, "difference", "feed", "row_key"),
)
