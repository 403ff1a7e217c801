"""Four cases that stand in four ways to the people of agency AG01, and who those people are.

own: placed with AG01 and assigned to its collector; other: placed with AG02; unassigned: placed with AG01, with no
collector; ended: was placed with AG01 and was recalled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ops_app.domain.casework.cases import case_id, debtor_key
from ops_app.domain.organisation.people import AGENCY_ROLES, ROLES_OF_EITHER, SYSTEM, Actor, Role
from ops_app.store.store import Store
from tests.services.casework.casebook import (
    AG1,
    AG2,
    NOW,
    a_collector,
    a_debtor,
    a_spell,
    assigned,
    placed,
    recalled,
    taken_in,
)

RELATIONS = ("own", "other", "unassigned", "ended")
NUMBERS = dict(zip(RELATIONS, (7001, 7002, 7003, 7004), strict=True))
THEN = NOW + timedelta(hours=1)
"""When the tests ask: after everything that was done."""


@dataclass(frozen=True)
class World:
    """The cases by their relation, and the people by name."""

    cases: dict[str, str]
    mine: Actor
    hers: Actor

    def actor(self, role: Role, person_of: str = "AG01") -> Actor:
        """Somebody in ``role``; the roles of agencies in AG01, where the collector is the one of the case ``own``."""
        if role is Role.SYSTEM:
            return SYSTEM
        if role is Role.COLLECTOR:
            return self.mine if person_of == "AG01" else self.hers
        agency = person_of if role in AGENCY_ROLES | ROLES_OF_EITHER else None
        return Actor(f"p-{role.value}", f"Test {role.value}", role, agency)

    def canaries(self, relation: str) -> tuple[str, ...]:
        """What gives the case away wherever it shows."""
        number = NUMBERS[relation]
        loan, customer = f"L{number}", f"C{number}"
        return (self.cases[relation], debtor_key("SIM", customer), loan, customer, f"王{number}")


def made(store: Store, evidence: Path) -> World:
    """The world, in an empty store."""
    numbers = list(NUMBERS.values())
    taken_in(store, evidence, *(a_spell(n, days_past_due=n % 1000) for n in numbers), debtors=[
        a_debtor(n) for n in numbers
    ])  # fmt: skip
    ids = {relation: case_id("SIM", f"L{number}", 1) for relation, number in NUMBERS.items()}
    placed(store, "AG01", ids["own"], ids["unassigned"], ids["ended"])
    placed(store, "AG02", ids["other"])
    mine, hers = a_collector(store, "mine", "AG01"), a_collector(store, "hers", "AG02")
    assigned(store, AG1, mine, ids["own"], ids["ended"])
    assigned(store, AG2, hers, ids["other"])
    later = NOW + timedelta(minutes=30)
    recalled(store, ids["ended"], now=later)
    return World(ids, mine, hers)
