"""How collectors' claims of payments stand, for whoever may read the requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ops_app.domain.casework.scope import scope_of
from ops_app.domain.ledger.claims import Standing
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import may
from ops_app.services.act import act
from ops_app.store.casework import requests
from ops_app.store.ledger import claims
from ops_app.store.store import Store

__all__ = ["Standing", "claim_standings"]


@act("requests.view")
def claim_standings(actor: Actor, store: Store, *, now: datetime, claim_ids: Sequence[str]) -> dict[str, Standing]:
    """Claim (the id of its request) → how it stands, for those within the actor's reach. Which break it is part of is
    told only to those who may look at breaks."""
    with store.reading() as connection:
        found = claims.standings(connection, claim_ids, requests.reach(scope_of(actor), actor.person_id, now))
    if may(actor, "reconciliation.view"):
        return found
    return {claim_id: replace(one, break_id=None) for claim_id, one in found.items()}
