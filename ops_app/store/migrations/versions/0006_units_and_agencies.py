"""Units of the asset company and who belongs to them; agencies with all that belongs to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.migrations.periods import forbid_overlap, only_ends
from ops_app.store.types import Moment

revision = "0006"
down_revision = "0005"

_HEAD = sa.text("kind = 'head_office'")
_OPEN = sa.text("valid_to is null")
_KEPT = sa.text("removed_at is null")


def upgrade() -> None:
    _units()
    _unit_periods()
    _memberships()
    _agencies()
    _agency_contracts()
    _agency_evaluations()
    _certificates()
    _agency_networks()


def _units() -> None:
    op.create_table(
        "units",
        sa.Column("unit_id", sa.String(64), primary_key=True),
        sa.Column("unit_code", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.Column("changed_by", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("unit_code", name="uq_units_unit_code"),
        sa.CheckConstraint("kind in ('head_office', 'branch', 'team', 'post')", name="ck_units_kind"),
        sa.CheckConstraint("version >= 1", name="ck_units_version"),
    )
    op.create_index(
        "uq_units_one_head_office", "units", ["kind"], unique=True, sqlite_where=_HEAD, postgresql_where=_HEAD
    )


def _unit_periods() -> None:
    op.create_table(
        "unit_periods",
        sa.Column("period_id", sa.String(64), primary_key=True),
        sa.Column("unit_id", sa.String(64), sa.ForeignKey("units.unit_id"), nullable=False),
        sa.Column("parent_id", sa.String(64), sa.ForeignKey("units.unit_id")),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_to", sa.Date),
        sa.Column("recorded_at", Moment, nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.UniqueConstraint("unit_id", "valid_from", name="uq_unit_periods_unit_id_valid_from"),
        sa.CheckConstraint("valid_to is null or valid_from < valid_to", name="ck_unit_periods_days"),
        sa.CheckConstraint("parent_id is null or parent_id <> unit_id", name="ck_unit_periods_parent"),
    )
    op.create_index(
        "uq_unit_periods_one_open", "unit_periods", ["unit_id"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index("ix_unit_periods_parent_id", "unit_periods", ["parent_id"])
    forbid_overlap("unit_periods", "unit_id", "units")
    only_ends("unit_periods", ["period_id", "unit_id", "parent_id", "name", "valid_from", "recorded_at", "recorded_by"])


def _memberships() -> None:
    op.create_table(
        "memberships",
        sa.Column("membership_id", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.String(64), sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("unit_id", sa.String(64), sa.ForeignKey("units.unit_id"), nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_to", sa.Date),
        sa.Column("recorded_at", Moment, nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.UniqueConstraint("person_id", "valid_from", name="uq_memberships_person_id_valid_from"),
        sa.CheckConstraint("valid_to is null or valid_from < valid_to", name="ck_memberships_days"),
    )
    op.create_index(
        "uq_memberships_one_open", "memberships", ["person_id"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index("ix_memberships_unit_id_valid_from", "memberships", ["unit_id", "valid_from"])
    forbid_overlap("memberships", "person_id", "people")
    only_ends("memberships", ["membership_id", "person_id", "unit_id", "valid_from", "recorded_at", "recorded_by"])


def _agencies() -> None:
    op.create_table(
        "agencies",
        sa.Column("agency_code", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("short_name", sa.String(60), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("white_listed", sa.Boolean, nullable=False),
        sa.Column("licence_number", sa.String(64)),
        sa.Column("licence_expires_date", sa.Date),
        sa.Column("fee_schedule", sa.String(64)),
        sa.Column("regions_json", sa.Text, nullable=False),
        sa.Column("capacity_cases", sa.Integer, nullable=False),
        sa.Column("contact_name", sa.String(100)),
        sa.Column("contact_phone", sa.String(40)),
        sa.Column("contact_email", sa.String(200)),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.Column("changed_by", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("state in ('onboarding', 'active', 'suspended', 'ended')", name="ck_agencies_state"),
        sa.CheckConstraint("capacity_cases >= 0", name="ck_agencies_capacity"),
        sa.CheckConstraint("version >= 1", name="ck_agencies_version"),
        sa.UniqueConstraint("name", name="uq_agencies_name"),
    )
    op.create_index("ix_agencies_state", "agencies", ["state"])


def _agency_contracts() -> None:
    op.create_table(
        "agency_contracts",
        sa.Column("contract_id", sa.String(64), primary_key=True),
        sa.Column("agency_code", sa.String(32), sa.ForeignKey("agencies.agency_code"), nullable=False),
        sa.Column("contract_number", sa.String(64), nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_to", sa.Date, nullable=False),
        sa.Column("recorded_at", Moment, nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.UniqueConstraint("agency_code", "valid_from", name="uq_agency_contracts_agency_code_valid_from"),
        sa.UniqueConstraint("contract_number", name="uq_agency_contracts_contract_number"),
        sa.CheckConstraint("valid_from < valid_to", name="ck_agency_contracts_days"),
    )
    forbid_overlap("agency_contracts", "agency_code", "agencies")
    make_append_only("agency_contracts")


def _agency_evaluations() -> None:
    op.create_table(
        "agency_evaluations",
        sa.Column("evaluation_id", sa.String(64), primary_key=True),
        sa.Column("agency_code", sa.String(32), sa.ForeignKey("agencies.agency_code"), nullable=False),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column("evaluated_date", sa.Date, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("conduct_score", sa.Integer, nullable=False),
        sa.Column("quality_score", sa.Integer, nullable=False),
        sa.Column("security_score", sa.Integer, nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("recorded_at", Moment, nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.UniqueConstraint("agency_code", "nth", name="uq_agency_evaluations_agency_code_nth"),
        sa.CheckConstraint("kind in ('admission', 'annual', 'before_renewal')", name="ck_agency_evaluations_kind"),
        sa.CheckConstraint("result in ('pass', 'limited', 'fail')", name="ck_agency_evaluations_result"),
        sa.CheckConstraint(
            "conduct_score between 0 and 100 and quality_score between 0 and 100 and security_score between 0 and 100",
            name="ck_agency_evaluations_scores",
        ),
    )
    make_append_only("agency_evaluations")


def _certificates() -> None:
    op.create_table(
        "certificates",
        sa.Column("certificate_id", sa.String(64), primary_key=True),
        sa.Column("agency_code", sa.String(32), sa.ForeignKey("agencies.agency_code"), nullable=False),
        sa.Column("person_id", sa.String(64), sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("expires_date", sa.Date, nullable=False),
        sa.Column("recorded_at", Moment, nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.Column("removed_at", Moment),
    )
    op.create_index(
        "uq_certificates_kind_number",
        "certificates",
        ["kind", "number", "expires_date"],
        unique=True,
        sqlite_where=_KEPT,
        postgresql_where=_KEPT,
    )
    op.create_index("ix_certificates_agency_code_person_id", "certificates", ["agency_code", "person_id"])


def _agency_networks() -> None:
    op.create_table(
        "agency_networks",
        sa.Column("agency_code", sa.String(32), sa.ForeignKey("agencies.agency_code"), primary_key=True),
        sa.Column("network", sa.String(64), primary_key=True),
        sa.Column("note", sa.String(200), nullable=False),
        sa.Column("added_at", Moment, nullable=False),
        sa.Column("added_by", sa.String(64), nullable=False),
    )
