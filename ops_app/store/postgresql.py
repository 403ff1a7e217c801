"""PostgreSQL: engines with durable commits and one snapshot per reading."""

from __future__ import annotations

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL

_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "synchronous_commit=on",  # what was acknowledged survives a power cut
        "timezone=UTC",
        "lock_timeout=30s",
        "idle_in_transaction_session_timeout=300s",
        # a page finds its rows by an index; with workers at hand the planner would read small tables whole instead
        "max_parallel_workers_per_gather=0",
    )
)


def engine(url: URL) -> Engine:
    """The engine for writers: READ COMMITTED; invariants are constraints, not isolation levels."""
    options = f"{url.query.get('options', '')} {_OPTIONS}".strip()
    return create_engine(
        url.set(drivername="postgresql+psycopg").difference_update_query(["options"]),
        connect_args={"options": options, "application_name": "recoup"},
        pool_size=5,
        max_overflow=25,
        pool_pre_ping=True,
    )


def readers(writers: Engine) -> Engine:
    """The same pool for readers: read only, and everything read within one transaction is of one moment."""
    return writers.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
