"""A refused row has one correction that waits: of several the last one counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_NOT_APPLIED = sa.text("replayed_at is null")


def upgrade() -> None:
    _end_earlier()
    op.create_index(
        "uq_quarantine_corrections_one_open", "quarantine_corrections", ["file_id", "feed", "line_no"], unique=True,
        sqlite_where=_NOT_APPLIED, postgresql_where=_NOT_APPLIED,
    )  # fmt: skip


def _end_earlier() -> None:
    """Of the corrections of one row that wait, all but the last give way to it."""
    corrections = sa.table(
        "quarantine_corrections",
        *(sa.column(name) for name in ("correction_id", "file_id", "feed", "line_no", "made_at", "replayed_at",
                                       "outcome")),
    )  # fmt: skip
    place = sa.func.row_number().over(
        partition_by=(corrections.c.file_id, corrections.c.feed, corrections.c.line_no),
        order_by=(corrections.c.made_at.desc(), corrections.c.correction_id.desc()),
    )
    waiting = sa.select(corrections.c.correction_id, place.label("place")).where(corrections.c.replayed_at.is_(None))
    ranked = waiting.subquery()
    op.execute(
        sa.update(corrections)
        .where(corrections.c.correction_id.in_(sa.select(ranked.c.correction_id).where(ranked.c.place > 1)))
        .values(replayed_at=corrections.c.made_at, outcome="superseded")
    )
