"""Tables of agreements with debtors: waivers and plans, their instalments, what happened to them, re-aged cases."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_RUNNING = text("state in ('granted', 'uncounted')")
_DUE = text("next_due_date is not null")
_IN_FORCE = text("ended_date is null")
WAIVED = ("principal", "interest", "fees", "penalty")
SORTED = ("granted_at", "next_due_date", "to_pay_minor", "left_minor", "missed")
"""What the list of agreements is sorted by."""

agreements = Table(
    "agreements",
    metadata,
    # one agreement a request: its id is that of the request
    Column("agreement_id", String(64), ForeignKey("case_requests.case_request_id"), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), nullable=False),
    Column("debtor_key", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("condition", String(16), nullable=False),
    Column("agency_code", String(32)),
    Column("requested_by", String(64), nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    *(Column(f"waived_{part}_minor", BigInteger, nullable=False) for part in WAIVED),
    Column("waived_minor", BigInteger, nullable=False),
    Column("to_pay_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger, nullable=False),
    Column("left_minor", BigInteger, nullable=False),
    Column("missed", Integer, nullable=False),
    Column("next_due_date", Date),
    Column("last_due_date", Date),
    Column("state", String(16), nullable=False),
    Column("is_counted", Boolean, nullable=False),
    Column("granted_at", Moment),
    Column("granted_by", String(64)),
    Column("balance_date", Date),
    Column("counts_from_date", Date),
    Column("grace_days", Integer, nullable=False),
    Column("missed_most", Integer, nullable=False),
    Column("tolerance_minor", BigInteger, nullable=False),
    Column("re_age_after", Integer, nullable=False),
    Column("met_date", Date),
    Column("lapsed_date", Date),
    Column("lapse_reason", String(16)),
    Column("closes_as", String(16)),
    Column("waiver_event_id", String(32), ForeignKey("ledger_events.event_id")),
    Column("waivers_posted", Integer, nullable=False),
    Column("short_minor", BigInteger, nullable=False),
    Column("judged_date", Date),
    Column("judged_seq", BigInteger, nullable=False),
    Column("event_count", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    CheckConstraint("kind in ('waiver', 'instalment')", name="ck_agreements_kind"),
    CheckConstraint("condition in ('none', 'pay_by', 'plan')", name="ck_agreements_condition"),
    CheckConstraint(
        "state in ('requested', 'granted', 'uncounted', 'fulfilled', 'refused', 'lapsed')", name="ck_agreements_state"
    ),
    CheckConstraint("state <> 'granted' or is_counted", name="ck_agreements_counted"),
    CheckConstraint("state <> 'uncounted' or not is_counted", name="ck_agreements_uncounted"),
    CheckConstraint(
        "state not in ('granted', 'uncounted', 'fulfilled')"
        " or (granted_at is not null and balance_date is not null and counts_from_date is not null)",
        name="ck_agreements_granted",
    ),
    CheckConstraint("(state = 'lapsed') = (lapse_reason is not null)", name="ck_agreements_lapsed"),
    CheckConstraint("(state = 'fulfilled') = (met_date is not null)", name="ck_agreements_met"),
    # the journal holds a waiver exactly while its condition is met
    CheckConstraint("waiver_event_id is null or state = 'fulfilled'", name="ck_agreements_posted"),
    CheckConstraint("state <> 'fulfilled' or waived_minor = 0 or waiver_event_id is not null",
                    name="ck_agreements_waiver_posted"),
    CheckConstraint("closes_as is null or (closes_as = 'settled' and state = 'fulfilled')",
                    name="ck_agreements_closes_as"),
    CheckConstraint(
        "waived_minor = " + " + ".join(f"waived_{part}_minor" for part in WAIVED), name="ck_agreements_waived"
    ),
    CheckConstraint(
        " and ".join(f"{name}_minor >= 0" for name in (*(f"waived_{part}" for part in WAIVED), "to_pay", "paid",
                                                        "tolerance", "short")),
        name="ck_agreements_amounts",
    ),
    CheckConstraint("left_minor = to_pay_minor - paid_minor and left_minor >= 0", name="ck_agreements_left"),
    CheckConstraint("version >= 1", name="ck_agreements_version"),
    Index(None, "case_id", "requested_at"),
    Index(None, "debtor_key", "granted_at"),
    Index("ix_agreements_running", "judged_date", "case_id", sqlite_where=_RUNNING, postgresql_where=_RUNNING),
    Index("ix_agreements_due", "next_due_date", "agreement_id", sqlite_where=_DUE, postgresql_where=_DUE),
    *(Index(None, *lead, sort, "agreement_id")
      for lead in ((), ("state",), ("agency_code",)) for sort in SORTED),
)  # fmt: skip

agreement_instalments = Table(
    "agreement_instalments",
    metadata,
    Column("agreement_id", String(64), ForeignKey("agreements.agreement_id"), primary_key=True),
    Column("nth", Integer, primary_key=True),
    Column("due_date", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("in_time_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger, nullable=False),
    CheckConstraint("nth >= 1", name="ck_agreement_instalments_nth"),
    CheckConstraint("amount_minor > 0", name="ck_agreement_instalments_amount"),
    CheckConstraint(
        "state in ('due', 'kept', 'part_kept', 'broken', 'void')", name="ck_agreement_instalments_state"
    ),
    CheckConstraint(
        "in_time_minor >= 0 and in_time_minor <= paid_minor and paid_minor <= amount_minor",
        name="ck_agreement_instalments_paid",
    ),
    CheckConstraint("(state = 'kept') = (in_time_minor = amount_minor)", name="ck_agreement_instalments_kept"),
    Index(None, "due_date", "agreement_id"),
    info={"unaudited": "follows from the agreement and the journal; the agreement's moves are audited"},
)  # fmt: skip

agreement_events = Table(
    "agreement_events",
    metadata,
    Column("agreement_id", String(64), ForeignKey("agreements.agreement_id"), primary_key=True),
    Column("nth", Integer, primary_key=True),
    Column("what", String(16), nullable=False),
    Column("from_state", String(16), nullable=False),
    Column("to_state", String(16), nullable=False),
    Column("business_date", Date, nullable=False),
    Column("reason", Text, nullable=False),
    Column("ledger_event_id", String(32), ForeignKey("ledger_events.event_id")),
    Column("made_by", String(64), nullable=False),
    Column("made_by_name", String(200), nullable=False),
    Column("made_at", Moment, nullable=False),
    CheckConstraint("nth >= 1", name="ck_agreement_events_nth"),
    CheckConstraint("what in ('grant', 'refuse', 'fulfil', 'lapse', 'reopen')", name="ck_agreement_events_what"),
)

re_aged = Table(
    "re_aged",
    metadata,
    Column("agreement_id", String(64), ForeignKey("agreements.agreement_id"), primary_key=True),
    Column("nth", Integer, primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), nullable=False),
    Column("re_aged_date", Date, nullable=False),
    Column("days_past_due", Integer, nullable=False),
    Column("bucket", String(32), nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("ended_date", Date),
    Column("recorded_at", Moment, nullable=False),
    CheckConstraint("nth >= 1", name="ck_re_aged_nth"),
    CheckConstraint("ended_date is null or ended_date >= re_aged_date", name="ck_re_aged_ended"),
    Index("uq_re_aged_one_in_force", "agreement_id", unique=True, sqlite_where=_IN_FORCE, postgresql_where=_IN_FORCE),
    Index(None, "case_id", "re_aged_date"),
)
