"""Roles that two people give (decision 0014): when somebody must be asked, and who that is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from ops_app.domain.organisation.approval_rules import levels_for
from ops_app.domain.organisation.ceilings import WITH_A_SECOND, NeedsASecond
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation.approval_defaults import rules_of_kind
from ops_app.store.organisation import people

GIVE_ROLE = "people.give_role"
"""The kind of request by which such a role is given."""


def deciders(connection: Connection, now: datetime) -> tuple[Role, ...]:
    """The roles that decide on who gets such a role, first to last."""
    return levels_for(rules_of_kind(connection, GIVE_ROLE), GIVE_ROLE, None, None, now)


def needs_second(connection: Connection, actor: Actor, role: Role, now: datetime) -> bool:
    """Whether ``role`` is given by two people now. A house in which nobody could decide yet is furnished by its
    administrator alone; once somebody can, one of them always remains (``people._somebody_remains``)."""
    if role not in WITH_A_SECOND:
        return False
    return all(people.others_active(connection, decider, actor.person_id) for decider in deciders(connection, now))


def check_alone(connection: Connection, actor: Actor, role: Role, now: datetime) -> None:
    """Raise ``NeedsASecond`` unless ``actor`` may give ``role`` alone."""
    if needs_second(connection, actor, role, now):
        raise NeedsASecond(role, deciders(connection, now))
