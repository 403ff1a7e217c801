"""Nights add up however they are cut, the lender's are left out, and what an accrual made anew moves is no payment."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.accrual import AccrualTerms, Accrued, DayCount
from ops_app.domain.ledger.accrual_replay import FROM, Nights, is_own, reckoned
from ops_app.domain.ledger.effects import moved_by
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.ledger.replay import State, run

FIRST = date(2026, 3, 1)
PRINCIPAL, INTEREST, PENALTY = Component.PRINCIPAL, Component.INTEREST, Component.PENALTY
NUMBERS = st.integers(0, 60)


def at(number: int) -> date:
    return FIRST + timedelta(days=number)


def an_event(kind: EventKind, number: int, name: str, **said: object) -> LedgerEvent:
    return LedgerEvent(kind, "SIM", "L1", "CNY", at(number), Cause.DECISION, name, "c1", **said)  # type: ignore[arg-type]


@given(
    st.lists(st.tuples(NUMBERS, st.integers(0, 10**12)), min_size=1, max_size=5),
    st.lists(NUMBERS, max_size=6),
    st.sets(NUMBERS, max_size=20),
)
def test_nights_add_up_however_they_are_cut_and_those_of_the_lender_count_for_nothing(
    steps: list[tuple[int, int]], cuts: list[int], of_lender: set[int]
) -> None:
    nights, state, known = Nights(), State(), dict[int, int]()
    for number, (day, principal) in enumerate(sorted(steps)):
        move = principal - state.book[PRINCIPAL]
        one = an_event(EventKind.CORRECTION, day, f"c{number}", parts={PRINCIPAL: move})
        run([one], state)
        nights.after(one, state)
        known[day] = principal
    terms = AccrualTerms(DayCount.ACTUAL_365, Decimal("0.24"), Decimal("0.06"))

    def of_day(day: date) -> AccrualTerms | None:
        return None if (day - FIRST).days in of_lender else terms

    left, sums = Accrued({}), {INTEREST: 0, PENALTY: 0}
    ends = sorted({0, 60, *cuts})
    for first, end in pairwise(ends):
        left = nights.accrue(of_day, {}, at(first), at(end), left)
        sums = {part: sums[part] + left.parts[part] for part in sums}
    exact = Fraction(0)
    for number in range(1, 61):
        counted = [principal for day, principal in sorted(known.items()) if day < number]
        if counted and number not in of_lender:
            exact += Fraction(counted[-1]) * Fraction(24, 100) / 365
    assert sums[INTEREST] == exact.numerator // exact.denominator


def test_a_day_on_which_something_happened_has_an_accrual_of_its_own() -> None:
    opening = an_event(EventKind.OPENING, 0, "o", parts={PRINCIPAL: 3_600_000})
    own = an_event(EventKind.ACCRUAL, 10, "a", parts={INTEREST: 10_000}, terms={FROM: at(0).isoformat()}, seq=2)
    paid = an_event(EventKind.RECEIPT, 4, "p", amount_minor=1_804_000, terms={"orders": {"standard": "costs_first"}})
    terms = AccrualTerms(DayCount.ACTUAL_360, Decimal("0.1"), Decimal(0))
    found = reckoned([opening, own, paid], lambda _day: terms, at(10))
    by_day = {one.value_date: (one.seq, found.parts[event_id][INTEREST]) for event_id, one in found.events.items()}
    assert by_day == {at(4): (0, 4_000), at(10): (2, 3_000)}  # half of the principal was paid, and what had accrued


def test_an_accrual_of_the_lender_is_not_ours() -> None:
    assert not is_own(an_event(EventKind.ACCRUAL, 1, "a", parts={INTEREST: 1}))
    assert not is_own(an_event(EventKind.RECEIPT, 1, "p", terms={FROM: "2026-01-01"}))


def test_what_an_accrual_made_anew_takes_back_is_not_taken_for_paid() -> None:
    owed = dict.fromkeys(Component, 0) | {PRINCIPAL: 1_000, INTEREST: 100}
    then = dict.fromkeys(Component, 0) | {PRINCIPAL: 560, INTEREST: 0}
    new = [
        an_event(EventKind.RECEIPT, 1, "p", amount_minor=500),
        an_event(EventKind.CANCELLATION, 9, "x", target_id="a", parts={INTEREST: 100}),
        an_event(EventKind.ACCRUAL, 9, "b", parts={INTEREST: 60}),
    ]
    moved = moved_by(owed, then, new)
    assert (moved[PRINCIPAL], moved[INTEREST]) == (-440, -60)
    assert sum(moved.values()) == -500
