"""A batch may also ask that announced recalls are taken back; a message of the outbox says how its sending goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.types import Moment

revision = "0019"
down_revision = "0018"

_CHECK = "ck_case_batches_kind"
_KINDS = "kind in ('place', 'extend', 'recall', 'transfer', 'withdraw_recall')"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("attempts", sa.Integer, nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("last_error", sa.String(500)))
    op.add_column("outbox", sa.Column("set_aside_at", Moment))
    _kinds_of_batches()


def _kinds_of_batches() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(_CHECK, "case_batches", type_="check")
        op.create_check_constraint(_CHECK, "case_batches", _KINDS)
        return
    # SQLite makes the table anew to change a check; the rows that name a batch step aside meanwhile, for a table that
    # is named may not be dropped
    op.execute("create temporary table rows_aside as select * from case_batch_rows")
    op.execute("delete from case_batch_rows")
    with op.batch_alter_table("case_batches") as table:
        table.drop_constraint(_CHECK, type_="check")
        table.create_check_constraint(_CHECK, sa.text(_KINDS))
    op.execute("insert into case_batch_rows select * from rows_aside")
    op.execute("drop table rows_aside")
