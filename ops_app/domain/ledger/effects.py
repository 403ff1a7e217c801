"""What a posted payment does to its case: the balance left, and whether the case closes or is taken up again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import EventKind, LedgerEvent
from ops_app.domain.ledger.posting import PARTS

_BROUGHT = frozenset({EventKind.OPENING, EventKind.ACCRUAL})
"""Kinds whose amounts come from the lender's feed, which has written them to the case already."""


class Outcome(StrEnum):
    """What becomes of the case."""

    CLOSED = "closed"
    CURED = "cured"
    REVIVED = "revived"
    CHANGED = "changed"
    NOTHING = "nothing"


@dataclass(frozen=True)
class CaseEffect:
    """``balance_minor`` by the parts that a case shows (whole minor units), ``outcome``, and by how much what is owed
    moved (below zero: it was paid)."""

    balance_minor: Mapping[str, int]
    outcome: Outcome
    moved_minor: int


def moved_by(
    before: Mapping[Component, int], after: Mapping[Component, int], new: Iterable[LedgerEvent]
) -> dict[Component, int]:
    """By how much what is owed of each component moved because of payments: without what openings and accruals of the
    same posting brought in or took back, since the case shows those already."""
    brought = dict.fromkeys(Component, 0)
    for one in new:
        if one.kind in _BROUGHT:
            for part, minor in one.parts.items():
                brought[part] += minor
        elif one.kind is EventKind.CANCELLATION:  # says what it takes back where that was an accrual
            for part, minor in one.parts.items():
                brought[part] -= minor
    return {part: after.get(part, 0) - before.get(part, 0) - brought[part] for part in Component}


def effect_of(
    balance: Mapping[str, int], moved: Mapping[Component, int], owed: Mapping[Component, int], *, is_open: bool,
    closed_by_payment: bool, arrears: bool | None = None,
) -> CaseEffect:  # fmt: skip
    """What becomes of a case that shows ``balance`` by part, once what is owed moved so far and is now ``owed``.

    No part goes below zero: where the lender's figure was lower than the ledger's it stays lower, and the difference
    is the ledger's to show. An open case closes when the ledger has nothing owed and its own balance is gone as well,
    or when a payment leaves no ``arrears`` (``None``: not known, and then the lender's next feed says it); a case that
    a payment closed is taken up again when something is owed again and arrears are not known to be gone.
    """
    left = {part: max(0, balance[part] + moved.get(Component(part), 0)) for part in PARTS}
    total, changed = sum(moved.values()), left != {part: balance[part] for part in PARTS}
    still_owed = sum(owed.values()) > 0
    if is_open:
        if total < 0 and not still_owed and not any(left.values()):
            return CaseEffect(left, Outcome.CLOSED, total)
        if total < 0 and arrears is False:
            return CaseEffect(left, Outcome.CURED, total)
        return CaseEffect(left, Outcome.CHANGED if changed else Outcome.NOTHING, total)
    if closed_by_payment and still_owed and total > 0 and arrears is not False:
        return CaseEffect(left, Outcome.REVIVED, total)
    return CaseEffect(balance, Outcome.NOTHING, total)
