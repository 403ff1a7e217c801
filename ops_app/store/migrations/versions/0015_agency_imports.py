"""Imports of agencies, and the control totals that a person types beside a file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("imports", sa.Column("agency_code", sa.String(32)))
    op.add_column("imports", sa.Column("typed_rows", sa.BigInteger))
    op.add_column("imports", sa.Column("typed_sum", sa.String(24)))
    op.add_column("imports", sa.Column("found_sum", sa.String(48)))
    op.create_index("ix_imports_agency_code_uploaded_at", "imports", ["agency_code", "uploaded_at"])
