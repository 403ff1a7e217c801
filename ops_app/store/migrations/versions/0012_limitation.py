"""The limitation clock with its interruptions; what people do about loans that a full feed did not have."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.types import Moment

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "limitation_clocks",
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("pack", sa.String(32), nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("started_date", sa.Date, nullable=False),
        sa.Column("years", sa.Integer, nullable=False),
        sa.Column("expires_date", sa.Date, nullable=False),
        sa.Column("rule_mark", sa.String(16), nullable=False),
        sa.CheckConstraint(
            "started_date >= due_date and expires_date >= started_date", name="ck_limitation_clocks_dates"
        ),
    )
    op.create_index(None, "limitation_clocks", ["expires_date", "case_id"])
    op.create_table(
        "limitation_interruptions",
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("nth", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("happened_date", sa.Date, nullable=False),
        sa.Column("evidence", sa.String(300), nullable=False),
        sa.Column("withdraws", sa.Integer),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_by_name", sa.String(200), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.CheckConstraint(
            "nth >= 1 and (withdraws is null or withdraws < nth)", name="ck_limitation_interruptions_nth"
        ),
        sa.CheckConstraint(
            "kind in ('demand', 'admission', 'part_payment', 'suit', 'arbitration', 'mediation')",
            name="ck_limitation_interruptions_kind",
        ),
        sa.UniqueConstraint("case_id", "withdraws", name="uq_limitation_interruptions_withdrawn_once"),
    )
    make_append_only("limitation_interruptions")
    op.create_table(
        "intake_finding_acts",
        sa.Column("source_code", sa.String(32), primary_key=True),
        sa.Column("loan_id", sa.String(200), primary_key=True),
        sa.Column("first_missed_date", sa.Date, primary_key=True),
        sa.Column("nth", sa.Integer, primary_key=True),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("until_date", sa.Date),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_by_name", sa.String(200), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.CheckConstraint("what in ('explain', 'park', 'reopen')", name="ck_intake_finding_acts_what"),
        sa.CheckConstraint("(what = 'park') = (until_date is not null)", name="ck_intake_finding_acts_until"),
        sa.ForeignKeyConstraint(
            ["source_code", "loan_id", "first_missed_date"],
            ["intake_findings.source_code", "intake_findings.loan_id", "intake_findings.first_missed_date"],
            name="fk_intake_finding_acts_finding",
        ),
    )
    make_append_only("intake_finding_acts")
