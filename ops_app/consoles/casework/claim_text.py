"""How a claim of a payment stands, in words: on its request, for whoever may read that."""

from __future__ import annotations

from ops_app.consoles.kit.context import Here
from ops_app.domain.ledger.breaks import SUGGESTION_REASONS
from ops_app.domain.ledger.claims import CLAIM_STATE_NAMES, WAIT_REASONS, Standing
from ops_app.services.ledger.claims import claim_standings


def facts(at: Here, case_request_id: str) -> dict[str, str]:
    """The state of the claim, what confirmed it or why not, and as of which reconciled day; empty out of reach."""
    found = claim_standings(at.actor, at.app.store, now=at.now, claim_ids=[case_request_id]).get(case_request_id)
    if found is None:
        return {}
    t, labels = at.t, at.labels
    said = {t("requests.claim_state"): labels.named(CLAIM_STATE_NAMES, found.state)}
    if why := _why(at, found):
        said[t("requests.claim_why")] = why
    if found.as_of_date:
        said[t("breaks.as_of")] = labels.day(found.as_of_date)
    return said


def _why(at: Here, found: Standing) -> str:
    if found.confirmed_by:
        what, _, name = found.confirmed_by.partition(":")
        return at.t("requests.claim_by_payment" if what == "p" else "requests.claim_by_line", name=name)
    reasons = WAIT_REASONS | SUGGESTION_REASONS
    words = at.labels.named(reasons, found.reason) if found.reason else ""
    return f"{words} {found.said}".strip() if found.said else words
