"""Agreements with debtors: waivers and plans of instalments, what happened to them, and cases that were re-aged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.types import Moment

revision = "0026"
down_revision = "0025"

_RUNNING = sa.text("state in ('granted', 'uncounted')")
_DUE = sa.text("next_due_date is not null")
_IN_FORCE = sa.text("ended_date is null")
_WAIVED = ("principal", "interest", "fees", "penalty")
_SORTED = ("granted_at", "next_due_date", "to_pay_minor", "left_minor", "missed")


def upgrade() -> None:
    _agreements()
    _instalments()
    _events()
    _re_aged()
    make_append_only("agreement_events")


def _agreements() -> None:
    amounts = (*(f"waived_{part}" for part in _WAIVED), "to_pay", "paid", "tolerance", "short")
    op.create_table(
        "agreements",
        sa.Column("agreement_id", sa.String(64), sa.ForeignKey("case_requests.case_request_id"), primary_key=True),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("debtor_key", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("condition", sa.String(16), nullable=False),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("requested_by", sa.String(64), nullable=False),
        sa.Column("requested_at", Moment, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        *(sa.Column(f"waived_{part}_minor", sa.BigInteger, nullable=False) for part in _WAIVED),
        sa.Column("waived_minor", sa.BigInteger, nullable=False),
        sa.Column("to_pay_minor", sa.BigInteger, nullable=False),
        sa.Column("paid_minor", sa.BigInteger, nullable=False),
        sa.Column("left_minor", sa.BigInteger, nullable=False),
        sa.Column("missed", sa.Integer, nullable=False),
        sa.Column("next_due_date", sa.Date),
        sa.Column("last_due_date", sa.Date),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("is_counted", sa.Boolean, nullable=False),
        sa.Column("granted_at", Moment),
        sa.Column("granted_by", sa.String(64)),
        sa.Column("balance_date", sa.Date),
        sa.Column("counts_from_date", sa.Date),
        sa.Column("grace_days", sa.Integer, nullable=False),
        sa.Column("missed_most", sa.Integer, nullable=False),
        sa.Column("tolerance_minor", sa.BigInteger, nullable=False),
        sa.Column("re_age_after", sa.Integer, nullable=False),
        sa.Column("met_date", sa.Date),
        sa.Column("lapsed_date", sa.Date),
        sa.Column("lapse_reason", sa.String(16)),
        sa.Column("closes_as", sa.String(16)),
        sa.Column("waiver_event_id", sa.String(32), sa.ForeignKey("ledger_events.event_id")),
        sa.Column("waivers_posted", sa.Integer, nullable=False),
        sa.Column("short_minor", sa.BigInteger, nullable=False),
        sa.Column("judged_date", sa.Date),
        sa.Column("judged_seq", sa.BigInteger, nullable=False),
        sa.Column("event_count", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("kind in ('waiver', 'instalment')", name="ck_agreements_kind"),
        sa.CheckConstraint("condition in ('none', 'pay_by', 'plan')", name="ck_agreements_condition"),
        sa.CheckConstraint(
            "state in ('requested', 'granted', 'uncounted', 'fulfilled', 'refused', 'lapsed')",
            name="ck_agreements_state",
        ),
        sa.CheckConstraint("state <> 'granted' or is_counted", name="ck_agreements_counted"),
        sa.CheckConstraint("state <> 'uncounted' or not is_counted", name="ck_agreements_uncounted"),
        sa.CheckConstraint(
            "state not in ('granted', 'uncounted', 'fulfilled')"
            " or (granted_at is not null and balance_date is not null and counts_from_date is not null)",
            name="ck_agreements_granted",
        ),
        sa.CheckConstraint("(state = 'lapsed') = (lapse_reason is not null)", name="ck_agreements_lapsed"),
        sa.CheckConstraint("(state = 'fulfilled') = (met_date is not null)", name="ck_agreements_met"),
        sa.CheckConstraint("waiver_event_id is null or state = 'fulfilled'", name="ck_agreements_posted"),
        sa.CheckConstraint(
            "state <> 'fulfilled' or waived_minor = 0 or waiver_event_id is not null",
            name="ck_agreements_waiver_posted",
        ),
        sa.CheckConstraint(
            "closes_as is null or (closes_as = 'settled' and state = 'fulfilled')", name="ck_agreements_closes_as"
        ),
        sa.CheckConstraint(
            "waived_minor = " + " + ".join(f"waived_{part}_minor" for part in _WAIVED), name="ck_agreements_waived"
        ),
        sa.CheckConstraint(" and ".join(f"{name}_minor >= 0" for name in amounts), name="ck_agreements_amounts"),
        sa.CheckConstraint("left_minor = to_pay_minor - paid_minor and left_minor >= 0", name="ck_agreements_left"),
        sa.CheckConstraint("version >= 1", name="ck_agreements_version"),
    )
    op.create_index("ix_agreements_case_id_requested_at", "agreements", ["case_id", "requested_at"])
    op.create_index("ix_agreements_debtor_key_granted_at", "agreements", ["debtor_key", "granted_at"])
    op.create_index(
        "ix_agreements_running", "agreements", ["judged_date", "case_id"], sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )  # fmt: skip
    op.create_index(
        "ix_agreements_due", "agreements", ["next_due_date", "agreement_id"], sqlite_where=_DUE, postgresql_where=_DUE
    )
    for lead in ((), ("state",), ("agency_code",)):
        for sort in _SORTED:
            columns = [*lead, sort, "agreement_id"]
            op.create_index("ix_agreements_" + "_".join(columns), "agreements", columns)


def _instalments() -> None:
    op.create_table(
        "agreement_instalments",
        sa.Column("agreement_id", sa.String(64), sa.ForeignKey("agreements.agreement_id"), primary_key=True),
        sa.Column("nth", sa.Integer, primary_key=True),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("in_time_minor", sa.BigInteger, nullable=False),
        sa.Column("paid_minor", sa.BigInteger, nullable=False),
        sa.CheckConstraint("nth >= 1", name="ck_agreement_instalments_nth"),
        sa.CheckConstraint("amount_minor > 0", name="ck_agreement_instalments_amount"),
        sa.CheckConstraint(
            "state in ('due', 'kept', 'part_kept', 'broken', 'void')", name="ck_agreement_instalments_state"
        ),
        sa.CheckConstraint(
            "in_time_minor >= 0 and in_time_minor <= paid_minor and paid_minor <= amount_minor",
            name="ck_agreement_instalments_paid",
        ),
        sa.CheckConstraint("(state = 'kept') = (in_time_minor = amount_minor)", name="ck_agreement_instalments_kept"),
    )
    op.create_index(
        "ix_agreement_instalments_due_date_agreement_id", "agreement_instalments", ["due_date", "agreement_id"]
    )


def _events() -> None:
    op.create_table(
        "agreement_events",
        sa.Column("agreement_id", sa.String(64), sa.ForeignKey("agreements.agreement_id"), primary_key=True),
        sa.Column("nth", sa.Integer, primary_key=True),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("from_state", sa.String(16), nullable=False),
        sa.Column("to_state", sa.String(16), nullable=False),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("ledger_event_id", sa.String(32), sa.ForeignKey("ledger_events.event_id")),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_by_name", sa.String(200), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.CheckConstraint("nth >= 1", name="ck_agreement_events_nth"),
        sa.CheckConstraint("what in ('grant', 'refuse', 'fulfil', 'lapse', 'reopen')", name="ck_agreement_events_what"),
    )


def _re_aged() -> None:
    op.create_table(
        "re_aged",
        sa.Column("agreement_id", sa.String(64), sa.ForeignKey("agreements.agreement_id"), primary_key=True),
        sa.Column("nth", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("re_aged_date", sa.Date, nullable=False),
        sa.Column("days_past_due", sa.Integer, nullable=False),
        sa.Column("bucket", sa.String(32), nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("ended_date", sa.Date),
        sa.Column("recorded_at", Moment, nullable=False),
        sa.CheckConstraint("nth >= 1", name="ck_re_aged_nth"),
        sa.CheckConstraint("ended_date is null or ended_date >= re_aged_date", name="ck_re_aged_ended"),
    )
    op.create_index(
        "uq_re_aged_one_in_force", "re_aged", ["agreement_id"], unique=True, sqlite_where=_IN_FORCE,
        postgresql_where=_IN_FORCE,
    )  # fmt: skip
    op.create_index("ix_re_aged_case_id_re_aged_date", "re_aged", ["case_id", "re_aged_date"])
