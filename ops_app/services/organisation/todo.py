"""What waits for a person, from every area: a registry of sources, and one list by due time.

A service that knows of something that waits for people registers its kind at import with ``register``; ``MODULES``
names all such services. Each source sees the actor's reach and nothing more.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import GRANTS, may
from ops_app.services.act import act
from ops_app.services.organisation.notices import reach_of
from ops_app.store.organisation import notices
from ops_app.store.store import Store

MODULES: tuple[str, ...] = (
    "ops_app.services.casework.todo",
    "ops_app.services.ledger.commission_todo",
    "ops_app.services.ledger.todo",
    "ops_app.services.organisation.access_reviews",
    "ops_app.services.organisation.todo_approvals",
)
"""The services that register kinds of to-dos. An area that registers one adds itself here."""

MOST_LISTED = 200
"""Rows of one kind that the list holds, the most urgent ones; the count says how many there are."""

_FAR = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ToDo:
    """One thing that waits: of which kind, since when, until when (``None``: no due time), about what.

    ``opens`` names what its page opens (``approval``, ``case_request``, ``break``, ``suspense``, ``refund``, ``case``,
    ``access_review``, ``settlement``, ``own_settlement``) and ``object_id`` which one; ``topic`` is the code of the
    request's kind, where it is one;
    ``subject`` what a person knows it by, or a request's own object beside its ``arguments``, from which the screen
    names it; an amount is in whole minor units of ``currency``.
    """

    kind: str
    object_id: str
    subject: str
    since_at: datetime
    due_at: datetime | None
    opens: str = ""
    topic: str = ""
    who: str = ""
    amount_minor: int | None = None
    currency: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def is_late(self, now: datetime) -> bool:
        return self.due_at is not None and self.due_at <= now


@dataclass(frozen=True)
class Asked:
    """For whom, when and how much: what a source is given. ``zone`` is where a business day ends."""

    actor: Actor
    now: datetime
    zone: ZoneInfo
    limit: int


Source = Callable[[Connection, Asked], tuple[list[ToDo], int]]
"""The most urgent to-dos, and how many there are in all."""


@dataclass(frozen=True)
class ToDoKind:
    """One kind of to-do: its code, its name in English and 中文, and who may have any."""

    code: str
    names: tuple[str, str]
    permission: str
    source: Source


@dataclass(frozen=True)
class ToDoList:
    """What waits for a person, by due time, those without one last. ``counts``: kind → how many there are, which may be
    more than are listed; ``late`` of the listed are past their time."""

    rows: tuple[ToDo, ...]
    counts: dict[str, int]
    late: int
    unread_notices: int


_KINDS: dict[str, ToDoKind] = {}


def register(code: str, names: tuple[str, str], permission: str, source: Source) -> None:
    """Say what one kind of to-do is. Raises ``LookupError`` for an unknown permission or a code that is taken."""
    if permission not in GRANTS:
        raise LookupError(f"permission {permission!r} is not in the table of grants")
    if code in _KINDS:
        raise LookupError(f"the kind {code!r} is registered already")
    _KINDS[code] = ToDoKind(code, names, permission, source)


def todo_kinds() -> dict[str, ToDoKind]:
    """Every kind of to-do of the house."""
    _import_all()
    return _KINDS


@act("session.own")
def list_todos(
    actor: Actor, store: Store, *, now: datetime, zone: ZoneInfo, kind: str | None = None, late_only: bool = False
) -> ToDoList:
    """What waits for the actor at this moment, of one kind or all. Raises ``Invalid`` for a kind there is none of."""
    kinds = todo_kinds()
    if kind is not None and kind not in kinds:
        raise Invalid("There is no such kind of to-do.", "没有此类待办。", field="kind")
    rows: list[ToDo] = []
    counts: dict[str, int] = {}
    with store.reading() as connection:
        for one in kinds.values():
            if may(actor, one.permission):
                found, counts[one.code] = one.source(connection, Asked(actor, now, zone, MOST_LISTED))
                rows += found
        unread = notices.count_unread(connection, actor.person_id, reach_of(actor, now))
    late = sum(one.is_late(now) for one in rows)
    shown = [one for one in rows if (kind in (None, one.kind)) and (one.is_late(now) or not late_only)]
    shown.sort(key=lambda one: (one.due_at or _FAR, one.since_at, one.object_id))
    return ToDoList(tuple(shown), counts, late, unread)


@functools.cache
def _import_all() -> None:
    for module in MODULES:
        importlib.import_module(module)
