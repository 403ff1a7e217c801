"""Questions asked by the driver itself: spelt once, then only their values change.

For the few questions on the way of every payment; what SQLAlchemy does anew for each execution (contexts, expanded
lists, result objects) costs more than the store takes for the answer. SQLAlchemy spells the statement, once for each
length of the lists in it, and says how values are written and read. What waits in the connection goes along
(``store/driver.py``). Errors are SQLAlchemy's; its own events do not tell of these questions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.sql.selectable import Select

from ops_app.store import driver

Row = tuple[Any, ...]
_Place = tuple[str, str | None, int | None, Callable[[Any], Any] | None, Any]
"""The name of a value in the statement, its key (``None``: it is the same always), its place in a list, how it is
written, and what is the same always."""


@dataclass(frozen=True)
class _Spelt:
    text: str
    places: tuple[_Place, ...]
    by_name: bool
    read_as: tuple[Callable[[Any], Any] | None, ...]


_spelt: dict[tuple[str, Select[Any], tuple[int | None, ...]], _Spelt] = {}


def ask(connection: Connection, statement: Select[Any], values: Mapping[str, Any] | None = None) -> list[Row]:
    """The rows that ``statement``, one that is kept for good, gives for ``values``: of an expanding one the list."""
    values = values or {}
    lengths = tuple([len(one) if isinstance(one, list | tuple) else None for one in values.values()])
    asked = connection.dialect.name, statement, lengths
    spelt = _spelt.get(asked)
    if spelt is None:
        spelt = _spelt[asked] = _spell(connection, statement, values)
    told = [
        same if key is None else _written(values[key] if nth is None else values[key][nth], write_as)
        for _, key, nth, write_as, same in spelt.places
    ]
    given: Any = dict(zip([one[0] for one in spelt.places], told, strict=True)) if spelt.by_name else told
    rows = driver.fetch(connection, spelt.text, given)
    if not any(spelt.read_as):
        return rows
    return [tuple([_written(one, read) for one, read in zip(row, spelt.read_as, strict=True)]) for row in rows]


def _written(value: Any, how: Callable[[Any], Any] | None) -> Any:
    return value if how is None else how(value)


def _spell(connection: Connection, statement: Select[Any], values: Mapping[str, Any]) -> _Spelt:
    dialect: Any = connection.dialect
    compiled: Any = statement.compile(dialect=dialect)
    state = compiled.construct_expanded_state(dict(values), escape_names=False)
    place_of: dict[str, tuple[str, int | None]] = {name: (name, None) for name in compiled.binds}
    for name, expanded in state.parameter_expansion.items():
        place_of |= {each: (name, nth) for nth, each in enumerate(expanded)}
    places: list[_Place] = []
    for each in state.positiontup if compiled.positional else state.parameters:
        name, nth = place_of[each]
        bind = compiled.binds[name]
        write_as = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if bind.key in values:
            places.append((each, bind.key, nth, write_as, None))
        else:
            places.append((each, None, None, None, _written(bind.effective_value, write_as)))
    read_as = tuple(one.type._cached_result_processor(dialect, None) for one in compiled._result_columns)
    return _Spelt(state.statement, tuple(places), not compiled.positional, read_as)
