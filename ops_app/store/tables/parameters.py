"""Tables of parameters: their versions, and the periods that are closed."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
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

_FIRST_OF_ITS_DAY = text("replaces is null")

parameter_versions = Table(
    "parameter_versions",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("code", String(100), nullable=False),
    Column("scope", String(200), nullable=False),
    Column("version_no", Integer, nullable=False),
    Column("effect", String(16), nullable=False),
    Column("value_json", Text),
    Column("valid_from_date", Date, nullable=False),
    Column("replaces", Integer),
    Column("made_by", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("approval_id", String(64)),
    Column("reason", Text, nullable=False),
    Column("prev_id", String(64), nullable=False),
    Column("version_id", String(64), nullable=False),
    CheckConstraint("effect in ('set', 'follow', 'withdraw')", name="ck_parameter_versions_effect"),
    CheckConstraint("(effect = 'set') = (value_json is not null)", name="ck_parameter_versions_value"),
    CheckConstraint("version_no >= 1", name="ck_parameter_versions_version_no"),
    CheckConstraint("replaces is null or replaces < version_no", name="ck_parameter_versions_replaces"),
    Unique("version_id"),
    Unique("prev_id"),  # the chain cannot fork
    Unique("code", "scope", "version_no"),
    # one live version per parameter, scope and day: one is the first of its day, and each may be replaced once,
    # by a version of the same parameter, scope and day. The next day with a version ends it, so none overlap.
    Index(
        "uq_parameter_versions_one_a_day",
        "code",
        "scope",
        "valid_from_date",
        unique=True,
        sqlite_where=_FIRST_OF_ITS_DAY,
        postgresql_where=_FIRST_OF_ITS_DAY,
    ),
    Unique("code", "scope", "replaces", name="uq_parameter_versions_replaced_once"),
    Unique("code", "scope", "valid_from_date", "version_no", name="uq_parameter_versions_day_and_number"),
    ForeignKeyConstraint(
        ["code", "scope", "valid_from_date", "replaces"],
        [
            "parameter_versions.code",
            "parameter_versions.scope",
            "parameter_versions.valid_from_date",
            "parameter_versions.version_no",
        ],
        name="fk_parameter_versions_replaces",
    ),
)

closed_periods = Table(
    "closed_periods",
    metadata,
    Column("period_id", String(64), primary_key=True),
    Column("area", String(32), nullable=False),
    Column("first_date", Date, nullable=False),
    Column("end_date", Date, nullable=False),
    Column("versions_json", Text, nullable=False),
    Column("closed_by", String(64), nullable=False),
    Column("closed_at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    CheckConstraint(
        "area in ('organisation', 'ledger', 'casework', 'contact', 'conduct')", name="ck_closed_periods_area"
    ),
    CheckConstraint("first_date < end_date", name="ck_closed_periods_dates"),
    Unique("area", "first_date"),
    Unique("area", "end_date"),
)
