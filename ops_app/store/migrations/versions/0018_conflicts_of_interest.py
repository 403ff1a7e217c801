"""Who is not to collect from whom: conflicts of interest between people and debtors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.types import Moment

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "debtor_conflicts",
        sa.Column("conflict_id", sa.String(64), primary_key=True),
        sa.Column("debtor_key", sa.String(32), nullable=False),
        sa.Column(
            "person_id", sa.String(64), sa.ForeignKey("people.person_id", name="fk_debtor_conflicts_person_id"),
            nullable=False,
        ),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("declared_by", sa.String(64), nullable=False),
        sa.Column("declared_by_name", sa.String(200), nullable=False),
        sa.Column("declared_at", Moment, nullable=False),
        sa.Column("ended_by", sa.String(64)),
        sa.Column("ended_at", Moment),
        sa.CheckConstraint("(ended_at is null) = (ended_by is null)", name="ck_debtor_conflicts_ended"),
    )  # fmt: skip
    stands = sa.text("ended_at is null")
    op.create_index(
        "uq_debtor_conflicts_one_on", "debtor_conflicts", ["debtor_key", "person_id"], unique=True,
        sqlite_where=stands, postgresql_where=stands,
    )  # fmt: skip
