"""Reading parameters on a day: one set for each state of the store, kept until a version is added.

Cost: ``in_force`` is one step into a primary key (the newest version's id) and a look-up; ``ParameterSet.value``
touches no store. What reads many values within an act takes the set once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import date

from sqlalchemy.engine import Connection

from ops_app.domain.organisation.parameter_ranges import Range
from ops_app.domain.organisation.parameter_timeline import ParameterSet
from ops_app.domain.organisation.parameter_values import Value
from ops_app.domain.organisation.parameters import ALL, Scope
from ops_app.services.organisation import parameter_catalogue
from ops_app.store.organisation import parameters

_KEPT = 8
_sets: OrderedDict[tuple[str, int], ParameterSet] = OrderedDict()
_turn = threading.Lock()


def in_force(connection: Connection) -> ParameterSet:
    """All parameters as the store has them at this moment, the transaction's own changes included.

    The newest version's id is a hash over every version before it, so an equal id means equal versions, whatever was
    rolled back meanwhile and whichever store it is.
    """
    definitions = parameter_catalogue.catalogue().definitions
    key = (parameters.head(connection), id(definitions))
    with _turn:
        found = _sets.get(key)
        if found is not None and found.definitions is definitions:
            _sets.move_to_end(key)
            return found
    versions = parameters.all_versions(connection)
    made = ParameterSet(definitions, versions)
    with _turn:
        # under the id of what was read: another transaction may have committed since the head was looked at
        _sets[versions[-1].version_id if versions else key[0], key[1]] = made
        while len(_sets) > _KEPT:
            _sets.popitem(last=False)
    return made


def value_on(connection: Connection, code: str, on_date: date, scope: Scope = ALL) -> Value:
    """The value of ``code`` on ``on_date`` (a day in the installation's zone) for ``scope``: the most specific scope
    that has a value wins (more dimensions before fewer, then lender, product, rule pack), last the default.

    Raises ``NoSuchParameter``.
    """
    return in_force(connection).value(code, on_date, scope)


def number_on(connection: Connection, code: str, on_date: date, scope: Scope = ALL) -> int:
    """``value_on`` of a parameter that counts something (days, hours, rows, years)."""
    return as_number(value_on(connection, code, on_date, scope))


def as_number(value: Value) -> int:
    """The value of a whole number; raises ``TypeError`` for that of another kind."""
    if not isinstance(value, int):
        raise TypeError(f"{value!r} counts nothing")
    return value


def as_codes(value: Value) -> tuple[str, ...]:
    """The value of a list of codes; raises ``TypeError`` for that of another kind."""
    if not isinstance(value, tuple):
        raise TypeError(f"{value!r} is no list of codes")
    return tuple(one for one in value if isinstance(one, str))


def as_ranges(value: Value) -> tuple[Range, ...]:
    """The value of ranges; raises ``TypeError`` for that of another kind."""
    if not isinstance(value, tuple):
        raise TypeError(f"{value!r} is no list of ranges")
    return tuple(one for one in value if isinstance(one, Range))
