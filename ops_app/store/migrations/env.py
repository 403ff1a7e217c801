"""Alembic's entry: uses the connection and the transaction it is given."""

from __future__ import annotations

from alembic import context

from ops_app.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # also in SQLite: the store itself begins the transaction
)
context.run_migrations()
