"""SQLite through apsw, as far as SQLAlchemy asks a driver for it, so that the store runs on a recorded disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apsw

paramstyle = "qmark"
apilevel, threadsafety = "2.0", 1
sqlite_version = apsw.sqlite_lib_version()
sqlite_version_info = tuple(int(part) for part in sqlite_version.split("."))
disk_name: str | None = None
"""The disk of connections that are made from now on; the machine's own where none is named."""

_CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "WITH")


class Error(Exception):
    """The errors of a driver."""


class DatabaseError(Error):
    pass


class OperationalError(DatabaseError):
    pass


class IntegrityError(DatabaseError):
    pass


class ProgrammingError(DatabaseError):
    pass


class InterfaceError(Error):
    pass


DataError = InternalError = NotSupportedError = DatabaseError
Warning = Error
Binary = memoryview


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except apsw.ConstraintError as error:
        raise IntegrityError(str(error)) from error
    except apsw.BusyError as error:
        raise OperationalError("database is locked") from error
    except apsw.Error as error:
        raise OperationalError(str(error)) from error


class Cursor:
    """Statements are run to their end at once; their rows wait here."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._own = connection.own
        self.description: tuple[tuple[Any, ...], ...] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self._rows: list[Any] = []

    def execute(self, statement: str, parameters: Any = ()) -> Cursor:
        self._run(statement, parameters, self._own.execute)
        return self

    def executemany(self, statement: str, several: Sequence[Any]) -> Cursor:
        changed = 0
        for parameters in several:
            self._run(statement, parameters, self._own.execute)
            changed += max(0, self.rowcount)
        self.rowcount = changed
        return self

    def _run(self, statement: str, parameters: Any, run: Any) -> None:
        described: list[Any] = []

        def traced(cursor: Any, _statement: str, _bindings: Any) -> bool:
            described[:] = [cursor.get_description()]
            return True

        with _told():
            cursor = self._own.cursor()
            cursor.exec_trace = traced
            self._rows = list(cursor.execute(statement, parameters))
            names = described[0] if described else ()
            self.description = tuple((name, None, None, None, None, None, None) for name, *_ in names) or None
            changes = statement.lstrip().upper().startswith(_CHANGES)
            self.rowcount = self._own.changes() if changes else -1
            self.lastrowid = self._own.last_insert_rowid()

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[Any]:
        found, self._rows = self._rows[:size], self._rows[size:]
        return found

    def fetchall(self) -> list[Any]:
        found, self._rows = self._rows, []
        return found

    def close(self) -> None:
        self._rows = []


class Connection:
    """A connection on the recorded disk; it begins nothing by itself."""

    isolation_level: str | None = None

    def __init__(self, file: str) -> None:
        with _told():
            self.own = apsw.Connection(file, vfs=disk_name)

    def cursor(self, *_: Any) -> Cursor:
        return Cursor(self)

    def commit(self) -> None:
        if self.own.in_transaction:
            self.cursor().execute("COMMIT")

    def rollback(self) -> None:
        if self.own.in_transaction:
            self.cursor().execute("ROLLBACK")

    def create_function(self, name: str, count: int, function: Any, **_: Any) -> None:
        self.own.create_scalar_function(name, function, count, deterministic=True)

    def close(self) -> None:
        self.own.close()


def connect(file: str, **_: Any) -> Connection:
    return Connection(file)
