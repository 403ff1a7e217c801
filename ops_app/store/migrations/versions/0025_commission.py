"""Commission: contracts, settlements, lines, disputes, overrides, an agency's split."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.types import Moment

revision = "0025"
down_revision = "0024"

_RUNNING = sa.text("state not in ('locked', 'paid')")
_FIRST = sa.text("previous_id is null")
_EARNED = sa.text("kind = 'earned'")
_APART = sa.text("payment_event_id is null")
_OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    _contracts()
    _settlements()
    _lines()
    _disputes()
    _overrides()
    _splits()
    for table in ("commission_contracts", "commission_lines", "commission_overrides", "commission_splits"):
        make_append_only(table)
    # what a period has to look at again is what was posted since it was last reckoned
    _index("journal_entries", "posted_at")
    _close_settlements()


def _contracts() -> None:
    op.create_table(
        "commission_contracts",
        sa.Column("contract_id", sa.String(32), primary_key=True),
        sa.Column("agency_code", sa.String(32), sa.ForeignKey("agencies.agency_code"), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("version_no", sa.Integer, nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("terms_json", sa.Text, nullable=False),
        sa.Column("terms_hash", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("approved_by", sa.String(64), nullable=False),
        sa.Column("entered_at", Moment, nullable=False),
        sa.UniqueConstraint("agency_code", "currency", "version_no"),
        sa.CheckConstraint("version_no >= 1", name="ck_commission_contracts_version"),
        sa.CheckConstraint("asked_by <> approved_by", name="ck_commission_contracts_two_persons"),
    )  # fmt: skip


def _settlements() -> None:
    op.create_table(
        "settlements",
        sa.Column("settlement_id", sa.String(32), primary_key=True),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("agency_code", sa.String(32), sa.ForeignKey("agencies.agency_code"), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("first_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date, nullable=False),
        sa.Column("previous_id", sa.String(32), sa.ForeignKey("settlements.settlement_id")),
        sa.Column("contract_id", sa.String(32), sa.ForeignKey("commission_contracts.contract_id"), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("computed_at", Moment, nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("totals_json", sa.Text),
        sa.Column("due_minor", sa.BigInteger),
        sa.Column("content_hash", sa.String(64)),
        sa.Column("locked_by", sa.String(64)),
        sa.Column("locked_at", Moment),
        sa.Column("invoice_number", sa.String(64)),
        sa.Column("invoice_minor", sa.BigInteger),
        sa.Column("paid_by", sa.String(64)),
        sa.Column("paid_at", Moment),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint("agency_code", "currency", "first_date"),
        sa.UniqueConstraint("previous_id"),
        sa.CheckConstraint("first_date < end_date", name="ck_settlements_days"),
        sa.CheckConstraint("version >= 1", name="ck_settlements_version"),
        sa.CheckConstraint(
            "state in ('draft', 'presented', 'disputed', 'confirmed', 'locked', 'paid')", name="ck_settlements_state"
        ),
        sa.CheckConstraint(
            "(state in ('locked', 'paid')) = (content_hash is not null and totals_json is not null and locked_by is not"
            " null and locked_at is not null and due_minor is not null)",
            name="ck_settlements_locked",
        ),
        sa.CheckConstraint(
            "(state = 'paid') = (invoice_number is not null and invoice_minor is not null and paid_by is not null and"
            " paid_at is not null)",
            name="ck_settlements_paid",
        ),
    )  # fmt: skip
    op.create_index(
        "uq_settlements_one_open", "settlements", ["agency_code", "currency"], unique=True,
        sqlite_where=_RUNNING, postgresql_where=_RUNNING,
    )  # fmt: skip
    op.create_index(
        "uq_settlements_one_first", "settlements", ["agency_code", "currency"], unique=True,
        sqlite_where=_FIRST, postgresql_where=_FIRST,
    )  # fmt: skip
    for lead in ((), ("agency_code",), ("state",)):
        _index("settlements", *lead, "first_date", "settlement_id")


def _lines() -> None:
    op.create_table(
        "commission_lines",
        sa.Column("line_id", sa.String(32), primary_key=True),
        sa.Column("settlement_id", sa.String(32), sa.ForeignKey("settlements.settlement_id"), nullable=False),
        sa.Column("line_no", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("agency_code", sa.String(32), sa.ForeignKey("agencies.agency_code"), nullable=False),
        sa.Column("contract_id", sa.String(32), sa.ForeignKey("commission_contracts.contract_id"), nullable=False),
        sa.Column("payment_event_id", sa.String(32), sa.ForeignKey("ledger_events.event_id")),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column("original_line_id", sa.String(32), sa.ForeignKey("commission_lines.line_id")),
        sa.Column("source_code", sa.String(32)),
        sa.Column("payment_id", sa.String(300)),
        sa.Column("loan_id", sa.String(200)),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id")),
        sa.Column("placement_id", sa.String(64), sa.ForeignKey("placements.placement_id")),
        sa.Column("batch_id", sa.String(64)),
        sa.Column("value_date", sa.Date, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("tier", sa.String(200), nullable=False),
        sa.Column("rate_ppm", sa.Integer, nullable=False),
        sa.Column("paid_to", sa.String(16)),
        sa.Column("base_minor", sa.BigInteger, nullable=False),
        sa.Column("full_minor", sa.BigInteger, nullable=False),
        sa.Column("cut_minor", sa.BigInteger, nullable=False),
        sa.Column("fee_minor", sa.BigInteger, nullable=False),
        sa.Column("facts_json", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.UniqueConstraint("settlement_id", "line_no"),
        sa.UniqueConstraint("payment_event_id", "agency_code", "contract_id", "nth", name="uq_commission_lines_once"),
        sa.CheckConstraint(
            "kind in ('earned', 'clawback', 'restored', 'tier_adjustment', 'cap_adjustment', 'correction', 'bonus',"
            " 'malus')",
            name="ck_commission_lines_kind",
        ),
        sa.CheckConstraint("fee_minor = full_minor - cut_minor", name="ck_commission_lines_fee"),
        sa.CheckConstraint("nth >= 1 and line_no >= 1", name="ck_commission_lines_nth"),
        sa.CheckConstraint(
            "(kind in ('bonus', 'malus')) = (payment_event_id is null)", name="ck_commission_lines_payment"
        ),
        sa.CheckConstraint(
            "(payment_event_id is null) = (placement_id is null)", name="ck_commission_lines_placement"
        ),
        sa.CheckConstraint(
            "(kind in ('earned', 'bonus', 'malus')) = (original_line_id is null)", name="ck_commission_lines_original"
        ),
        sa.CheckConstraint("kind <> 'clawback' or base_minor < 0", name="ck_commission_lines_clawback"),
        sa.CheckConstraint("kind <> 'earned' or (base_minor > 0 and nth = 1)", name="ck_commission_lines_earned"),
        sa.CheckConstraint("paid_to in ('lender', 'agency')", name="ck_commission_lines_paid_to"),
    )  # fmt: skip
    op.create_index(
        "uq_commission_lines_earned", "commission_lines", ["payment_event_id", "agency_code"], unique=True,
        sqlite_where=_EARNED, postgresql_where=_EARNED,
    )  # fmt: skip
    op.create_index(
        "uq_commission_lines_apart", "commission_lines", ["settlement_id", "kind", "nth"], unique=True,
        sqlite_where=_APART, postgresql_where=_APART,
    )  # fmt: skip
    for one in ((), ("agency_code",), ("settlement_id",), ("batch_id",), ("case_id",), ("tier",)):
        for sort in ("value_date", "fee_minor"):
            _index("commission_lines", *one, sort, "line_id")
    _index("commission_lines", "placement_id")
    _index("commission_lines", "original_line_id")


def _disputes() -> None:
    op.create_table(
        "commission_disputes",
        sa.Column("dispute_id", sa.String(32), primary_key=True),
        sa.Column("settlement_id", sa.String(32), sa.ForeignKey("settlements.settlement_id"), nullable=False),
        sa.Column("line_id", sa.String(32), sa.ForeignKey("commission_lines.line_id"), nullable=False),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("raised_by", sa.String(64), nullable=False),
        sa.Column("raised_by_name", sa.String(200), nullable=False),
        sa.Column("raised_at", Moment, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("answered_by", sa.String(64)),
        sa.Column("answered_by_name", sa.String(200)),
        sa.Column("answered_at", Moment),
        sa.UniqueConstraint("line_id", "nth"),
        sa.CheckConstraint("state in ('open', 'accepted', 'rejected')", name="ck_commission_disputes_state"),
        sa.CheckConstraint(
            "(state = 'open') = (answer is null) and (answer is null) = (answered_by is null)"
            " and (answer is null) = (answered_at is null)",
            name="ck_commission_disputes_answer",
        ),
    )  # fmt: skip
    op.create_index(
        "uq_commission_disputes_open", "commission_disputes", ["line_id"], unique=True,
        sqlite_where=_OPEN, postgresql_where=_OPEN,
    )  # fmt: skip
    _index("commission_disputes", "settlement_id", "state")


def _overrides() -> None:
    op.create_table(
        "commission_overrides",
        sa.Column("override_id", sa.String(32), primary_key=True),
        sa.Column("settlement_id", sa.String(32), sa.ForeignKey("settlements.settlement_id"), nullable=False),
        sa.Column("checks_json", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("approved_by", sa.String(64), nullable=False),
        sa.Column("approved_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.CheckConstraint("asked_by <> approved_by", name="ck_commission_overrides_two_persons"),
        sa.CheckConstraint("expires_at > approved_at", name="ck_commission_overrides_expires"),
    )  # fmt: skip
    _index("commission_overrides", "settlement_id")


def _splits() -> None:
    op.create_table(
        "commission_splits",
        sa.Column("split_id", sa.String(32), primary_key=True),
        sa.Column("agency_code", sa.String(32), sa.ForeignKey("agencies.agency_code"), nullable=False),
        sa.Column("version_no", sa.Integer, nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("share", sa.String(16), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_by_name", sa.String(200), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.UniqueConstraint("agency_code", "version_no"),
        sa.CheckConstraint("version_no >= 1", name="ck_commission_splits_version"),
    )  # fmt: skip


def _close_settlements() -> None:
    """A closed settlement is paid and nothing else; no line is added to it, and none is ever taken away."""
    kept = (
        "settlement_id", "number", "agency_code", "currency", "first_date", "end_date", "previous_id", "contract_id",
        "computed_at", "totals_json", "due_minor", "content_hash", "locked_by", "locked_at",
    )  # fmt: skip
    closed = "(select state from settlements where settlement_id = new.settlement_id) in ('locked', 'paid')"
    same = " or ".join(f"old.{one} is not new.{one}" for one in kept)
    apart = " or ".join(f"old.{one} is distinct from new.{one}" for one in kept)
    wrong = "old.state = 'paid' or (old.state = 'locked' and (new.state <> 'paid' or {}))"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"create trigger commission_lines_closed before insert on commission_lines when {closed}"
            f" begin select raise(abort, 'no line is added to a closed settlement'); end"
        )
        op.execute(
            f"create trigger settlements_closed before update on settlements when {wrong.format(same)}"
            f" begin select raise(abort, 'a closed settlement is not changed'); end"
        )
        op.execute(
            "create trigger settlements_no_delete before delete on settlements"
            " begin select raise(abort, 'settlements stay'); end"
        )
        return
    op.execute(
        f"create function commission_lines_closed() returns trigger language plpgsql as $$ begin"
        f" if {closed} then raise exception 'no line is added to a closed settlement'; end if; return new; end $$"
    )
    op.execute(
        "create trigger commission_lines_closed before insert on commission_lines"
        " for each row execute function commission_lines_closed()"
    )
    op.execute(
        f"create function settlements_closed() returns trigger language plpgsql as $$ begin"
        f" if {wrong.format(apart)} then raise exception 'a closed settlement is not changed'; end if;"
        f" return new; end $$"
    )
    op.execute(
        "create trigger settlements_closed before update on settlements"
        " for each row execute function settlements_closed()"
    )
    op.execute(
        "create function settlements_stay() returns trigger language plpgsql as"
        " $$ begin raise exception 'settlements stay'; end $$"
    )
    op.execute(
        "create trigger settlements_stay before delete or truncate on settlements"
        " for each statement execute function settlements_stay()"
    )


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
