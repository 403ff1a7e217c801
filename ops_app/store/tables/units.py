"""Tables of the asset company's tree of units and of who belongs to which unit, by periods of days."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, text
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_HEAD = text("kind = 'head_office'")
_OPEN = text("valid_to is null")

units = Table(
    "units",
    metadata,
    Column("unit_id", String(64), primary_key=True),
    Column("unit_code", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Unique("unit_code"),
    CheckConstraint("kind in ('head_office', 'branch', 'team', 'post')", name="ck_units_kind"),
    CheckConstraint("version >= 1", name="ck_units_version"),
    Index("uq_units_one_head_office", "kind", unique=True, sqlite_where=_HEAD, postgresql_where=_HEAD),
)

# a row is never edited: triggers let its open end be set, once, and no two rows of a unit share a day
unit_periods = Table(
    "unit_periods",
    metadata,
    Column("period_id", String(64), primary_key=True),
    Column("unit_id", String(64), ForeignKey("units.unit_id"), nullable=False),
    Column("parent_id", String(64), ForeignKey("units.unit_id")),
    Column("name", String(100), nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Column("recorded_at", Moment, nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Unique("unit_id", "valid_from"),
    CheckConstraint("valid_to is null or valid_from < valid_to", name="ck_unit_periods_days"),
    CheckConstraint("parent_id is null or parent_id <> unit_id", name="ck_unit_periods_parent"),
    Index("uq_unit_periods_one_open", "unit_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "parent_id"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("membership_id", String(64), primary_key=True),
    Column("person_id", String(64), ForeignKey("people.person_id"), nullable=False),
    Column("unit_id", String(64), ForeignKey("units.unit_id"), nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Column("recorded_at", Moment, nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Unique("person_id", "valid_from"),
    CheckConstraint("valid_to is null or valid_from < valid_to", name="ck_memberships_days"),
    Index("uq_memberships_one_open", "person_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "unit_id", "valid_from"),
)
