"""Tables of the area casework: cases, their history, placements, assignments, flags; debtors; what intake remembers."""

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
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_OPEN = text("closed_date is null")
_RUNNING = text("ended_at is null")
_ENDED = text("ended_at is not null")
_SET = text("cleared_at is null")
_BY_BYTES = {"loan_id": "varchar_pattern_ops"}

cases = Table(
    "cases",
    metadata,
    Column("case_id", String(32), primary_key=True),
    Column("source_code", String(32), nullable=False),
    Column("loan_id", String(200), nullable=False),
    Column("spell_no", Integer, nullable=False),
    Column("debtor_key", String(32), nullable=False),
    Column("customer_id", String(200), nullable=False),
    Column("lender_code", String(64)),
    Column("product_code", String(64), nullable=False),
    Column("region_code", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("principal_minor", BigInteger, nullable=False),
    Column("interest_minor", BigInteger, nullable=False),
    Column("fees_minor", BigInteger, nullable=False),
    Column("penalty_minor", BigInteger, nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("days_past_due", Integer, nullable=False),
    Column("bucket", String(8), nullable=False),
    Column("as_of_date", Date, nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_before", String(16)),
    Column("custody", String(16), nullable=False),
    Column("agency_code", String(32)),
    Column("collector_id", String(64), ForeignKey("people.person_id")),
    Column("flags", String(100), nullable=False),
    Column("opened_date", Date, nullable=False),
    Column("opened_rule", String(64), nullable=False),
    Column("opened_rule_version", Integer, nullable=False),
    Column("opened_file_id", String(64), nullable=False),
    Column("opened_line_no", BigInteger, nullable=False),
    Column("closed_date", Date),
    Column("close_reason", String(16)),
    Column("closed_rule_version", Integer),
    Column("closed_file_id", String(64)),
    Column("closed_line_no", BigInteger),
    Column("written_off_date", Date),
    Column("event_count", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Unique("source_code", "loan_id", "spell_no"),
    CheckConstraint("spell_no >= 1", name="ck_cases_spell"),
    CheckConstraint("version >= 1 and event_count >= 0", name="ck_cases_version"),
    CheckConstraint(
        "principal_minor + interest_minor + fees_minor + penalty_minor = balance_minor", name="ck_cases_balance"
    ),
    CheckConstraint("(state = 'closed') = (closed_date is not null)", name="ck_cases_closed"),
    CheckConstraint("(closed_date is null) = (close_reason is null)", name="ck_cases_close_reason"),
    CheckConstraint("(custody = 'placed') = (agency_code is not null)", name="ck_cases_agency"),
    CheckConstraint("custody <> 'ended' or collector_id is null", name="ck_cases_ended_has_no_collector"),
    CheckConstraint(
        "(state in ('suspended', 'disputed', 'visiting')) = (state_before is not null)", name="ck_cases_state_before"
    ),
    CheckConstraint(
        "state in ('entered', 'to_assign', 'in_house', 'to_be_placed', 'placed', 'retained', 'suspended', 'visiting',"
        " 'legal', 'disputed', 'returned', 'written_off', 'closed')",
        name="ck_cases_state",
    ),
    CheckConstraint("custody in ('in_house', 'to_be_placed', 'placed', 'recalled', 'ended')", name="ck_cases_custody"),
    # a loan is in one spell at a time
    Index("uq_cases_one_open", "source_code", "loan_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "debtor_key", "case_id"),
    Index(None, "loan_id", "case_id"),
    # the beginning of a contract number, whatever the collation: of everybody, of an agency, of a collector
    Index("ix_cases_loan_prefix", "loan_id", postgresql_ops=_BY_BYTES),
    *(
        Index(
            f"ix_cases_{lead}_loan_prefix",
            lead,
            "loan_id",
            postgresql_ops=_BY_BYTES,
            sqlite_where=text(f"{lead} is not null"),
            postgresql_where=text(f"{lead} is not null"),
        )
        for lead in ("agency_code", "collector_id")
    ),
    # one index a filter and sort that a list declares (store/casework/case_lists.py); nobody's cases are in none of
    # the last
    *(
        Index(None, *lead, sort, "case_id")
        for lead in ((), ("custody",), ("state",))
        for sort in ("days_past_due", "balance_minor", "opened_date")
    ),
    *(
        Index(
            None,
            lead,
            sort,
            "case_id",
            sqlite_where=text(f"{lead} is not null"),
            postgresql_where=text(f"{lead} is not null"),
        )
        for lead in ("agency_code", "collector_id")
        for sort in ("days_past_due", "balance_minor", "opened_date")
    ),
)

case_events = Table(
    "case_events",
    metadata,
    Column("case_id", String(32), ForeignKey("cases.case_id"), primary_key=True),
    Column("nth", Integer, primary_key=True),
    Column("what", String(32), nullable=False),
    Column("from_state", String(16)),
    Column("to_state", String(16), nullable=False),
    Column("custody", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail_json", Text, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("made_by_name", String(200), nullable=False),
    Column("made_at", Moment, nullable=False),
    CheckConstraint("nth >= 1", name="ck_case_events_nth"),
)

placements = Table(
    "placements",
    metadata,
    Column("placement_id", String(64), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), nullable=False),
    Column("nth", Integer, nullable=False),
    Column("agency_code", String(32), nullable=False),
    Column("placed_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("first_contact_due_at", Moment, nullable=False),
    Column("placed_by", String(64), nullable=False),
    Column("placed_balance_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("ended_at", Moment),
    Column("end_reason", String(16)),
    Column("ended_by", String(64)),
    Column("ended_balance_minor", BigInteger),
    Column("end_note", Text),
    Column("tail_until_date", Date),
    Column("first_touch_at", Moment),
    Column("last_touch_at", Moment),
    Unique("case_id", "nth"),
    CheckConstraint("due_at > placed_at", name="ck_placements_due"),
    CheckConstraint("ended_at is null or ended_at >= placed_at", name="ck_placements_ended"),
    CheckConstraint("(ended_at is null) = (end_reason is null)", name="ck_placements_end_reason"),
    CheckConstraint("end_reason in ('recalled', 'lapsed', 'closed')", name="ck_placements_end_kind"),
    # invariant 4: one active agency placement a case
    Index("uq_placements_one_active", "case_id", unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING),
    # what an agency has; no index begins with agency and end, for lists of what runs would skip through it
    Index("ix_placements_agency_running", "agency_code", "case_id", sqlite_where=_RUNNING, postgresql_where=_RUNNING),
    *(
        Index(None, *lead, moment, "placement_id", sqlite_where=where, postgresql_where=where)
        for lead in ((), ("agency_code",))
        for moment, where in (("due_at", _RUNNING), ("ended_at", _ENDED), ("placed_at", None))
    ),
    *(
        Index(f"ix_placements_{'agency_' if lead else ''}{which}_placed_at", *lead, "placed_at", "placement_id",
              sqlite_where=where, postgresql_where=where)
        for lead in ((), ("agency_code",))
        for which, where in (("running", _RUNNING), ("ended", _ENDED))
    ),
)  # fmt: skip

assignments = Table(
    "assignments",
    metadata,
    Column("assignment_id", String(64), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), nullable=False),
    Column("nth", Integer, nullable=False),
    Column("collector_id", String(64), ForeignKey("people.person_id"), nullable=False),
    Column("agency_code", String(32)),
    Column("assigned_at", Moment, nullable=False),
    Column("assigned_by", String(64), nullable=False),
    Column("ended_at", Moment),
    Column("end_reason", String(16)),
    Column("ended_by", String(64)),
    Unique("case_id", "nth"),
    CheckConstraint("ended_at is null or ended_at >= assigned_at", name="ck_assignments_ended"),
    CheckConstraint("(ended_at is null) = (end_reason is null)", name="ck_assignments_end_reason"),
    CheckConstraint(
        "end_reason in ('transferred', 'withdrawn', 'placed', 'recalled', 'closed')", name="ck_assignments_end_kind"
    ),
    # invariant 4: one active collector a case
    Index("uq_assignments_one_active", "case_id", unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING),
    Index(None, "collector_id", "ended_at", "case_id"),
)

case_flags = Table(
    "case_flags",
    metadata,
    Column("case_id", String(32), ForeignKey("cases.case_id"), primary_key=True),
    Column("nth", Integer, primary_key=True),
    Column("flag", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_by", String(64), nullable=False),
    Column("set_at", Moment, nullable=False),
    Column("cleared_by", String(64)),
    Column("cleared_at", Moment),
    Column("clear_reason", Text),
    CheckConstraint(
        "flag in ('dispute', 'complaint', 'bankrupt', 'deceased', 'vulnerable', 'cease_contact')",
        name="ck_case_flags_flag",
    ),
    CheckConstraint("(cleared_at is null) = (clear_reason is null)", name="ck_case_flags_cleared"),
    Index("uq_case_flags_one_set", "case_id", "flag", unique=True, sqlite_where=_SET, postgresql_where=_SET),
    # cases of those who died or are bankrupt, for write-off
    Index("ix_case_flags_flag_set", "flag", "case_id", sqlite_where=_SET, postgresql_where=_SET),
)

debtors = Table(
    "debtors",
    metadata,
    Column("debtor_key", String(32), primary_key=True),
    Column("source_code", String(32), nullable=False),
    Column("customer_id", String(200), nullable=False),
    Column("name_masked", String(16)),
    Column("national_id_masked", String(16)),
    Column("phone_masked", String(16)),
    Column("person_hash", String(64)),
    Column("language", String(32)),
    Column("timezone", String(64)),
    Column("content_mark", String(64), nullable=False),
    Unique("source_code", "customer_id"),
    Index(None, "person_hash"),
)

debtor_details = Table(
    "debtor_details",
    metadata,
    Column("debtor_key", String(32), ForeignKey("debtors.debtor_key"), primary_key=True),
    Column("key_id", String(16), nullable=False),
    Column("sealed", Text, nullable=False),
)

debtor_terms = Table(
    "debtor_terms",
    metadata,
    Column("term", String(16), primary_key=True),
    Column("term_hash", String(64), primary_key=True),
    Column("debtor_key", String(32), ForeignKey("debtors.debtor_key"), primary_key=True),
    Index(None, "debtor_key"),
)

# what was pushed of a customer, and the day that each part is known of; no text where a file counts
debtor_parts = Table(
    "debtor_parts",
    metadata,
    Column("debtor_key", String(32), primary_key=True),
    Column("part", String(16), primary_key=True),
    Column("as_of_date", Date, nullable=False),
    Column("key_id", String(16)),
    Column("sealed", Text),
    CheckConstraint("part in ('customer', 'contacts')", name="ck_debtor_parts_part"),
    CheckConstraint("(key_id is null) = (sealed is null)", name="ck_debtor_parts_sealed"),
)

loan_spells = Table(
    "loan_spells",
    metadata,
    Column("source_code", String(32), primary_key=True),
    Column("loan_id", String(200), primary_key=True),
    Column("spell_no", Integer, nullable=False),
    Column("is_open", Boolean, nullable=False),
)

intake_days = Table(
    "intake_days",
    metadata,
    Column("source_code", String(32), primary_key=True),
    Column("as_of_date", Date, primary_key=True),
    Column("content_mark", String(64), nullable=False),
    Column("taken_in_date", Date, nullable=False),
    info={"unaudited": "which days of the feed were taken in; what they changed is audited with the change"},
)

intake_findings = Table(
    "intake_findings",
    metadata,
    Column("source_code", String(32), primary_key=True),
    Column("loan_id", String(200), primary_key=True),
    Column("first_missed_date", Date, primary_key=True),
    Column("last_missed_date", Date, nullable=False),
    Column("case_id", String(32), nullable=False),
    Column("cleared_date", Date),
    CheckConstraint("last_missed_date >= first_missed_date", name="ck_intake_findings_dates"),
    Index(
        "uq_intake_findings_one_open", "source_code", "loan_id", unique=True,
        sqlite_where=text("cleared_date is null"), postgresql_where=text("cleared_date is null"),
    ),
)  # fmt: skip
