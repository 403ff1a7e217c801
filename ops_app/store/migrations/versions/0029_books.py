"""The books around the journal: closed periods take no entry; overrides, closed balances, vouchers, accruals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.types import Moment

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    _closing()
    _vouchers()
    _accruals()
    for table in ("closing_overrides", "closed_balances", "voucher_batches", "voucher_acknowledgements"):
        make_append_only(table)
    for table in ("journal_entries", "journal_lines"):
        _refuse_closed_days(table)
    for place in ("owner_id", "component"):
        op.create_index(
            f"ix_ledger_differences_{place}_state_opened_date_difference_id", "ledger_differences",
            [place, "state", "opened_date", "difference_id"],
        )  # fmt: skip


def _closing() -> None:
    op.create_table(
        "closing_overrides",
        sa.Column("override_id", sa.String(32), primary_key=True),
        sa.Column("first_date", sa.Date, nullable=False),
        sa.Column("check_name", sa.String(64), nullable=False),
        sa.Column("found", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("approved_by", sa.String(64), nullable=False),
        sa.Column("approved_at", Moment, nullable=False),
        sa.Column("until_at", Moment, nullable=False),
        sa.CheckConstraint("asked_by <> approved_by", name="ck_closing_overrides_two_people"),
        sa.CheckConstraint("approved_at < until_at", name="ck_closing_overrides_until"),
    )
    op.create_index("ix_closing_overrides_first_date_check_name", "closing_overrides", ["first_date", "check_name"])
    op.create_table(
        "closed_balances",
        sa.Column("period_id", sa.String(64), sa.ForeignKey("closed_periods.period_id"), primary_key=True),
        sa.Column("source_code", sa.String(32), primary_key=True),
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("account", sa.String(32), primary_key=True),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
    )


def _vouchers() -> None:
    op.create_table(
        "voucher_batches",
        sa.Column("batch_id", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("period_id", sa.String(64), sa.ForeignKey("closed_periods.period_id"), nullable=False),
        sa.Column("first_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date, nullable=False),
        sa.Column("template_json", sa.Text, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("file_hash", sa.String(64), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint("source_code", "period_id"),
        sa.CheckConstraint("number >= 1", name="ck_voucher_batches_number"),
        sa.CheckConstraint("first_date < end_date", name="ck_voucher_batches_dates"),
    )
    op.create_table(
        "voucher_acknowledgements",
        sa.Column("batch_id", sa.String(32), sa.ForeignKey("voucher_batches.batch_id"), primary_key=True),
        sa.Column("reference", sa.String(200), nullable=False),
        sa.Column("received_date", sa.Date, nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.Column("recorded_at", Moment, nullable=False),
        sa.CheckConstraint("reference <> ''", name="ck_voucher_acknowledgements_reference"),
    )


def _accruals() -> None:
    op.create_table(
        "ledger_accruals",
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("through_date", sa.Date, nullable=False),
        sa.Column("interest_carry", sa.BigInteger, nullable=False),
        sa.Column("penalty_carry", sa.BigInteger, nullable=False),
        sa.CheckConstraint("interest_carry >= 0 and penalty_carry >= 0", name="ck_ledger_accruals_carry"),
    )


def _refuse_closed_days(table: str) -> None:
    """No row whose accounting date lies in a closed period of the ledger, whoever writes it and however."""
    closed = "new.accounting_date < (select max(end_date) from closed_periods where area = 'ledger')"
    message = f"{table} takes nothing into a closed period"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"create trigger {table}_open_days before insert on {table} when {closed}"
            f" begin select raise(abort, '{message}'); end"
        )
        return
    op.execute(
        f"create function {table}_open_days() returns trigger language plpgsql as"
        f" $$ begin if {closed} then raise exception '{message}' using errcode = 'integrity_constraint_violation';"
        f" end if; return new; end $$"
    )
    op.execute(
        f"create trigger {table}_open_days before insert on {table} for each row execute function {table}_open_days()"
    )
