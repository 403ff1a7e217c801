"""What Recoup accrues on a case over its events, in whatever order they came.

A night counts on the principal as it stands when the accrual of the day after it is posted: after what opens the day
(an opening, a write-off) and before the day's payments. A payment ends interest from its value date on, whenever it
arrives; so what a case has accrued is a function of its events and terms alone, and a payment that comes late says what
each accrual since ought to have been.

Cost: O(n log n) for n events, and O(days) for the days that are accrued.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.accrual import AccrualTerms, Accrued, accrued
from ops_app.domain.ledger.events import RANK, Cause, EventKind, LedgerEvent
from ops_app.domain.ledger.replay import State, in_order, living, run

__all__ = ["FROM", "Nights", "Reckoned", "TermsOfDay", "accrues_by", "is_own", "reckoned"]

FROM = "from"
"""The term of an accrual by Recoup: the day until which the case had accrued before."""

TermsOfDay = Callable[[date], AccrualTerms | None]
"""The terms of the night before a day; nothing where the lender accrues."""

_NIGHT = timedelta(days=1)
_ACCRUED = (Component.INTEREST, Component.PENALTY)


def is_own(event: LedgerEvent) -> bool:
    """Whether an event is an accrual by Recoup, not one that a lender told."""
    return event.kind is EventKind.ACCRUAL and FROM in event.terms


@dataclass
class Nights:
    """The principal (whole minor units) by the day from which nights count on it."""

    _since: list[date] = field(default_factory=list)
    _principal_minor: list[int] = field(default_factory=list)

    @classmethod
    def alike(cls, principal: int) -> Nights:
        """The same principal in every night."""
        return cls([date.min], [principal])

    def after(self, event: LedgerEvent, state: State) -> None:
        """Note where the principal stands after ``event``; events come in the order in which they count."""
        opens = RANK[event.kind] < RANK[EventKind.ACCRUAL]
        day = event.value_date if opens else event.value_date + _NIGHT
        if self._since and day <= self._since[-1]:
            self._principal_minor[-1] = state.book[Component.PRINCIPAL]
        else:
            self._since.append(day)
            self._principal_minor.append(state.book[Component.PRINCIPAL])

    def on(self, day: date) -> int:
        """On how much the night before ``day`` counts."""
        found = bisect_right(self._since, day)
        return self._principal_minor[found - 1] if found else 0

    def accrue(
        self, terms: TermsOfDay, owed: dict[Component, int], first: date, end: date, carry: Accrued
    ) -> Accrued:  # fmt: skip
        """What the nights from ``first`` until ``end`` come to, beside interest and penalty that are owed already, with
        what ``carry`` left over."""
        standing = {part: owed.get(part, 0) for part in _ACCRUED}
        made = Accrued({}, carry.interest_carry, carry.penalty_carry)
        for begun, until, of_day, principal in self._spans(terms, first, end):
            made = accrued(
                of_day, standing | {Component.PRINCIPAL: principal}, begun, until,
                interest_carry=made.interest_carry, penalty_carry=made.penalty_carry,
            )  # fmt: skip
            standing = {part: standing[part] + made.parts.get(part, 0) for part in _ACCRUED}
        parts = {part: standing[part] - owed.get(part, 0) for part in _ACCRUED}
        return Accrued(parts, made.interest_carry, made.penalty_carry)

    def _spans(self, terms: TermsOfDay, first: date, end: date) -> Iterable[tuple[date, date, AccrualTerms, int]]:
        """The nights, joined while their terms and their principal are the same; without those of the lender."""
        begun, before = first, None
        for number in range(first.toordinal() + 1, end.toordinal() + 1):
            day = date.fromordinal(number)
            now = terms(day), self.on(day)
            if before is not None and now != before:
                if before[0] is not None:
                    yield begun, day - _NIGHT, before[0], before[1]
                begun = day - _NIGHT
            before = now
        if before is not None and before[0] is not None:
            yield begun, end, before[0], before[1]


@dataclass(frozen=True)
class Reckoned:
    """What each accrual by Recoup comes to (event id → whole minor units by component), which event it is (one that is
    not recorded yet has no ``seq``), and what is left of the last."""

    parts: dict[str, dict[Component, int]]
    events: dict[str, LedgerEvent]
    left: Accrued


def accrues_by(
    events: Sequence[LedgerEvent], terms: TermsOfDay, first: date, end: date, carry: Accrued
) -> tuple[dict[date, dict[Component, int]], Accrued, dict[Component, int]]:
    """What a case with ``events`` accrues from ``first``, until which it has, until ``end``: value date → parts, what
    is left, and what is owed on the books afterwards. What accrued before stays as it is. A day on which something
    happened has an accrual of its own, so that its payments find what had accrued until then."""
    alive = living(events)
    probes = _probes(alive, first, end)
    nights, state, left, made = Nights(), State(), carry, dict[date, dict[Component, int]]()
    for each in in_order([*alive, *probes.values()]):
        one = each
        if one.event_id in probes:
            left = nights.accrue(terms, state.book, first, one.value_date, left)
            first = one.value_date
            one = replace(one, parts=left.parts)
            if any(left.parts.values()):
                made[first] = left.parts
        run([one], state)
        nights.after(one, state)
    return made, left, state.book


def reckoned(events: Sequence[LedgerEvent], terms: TermsOfDay, through: date) -> Reckoned:
    """What each accrual by Recoup on a case with ``events`` ought to be, which has accrued until ``through``. Where
    something happened on a day that has none, and for what ends at ``through``, there is one more."""
    alive = living(events)
    covered = min((one.value_date for one in alive if one.kind is EventKind.OPENING), default=through)
    probes = _probes(alive, covered, through)
    nights, state, left, found = Nights(), State(), Accrued({}), Reckoned({}, {}, Accrued({}))
    for each in in_order([*alive, *probes.values()]):
        one = each
        if is_own(one) and one.value_date >= covered:
            left = nights.accrue(terms, state.book, covered, one.value_date, left)
            covered = one.value_date
            one = replace(one, parts=left.parts)
            found.parts[one.event_id], found.events[one.event_id] = left.parts, each
        run([one], state)
        nights.after(one, state)
    return replace(found, left=left)


def _probes(alive: Sequence[LedgerEvent], first: date, end: date) -> dict[str, LedgerEvent]:
    """Event id → an accrual that says nothing yet, for each day after ``first`` on which something happened, and for
    ``end``, unless Recoup has accrued on it."""
    has_own = {one.value_date for one in alive if is_own(one)}
    happened = {one.value_date for one in alive if not is_own(one) and first < one.value_date < end}
    of, found = alive[0], dict[str, LedgerEvent]()
    before = first
    for day in sorted(({end} | happened) - has_own if end > first else ()):
        probe = LedgerEvent(
            EventKind.ACCRUAL, of.source_code, of.loan_id, of.currency, day, Cause.REPLAY,
            f"accrual/{of.case_id}/{day.isoformat()}", of.case_id, terms={FROM: before.isoformat()},
        )  # fmt: skip
        found[probe.event_id] = probe
        before = day
    return found
