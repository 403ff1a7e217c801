"""The decorator every service carries: it names the permission and refuses before anything is read.

It is also where amounts end for whoever may not see them: what a service answers to such a person goes through
``without_amounts`` on its way out, so no page, route or export beyond can show one (decision 0017).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from ops_app.domain.organisation.amounts import sees_amounts, without_amounts
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import GRANTS, require
from ops_app.store.transaction import EXERCISED

P = ParamSpec("P")
R = TypeVar("R")

DECLARED: dict[str, str] = {}
"""Qualified name of every service → the permission it declares (a convention test reads it)."""


def act(
    permission: str,
) -> Callable[[Callable[Concatenate[Actor, P], R]], Callable[Concatenate[Actor, P], R]]:
    """Declare that the decorated service needs ``permission``; the first argument is the actor.

    Raises ``Refused`` (who may, and why) before the service runs.
    """
    if permission not in GRANTS:
        raise LookupError(f"permission {permission!r} is not in the table of grants")

    def declare(service: Callable[Concatenate[Actor, P], R]) -> Callable[Concatenate[Actor, P], R]:
        DECLARED[f"{service.__module__}.{service.__qualname__}"] = permission

        @functools.wraps(service)
        def guarded(actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
            require(actor, permission)
            before = EXERCISED.set(permission)
            try:
                answer = service(actor, *args, **kwargs)
            finally:
                EXERCISED.reset(before)
            # a service that another one asks is answered in full: it reckons with the figures
            if EXERCISED.get() is not None or sees_amounts(actor):
                return answer
            hidden: R = without_amounts(answer)
            return hidden

        guarded.__dict__["permission"] = permission
        return guarded

    return declare
