"""The ops store: many small writes by people and messages, on SQLite or PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import UpdateBase

from ops_app.domain.errors import NotReady
from ops_app.domain.organisation.people import Actor
from ops_app.store import driver, postgresql, sqlite
from ops_app.store.migrations import upgrade
from ops_app.store.transaction import Claim, SameKeyOtherContent, Transaction, UnauditedChange, UnstorableText

__all__ = ["Claim", "SameKeyOtherContent", "Store", "StoreBusy", "Transaction", "UnauditedChange", "UnstorableText"]

_TRANSACTION = "recoup_transaction"
_BUSY = ("55P03", "40P01")
"""PostgreSQL: a lock was not had in time; two acts waited for each other, and this one was ended."""


class StoreBusy(NotReady):
    """Another writer holds the store for longer than a person should wait; trying again is right."""

    def __init__(self) -> None:
        super().__init__("Someone else is saving at this moment. Please try again.", "其他人正在保存，请稍后重试。")


class Store:
    """One ops store. Safe to share between threads; each process opens its own."""

    def __init__(self, url: URL, writers: Engine, readers: Engine) -> None:
        self.url = url
        self._writers = writers
        self._readers = readers
        # SQLite has one writer: threads of this process queue here instead of polling the file's lock
        self._one_writer = threading.Lock() if writers.dialect.name == "sqlite" else None
        self._within = threading.local()
        event.listen(writers, "after_cursor_execute", _note_change)
        if self.dialect == "postgresql":
            driver.defer_to(writers)

    @classmethod
    def open(cls, url: str) -> Store:
        """Open the store at ``sqlite:///file`` or ``postgresql://…``; runs nothing until it is used."""
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend == "sqlite":
            if parsed.database in (None, "", ":memory:"):
                raise ValueError("the ops store lives in a file, not in memory")
            return cls(parsed, sqlite.engine(parsed, read_only=False), sqlite.engine(parsed, read_only=True))
        if backend == "postgresql":
            writers = postgresql.engine(parsed)
            return cls(parsed, writers, postgresql.readers(writers))
        raise ValueError(f"the ops store is SQLite or PostgreSQL, not {backend}")

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._writers.dialect.name

    @property
    def file(self) -> Path | None:
        """The database file, where there is one."""
        return Path(self.url.database) if self.dialect == "sqlite" and self.url.database else None

    def migrate(self) -> None:
        """Bring the tables to the present state, in one transaction; a second process waits, then finds it done."""
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        if upgrade.needed(self._writers):
            with self._writers.begin() as connection:
                upgrade.run(connection)

    def close(self) -> None:
        """Give back all connections."""
        self._readers.dispose()
        self._writers.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one moment of the store and cannot change it."""
        try:
            with self._readers.begin() as connection:
                yield connection
        except (DBAPIError, UnicodeEncodeError) as error:
            _raise_for_people(error)
            raise

    @contextmanager
    def writing(self, actor: Actor, now: datetime, *, request_id: str | None = None) -> Iterator[Transaction]:
        """One act's transaction on behalf of ``actor`` at ``now`` (aware).

        Commits at the end of the block, rolls back on any error. Raises ``UnauditedChange`` if something changed and
        nothing was audited, ``StoreBusy`` if the store stays locked, ``RuntimeError`` if an act is begun
        within another.
        """
        if now.tzinfo is None:
            raise TypeError("moments are aware")
        if getattr(self._within, "act", False):
            raise RuntimeError("an act has one transaction: one was begun within another")
        with self._turn(), self._writers.connect() as connection:
            transaction = Transaction(connection=connection, now=now, actor=actor, request_id=request_id)
            self._within.act = True
            try:
                with connection.begin(), self._deferring(connection):
                    connection.info[_TRANSACTION] = transaction
                    connection.info[driver.NOTE] = transaction.note_change
                    yield transaction
                    transaction.finish()
            except (DBAPIError, UnicodeEncodeError) as error:
                _raise_for_people(error)
                raise
            finally:
                connection.info.pop(_TRANSACTION, None)
                connection.info.pop(driver.NOTE, None)
                self._within.act = False

    def _deferring(self, connection: Connection) -> AbstractContextManager[None]:
        return driver.deferring(connection) if self.dialect == "postgresql" else nullcontext()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._one_writer is None:
            yield
            return
        if not self._one_writer.acquire(timeout=sqlite.BUSY_TIMEOUT_MS / 1000):
            raise StoreBusy
        try:
            yield
        finally:
            self._one_writer.release()


def _note_change(
    connection: Connection, cursor: Any, statement: str, _parameters: Any, context: Any, _executemany: bool
) -> None:
    transaction = connection.info.get(_TRANSACTION)
    if transaction is None or cursor.rowcount == 0:
        return
    compiled = context.compiled if context is not None else None
    executed = getattr(compiled, "statement", None)
    if isinstance(executed, UpdateBase):
        table = executed.table
        transaction.note_change(table if isinstance(table, Table) else None, statement)
    elif context is None or compiled is None or context.is_text:
        transaction.note_change(None, statement)


def _raise_for_people(error: Exception) -> None:
    """Raise what a person can act on, where ``error`` of the database is that; else return."""
    cause = getattr(error, "orig", None)
    if "database is locked" in str(cause) or getattr(cause, "sqlstate", None) in _BUSY:
        raise StoreBusy from error
    if isinstance(error, UnicodeEncodeError) or "NUL (0x00)" in str(cause):
        raise UnstorableText from error
