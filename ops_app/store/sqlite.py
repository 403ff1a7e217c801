"""SQLite, opened safely: which versions may use a write-ahead log, and how every connection is set up."""

from __future__ import annotations

import time
from typing import Any

import pysqlite3.dbapi2 as driver
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection

BUSY_TIMEOUT_MS = 30_000
_FULL = 2


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether ``version`` is free of the WAL-reset bug (two connections checkpointing may corrupt the file).

    Fixed in 3.51.3, and in the maintenance releases 3.44.6 and 3.50.7.
    """
    if version >= (3, 51, 3):
        return True
    return any(version[:2] == line and version[2] >= patch for line, patch in (((3, 44), 6), ((3, 50), 7)))


def library_version() -> tuple[int, int, int]:
    """The version of the SQLite that the ops store uses (not the one of the Python installation)."""
    major, minor, patch = (int(part) for part in driver.sqlite_version.split("."))
    return major, minor, patch


def journal_mode(version: tuple[int, int, int]) -> str:
    """``wal`` where it is safe, else ``delete``."""
    return "wal" if wal_is_safe(version) else "delete"


def describe() -> str:
    """One line for the doctor: version and journal mode, and why."""
    version = ".".join(str(part) for part in library_version())
    if journal_mode(library_version()) == "wal":
        return f"SQLite {version}: write-ahead log in use"
    return f"SQLite {version} has the WAL-reset bug: rollback journal in use (slower); 3.51.3 or later is wanted"


class UnsafeConnection(RuntimeError):
    """A connection that does not keep what it acknowledges; it is never used."""


def _prepare(connection: Any, *, read_only: bool) -> None:
    connection.isolation_level = None  # no BEGIN but ours
    cursor = connection.cursor()
    try:
        cursor.execute(f"pragma busy_timeout = {BUSY_TIMEOUT_MS}")
        mode = journal_mode(library_version())
        if _switched(cursor, mode) != mode:
            raise UnsafeConnection(f"SQLite would not use journal mode {mode}")
        cursor.execute("pragma synchronous = full")
        if cursor.execute("pragma synchronous").fetchone()[0] != _FULL:
            raise UnsafeConnection("SQLite would not use synchronous = full")
        cursor.execute("pragma foreign_keys = on")
        if cursor.execute("pragma foreign_keys").fetchone()[0] != 1:
            raise UnsafeConnection("SQLite would not hold foreign keys")
        cursor.execute("pragma recursive_triggers = on")  # a REPLACE fires the triggers that forbid a DELETE
        cursor.execute("pragma trusted_schema = off")
        if read_only:
            cursor.execute("pragma query_only = on")
    finally:
        cursor.close()


def _switched(cursor: Any, mode: str) -> str:
    """The journal mode after asking for ``mode``. Where several processes open a new file at once SQLite says "locked"
    here without waiting, whatever the busy timeout says."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            return str(cursor.execute(f"pragma journal_mode = {mode}").fetchone()[0])
        except driver.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def engine(url: URL, *, read_only: bool) -> Engine:
    """An engine on ``url``. Writers begin with ``BEGIN IMMEDIATE``, so that waiting for the lock works; readers
    begin deferred and cannot write at all."""
    made = create_engine(
        url,
        module=driver,
        connect_args={"check_same_thread": False},
        pool_size=5 if read_only else 1,
        max_overflow=45 if read_only else 0,
    )

    @event.listens_for(made, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        _prepare(connection, read_only=read_only)

    @event.listens_for(made, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return made
