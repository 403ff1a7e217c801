"""Rows written by the driver itself: the statement is spelt once, then only its values change.

For the way of every payment. SQLAlchemy spells the statement and says how its values are written; what it does anew for
each execution and each row (contexts, parameter sets, a moment written as many times as there are rows) costs more than
the store takes for the row, so the cursor of the connection is used itself. Errors are SQLAlchemy's, and the store
notes the change as any other; its own events (``before_cursor_execute``) do not tell of these statements.

PostgreSQL is asked over a wire: what answers nothing waits in the connection and goes with the next question, in one
round trip (``later``, ``deferring``). The order of statements is kept; what the store refuses is raised by that next
question, by ``flush``, or at the end of the act.

Cost: one statement for any number of rows; a value that comes again in its column is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import UpdateBase

NOTE = "recoup_note_change"
"""What is called, where a connection has it among its ``info``, with a table that was changed and the statement."""

_Statement = tuple[str, Sequence[Any]]
_waiting: dict[int, list[_Statement]] = {}
"""The driver's connection (by its identity) → what waits in it, while it defers."""

_Place = tuple[str, str | None, Callable[[Any], Any] | None, Any]
"""The name of a value in the statement, its key in a row (``None``: it is the same in all), how it is written."""


@dataclass(frozen=True)
class _Spelt:
    text: str
    places: tuple[_Place, ...]
    by_name: bool


_spelt: dict[tuple[str, UpdateBase, tuple[str, ...]], _Spelt] = {}


def write(connection: Connection, statement: UpdateBase, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute ``statement``, one that is kept for good and answers nothing, for ``rows``, which have the same keys;
    where the connection defers, with the next question."""
    if not rows:
        return
    asked = connection.dialect.name, statement, tuple(rows[0])
    spelt = _spelt.get(asked)
    if spelt is None:
        spelt = _spelt[asked] = _spell(connection, statement, asked[2])
    values: list[Any]
    if len(rows) == 1:  # most postings are of one payment, and nothing can come again in one row
        values = [_only(spelt.places, rows[0])]
    else:
        values = list(zip(*[_column(place, rows) for place in spelt.places], strict=False))
    if spelt.by_name:
        names = [name for name, *_ in spelt.places]
        values = [dict(zip(names, one, strict=True)) for one in values]
    if later(connection, spelt.text, values) and (note := connection.info.get(NOTE)):
        note(statement.table, spelt.text)


def later(connection: Connection, text: str, values: Sequence[Any]) -> int:
    """Execute for each of ``values`` what answers nothing: now, or where the connection defers with the next question.
    How many rows were changed; where it is deferred, how many are said to be."""
    waiting = _waiting.get(id(connection.connection.driver_connection))
    if waiting is None:
        return execute(connection, text, values)
    waiting.append((text, values))
    return len(values)


@contextmanager
def deferring(connection: Connection) -> Iterator[None]:
    """Let what answers nothing wait for the next question on a connection of PostgreSQL; what still waits after an
    error is forgotten."""
    place = id(connection.connection.driver_connection)
    _waiting[place] = []
    try:
        yield
        flush(connection)
    finally:
        del _waiting[place]


def forget(connection: Connection) -> None:
    """What waits since the last question is never executed: its part of the act is undone."""
    if waiting := _waiting.get(id(connection.connection.driver_connection)):
        waiting.clear()


def flush(connection: Connection) -> None:
    """Execute what waits. Raises what SQLAlchemy would."""
    raw: Any = connection.connection.driver_connection
    if some := _taken(raw):
        with _raising(connection, some[0][0]), raw.pipeline():
            _send(raw, some)


def defer_to(engine: Engine) -> None:
    """Let questions asked by SQLAlchemy on ``engine``, of PostgreSQL, take along what waits in their connection."""

    def ask(cursor: Any, statement: str, parameters: Any, _context: Any) -> bool:
        _ask(cursor.connection, cursor, statement, parameters)
        return True

    def before_many(cursor: Any, _statement: str, _parameters: Any, _context: Any) -> None:
        if some := _taken(cursor.connection):
            with cursor.connection.pipeline():
                _send(cursor.connection, some)

    event.listen(engine, "do_execute", ask)
    event.listen(engine, "do_executemany", before_many)


def _ask(raw: Any, cursor: Any, text: str, values: Any) -> None:
    """Execute a question, what waits before it in the same round trip."""
    if some := _taken(raw):
        with raw.pipeline():
            _send(raw, some)
            cursor.execute(text, values)
    else:
        cursor.execute(text, values)


def _taken(raw: Any) -> list[_Statement]:
    waiting = _waiting.get(id(raw))
    if not waiting:
        return []
    some = waiting.copy()
    waiting.clear()
    return some


def _send(connection: Any, some: Sequence[_Statement]) -> None:
    for text, values in some:
        with connection.cursor() as cursor:
            if len(values) == 1:
                cursor.execute(text, values[0])
            else:
                cursor.executemany(text, values)


def execute(connection: Connection, text: str, values: Sequence[Any]) -> int:
    """Execute for each of ``values``; how many rows were changed. Raises what SQLAlchemy would."""
    cursor: Any = connection.connection.cursor()
    try:
        with _raising(connection, text):
            if len(values) == 1:
                cursor.execute(text, values[0])
            else:
                cursor.executemany(text, values)
            return int(cursor.rowcount)
    finally:
        cursor.close()


def fetch(connection: Connection, text: str, values: Any) -> list[Any]:
    """The rows of a question, with what waits asked on its way. Raises what SQLAlchemy would."""
    cursor: Any = connection.connection.cursor()
    try:
        with _raising(connection, text):
            _ask(connection.connection.driver_connection, cursor, text, values)
            found: list[Any] = cursor.fetchall()
            return found
    finally:
        cursor.close()


@contextmanager
def _raising(connection: Connection, text: str) -> Iterator[None]:
    """Raise an error of the driver as SQLAlchemy would."""
    dialect = connection.dialect
    errors: Any = dialect.loaded_dbapi
    try:
        yield
    except errors.Error as error:
        lost = dialect.is_disconnect(error, connection.connection.driver_connection, None)
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            text, [], error, errors.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
        ) from error


def _spell(connection: Connection, statement: UpdateBase, keys: tuple[str, ...]) -> _Spelt:
    dialect = connection.dialect
    # for many rows: nothing is asked back of what was inserted
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(keys), for_executemany=True)
    places = []
    for name in compiled.positiontup if compiled.positional else compiled.bind_names.values():
        bind = compiled.binds[name]
        write_as = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if bind.key in keys:
            places.append((name, bind.key, write_as, None))
        else:
            same = bind.effective_value
            places.append((name, None, None, write_as(same) if write_as else same))
    return _Spelt(str(compiled), tuple(places), not compiled.positional)


def _only(places: Sequence[_Place], row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(
        [
            same if key is None else row[key] if write_as is None else write_as(row[key])
            for _, key, write_as, same in places
        ]
    )


def _column(place: _Place, rows: Sequence[Mapping[str, Any]]) -> Any:
    _, key, write_as, same = place
    if key is None:
        return repeat(same)
    if write_as is None:
        return [row[key] for row in rows]
    written: dict[Any, Any] = {}
    for row in rows:
        if (value := row[key]) not in written:
            written[value] = write_as(value)
    return [written[row[key]] for row in rows]
