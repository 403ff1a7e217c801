"""Promises to pay: what a promise comes to with the payments that are known now (domain e-3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal

OPEN, KEPT, BROKEN, SUPERSEDED, CANCELLED = "open", "kept", "broken", "superseded", "cancelled"


@dataclass(frozen=True)
class Promise:
    """One promise to pay. Amounts are whole minor units of ``currency``; until the end of ``judged_date`` money counts,
    and ``paid_minor`` of it came."""

    promise_id: str
    promised_at: datetime
    promised_date: date
    due_date: date
    judged_date: date
    currency: str
    amount_minor: int
    paid_minor: int
    state: str


@dataclass(frozen=True)
class Came:
    """A payment of the loan, and whether it was taken back since."""

    paid_at: datetime
    value_date: date
    amount_minor: int
    is_reversed: bool


def as_of_now(promises: Sequence[Promise], came: Iterable[Came], *, kept_share: Decimal, today: date) -> list[Promise]:
    """``promises`` of one loan, the newest first, judged with what ``came`` in until now, as the warehouse judges them.

    Money counts from the promise to the end of its grace, or to the next promise, which takes its place; a payment that
    was reversed counts for nothing. What a promise was published with beyond the payments that are known here (from
    before the house kept books) still counts for it.
    """
    known = list(came)
    found: list[Promise] = []
    following: Promise | None = None
    for one in promises:
        its = [it for it in known if _counts(it, one, following)]
        beyond = max(0, one.paid_minor - sum(it.amount_minor for it in its))
        paid = beyond + sum(it.amount_minor for it in its if not it.is_reversed)
        found.append(replace(one, paid_minor=paid, state=_state(one, following, paid, kept_share, today)))
        following = one
    return found


def _counts(it: Came, one: Promise, following: Promise | None) -> bool:
    return (
        _aware(one.promised_at) <= it.paid_at
        and (following is None or it.paid_at < _aware(following.promised_at))
        and one.promised_date <= it.value_date <= one.judged_date
    )


def _state(one: Promise, following: Promise | None, paid_minor: int, kept_share: Decimal, today: date) -> str:
    if one.state == CANCELLED:
        return CANCELLED
    if paid_minor >= one.amount_minor * kept_share:
        return KEPT
    if following is not None and following.promised_date <= one.judged_date:
        return SUPERSEDED
    return BROKEN if one.judged_date < today else OPEN


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
