"""Statements of commission that agencies send, their sums by period, their lines with what was found and decided."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only, make_undeletable
from ops_app.store.types import Moment

revision = "0031"
down_revision = "0030"

_SAID = (
    "statement_id",
    "sender_line",
    "period",
    "loan_id",
    "payment_id",
    "collected_minor",
    "claimed_minor",
    "file_id",
)


def upgrade() -> None:
    _statements()
    _lines()
    make_append_only("claimed_periods")
    for table in ("claimed_statements", "claimed_lines"):
        make_undeletable(table)
    _keep_what_was_said()


def _statements() -> None:
    op.create_table(
        "claimed_statements",
        sa.Column("statement_id", sa.String(32), primary_key=True),
        sa.Column("agency_code", sa.String(32), sa.ForeignKey("agencies.agency_code"), nullable=False),
        sa.Column("number", sa.String(128), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("since_date", sa.Date),
        sa.Column("until_date", sa.Date, nullable=False),
        sa.Column("taken_at", Moment, nullable=False),
        sa.Column("compared_at", Moment, nullable=False),
        sa.Column("tolerance_minor", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("agency_code", "number", "currency"),
        sa.CheckConstraint("version >= 1", name="ck_claimed_statements_version"),
        sa.CheckConstraint("tolerance_minor >= 0", name="ck_claimed_statements_tolerance"),
    )
    for columns in (["until_date", "statement_id"], ["agency_code", "until_date", "statement_id"]):
        op.create_index(f"ix_claimed_statements_{'_'.join(columns)}", "claimed_statements", columns)
    op.create_table(
        "claimed_periods",
        sa.Column("statement_id", sa.String(32), sa.ForeignKey("claimed_statements.statement_id"), primary_key=True),
        sa.Column("period", sa.String(64), primary_key=True),
        sa.Column("lines", sa.Integer, nullable=False),
        sa.Column("collected_minor", sa.BigInteger, nullable=False),
        sa.Column("claimed_minor", sa.BigInteger, nullable=False),
    )


def _lines() -> None:
    op.create_table(
        "claimed_lines",
        sa.Column("line_id", sa.String(32), primary_key=True),
        sa.Column("statement_id", sa.String(32), sa.ForeignKey("claimed_statements.statement_id"), nullable=False),
        sa.Column("line_no", sa.Integer, nullable=False),
        sa.Column("sender_line", sa.String(128), nullable=False),
        sa.Column("period", sa.String(64), nullable=False),
        sa.Column("loan_id", sa.String(200), nullable=False),
        sa.Column("payment_id", sa.String(300)),
        sa.Column("collected_minor", sa.BigInteger, nullable=False),
        sa.Column("claimed_minor", sa.BigInteger, nullable=False),
        sa.Column("file_id", sa.String(64), nullable=False),
        sa.Column("received_minor", sa.BigInteger, nullable=False),
        sa.Column("eligible_minor", sa.BigInteger, nullable=False),
        sa.Column("recomputed_minor", sa.BigInteger, nullable=False),
        sa.Column("difference_minor", sa.BigInteger, nullable=False),
        sa.Column("finding", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("decided_by", sa.String(64)),
        sa.Column("decided_by_name", sa.String(200)),
        sa.Column("decided_at", Moment),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("statement_id", "sender_line"),
        sa.CheckConstraint(
            "finding in ('agrees', 'above', 'below', 'not_paid', 'not_earned', 'twice')",
            name="ck_claimed_lines_finding",
        ),
        sa.CheckConstraint("state in ('agreed', 'open', 'accepted', 'disputed')", name="ck_claimed_lines_state"),
        sa.CheckConstraint("(state = 'agreed') = (finding = 'agrees')", name="ck_claimed_lines_agreed"),
        sa.CheckConstraint(
            "(state in ('accepted', 'disputed')) = (reason is not null) and (reason is null) = (decided_by is null)"
            " and (reason is null) = (decided_by_name is null) and (reason is null) = (decided_at is null)",
            name="ck_claimed_lines_decided",
        ),
        sa.CheckConstraint("difference_minor = claimed_minor - recomputed_minor", name="ck_claimed_lines_difference"),
    )
    for lead in ([], ["period"], ["finding"], ["state"]):
        for sort in ("line_no", "difference_minor"):
            columns = ["statement_id", *lead, sort, "line_id"]
            op.create_index(f"ix_claimed_lines_{'_'.join(columns)}", "claimed_lines", columns)
    op.create_index("ix_claimed_lines_payment_id", "claimed_lines", ["payment_id"])
    op.create_index("ix_claimed_lines_statement_id_loan_id", "claimed_lines", ["statement_id", "loan_id"])


def _keep_what_was_said() -> None:
    """What the sender stated on a line is never rewritten."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"create trigger claimed_lines_stay_as_said before update of {', '.join(_SAID)} on claimed_lines"
            " begin select raise(abort, 'a claimed line stays as it was said'); end"
        )
        return
    changed = " or ".join(f"new.{name} is distinct from old.{name}" for name in _SAID)
    op.execute(
        "create function claimed_lines_stay_as_said() returns trigger language plpgsql as"
        f" $$ begin if {changed} then raise exception 'a claimed line stays as it was said'; end if;"
        " return new; end $$"
    )
    op.execute(
        "create trigger claimed_lines_stay_as_said before update on claimed_lines"
        " for each row execute function claimed_lines_stay_as_said()"
    )
