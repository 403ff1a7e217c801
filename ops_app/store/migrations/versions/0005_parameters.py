"""Versions of parameters and closed periods; neither is ever changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only, make_contiguous
from ops_app.store.types import Moment

revision = "0005"
down_revision = "0004"

_FIRST_OF_ITS_DAY = sa.text("replaces is null")
_DAY = ["code", "scope", "valid_from_date"]


def upgrade() -> None:
    op.create_table(
        "parameter_versions",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("code", sa.String(100), nullable=False),
        sa.Column("scope", sa.String(200), nullable=False),
        sa.Column("version_no", sa.Integer, nullable=False),
        sa.Column("effect", sa.String(16), nullable=False),
        sa.Column("value_json", sa.Text),
        sa.Column("valid_from_date", sa.Date, nullable=False),
        sa.Column("replaces", sa.Integer),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("approval_id", sa.String(64)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("prev_id", sa.String(64), nullable=False),
        sa.Column("version_id", sa.String(64), nullable=False),
        sa.CheckConstraint("effect in ('set', 'follow', 'withdraw')", name="ck_parameter_versions_effect"),
        sa.CheckConstraint("(effect = 'set') = (value_json is not null)", name="ck_parameter_versions_value"),
        sa.CheckConstraint("version_no >= 1", name="ck_parameter_versions_version_no"),
        sa.CheckConstraint("replaces is null or replaces < version_no", name="ck_parameter_versions_replaces"),
        sa.UniqueConstraint("version_id", name="uq_parameter_versions_version_id"),
        sa.UniqueConstraint("prev_id", name="uq_parameter_versions_prev_id"),
        sa.UniqueConstraint("code", "scope", "version_no", name="uq_parameter_versions_code_scope_version_no"),
        sa.UniqueConstraint("code", "scope", "replaces", name="uq_parameter_versions_replaced_once"),
        sa.UniqueConstraint(*_DAY, "version_no", name="uq_parameter_versions_day_and_number"),
        sa.ForeignKeyConstraint(
            [*_DAY, "replaces"],
            [f"parameter_versions.{column}" for column in (*_DAY, "version_no")],
            name="fk_parameter_versions_replaces",
        ),
    )
    op.create_index(
        "uq_parameter_versions_one_a_day",
        "parameter_versions",
        _DAY,
        unique=True,
        sqlite_where=_FIRST_OF_ITS_DAY,
        postgresql_where=_FIRST_OF_ITS_DAY,
    )
    make_append_only("parameter_versions")
    make_contiguous("parameter_versions", "seq")
    op.create_table(
        "closed_periods",
        sa.Column("period_id", sa.String(64), primary_key=True),
        sa.Column("area", sa.String(32), nullable=False),
        sa.Column("first_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date, nullable=False),
        sa.Column("versions_json", sa.Text, nullable=False),
        sa.Column("closed_by", sa.String(64), nullable=False),
        sa.Column("closed_at", Moment, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.CheckConstraint(
            "area in ('organisation', 'ledger', 'casework', 'contact', 'conduct')", name="ck_closed_periods_area"
        ),
        sa.CheckConstraint("first_date < end_date", name="ck_closed_periods_dates"),
        sa.UniqueConstraint("area", "first_date", name="uq_closed_periods_area_first_date"),
        sa.UniqueConstraint("area", "end_date", name="uq_closed_periods_area_end_date"),
    )
    make_append_only("closed_periods")
