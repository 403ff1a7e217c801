"""Keys that were claimed, to look at; only a transaction claims one."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.engine import Connection

from ops_app.store.tables.organisation import inbox


def is_known(connection: Connection, source: str, key: str) -> bool:
    """Whether (``source``, ``key``) was claimed already."""
    return (
        connection.execute(select(inbox.c.key).where(inbox.c.source == source, inbox.c.key == key)).first() is not None
    )
