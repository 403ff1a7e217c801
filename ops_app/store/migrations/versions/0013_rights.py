"""What people may less than their role, and when they last used what they may."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.types import Moment

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "rights_narrowed",
        sa.Column("person_id", sa.String(64), sa.ForeignKey("people.person_id"), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("permission", sa.String(64), primary_key=True),
        sa.Column("value_json", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("set_by", sa.String(64), nullable=False),
        sa.Column("set_at", Moment, nullable=False),
        sa.CheckConstraint("kind in ('withheld', 'limit', 'team', 'portfolio')", name="ck_rights_narrowed_kind"),
        sa.CheckConstraint(
            "(permission = '*') = (kind in ('team', 'portfolio'))", name="ck_rights_narrowed_permission"
        ),
    )
    op.create_table(
        "rights_used",
        sa.Column("person_id", sa.String(64), primary_key=True),
        sa.Column("permission", sa.String(64), primary_key=True),
        sa.Column("last_used_at", Moment, nullable=False),
    )
