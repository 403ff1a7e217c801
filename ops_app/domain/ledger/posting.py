"""Posting (入账): how a payment that its lender did not split goes to the parts of what is owed."""

from __future__ import annotations

from collections.abc import Mapping

PARTS = ("principal", "interest", "fees", "penalty")

ORDERS: dict[str, tuple[str, ...]] = {
    "costs_first": ("fees", "penalty", "interest", "principal"),
    "interest_first": ("interest", "principal", "penalty", "fees"),
    "principal_first": ("principal", "interest", "fees", "penalty"),
}
"""Code of the parameter ``ledger.posting_order`` → the parts, first to last."""


def posted(amount_minor: int, owed: Mapping[str, int], order: str) -> tuple[dict[str, int], int]:
    """What each part gets of ``amount_minor``, in the order named, and what is left over when nothing is owed any more.

    ``owed`` has the whole minor units of each of ``PARTS``; a part that is below zero gets nothing. The parts and the
    rest add up to the amount. Raises ``ValueError`` for an amount below zero and ``KeyError`` for an unknown order.
    """
    if amount_minor < 0:
        raise ValueError("a payment is not negative")
    left, parts = amount_minor, dict.fromkeys(PARTS, 0)
    for part in ORDERS[order]:
        parts[part] = min(left, max(owed[part], 0))
        left -= parts[part]
    return parts, left
