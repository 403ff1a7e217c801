"""Cases, their history, placements, assignments and flags; debtors; what intake remembers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.types import Moment

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    _cases()
    _case_events()
    _placements()
    _assignments()
    _case_flags()
    _debtors()
    _debtor_details()
    _debtor_terms()
    _loan_spells()
    _intake_days()
    _intake_findings()


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(32), primary_key=True),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("loan_id", sa.String(200), nullable=False),
        sa.Column("spell_no", sa.Integer, nullable=False),
        sa.Column("debtor_key", sa.String(32), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("lender_code", sa.String(64)),
        sa.Column("product_code", sa.String(64), nullable=False),
        sa.Column("region_code", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("principal_minor", sa.BigInteger, nullable=False),
        sa.Column("interest_minor", sa.BigInteger, nullable=False),
        sa.Column("fees_minor", sa.BigInteger, nullable=False),
        sa.Column("penalty_minor", sa.BigInteger, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("days_past_due", sa.Integer, nullable=False),
        sa.Column("bucket", sa.String(8), nullable=False),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_before", sa.String(16)),
        sa.Column("custody", sa.String(16), nullable=False),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("collector_id", sa.String(64), sa.ForeignKey("people.person_id", name="fk_cases_collector_id")),
        sa.Column("flags", sa.String(100), nullable=False),
        sa.Column("opened_date", sa.Date, nullable=False),
        sa.Column("opened_rule", sa.String(64), nullable=False),
        sa.Column("opened_rule_version", sa.Integer, nullable=False),
        sa.Column("opened_file_id", sa.String(64), nullable=False),
        sa.Column("opened_line_no", sa.BigInteger, nullable=False),
        sa.Column("closed_date", sa.Date),
        sa.Column("close_reason", sa.String(16)),
        sa.Column("closed_rule_version", sa.Integer),
        sa.Column("closed_file_id", sa.String(64)),
        sa.Column("closed_line_no", sa.BigInteger),
        sa.Column("written_off_date", sa.Date),
        sa.Column("event_count", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("(custody = 'placed') = (agency_code is not null)", name="ck_cases_agency"),
        sa.CheckConstraint(
            "principal_minor + interest_minor + fees_minor + penalty_minor = balance_minor", name="ck_cases_balance"
        ),
        sa.CheckConstraint("(closed_date is null) = (close_reason is null)", name="ck_cases_close_reason"),
        sa.CheckConstraint("(state = 'closed') = (closed_date is not null)", name="ck_cases_closed"),
        sa.CheckConstraint(
            "custody in ('in_house', 'to_be_placed', 'placed', 'recalled', 'ended')", name="ck_cases_custody"
        ),
        sa.CheckConstraint("custody <> 'ended' or collector_id is null", name="ck_cases_ended_has_no_collector"),
        sa.CheckConstraint("spell_no >= 1", name="ck_cases_spell"),
        sa.CheckConstraint(
            "state in ('entered', 'to_assign', 'in_house', 'to_be_placed', 'placed', 'retained',"
            " 'suspended', 'visiting', 'legal', 'disputed', 'returned', 'written_off', 'closed')",
            name="ck_cases_state",
        ),
        sa.CheckConstraint(
            "(state in ('suspended', 'disputed', 'visiting')) = (state_before is not null)",
            name="ck_cases_state_before",
        ),
        sa.CheckConstraint("version >= 1 and event_count >= 0", name="ck_cases_version"),
        sa.UniqueConstraint("source_code", "loan_id", "spell_no", name="uq_cases_source_code_loan_id_spell_no"),
    )
    op.create_index(
        "ix_cases_agency_code_balance_minor_case_id",
        "cases",
        ["agency_code", "balance_minor", "case_id"],
        **_where("agency_code is not null"),
    )
    op.create_index(
        "ix_cases_agency_code_days_past_due_case_id",
        "cases",
        ["agency_code", "days_past_due", "case_id"],
        **_where("agency_code is not null"),
    )
    op.create_index(
        "ix_cases_agency_code_opened_date_case_id",
        "cases",
        ["agency_code", "opened_date", "case_id"],
        **_where("agency_code is not null"),
    )
    op.create_index("ix_cases_balance_minor_case_id", "cases", ["balance_minor", "case_id"])
    op.create_index(
        "ix_cases_collector_id_balance_minor_case_id",
        "cases",
        ["collector_id", "balance_minor", "case_id"],
        **_where("collector_id is not null"),
    )
    op.create_index(
        "ix_cases_collector_id_days_past_due_case_id",
        "cases",
        ["collector_id", "days_past_due", "case_id"],
        **_where("collector_id is not null"),
    )
    op.create_index(
        "ix_cases_collector_id_opened_date_case_id",
        "cases",
        ["collector_id", "opened_date", "case_id"],
        **_where("collector_id is not null"),
    )
    op.create_index("ix_cases_custody_balance_minor_case_id", "cases", ["custody", "balance_minor", "case_id"])
    op.create_index("ix_cases_custody_days_past_due_case_id", "cases", ["custody", "days_past_due", "case_id"])
    op.create_index("ix_cases_custody_opened_date_case_id", "cases", ["custody", "opened_date", "case_id"])
    op.create_index("ix_cases_days_past_due_case_id", "cases", ["days_past_due", "case_id"])
    op.create_index("ix_cases_debtor_key_case_id", "cases", ["debtor_key", "case_id"])
    op.create_index("ix_cases_loan_id_case_id", "cases", ["loan_id", "case_id"])
    op.create_index("ix_cases_opened_date_case_id", "cases", ["opened_date", "case_id"])
    op.create_index("ix_cases_state_balance_minor_case_id", "cases", ["state", "balance_minor", "case_id"])
    op.create_index("ix_cases_state_days_past_due_case_id", "cases", ["state", "days_past_due", "case_id"])
    op.create_index("ix_cases_state_opened_date_case_id", "cases", ["state", "opened_date", "case_id"])
    op.create_index(
        "uq_cases_one_open", "cases", ["source_code", "loan_id"], unique=True, **_where("closed_date is null")
    )


def _case_events() -> None:
    op.create_table(
        "case_events",
        sa.Column(
            "case_id", sa.String(32), sa.ForeignKey("cases.case_id", name="fk_case_events_case_id"), primary_key=True
        ),
        sa.Column("nth", sa.Integer, primary_key=True),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("from_state", sa.String(16)),
        sa.Column("to_state", sa.String(16), nullable=False),
        sa.Column("custody", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail_json", sa.Text, nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_by_name", sa.String(200), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.CheckConstraint("nth >= 1", name="ck_case_events_nth"),
    )
    make_append_only("case_events")


def _placements() -> None:
    op.create_table(
        "placements",
        sa.Column("placement_id", sa.String(64), primary_key=True),
        sa.Column(
            "case_id", sa.String(32), sa.ForeignKey("cases.case_id", name="fk_placements_case_id"), nullable=False
        ),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column("agency_code", sa.String(32), nullable=False),
        sa.Column("placed_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("first_contact_due_at", Moment, nullable=False),
        sa.Column("placed_by", sa.String(64), nullable=False),
        sa.Column("placed_balance_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("ended_at", Moment),
        sa.Column("end_reason", sa.String(16)),
        sa.Column("ended_by", sa.String(64)),
        sa.Column("ended_balance_minor", sa.BigInteger),
        sa.Column("end_note", sa.Text),
        sa.CheckConstraint("due_at > placed_at", name="ck_placements_due"),
        sa.CheckConstraint("end_reason in ('recalled', 'lapsed', 'closed')", name="ck_placements_end_kind"),
        sa.CheckConstraint("(ended_at is null) = (end_reason is null)", name="ck_placements_end_reason"),
        sa.CheckConstraint("ended_at is null or ended_at >= placed_at", name="ck_placements_ended"),
        sa.UniqueConstraint("case_id", "nth", name="uq_placements_case_id_nth"),
    )
    op.create_index(
        "ix_placements_agency_code_due_at_placement_id",
        "placements",
        ["agency_code", "due_at", "placement_id"],
        **_where("ended_at is null"),
    )
    op.create_index("ix_placements_agency_code_ended_at_case_id", "placements", ["agency_code", "ended_at", "case_id"])
    op.create_index(
        "ix_placements_agency_code_ended_at_placement_id",
        "placements",
        ["agency_code", "ended_at", "placement_id"],
        **_where("ended_at is not null"),
    )
    op.create_index(
        "ix_placements_agency_code_placed_at_placement_id", "placements", ["agency_code", "placed_at", "placement_id"]
    )
    op.create_index(
        "ix_placements_due_at_placement_id", "placements", ["due_at", "placement_id"], **_where("ended_at is null")
    )
    op.create_index(
        "ix_placements_ended_at_placement_id",
        "placements",
        ["ended_at", "placement_id"],
        **_where("ended_at is not null"),
    )
    op.create_index("ix_placements_placed_at_placement_id", "placements", ["placed_at", "placement_id"])
    op.create_index("uq_placements_one_active", "placements", ["case_id"], unique=True, **_where("ended_at is null"))


def _assignments() -> None:
    op.create_table(
        "assignments",
        sa.Column("assignment_id", sa.String(64), primary_key=True),
        sa.Column(
            "case_id", sa.String(32), sa.ForeignKey("cases.case_id", name="fk_assignments_case_id"), nullable=False
        ),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column(
            "collector_id",
            sa.String(64),
            sa.ForeignKey("people.person_id", name="fk_assignments_collector_id"),
            nullable=False,
        ),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("assigned_at", Moment, nullable=False),
        sa.Column("assigned_by", sa.String(64), nullable=False),
        sa.Column("ended_at", Moment),
        sa.Column("end_reason", sa.String(16)),
        sa.Column("ended_by", sa.String(64)),
        sa.CheckConstraint(
            "end_reason in ('transferred', 'withdrawn', 'placed', 'recalled', 'closed')", name="ck_assignments_end_kind"
        ),
        sa.CheckConstraint("(ended_at is null) = (end_reason is null)", name="ck_assignments_end_reason"),
        sa.CheckConstraint("ended_at is null or ended_at >= assigned_at", name="ck_assignments_ended"),
        sa.UniqueConstraint("case_id", "nth", name="uq_assignments_case_id_nth"),
    )
    op.create_index(
        "ix_assignments_collector_id_ended_at_case_id", "assignments", ["collector_id", "ended_at", "case_id"]
    )
    op.create_index("uq_assignments_one_active", "assignments", ["case_id"], unique=True, **_where("ended_at is null"))


def _case_flags() -> None:
    op.create_table(
        "case_flags",
        sa.Column(
            "case_id", sa.String(32), sa.ForeignKey("cases.case_id", name="fk_case_flags_case_id"), primary_key=True
        ),
        sa.Column("nth", sa.Integer, primary_key=True),
        sa.Column("flag", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("set_by", sa.String(64), nullable=False),
        sa.Column("set_at", Moment, nullable=False),
        sa.Column("cleared_by", sa.String(64)),
        sa.Column("cleared_at", Moment),
        sa.Column("clear_reason", sa.Text),
        sa.CheckConstraint("(cleared_at is null) = (clear_reason is null)", name="ck_case_flags_cleared"),
        sa.CheckConstraint(
            "flag in ('dispute', 'complaint', 'bankrupt', 'deceased', 'vulnerable', 'cease_contact')",
            name="ck_case_flags_flag",
        ),
    )
    op.create_index(
        "uq_case_flags_one_set", "case_flags", ["case_id", "flag"], unique=True, **_where("cleared_at is null")
    )


def _debtors() -> None:
    op.create_table(
        "debtors",
        sa.Column("debtor_key", sa.String(32), primary_key=True),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("name_masked", sa.String(16)),
        sa.Column("national_id_masked", sa.String(16)),
        sa.Column("phone_masked", sa.String(16)),
        sa.Column("person_hash", sa.String(64)),
        sa.Column("language", sa.String(32)),
        sa.Column("timezone", sa.String(64)),
        sa.Column("content_mark", sa.String(64), nullable=False),
        sa.UniqueConstraint("source_code", "customer_id", name="uq_debtors_source_code_customer_id"),
    )
    op.create_index("ix_debtors_person_hash", "debtors", ["person_hash"])


def _debtor_details() -> None:
    op.create_table(
        "debtor_details",
        sa.Column(
            "debtor_key",
            sa.String(32),
            sa.ForeignKey("debtors.debtor_key", name="fk_debtor_details_debtor_key"),
            primary_key=True,
        ),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
    )


def _debtor_terms() -> None:
    op.create_table(
        "debtor_terms",
        sa.Column("term", sa.String(16), primary_key=True),
        sa.Column("term_hash", sa.String(64), primary_key=True),
        sa.Column(
            "debtor_key",
            sa.String(32),
            sa.ForeignKey("debtors.debtor_key", name="fk_debtor_terms_debtor_key"),
            primary_key=True,
        ),
    )
    op.create_index("ix_debtor_terms_debtor_key", "debtor_terms", ["debtor_key"])


def _loan_spells() -> None:
    op.create_table(
        "loan_spells",
        sa.Column("source_code", sa.String(32), primary_key=True),
        sa.Column("loan_id", sa.String(200), primary_key=True),
        sa.Column("spell_no", sa.Integer, nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
    )


def _intake_days() -> None:
    op.create_table(
        "intake_days",
        sa.Column("source_code", sa.String(32), primary_key=True),
        sa.Column("as_of_date", sa.Date, primary_key=True),
        sa.Column("content_mark", sa.String(64), nullable=False),
        sa.Column("taken_in_date", sa.Date, nullable=False),
    )


def _intake_findings() -> None:
    op.create_table(
        "intake_findings",
        sa.Column("source_code", sa.String(32), primary_key=True),
        sa.Column("loan_id", sa.String(200), primary_key=True),
        sa.Column("first_missed_date", sa.Date, primary_key=True),
        sa.Column("last_missed_date", sa.Date, nullable=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("cleared_date", sa.Date),
        sa.CheckConstraint("last_missed_date >= first_missed_date", name="ck_intake_findings_dates"),
    )
    op.create_index(
        "uq_intake_findings_one_open",
        "intake_findings",
        ["source_code", "loan_id"],
        unique=True,
        **_where("cleared_date is null"),
    )


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
