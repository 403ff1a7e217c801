"""Where the money of a payment went: to a case, past collection, to suspense, or nowhere yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ops_app.domain.errors import NotFound
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.replay import Transfer


class Place(StrEnum):
    """Where a payment was posted."""

    CASE = "case"
    OUTSIDE = "outside"
    SUSPENSE = "suspense"
    PENDING = "pending"


PLACE_NAMES: dict[Place, tuple[str, str]] = {
    Place.CASE: ("on a case", "案件"),
    Place.OUTSIDE: ("outside collection", "催收外"),
    Place.SUSPENSE: ("in suspense", "暂收款"),
    Place.PENDING: ("not posted yet", "未入账"),
}

CONFIRMED = frozenset({Place.CASE})
"""What an agency may count on: the rest is 未确认, 不计佣."""


class NoSuchPayment(NotFound):
    """No such payment within reach."""

    def __init__(self) -> None:
        super().__init__("There is no such payment.", "没有该笔还款。")


@dataclass(frozen=True)
class PaidFor:
    """What the standing lines of a payment did, whole minor units: ``repaid`` claims by component, ``recovered`` after
    write-off by component, ``held`` on the case, and what passed ``elsewhere`` (outside collection, suspense)."""

    repaid_minor: Mapping[Component, int]
    recovered_minor: Mapping[Component, int]
    held_minor: int
    elsewhere_minor: int


def paid_for(transfers: Sequence[Transfer]) -> PaidFor:
    """What a payment paid, by the lines that stand for it; a reversal comes out below zero."""
    repaid, recovered, held, elsewhere = dict.fromkeys(Component, 0), dict.fromkeys(Component, 0), 0, 0
    for one in transfers:
        for account, sign in ((one.credit, 1), (one.debit, -1)):
            minor = sign * one.amount_minor
            if one.component is not None and account == accounts.claims(one.component):
                repaid[one.component] += minor
            elif one.component is not None and account in (accounts.RECOVERED, accounts.ALLOWANCE):
                recovered[one.component] += minor
            elif account == accounts.SUSPENSE_CASE:
                held += minor
            elif account in (accounts.OUTSIDE, accounts.SUSPENSE_UNMATCHED):
                elsewhere += minor
    return PaidFor(repaid, recovered, held, elsewhere)
