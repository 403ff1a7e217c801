"""Tables of write-offs: criteria, what was asked for and booked (账销案存), each component of it, and every move.

``write_off_criteria`` and ``write_off_moves`` are append-only. Of a write-off and its parts what was asked for never
changes (triggers of the migration); what stands of it follows the journal and is held against it by ``recoup verify``.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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

_LIVE = text("is_live")
_POSTED = text("event_id is not null")
STATES = (
    "requested", "in_approval", "returned", "booked", "partly_recovered", "recovered", "reversed", "rejected",
    "withdrawn", "lapsed",
)  # fmt: skip
SORTED = ("effective_date", "claim_minor", "recovered_minor", "remaining_minor")
"""What lists of write-offs are sorted by, each with an index."""

write_off_criteria = Table(
    "write_off_criteria",
    metadata,
    Column("lender_code", String(64), primary_key=True),
    Column("product_code", String(64), primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("path", String(16), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("starts_date", Date, nullable=False),
    Column("least_days_past_due", Integer, nullable=False),
    Column("least_minor", BigInteger),
    Column("most_minor", BigInteger),
    Column("proofs", String(200), nullable=False),
    Column("partial", Boolean, nullable=False),
    Column("method", String(16), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("entered_at", Moment, nullable=False),
    Column("entered_by", String(64), nullable=False),
    CheckConstraint("version >= 1", name="ck_write_off_criteria_version"),
    CheckConstraint("path in ('death', 'bankruptcy', 'long_overdue')", name="ck_write_off_criteria_path"),
    CheckConstraint("method in ('direct', 'allowance')", name="ck_write_off_criteria_method"),
    CheckConstraint("least_days_past_due >= 0", name="ck_write_off_criteria_days"),
    CheckConstraint("least_minor is null or least_minor >= 0", name="ck_write_off_criteria_least"),
    CheckConstraint(
        "least_minor is null or most_minor is null or least_minor <= most_minor", name="ck_write_off_criteria_band"
    ),
)

write_offs = Table(
    "write_offs",
    metadata,
    Column("write_off_id", String(32), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), nullable=False),
    Column("nth", Integer, nullable=False),
    Column("source_code", String(32), nullable=False),
    Column("loan_id", String(200), nullable=False),
    Column("lender_code", String(64)),
    Column("product_code", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("path", String(16), nullable=False),
    Column("method", String(16), nullable=False),
    Column("is_whole", Boolean, nullable=False),
    Column("effective_date", Date, nullable=False),
    Column("days_past_due", Integer, nullable=False),
    Column("approval_document", String(200), nullable=False),
    Column("evidence_json", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("claim_minor", BigInteger, nullable=False),
    Column("approved_minor", BigInteger, nullable=False),
    Column("requested_by", String(64), nullable=False),
    Column("requested_by_name", String(200), nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("booked_minor", BigInteger, nullable=False),
    Column("later_minor", BigInteger, nullable=False),
    Column("recovered_minor", BigInteger, nullable=False),
    Column("remaining_minor", BigInteger, nullable=False),
    Column("event_id", String(32), ForeignKey("ledger_events.event_id")),
    Column("booked_at", Moment),
    Column("gl_voucher", String(100)),
    Column("case_state_before", String(16)),
    Column("collector_before", String(64)),
    Column("written_off_date_before", Date),
    Column("reversed_at", Moment),
    Column("move_count", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Unique("case_id", "nth"),
    CheckConstraint(f"state in ({', '.join(repr(one) for one in STATES)})", name="ck_write_offs_state"),
    CheckConstraint("path in ('death', 'bankruptcy', 'long_overdue')", name="ck_write_offs_path"),
    CheckConstraint("method in ('direct', 'allowance')", name="ck_write_offs_method"),
    CheckConstraint("claim_minor > 0 and approved_minor between 0 and claim_minor", name="ck_write_offs_claim"),
    # booked is what was approved, less only what back-dated payments turned out to have paid (invariant I6)
    CheckConstraint("booked_minor between 0 and approved_minor", name="ck_write_offs_booked"),
    CheckConstraint("recovered_minor >= 0 and remaining_minor >= 0", name="ck_write_offs_remaining"),
    CheckConstraint(
        "(state in ('booked', 'partly_recovered', 'recovered', 'reversed'))"
        " = (event_id is not null and booked_at is not null)",
        name="ck_write_offs_posted",
    ),
    CheckConstraint("(state = 'reversed') = (reversed_at is not null)", name="ck_write_offs_reversed"),
    CheckConstraint("gl_voucher is null or event_id is not null", name="ck_write_offs_voucher"),
    CheckConstraint("nth >= 1 and version >= 1 and move_count >= 0", name="ck_write_offs_version"),
    # an event of the journal is the booking of one write-off
    Index("uq_write_offs_event", "event_id", unique=True, sqlite_where=_POSTED, postgresql_where=_POSTED),
    *(Index(None, name, "write_off_id") for name in SORTED),
)

write_off_parts = Table(
    "write_off_parts",
    metadata,
    Column("write_off_id", String(32), ForeignKey("write_offs.write_off_id"), primary_key=True),
    Column("component", String(16), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), nullable=False),
    Column("is_live", Boolean, nullable=False),
    Column("claim_minor", BigInteger, nullable=False),
    Column("approved_minor", BigInteger, nullable=False),
    Column("booked_minor", BigInteger, nullable=False),
    Column("earlier_minor", BigInteger, nullable=False),
    Column("later_minor", BigInteger, nullable=False),
    Column("recovered_minor", BigInteger, nullable=False),
    Column("ended_minor", BigInteger, nullable=False),
    Column("remaining_minor", BigInteger, nullable=False),
    CheckConstraint(
        "component in ('principal', 'interest', 'fees', 'penalty', 'costs')", name="ck_write_off_parts_component"
    ),
    CheckConstraint("claim_minor >= 0 and approved_minor between 0 and claim_minor", name="ck_write_off_parts_claim"),
    CheckConstraint("booked_minor between 0 and approved_minor", name="ck_write_off_parts_booked"),
    CheckConstraint("recovered_minor >= 0 and remaining_minor >= 0", name="ck_write_off_parts_remaining"),
    # what is recovered never exceeds what was written off and charged since (domain e-7)
    CheckConstraint(
        "recovered_minor <= earlier_minor + booked_minor + later_minor", name="ck_write_off_parts_recovered"
    ),
    CheckConstraint(
        "remaining_minor = earlier_minor + booked_minor + later_minor - recovered_minor - ended_minor",
        name="ck_write_off_parts_adds_up",
    ),
    # a component of a case has one write-off that is asked for or stands
    Index("uq_write_off_parts_live", "case_id", "component", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
)

write_off_moves = Table(
    "write_off_moves",
    metadata,
    Column("write_off_id", String(32), ForeignKey("write_offs.write_off_id"), primary_key=True),
    Column("nth", Integer, primary_key=True),
    Column("what", String(16), nullable=False),
    Column("from_state", String(16)),
    Column("to_state", String(16), nullable=False),
    Column("recovered_minor", BigInteger, nullable=False),
    Column("reason", Text),
    Column("made_by", String(64), nullable=False),
    Column("made_by_name", String(200), nullable=False),
    Column("made_at", Moment, nullable=False),
    CheckConstraint("nth >= 1", name="ck_write_off_moves_nth"),
)
