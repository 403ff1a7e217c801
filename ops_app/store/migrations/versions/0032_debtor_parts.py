"""What senders pushed of a customer, sealed, with the day that each part is known of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "debtor_parts",
        sa.Column("debtor_key", sa.String(32), primary_key=True),
        sa.Column("part", sa.String(16), primary_key=True),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.Column("key_id", sa.String(16)),
        sa.Column("sealed", sa.Text),
        sa.CheckConstraint("part in ('customer', 'contacts')", name="ck_debtor_parts_part"),
        sa.CheckConstraint("(key_id is null) = (sealed is null)", name="ck_debtor_parts_sealed"),
    )
