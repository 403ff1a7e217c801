"""Who ends a conflict of interest (feature 47)."""

from __future__ import annotations

from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import may


def may_end(actor: Actor) -> bool:
    """Whether one may end conflicts of others: supervisors of either house."""
    return may(actor, "cases.conflict") and actor.role is not Role.COLLECTOR
