"""Tables of commission: contracts, settlements, their lines, disputes, overrides, an agency's split.

Lines and contracts are append-only; triggers of the migration refuse a line for a settlement that is closed, and any
change of a closed settlement but that it is paid.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, Text, text
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_RUNNING = text("state not in ('locked', 'paid')")
_FIRST = text("previous_id is null")
_EARNED = text("kind = 'earned'")
_APART = text("payment_event_id is null")
_OPEN = text("state = 'open'")

commission_contracts = Table(
    "commission_contracts",
    metadata,
    Column("contract_id", String(32), primary_key=True),
    Column("agency_code", String(32), ForeignKey("agencies.agency_code"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("version_no", Integer, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("terms_json", Text, nullable=False),
    Column("terms_hash", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("approved_by", String(64), nullable=False),
    Column("entered_at", Moment, nullable=False),
    Unique("agency_code", "currency", "version_no"),
    CheckConstraint("version_no >= 1", name="ck_commission_contracts_version"),
    # two persons put a version in force
    CheckConstraint("asked_by <> approved_by", name="ck_commission_contracts_two_persons"),
)

settlements = Table(
    "settlements",
    metadata,
    Column("settlement_id", String(32), primary_key=True),
    Column("number", String(64), nullable=False),
    Column("agency_code", String(32), ForeignKey("agencies.agency_code"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("first_date", Date, nullable=False),
    Column("end_date", Date, nullable=False),
    Column("previous_id", String(32), ForeignKey("settlements.settlement_id")),
    Column("contract_id", String(32), ForeignKey("commission_contracts.contract_id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("computed_at", Moment, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("totals_json", Text),
    Column("due_minor", BigInteger),
    Column("content_hash", String(64)),
    Column("locked_by", String(64)),
    Column("locked_at", Moment),
    Column("invoice_number", String(64)),
    Column("invoice_minor", BigInteger),
    Column("paid_by", String(64)),
    Column("paid_at", Moment),
    Column("version", Integer, nullable=False),
    Unique("number"),
    Unique("agency_code", "currency", "first_date"),
    # what one period leaves owing goes on once
    Unique("previous_id"),
    CheckConstraint("first_date < end_date", name="ck_settlements_days"),
    CheckConstraint("version >= 1", name="ck_settlements_version"),
    CheckConstraint(
        "state in ('draft', 'presented', 'disputed', 'confirmed', 'locked', 'paid')", name="ck_settlements_state"
    ),
    CheckConstraint(
        "(state in ('locked', 'paid')) = (content_hash is not null and totals_json is not null and locked_by is not"
        " null and locked_at is not null and due_minor is not null)",
        name="ck_settlements_locked",
    ),
    CheckConstraint(
        "(state = 'paid') = (invoice_number is not null and invoice_minor is not null and paid_by is not null and"
        " paid_at is not null)",
        name="ck_settlements_paid",
    ),
    # an agency has one open period a currency, into which everything late falls
    Index("uq_settlements_one_open", "agency_code", "currency", unique=True, sqlite_where=_RUNNING,
          postgresql_where=_RUNNING),
    Index("uq_settlements_one_first", "agency_code", "currency", unique=True, sqlite_where=_FIRST,
          postgresql_where=_FIRST),
    *(Index(None, *lead, "first_date", "settlement_id") for lead in ((), ("agency_code",), ("state",))),
)  # fmt: skip

commission_lines = Table(
    "commission_lines",
    metadata,
    Column("line_id", String(32), primary_key=True),
    Column("settlement_id", String(32), ForeignKey("settlements.settlement_id"), nullable=False),
    Column("line_no", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("agency_code", String(32), ForeignKey("agencies.agency_code"), nullable=False),
    Column("contract_id", String(32), ForeignKey("commission_contracts.contract_id"), nullable=False),
    Column("payment_event_id", String(32), ForeignKey("ledger_events.event_id")),
    Column("nth", Integer, nullable=False),
    Column("original_line_id", String(32), ForeignKey("commission_lines.line_id")),
    Column("source_code", String(32)),
    Column("payment_id", String(300)),
    Column("loan_id", String(200)),
    Column("case_id", String(32), ForeignKey("cases.case_id")),
    Column("placement_id", String(64), ForeignKey("placements.placement_id")),
    Column("batch_id", String(64)),
    Column("value_date", Date, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("tier", String(200), nullable=False),
    Column("rate_ppm", Integer, nullable=False),
    Column("paid_to", String(16)),
    Column("base_minor", BigInteger, nullable=False),
    Column("full_minor", BigInteger, nullable=False),
    Column("cut_minor", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    Column("facts_json", Text, nullable=False),
    Column("reason", Text),
    Column("made_by", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),
    Unique("settlement_id", "line_no"),
    # nothing is paid twice: each change of what a payment earns is one line
    Unique("payment_event_id", "agency_code", "contract_id", "nth", name="uq_commission_lines_once"),
    CheckConstraint(
        "kind in ('earned', 'clawback', 'restored', 'tier_adjustment', 'cap_adjustment', 'correction', 'bonus',"
        " 'malus')",
        name="ck_commission_lines_kind",
    ),
    CheckConstraint("fee_minor = full_minor - cut_minor", name="ck_commission_lines_fee"),
    CheckConstraint("nth >= 1 and line_no >= 1", name="ck_commission_lines_nth"),
    CheckConstraint(
        "(kind in ('bonus', 'malus')) = (payment_event_id is null)", name="ck_commission_lines_payment"
    ),
    CheckConstraint(
        "(payment_event_id is null) = (placement_id is null)", name="ck_commission_lines_placement"
    ),
    CheckConstraint(
        "(kind in ('earned', 'bonus', 'malus')) = (original_line_id is null)", name="ck_commission_lines_original"
    ),
    CheckConstraint("kind <> 'clawback' or base_minor < 0", name="ck_commission_lines_clawback"),
    CheckConstraint("kind <> 'earned' or (base_minor > 0 and nth = 1)", name="ck_commission_lines_earned"),
    CheckConstraint("paid_to in ('lender', 'agency')", name="ck_commission_lines_paid_to"),
    Index("uq_commission_lines_earned", "payment_event_id", "agency_code", unique=True, sqlite_where=_EARNED,
          postgresql_where=_EARNED),
    Index("uq_commission_lines_apart", "settlement_id", "kind", "nth", unique=True, sqlite_where=_APART,
          postgresql_where=_APART),
    # one index a filter and sort that the list declares (store/ledger/commission_lists.py)
    *(
        Index(None, *lead, sort, "line_id")
        for lead in ((), ("agency_code",), ("settlement_id",), ("batch_id",), ("case_id",), ("tier",))
        for sort in ("value_date", "fee_minor")
    ),
    Index(None, "placement_id"),
    Index(None, "original_line_id"),
)  # fmt: skip

commission_disputes = Table(
    "commission_disputes",
    metadata,
    Column("dispute_id", String(32), primary_key=True),
    Column("settlement_id", String(32), ForeignKey("settlements.settlement_id"), nullable=False),
    Column("line_id", String(32), ForeignKey("commission_lines.line_id"), nullable=False),
    Column("nth", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raised_by", String(64), nullable=False),
    Column("raised_by_name", String(200), nullable=False),
    Column("raised_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("answer", Text),
    Column("answered_by", String(64)),
    Column("answered_by_name", String(200)),
    Column("answered_at", Moment),
    Unique("line_id", "nth"),
    CheckConstraint("state in ('open', 'accepted', 'rejected')", name="ck_commission_disputes_state"),
    CheckConstraint(
        "(state = 'open') = (answer is null) and (answer is null) = (answered_by is null)"
        " and (answer is null) = (answered_at is null)",
        name="ck_commission_disputes_answer",
    ),
    Index("uq_commission_disputes_open", "line_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "settlement_id", "state"),
)

commission_overrides = Table(
    "commission_overrides",
    metadata,
    Column("override_id", String(32), primary_key=True),
    Column("settlement_id", String(32), ForeignKey("settlements.settlement_id"), nullable=False),
    Column("checks_json", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("approved_by", String(64), nullable=False),
    Column("approved_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    CheckConstraint("asked_by <> approved_by", name="ck_commission_overrides_two_persons"),
    CheckConstraint("expires_at > approved_at", name="ck_commission_overrides_expires"),
    Index(None, "settlement_id"),
)

commission_splits = Table(
    "commission_splits",
    metadata,
    Column("split_id", String(32), primary_key=True),
    Column("agency_code", String(32), ForeignKey("agencies.agency_code"), nullable=False),
    Column("version_no", Integer, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("share", String(16), nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("made_by_name", String(200), nullable=False),
    Column("made_at", Moment, nullable=False),
    Unique("agency_code", "version_no"),
    CheckConstraint("version_no >= 1", name="ck_commission_splits_version"),
)
