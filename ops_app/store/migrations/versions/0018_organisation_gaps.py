"""An import that was confirmed can be given up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.types import Moment

revision = "0018"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("imports", sa.Column("given_up_at", Moment()))
