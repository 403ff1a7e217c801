"""Four cases that stand in four ways to the people of agency AG01, and who those people are.

own: placed with AG01 and assigned to its collector; other: placed with AG02; unassigned: placed with AG01, with no
collector; ended: was placed with AG01 and was recalled. Each case has a file of the asset company's and one of its
agency's, a tag of the agency's and an interruption of its limitation; AG01's collector has a conflict of interest with
its debtor. AG02 asked for something on its case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from ops_app.domain.casework.cases import case_id, debtor_key
from ops_app.domain.casework.limitation import InterruptionKind
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.casework.tags import Tag
from ops_app.domain.organisation.people import AGENCY_ROLES, ROLES_OF_EITHER, SYSTEM, Actor, Role
from ops_app.services.casework.attaching import Incoming, add_attachment
from ops_app.services.casework.limitation import record_interruption
from ops_app.services.casework.tagging import tag_case
from ops_app.store.casework import conflicts
from ops_app.store.casework.conflicts import Conflict
from ops_app.store.store import Store
from tests.services.casework.asking import ask
from tests.services.casework.casebook import (
    AG1,
    AG2,
    NOW,
    SUPERVISOR,
    WHY,
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
    files: dict[tuple[str, str], str] = field(default_factory=dict)
    """(case, house) → the file that this house attached to it."""

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


def conflict_of(one: str) -> str:
    """The id of the conflict of interest with the debtor of a case."""
    return f"c{one[1:]}"


def _knows_the_debtors(store: Store, person: Actor, debtors: list[str], ids: dict[str, str]) -> None:
    """Entered as they would be read: by an act they would take the cases away."""
    with store.writing(SUPERVISOR, NOW) as transaction:
        for debtor, one in zip(debtors, ids.values(), strict=True):
            known = Conflict(conflict_of(one), debtor, person.person_id, WHY, person.person_id, person.name, NOW)
            conflicts.add(transaction.connection, known)
        transaction.audit("case.conflict_declared", "person", person.person_id)


def made(store: Store, evidence: Path, **spell: Any) -> World:
    """The world, in an empty store; ``spell`` changes what the lender says of every case."""
    numbers = list(NUMBERS.values())
    taken_in(store, evidence, *(a_spell(n, **{"days_past_due": n % 1000} | spell) for n in numbers), debtors=[
        a_debtor(n) for n in numbers
    ])  # fmt: skip
    ids = {relation: case_id("SIM", f"L{number}", 1) for relation, number in NUMBERS.items()}
    placed(store, "AG01", ids["own"], ids["unassigned"], ids["ended"])
    placed(store, "AG02", ids["other"])
    mine, hers = a_collector(store, "mine", "AG01"), a_collector(store, "hers", "AG02")
    assigned(store, AG1, mine, ids["own"], ids["ended"])
    assigned(store, AG2, hers, ids["other"])
    files = {}
    for relation, one in ids.items():
        agency = AG2 if relation == "other" else AG1
        for actor in (SUPERVISOR, agency):
            data = f"L{NUMBERS[relation]} of {actor.person_id}".encode()
            file = Incoming("letter.txt", data, sha256(data).hexdigest(), for_agency=True)
            made_one = add_attachment(actor, store, now=NOW, case_id=one, file=file)
            files[one, actor.agency_code or ""] = made_one.attachment_id
        tag_case(agency, store, now=NOW, case_id=one, tag=Tag.HARDSHIP.value)
        record_interruption(
            SUPERVISOR, store, now=NOW, case_id=one, kind=InterruptionKind.DEMAND, happened_date=NOW.date(),
            evidence=f"letter about L{NUMBERS[relation]}", key=one,
        )  # fmt: skip
    ask(store, evidence, hers, ids["other"], CaseRequestKind.DOCUMENTS)
    ask(store, evidence, mine, ids["own"], CaseRequestKind.DOCUMENTS)
    _knows_the_debtors(store, mine, [debtor_key("SIM", f"C{number}") for number in numbers], ids)
    later = NOW + timedelta(minutes=30)
    recalled(store, ids["ended"], now=later)
    return World(ids, mine, hers, files)
