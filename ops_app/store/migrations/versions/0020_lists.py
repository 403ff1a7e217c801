"""Indexes of what lists are narrowed and sorted by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0016"

_WHERE = {"running": "ended_at is null", "ended": "ended_at is not null"}


def upgrade() -> None:
    for which, condition in _WHERE.items():
        where = sa.text(condition)
        for name, lead in (("", []), ("agency_", ["agency_code"])):
            op.create_index(
                f"ix_placements_{name}{which}_placed_at", "placements", [*lead, "placed_at", "placement_id"],
                sqlite_where=where, postgresql_where=where,
            )  # fmt: skip
