"""Tables of limitation: the clock of each open case, and what interrupted it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

limitation_clocks = Table(
    "limitation_clocks",
    metadata,
    Column("case_id", String(32), ForeignKey("cases.case_id"), primary_key=True),
    Column("pack", String(32), nullable=False),
    Column("due_date", Date, nullable=False),
    Column("started_date", Date, nullable=False),
    Column("years", Integer, nullable=False),
    Column("expires_date", Date, nullable=False),
    Column("rule_mark", String(16), nullable=False),
    CheckConstraint("started_date >= due_date and expires_date >= started_date", name="ck_limitation_clocks_dates"),
    Index(None, "expires_date", "case_id"),
    Index(None, "pack", "expires_date", "case_id"),
    info={"unaudited": "worked out from the case, its interruptions and the rule, which are audited"},
)

limitation_interruptions = Table(
    "limitation_interruptions",
    metadata,
    Column("case_id", String(32), ForeignKey("cases.case_id"), primary_key=True),
    Column("nth", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("happened_date", Date, nullable=False),
    Column("evidence", String(300), nullable=False),
    Column("withdraws", Integer),
    Column("made_by", String(64), nullable=False),
    Column("made_by_name", String(200), nullable=False),
    Column("made_at", Moment, nullable=False),
    CheckConstraint("nth >= 1 and (withdraws is null or withdraws < nth)", name="ck_limitation_interruptions_nth"),
    CheckConstraint(
        "kind in ('demand', 'admission', 'part_payment', 'suit', 'arbitration', 'mediation')",
        name="ck_limitation_interruptions_kind",
    ),
    Unique("case_id", "withdraws", name="uq_limitation_interruptions_withdrawn_once"),
)

intake_finding_acts = Table(
    "intake_finding_acts",
    metadata,
    Column("source_code", String(32), primary_key=True),
    Column("loan_id", String(200), primary_key=True),
    Column("first_missed_date", Date, primary_key=True),
    Column("nth", Integer, primary_key=True),
    Column("what", String(16), nullable=False),
    Column("reason", String(1000), nullable=False),
    Column("until_date", Date),
    Column("made_by", String(64), nullable=False),
    Column("made_by_name", String(200), nullable=False),
    Column("made_at", Moment, nullable=False),
    CheckConstraint("what in ('explain', 'park', 'reopen')", name="ck_intake_finding_acts_what"),
    CheckConstraint("(what = 'park') = (until_date is not null)", name="ck_intake_finding_acts_until"),
    ForeignKeyConstraint(
        ["source_code", "loan_id", "first_missed_date"],
        ["intake_findings.source_code", "intake_findings.loan_id", "intake_findings.first_missed_date"],
        name="fk_intake_finding_acts_finding",
    ),
)
