"""Amounts as a sensitive field: what an answer holds for somebody who may not see money (decision 0017).

Whatever a service returns to such a person is gone through once, where it leaves the service; an amount is known by
its name (``..._minor``, ``AMOUNT_NAMES``), so that a new answer is covered without a line of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from ops_app.domain.hidden import HIDDEN
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import may
from ops_app.domain.organisation.rights import AMOUNTS, AmountsHidden

AMOUNT_NAMES = frozenset({"amount", "amounts", "parts", "totals"})
"""Names of amounts that do not end in ``_minor``: sums by currency, and what a payment comes to by part."""

HASHES = frozenset({"content_hash", "rows_hash"})
"""Hashes of what holds an amount: whoever knows all but the amount finds it by trying."""

OF_THE_HOUSE = frozenset(
    {"above_minor", "from_minor", "least_balance_minor", "cap_minor", "minimum_minor", "malus_minor"}
)
"""Thresholds of rules and contracts: the house's own figures and nobody's debt, so they stay in sight."""


def sees_amounts(actor: Actor) -> bool:
    """Whether amounts are shown to this person."""
    return may(actor, AMOUNTS)


def require_amounts(actor: Actor) -> None:
    """Raise ``AmountsHidden`` for somebody who would act without seeing what it comes to."""
    if not sees_amounts(actor):
        raise AmountsHidden


def is_amount(name: str) -> bool:
    """Whether a field of this name holds an amount of a case, a payment or a request."""
    return (name.endswith("_minor") and name not in OF_THE_HOUSE) or name in AMOUNT_NAMES


def check_by_amount(actor: Actor, *names: str | None) -> None:
    """Raise ``AmountsHidden`` where somebody who sees no amounts would sort or narrow a list by one: by halving a range
    often enough any amount is read off the list."""
    if any(name is not None and (is_amount(name) or name == "least_units") for name in names):
        require_amounts(actor)


def sorts_for(actor: Actor, sorts: tuple[str, ...]) -> tuple[str, ...]:
    """The sorts that a list offers this person."""
    return sorts if sees_amounts(actor) else tuple(name for name in sorts if not is_amount(name))


def without_amounts(answer: Any) -> Any:
    """``answer`` with every amount in it hidden, however deep it stands; what holds none is given back as it is.

    Raises ``TypeError`` for what holds more than this can look through, such as a generator or a frame.
    """
    if isinstance(answer, str | bytes | int | Enum) or answer is None:
        return answer
    if is_dataclass(answer) and not isinstance(answer, type):
        return _record(answer)
    if isinstance(answer, Mapping):
        return {key: _named(key, value) for key, value in answer.items()}
    if isinstance(answer, tuple) and hasattr(answer, "_fields"):
        return type(answer)(*(_named(name, value) for name, value in zip(answer._fields, answer, strict=True)))
    if isinstance(answer, list | tuple | set | frozenset):
        return type(answer)(without_amounts(one) for one in answer)
    if hasattr(type(answer), "__iter__"):
        raise TypeError(f"nobody can say whether a {type(answer).__name__} holds an amount")
    return answer


def _record(one: Any) -> Any:
    changed = {}
    about_none = getattr(one, "amount_minor", HIDDEN) is None  # a request without an amount is decided by its hash
    for it in fields(one):
        value = getattr(one, it.name)
        hidden = HIDDEN if it.name in HASHES and not about_none else _named(it.name, value)
        if hidden is not value:
            changed[it.name] = hidden
    if not changed:
        return one
    # not dataclasses.replace: its checks are of figures, and were made when the record was
    made = copy.copy(one)
    for name, value in changed.items():
        object.__setattr__(made, name, value)
    return made


def _named(name: object, value: Any) -> Any:
    if name == "rows_hash" and value is not None:
        return HIDDEN
    return _hidden(value) if isinstance(name, str) and is_amount(name) else without_amounts(value)


def _hidden(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {key: _hidden(one) for key, one in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(_hidden(one) for one in value)
    return without_amounts(value) if is_dataclass(value) else HIDDEN
