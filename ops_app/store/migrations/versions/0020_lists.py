"""Indexes of what lists are narrowed and sorted by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

_WHERE = {"running": "ended_at is null", "ended": "ended_at is not null"}


def upgrade() -> None:
    running = sa.text(_WHERE["running"])
    op.drop_index("ix_placements_agency_code_ended_at_case_id", "placements")
    op.create_index(
        "ix_placements_agency_running", "placements", ["agency_code", "case_id"],
        sqlite_where=running, postgresql_where=running,
    )  # fmt: skip
    for which, condition in _WHERE.items():
        where = sa.text(condition)
        for name, before in (("", []), ("agency_", ["agency_code"])):
            op.create_index(
                f"ix_placements_{name}{which}_placed_at", "placements", [*before, "placed_at", "placement_id"],
                sqlite_where=where, postgresql_where=where,
            )  # fmt: skip
    _index("case_batches", "case_count", "batch_id")
    for lead in ("kind", "agency_code", "made_by"):
        for sort in ("made_at", "case_count"):
            _index("case_batches", lead, sort, "batch_id")
    _index("approval_requests", "object_type", "state", "made_at", "object_id")
    _index("limitation_clocks", "pack", "expires_date", "case_id")
    for sort in ("file_date", "file_name"):
        _index("imports", sort, "import_id")
    for of in ("feed", "template", "uploaded_by"):
        _index("imports", of, "uploaded_at", "import_id")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
