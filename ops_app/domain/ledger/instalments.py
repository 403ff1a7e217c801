"""Instalments of a loan: what money pays of them, oldest first, and how many days past due that leaves (feature 24)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Instalment:
    """One instalment as its lender tells it: ``due_minor`` in all parts and ``paid_minor`` of it, whole minor units, as
    of ``as_of_date``. One that is waived or cancelled is due no more than was paid."""

    number: int
    due_date: date
    due_minor: int
    paid_minor: int
    as_of_date: date


@dataclass(frozen=True)
class Paid:
    """Money that came in (below zero: went back) with its value date; ``key`` names the payment, ``posted_date`` the
    day on which the lender booked it, where that is known."""

    key: str
    value_date: date
    signed_minor: int
    posted_date: date | None = None

    @property
    def booked_date(self) -> date:
        """The first day on which the lender's own figures can have it."""
        return max(self.value_date, self.posted_date or self.value_date)


@dataclass(frozen=True)
class RecomputedDays:
    """Days past due by the schedule: ``then`` on the day of the lender's own figure, ``now`` today; ``days_apart`` is
    ``then`` less the lender's figure. ``as_of_date`` is the day that the schedule is known of, ``bucket`` that of
    ``now`` by the edges of the lender."""

    then: int
    now: int
    days_apart: int
    as_of_date: date
    bucket: str = ""


def known_of(schedule: Iterable[Instalment]) -> date | None:
    """The latest day that a schedule is known of."""
    return max((one.as_of_date for one in schedule), default=None)


def money_by(schedule: Sequence[Instalment], paid: Iterable[Paid], on: date, *, told_on: date | None = None) -> int:
    """All money on a loan by the end of ``on``, as it was known on ``told_on`` (``None``: as it is known now): what the
    lender tells as paid, and what was booked after the day the schedule is known of and is valued by then. A payment
    that was back-dated is not in the lender's word of a day before it was booked, whatever its value date; a reversal
    counts from its own value date."""
    known = known_of(schedule)
    told = sum(one.paid_minor for one in schedule)
    return told + sum(
        it.signed_minor
        for it in paid
        if known is not None
        and known < it.booked_date
        and it.value_date <= on
        and (told_on is None or it.booked_date <= told_on)
    )


def days_past_due(schedule: Iterable[Instalment], money_minor: int, on: date) -> int:
    """Days from the due date of the oldest instalment that ``money_minor`` does not cover to ``on``; none where all
    that fell due before ``on`` is covered. Money pays the oldest instalment first, whatever it was meant for."""
    left = max(0, money_minor)
    for one in sorted(schedule, key=_order):
        if one.due_date >= on:
            break
        if left < one.due_minor:
            return (on - one.due_date).days
        left -= one.due_minor
    return 0


def recomputed(
    schedule: Sequence[Instalment], paid: Sequence[Paid], *, lenders_days: int, lenders_date: date, today: date
) -> RecomputedDays | None:
    """Days past due held against the lender's figure of ``lenders_date``; nothing without a schedule."""
    known = known_of(schedule)
    if known is None:
        return None
    then = days_past_due(schedule, money_by(schedule, paid, lenders_date, told_on=lenders_date), lenders_date)
    now = days_past_due(schedule, money_by(schedule, paid, today), today)
    return RecomputedDays(then, now, then - lenders_days, known)


def split(schedule: Sequence[Instalment], paid: Iterable[Paid]) -> dict[str, tuple[tuple[int, int], ...]]:
    """Payment → (instalment, whole minor units) of what it paid, oldest instalment first, payments by value date; below
    zero for what a reversal took back. What goes beyond the schedule is in none.

    What the lender tells as paid beyond the payments that are known came before all of them.
    """
    payments = sorted(paid, key=lambda it: (it.value_date, it.signed_minor < 0, it.key))  # in before out
    known = known_of(schedule)
    if known is None:
        return {}
    told = sum(one.paid_minor for one in schedule)
    at = max(0, told - sum(it.signed_minor for it in payments if it.booked_date <= known))
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for it in payments:
        to = at + it.signed_minor
        low, high = max(0, min(at, to)), max(0, at, to)
        sign = 1 if it.signed_minor >= 0 else -1
        found[it.key] = tuple((number, sign * minor) for number, minor in _between(schedule, low, high))
        at = to
    return found


def _between(schedule: Iterable[Instalment], low: int, high: int) -> Iterable[tuple[int, int]]:
    """What of each instalment lies between two amounts of money that came in all together."""
    begin = 0
    for one in sorted(schedule, key=_order):
        end = begin + one.due_minor
        minor = min(high, end) - max(low, begin)
        if minor > 0:
            yield one.number, minor
        begin = end


def _order(one: Instalment) -> tuple[date, int]:
    return one.due_date, one.number
