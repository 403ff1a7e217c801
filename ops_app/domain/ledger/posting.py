"""Posting (入账): in which order a payment pays the parts of what is owed."""

from __future__ import annotations

from collections.abc import Mapping

from ops_app.domain.ledger.accounts import Component

PARTS = ("principal", "interest", "fees", "penalty")
"""The parts of which a lender tells the balance."""

_P, _I, _F, _N, _C = Component.PRINCIPAL, Component.INTEREST, Component.FEES, Component.PENALTY, Component.COSTS

ORDERS: dict[str, tuple[Component, ...]] = {
    "costs_first": (_C, _F, _N, _I, _P),
    "interest_first": (_C, _I, _P, _N, _F),
    "principal_first": (_P, _I, _F, _N, _C),
}
"""Code of the parameter ``ledger.posting_order`` → the components, first to last (domain e-8)."""


def posted(amount_minor: int, owed: Mapping[Component, int], order: str) -> tuple[dict[Component, int], int]:
    """What each component gets of ``amount_minor``, in the order named, and what is left over when nothing is owed.

    ``owed`` has whole minor units; a component that is below zero or missing gets nothing. The parts and the rest add
    up to the amount. Raises ``ValueError`` for an amount below zero and ``KeyError`` for an unknown order.
    """
    if amount_minor < 0:
        raise ValueError("a payment is not negative")
    left, parts = amount_minor, dict.fromkeys(Component, 0)
    for part in ORDERS[order]:
        parts[part] = min(left, max(owed.get(part, 0), 0))
        left -= parts[part]
    return parts, left
