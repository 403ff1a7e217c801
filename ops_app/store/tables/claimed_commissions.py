"""Tables of claimed commission: statements that agencies send, what they come to by period, and their lines.

What the sender said never changes (triggers of the migration); what was found beside it and decided on it does.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

claimed_statements = Table(
    "claimed_statements",
    metadata,
    Column("statement_id", String(32), primary_key=True),
    Column("agency_code", String(32), ForeignKey("agencies.agency_code"), nullable=False),
    Column("number", String(128), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("source_code", String(32), nullable=False),
    Column("since_date", Date),
    Column("until_date", Date, nullable=False),
    Column("taken_at", Moment, nullable=False),
    Column("compared_at", Moment, nullable=False),
    Column("tolerance_minor", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Unique("agency_code", "number", "currency"),
    CheckConstraint("version >= 1", name="ck_claimed_statements_version"),
    CheckConstraint("tolerance_minor >= 0", name="ck_claimed_statements_tolerance"),
    Index(None, "until_date", "statement_id"),
    Index(None, "agency_code", "until_date", "statement_id"),
)

claimed_periods = Table(
    "claimed_periods",
    metadata,
    Column("statement_id", String(32), ForeignKey("claimed_statements.statement_id"), primary_key=True),
    Column("period", String(64), primary_key=True),
    Column("lines", Integer, nullable=False),
    Column("collected_minor", BigInteger, nullable=False),
    Column("claimed_minor", BigInteger, nullable=False),
)

claimed_lines = Table(
    "claimed_lines",
    metadata,
    Column("line_id", String(32), primary_key=True),
    Column("statement_id", String(32), ForeignKey("claimed_statements.statement_id"), nullable=False),
    Column("line_no", Integer, nullable=False),
    Column("sender_line", String(128), nullable=False),
    Column("period", String(64), nullable=False),
    Column("loan_id", String(200), nullable=False),
    Column("payment_id", String(300)),
    Column("collected_minor", BigInteger, nullable=False),
    Column("claimed_minor", BigInteger, nullable=False),
    Column("file_id", String(64), nullable=False),
    Column("received_minor", BigInteger, nullable=False),
    Column("eligible_minor", BigInteger, nullable=False),
    Column("recomputed_minor", BigInteger, nullable=False),
    Column("difference_minor", BigInteger, nullable=False),
    Column("finding", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("decided_by", String(64)),
    Column("decided_by_name", String(200)),
    Column("decided_at", Moment),
    Column("version", Integer, nullable=False),
    Unique("statement_id", "sender_line"),
    CheckConstraint(
        "finding in ('agrees', 'above', 'below', 'not_paid', 'not_earned', 'twice')", name="ck_claimed_lines_finding"
    ),
    CheckConstraint("state in ('agreed', 'open', 'accepted', 'disputed')", name="ck_claimed_lines_state"),
    CheckConstraint("(state = 'agreed') = (finding = 'agrees')", name="ck_claimed_lines_agreed"),
    CheckConstraint(
        "(state in ('accepted', 'disputed')) = (reason is not null) and (reason is null) = (decided_by is null)"
        " and (reason is null) = (decided_by_name is null) and (reason is null) = (decided_at is null)",
        name="ck_claimed_lines_decided",
    ),
    CheckConstraint("difference_minor = claimed_minor - recomputed_minor", name="ck_claimed_lines_difference"),
    # one index a filter and sort that the list declares (store/ledger/claimed_commissions.py)
    *(
        Index(None, "statement_id", *lead, sort, "line_id")
        for lead in ((), ("period",), ("finding",), ("state",))
        for sort in ("line_no", "difference_minor")
    ),
    Index(None, "payment_id"),
    Index(None, "statement_id", "loan_id"),
)
