"""Tables of the books around the journal: overrides of the close, balances of closed periods, vouchers, accruals.

Vouchers name a closed period, and no entry is inserted into one (triggers of the migration), so that what a batch holds
is fixed by its period and source alone.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

closing_overrides = Table(
    "closing_overrides",
    metadata,
    Column("override_id", String(32), primary_key=True),
    Column("first_date", Date, nullable=False),
    Column("check_name", String(64), nullable=False),
    Column("found", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("approved_by", String(64), nullable=False),
    Column("approved_at", Moment, nullable=False),
    Column("until_at", Moment, nullable=False),
    CheckConstraint("asked_by <> approved_by", name="ck_closing_overrides_two_people"),
    CheckConstraint("approved_at < until_at", name="ck_closing_overrides_until"),
    Index(None, "first_date", "check_name"),
)

closed_balances = Table(
    "closed_balances",
    metadata,
    Column("period_id", String(64), ForeignKey("closed_periods.period_id"), primary_key=True),
    Column("source_code", String(32), primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("account", String(32), primary_key=True),
    # debits less credits since the beginning
    Column("balance_minor", BigInteger, nullable=False),
)

voucher_batches = Table(
    "voucher_batches",
    metadata,
    Column("batch_id", String(32), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("source_code", String(32), nullable=False),
    Column("period_id", String(64), ForeignKey("closed_periods.period_id"), nullable=False),
    Column("first_date", Date, nullable=False),
    Column("end_date", Date, nullable=False),
    Column("template_json", Text, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("file_hash", String(64), nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),
    Unique("number"),
    # a period leaves for the general ledger once
    Unique("source_code", "period_id"),
    CheckConstraint("number >= 1", name="ck_voucher_batches_number"),
    CheckConstraint("first_date < end_date", name="ck_voucher_batches_dates"),
)

voucher_acknowledgements = Table(
    "voucher_acknowledgements",
    metadata,
    Column("batch_id", String(32), ForeignKey("voucher_batches.batch_id"), primary_key=True),
    Column("reference", String(200), nullable=False),
    Column("received_date", Date, nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Column("recorded_at", Moment, nullable=False),
    CheckConstraint("reference <> ''", name="ck_voucher_acknowledgements_reference"),
)

ledger_accruals = Table(
    "ledger_accruals",
    metadata,
    Column("case_id", String(32), ForeignKey("cases.case_id"), primary_key=True),
    Column("through_date", Date, nullable=False),
    # what is accrued but not yet a whole minor unit, in parts of a minor unit (``CARRY_PARTS`` make one)
    Column("interest_carry", BigInteger, nullable=False),
    Column("penalty_carry", BigInteger, nullable=False),
    CheckConstraint("interest_carry >= 0 and penalty_carry >= 0", name="ck_ledger_accruals_carry"),
    info={"unaudited": "how far a case has accrued is written with the events of the accrual, which are audited"},
)
