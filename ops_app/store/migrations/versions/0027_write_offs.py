"""Write-offs: criteria, the register with its components, and every move."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.types import Moment

revision = "0027"
down_revision = "0026"

_LIVE = sa.text("is_live")
_POSTED = sa.text("event_id is not null")
_SET = sa.text("cleared_at is null")
_STATES = (
    "requested", "in_approval", "returned", "booked", "partly_recovered", "recovered", "reversed", "rejected",
    "withdrawn", "lapsed",
)  # fmt: skip
_ASKED = {
    "write_offs": (
        "case_id", "nth", "source_code", "loan_id", "currency", "path", "is_whole", "effective_date",
        "approval_document", "evidence_json", "claim_minor", "approved_minor", "requested_by", "requested_at",
    ),
    "write_off_parts": ("case_id", "component", "claim_minor", "approved_minor"),
}  # fmt: skip


def upgrade() -> None:
    _criteria()
    _register()
    _parts()
    _moves()
    for table in ("write_off_criteria", "write_off_moves"):
        make_append_only(table)
    for table, columns in _ASKED.items():
        _keep(table, columns)
    # cases of those who died or are bankrupt are found by the flag
    op.create_index(
        "ix_case_flags_flag_set", "case_flags", ["flag", "case_id"], sqlite_where=_SET, postgresql_where=_SET
    )


def _criteria() -> None:
    op.create_table(
        "write_off_criteria",
        sa.Column("lender_code", sa.String(64), primary_key=True),
        sa.Column("product_code", sa.String(64), primary_key=True),
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("path", sa.String(16), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("starts_date", sa.Date, nullable=False),
        sa.Column("least_days_past_due", sa.Integer, nullable=False),
        sa.Column("least_minor", sa.BigInteger),
        sa.Column("most_minor", sa.BigInteger),
        sa.Column("proofs", sa.String(200), nullable=False),
        sa.Column("partial", sa.Boolean, nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("entered_at", Moment, nullable=False),
        sa.Column("entered_by", sa.String(64), nullable=False),
        sa.CheckConstraint("version >= 1", name="ck_write_off_criteria_version"),
        sa.CheckConstraint("path in ('death', 'bankruptcy', 'long_overdue')", name="ck_write_off_criteria_path"),
        sa.CheckConstraint("method in ('direct', 'allowance')", name="ck_write_off_criteria_method"),
        sa.CheckConstraint("least_days_past_due >= 0", name="ck_write_off_criteria_days"),
        sa.CheckConstraint("least_minor is null or least_minor >= 0", name="ck_write_off_criteria_least"),
        sa.CheckConstraint(
            "least_minor is null or most_minor is null or least_minor <= most_minor",
            name="ck_write_off_criteria_band",
        ),
    )


def _register() -> None:
    amounts = ("booked_minor", "later_minor", "recovered_minor", "remaining_minor")
    op.create_table(
        "write_offs",
        sa.Column("write_off_id", sa.String(32), primary_key=True),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("loan_id", sa.String(200), nullable=False),
        sa.Column("lender_code", sa.String(64)),
        sa.Column("product_code", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("path", sa.String(16), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("is_whole", sa.Boolean, nullable=False),
        sa.Column("effective_date", sa.Date, nullable=False),
        sa.Column("days_past_due", sa.Integer, nullable=False),
        sa.Column("approval_document", sa.String(200), nullable=False),
        sa.Column("evidence_json", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("claim_minor", sa.BigInteger, nullable=False),
        sa.Column("approved_minor", sa.BigInteger, nullable=False),
        sa.Column("requested_by", sa.String(64), nullable=False),
        sa.Column("requested_by_name", sa.String(200), nullable=False),
        sa.Column("requested_at", Moment, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in amounts),
        sa.Column("event_id", sa.String(32), sa.ForeignKey("ledger_events.event_id")),
        sa.Column("booked_at", Moment),
        sa.Column("gl_voucher", sa.String(100)),
        sa.Column("case_state_before", sa.String(16)),
        sa.Column("collector_before", sa.String(64)),
        sa.Column("written_off_date_before", sa.Date),
        sa.Column("reversed_at", Moment),
        sa.Column("move_count", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("case_id", "nth"),
        sa.CheckConstraint(f"state in ({', '.join(repr(one) for one in _STATES)})", name="ck_write_offs_state"),
        sa.CheckConstraint("path in ('death', 'bankruptcy', 'long_overdue')", name="ck_write_offs_path"),
        sa.CheckConstraint("method in ('direct', 'allowance')", name="ck_write_offs_method"),
        sa.CheckConstraint("claim_minor > 0 and approved_minor between 0 and claim_minor", name="ck_write_offs_claim"),
        sa.CheckConstraint("booked_minor between 0 and approved_minor", name="ck_write_offs_booked"),
        sa.CheckConstraint("recovered_minor >= 0 and remaining_minor >= 0", name="ck_write_offs_remaining"),
        sa.CheckConstraint(
            "(state in ('booked', 'partly_recovered', 'recovered', 'reversed'))"
            " = (event_id is not null and booked_at is not null)",
            name="ck_write_offs_posted",
        ),
        sa.CheckConstraint("(state = 'reversed') = (reversed_at is not null)", name="ck_write_offs_reversed"),
        sa.CheckConstraint("gl_voucher is null or event_id is not null", name="ck_write_offs_voucher"),
        sa.CheckConstraint("nth >= 1 and version >= 1 and move_count >= 0", name="ck_write_offs_version"),
    )
    op.create_index(
        "uq_write_offs_event", "write_offs", ["event_id"], unique=True, sqlite_where=_POSTED, postgresql_where=_POSTED
    )
    for name in ("effective_date", "claim_minor", "recovered_minor", "remaining_minor"):
        op.create_index(f"ix_write_offs_{name}_write_off_id", "write_offs", [name, "write_off_id"])


def _parts() -> None:
    amounts = (
        "claim_minor", "approved_minor", "booked_minor", "earlier_minor", "later_minor", "recovered_minor",
        "ended_minor", "remaining_minor",
    )  # fmt: skip
    op.create_table(
        "write_off_parts",
        sa.Column("write_off_id", sa.String(32), sa.ForeignKey("write_offs.write_off_id"), primary_key=True),
        sa.Column("component", sa.String(16), primary_key=True),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("is_live", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in amounts),
        sa.CheckConstraint(
            "component in ('principal', 'interest', 'fees', 'penalty', 'costs')", name="ck_write_off_parts_component"
        ),
        sa.CheckConstraint(
            "claim_minor >= 0 and approved_minor between 0 and claim_minor", name="ck_write_off_parts_claim"
        ),
        sa.CheckConstraint("booked_minor between 0 and approved_minor", name="ck_write_off_parts_booked"),
        sa.CheckConstraint("recovered_minor >= 0 and remaining_minor >= 0", name="ck_write_off_parts_remaining"),
        sa.CheckConstraint(
            "recovered_minor <= earlier_minor + booked_minor + later_minor", name="ck_write_off_parts_recovered"
        ),
        sa.CheckConstraint(
            "remaining_minor = earlier_minor + booked_minor + later_minor - recovered_minor - ended_minor",
            name="ck_write_off_parts_adds_up",
        ),
    )
    op.create_index(
        "uq_write_off_parts_live", "write_off_parts", ["case_id", "component"], unique=True, sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )  # fmt: skip


def _moves() -> None:
    op.create_table(
        "write_off_moves",
        sa.Column("write_off_id", sa.String(32), sa.ForeignKey("write_offs.write_off_id"), primary_key=True),
        sa.Column("nth", sa.Integer, primary_key=True),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("from_state", sa.String(16)),
        sa.Column("to_state", sa.String(16), nullable=False),
        sa.Column("recovered_minor", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_by_name", sa.String(200), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.CheckConstraint("nth >= 1", name="ck_write_off_moves_nth"),
    )


def _keep(table: str, columns: tuple[str, ...]) -> None:
    """What was asked for never changes, and no row goes."""
    message = f"what {table} says was asked for is not changed"
    differ = " or ".join(f"new.{name} <> old.{name}" for name in columns)
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"create trigger {table}_kept before update on {table} when {differ}"
            f" begin select raise(abort, '{message}'); end"
        )
        op.execute(f"create trigger {table}_stays before delete on {table} begin select raise(abort, '{message}'); end")
        return
    op.execute(
        f"create function {table}_kept() returns trigger language plpgsql as"
        f" $$ begin if tg_op = 'DELETE' then raise exception '{message}'; end if;"
        f" if {differ} then raise exception '{message}'; end if; return new; end $$"
    )
    op.execute(
        f"create trigger {table}_kept before update or delete on {table} for each row execute function {table}_kept()"
    )
