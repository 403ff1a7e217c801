"""Rows written by the driver itself: the statement is spelt once, then only its values change.

For the way of every payment. SQLAlchemy spells the statement and says how its values are written; what it does anew for
each execution and each row (contexts, parameter sets, a moment written as many times as there are rows) costs more than
the store takes for the row. Errors are SQLAlchemy's, and the store notes the change as any other.

Cost: one statement for any number of rows; a value that comes again in its column is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import UpdateBase

CHANGES = "recoup_changes"
"""The option of an execution that names the table which it changes, for whoever notes changes."""

_Place = tuple[str, str | None, Callable[[Any], Any] | None, Any]
"""The name of a value in the statement, its key in a row (``None``: it is the same in all), how it is written."""


@dataclass(frozen=True)
class _Spelt:
    text: str
    places: tuple[_Place, ...]
    by_name: bool


_spelt: dict[tuple[str, UpdateBase, tuple[str, ...]], _Spelt] = {}


def write(connection: Connection, statement: UpdateBase, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute ``statement``, one that is kept for good and answers nothing, for ``rows``, which have the same keys."""
    if not rows:
        return
    asked = connection.dialect.name, statement, tuple(rows[0])
    spelt = _spelt.get(asked)
    if spelt is None:
        spelt = _spelt[asked] = _spell(connection, statement, asked[2])
    columns = [_column(place, rows) for place in spelt.places]
    values: list[Any] = list(zip(*columns, strict=False))
    if spelt.by_name:
        names = [name for name, *_ in spelt.places]
        values = [dict(zip(names, one, strict=True)) for one in values]
    said: Any = {CHANGES: statement.table}
    connection.exec_driver_sql(spelt.text, values, execution_options=said)


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
