"""Which cases an actor may see at all: asset staff every case, an agency its own, a collector hers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ops_app.domain.organisation.people import AGENCY_ROLES, ROLES_OF_EITHER, Actor, Role


class Reach(StrEnum):
    """How far an actor sees."""

    ALL = "all"
    NARROWED = "narrowed"
    AGENCY = "agency"
    OWN = "own"
    NONE = "none"


@dataclass(frozen=True)
class Scope:
    """What a query of cases is bound to. ``agency_code``: only with an active placement with it; ``collector_id``: only
    assigned to that person now; ``units``: only with collectors in these units; ``sources``: only of these sources."""

    reach: Reach
    agency_code: str | None = None
    collector_id: str | None = None
    units: frozenset[str] | None = None
    sources: frozenset[str] | None = None


def scope_of(actor: Actor) -> Scope:
    """The reach of ``actor``, from the session alone. Whoever is not named here sees nothing."""
    units, sources = actor.rights.units, actor.rights.sources
    if actor.role is Role.COLLECTOR:
        return Scope(Reach.OWN, actor.agency_code, actor.person_id, units, sources)
    if actor.role in AGENCY_ROLES:
        if not actor.agency_code:
            return Scope(Reach.NONE)
        return Scope(Reach.AGENCY, actor.agency_code, None, units, sources)
    if actor.role in ROLES_OF_EITHER or actor.agency_code is not None:
        return Scope(Reach.NONE)
    if actor.rights.is_scope_narrowed:
        return Scope(Reach.NARROWED, units=units, sources=sources)
    return Scope(Reach.ALL)
