"""Whose a payment is: the placement of its case in which its value date lies, or in whose tail (domain e-9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from ops_app.domain.ledger.commissions import Unearned


@dataclass(frozen=True)
class Custody:
    """The days of a placement: from ``first_date``, before ``until_date`` (open while it runs), and from then on the
    tail before ``tail_until_date``. The day on which it ends is the next agency's, unless the case closed then."""

    placement_id: str
    nth: int
    agency_code: str
    first_date: date
    until_date: date | None
    tail_until_date: date | None

    def tail_end(self, tail_days: int | None) -> date | None:
        """The first day whose payments no longer count: by the contract's tail where it states one, else by that of
        the placement; ``None`` while it runs."""
        if self.until_date is None:
            return None
        if tail_days is not None:
            return self.until_date + timedelta(days=tail_days)
        return max(self.until_date, self.tail_until_date or self.until_date)


def owner_of(
    value_date: date, custodies: Iterable[Custody], tails: dict[str, int | None]
) -> tuple[Custody | None, Unearned | None]:
    """The placement to which a payment of ``value_date`` belongs, or why to none. ``tails``: placement → the days of
    tail its contract states.

    Who has the case has the payment; a tail counts only where nobody has the case, and of two tails the later
    placement's. So a payment belongs to one placement at most.
    """
    ordered = sorted(custodies, key=lambda one: one.nth, reverse=True)
    for one in ordered:
        if one.first_date <= value_date and (one.until_date is None or value_date < one.until_date):
            return one, None
    before = [one for one in ordered if one.first_date <= value_date]
    for one in before:
        end = one.tail_end(tails.get(one.placement_id))
        if end is not None and value_date < end:
            return one, None
    return None, Unearned.AFTER_TAIL if before else Unearned.IN_HOUSE
