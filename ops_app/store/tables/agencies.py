"""Tables of agencies: master data, contracts, evaluations, certificates of their people, networks to sign in from."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, Text, text
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_KEPT = text("removed_at is null")

agencies = Table(
    "agencies",
    metadata,
    Column("agency_code", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("short_name", String(60), nullable=False),
    Column("state", String(16), nullable=False),
    Column("white_listed", Boolean, nullable=False),
    Column("licence_number", String(64)),
    Column("licence_expires_date", Date),
    Column("fee_schedule", String(64)),
    Column("regions_json", Text, nullable=False),
    Column("capacity_cases", Integer, nullable=False),
    Column("contact_name", String(100)),
    Column("contact_phone", String(40)),
    Column("contact_email", String(200)),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    CheckConstraint("state in ('onboarding', 'active', 'suspended', 'ended')", name="ck_agencies_state"),
    CheckConstraint("capacity_cases >= 0", name="ck_agencies_capacity"),
    CheckConstraint("version >= 1", name="ck_agencies_version"),
    Unique("name"),
    Index(None, "state"),
)

agency_contracts = Table(
    "agency_contracts",
    metadata,
    Column("contract_id", String(64), primary_key=True),
    Column("agency_code", String(32), ForeignKey("agencies.agency_code"), nullable=False),
    Column("contract_number", String(64), nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Unique("agency_code", "valid_from"),
    Unique("contract_number"),
    CheckConstraint("valid_from < valid_to", name="ck_agency_contracts_days"),
)

agency_evaluations = Table(
    "agency_evaluations",
    metadata,
    Column("evaluation_id", String(64), primary_key=True),
    Column("agency_code", String(32), ForeignKey("agencies.agency_code"), nullable=False),
    Column("nth", Integer, nullable=False),
    Column("evaluated_date", Date, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("conduct_score", Integer, nullable=False),
    Column("quality_score", Integer, nullable=False),
    Column("security_score", Integer, nullable=False),
    Column("result", String(16), nullable=False),
    Column("note", Text, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Unique("agency_code", "nth"),
    CheckConstraint("kind in ('admission', 'annual', 'before_renewal')", name="ck_agency_evaluations_kind"),
    CheckConstraint("result in ('pass', 'limited', 'fail')", name="ck_agency_evaluations_result"),
    CheckConstraint(
        "conduct_score between 0 and 100 and quality_score between 0 and 100 and security_score between 0 and 100",
        name="ck_agency_evaluations_scores",
    ),
)

certificates = Table(
    "certificates",
    metadata,
    Column("certificate_id", String(64), primary_key=True),
    Column("agency_code", String(32), ForeignKey("agencies.agency_code"), nullable=False),
    Column("person_id", String(64), ForeignKey("people.person_id"), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("number", String(64), nullable=False),
    Column("expires_date", Date, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Column("removed_at", Moment),
    Index(
        "uq_certificates_kind_number",
        "kind",
        "number",
        "expires_date",
        unique=True,
        sqlite_where=_KEPT,
        postgresql_where=_KEPT,
    ),
    Index(None, "agency_code", "person_id"),
)

agency_networks = Table(
    "agency_networks",
    metadata,
    Column("agency_code", String(32), ForeignKey("agencies.agency_code"), primary_key=True),
    Column("network", String(64), primary_key=True),
    Column("note", String(200), nullable=False),
    Column("added_at", Moment, nullable=False),
    Column("added_by", String(64), nullable=False),
)

agency_photos = Table(
    "agency_photos",
    metadata,
    Column("person_id", String(64), ForeignKey("people.person_id"), primary_key=True),
    Column("agency_code", String(32), ForeignKey("agencies.agency_code"), nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("added_by_name", String(200), nullable=False),
    Column("added_at", Moment, nullable=False),
    Index(None, "agency_code"),
)
