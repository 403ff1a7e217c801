"""Agreements: every move of their life, schedules to the minor unit, judgements equal to a plain model of the days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.errors import Invalid
from ops_app.domain.ledger import schedules
from ops_app.domain.ledger.accounts import SUSPENSE_CASE, Component
from ops_app.domain.ledger.agreements import (
    MISSED,
    MOVES,
    AgreementMove,
    AgreementMoveNotAllowed,
    AgreementState,
    Instalment,
    InstalmentState,
    LapseReason,
    Terms,
    Verdict,
    drift_minor,
    judge,
    judge_case,
    may_reopen,
    move,
    net_payments,
)
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent, event_id
from ops_app.domain.ledger.schedules import BusinessDays, DueDays
from ops_app.domain.organisation.business_days import Calendar

S, M = AgreementState, AgreementMove
BEGIN = date(2026, 1, 5)


HOLIDAYS = Calendar(
    free=frozenset(day for n in range(0, 3100, 5) if (day := BEGIN + timedelta(days=n)).weekday() < 5),
    worked=frozenset(day for n in range(0, 3100, 11) if (day := BEGIN + timedelta(days=n)).weekday() >= 5),
)


def day(number: int) -> date:
    return BEGIN + timedelta(days=number)


ALLOWED = {
    (S.REQUESTED, M.GRANT), (S.REQUESTED, M.REFUSE), (S.REQUESTED, M.LAPSE), (S.GRANTED, M.FULFIL),
    (S.GRANTED, M.LAPSE), (S.UNCOUNTED, M.FULFIL), (S.UNCOUNTED, M.LAPSE), (S.FULFILLED, M.REOPEN),
    (S.LAPSED, M.REOPEN),
}  # fmt: skip


@pytest.mark.parametrize(("state", "what"), list(product(S, M)))
@pytest.mark.parametrize("is_counted", [True, False])
def test_every_pair_of_a_state_and_a_move_does_what_the_table_says(
    state: AgreementState, what: AgreementMove, is_counted: bool
) -> None:
    if (state, what) not in ALLOWED:
        with pytest.raises(AgreementMoveNotAllowed):
            move(state, what, is_counted=is_counted)
        return
    after = move(state, what, is_counted=is_counted)
    if what in (M.GRANT, M.REOPEN):
        assert after is (S.GRANTED if is_counted else S.UNCOUNTED)
    else:
        assert after is {M.REFUSE: S.REFUSED, M.LAPSE: S.LAPSED, M.FULFIL: S.FULFILLED}[what]


def test_the_table_names_every_state_and_nothing_else() -> None:
    assert set(MOVES) == set(S)
    assert {(state, what) for state, moves in MOVES.items() for what in moves} == ALLOWED
    assert [reason for reason in LapseReason if may_reopen(S.LAPSED, reason)] == [LapseReason.BROKEN]
    assert [state for state in S if may_reopen(state, None)] == [S.FULFILLED]


@given(st.integers(120, 10**12), st.integers(2, 60), st.integers(0, 3000), st.sampled_from(BusinessDays), st.data())
def test_every_schedule_adds_up_in_rising_days(
    total: int, count: int, first: int, rule: BusinessDays, data: st.DataObject
) -> None:
    larger = data.draw(st.integers(-(-total // count), total - count + 1))
    for planned in (
        schedules.equal(total, count, day(first)),
        schedules.first_larger(total, count, day(first), larger),
    ):
        moved = schedules.on_business_days(planned, DueDays(rule, HOLIDAYS))
        assert [minor for _, minor in moved] == [minor for _, minor in planned]
        assert (len(moved), sum(minor for _, minor in moved)) == (count, total)
        schedules.checked(moved, total)  # rising days, amounts above zero
        if rule is not BusinessDays.AS_IT_IS:
            assert all(HOLIDAYS.is_business_day(due) for due, _ in moved)
    assert planned[0][1] == larger


@pytest.mark.parametrize(
    ("text", "total", "said"),
    [
        ("2026-02-01 10.00\n2026-03-01 5.00", 1501, "do not add up"),
        ("2026-03-01 10.00\n2026-02-01 5.00", 1500, "due after the one before"),
        ("2026-02-01 15.00\nsoon", 1500, "Line 2"),
        ("2026-02-30 15.00", 1500, "Line 1"),
        ("", 1500, "1 to 60"),
    ],
)
def test_a_typed_schedule_is_whole_or_refused_by_its_line(text: str, total: int, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        schedules.checked(schedules.typed(text, "CNY"), total)
    assert refused.value.field == "schedule"


def test_a_typed_schedule_is_taken_with_whatever_stands_between() -> None:
    said = "2026-02-01  1,000.50\n\n2026-03-01，0.50"
    assert schedules.typed(said, "CNY") == [(date(2026, 2, 1), 100_050), (date(2026, 3, 1), 50)]


def an_event(kind: EventKind, name: str, on: int, minor: int, target: str | None = None, **terms: str) -> LedgerEvent:
    return LedgerEvent(
        kind, "SIM", "L1", "CNY", day(on), Cause.PAYMENT, name, case_id="c1", amount_minor=minor,
        target_id=None if target is None else event_id(Cause.PAYMENT, target), terms=terms,
    )  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[LedgerEvent]:
    """Payments, of which some are reversed, refunded in part, or cancelled as if they had never been."""
    found = []
    for number in range(draw(st.integers(0, 7))):
        on, minor = draw(st.integers(-3, 70)), draw(st.integers(1, 60))
        found.append(an_event(EventKind.RECEIPT, f"P{number}", on, minor))
        what = draw(st.sampled_from(["", "", "reversed", "refunded", "cancelled"]))
        later = on + draw(st.integers(0, 10))
        if what == "reversed":
            found.append(an_event(EventKind.REVERSAL, f"R{number}", later, minor, f"P{number}"))
        elif what == "refunded":
            found.append(an_event(EventKind.REFUND, f"F{number}", later, draw(st.integers(1, minor)), f"P{number}"))
        elif what == "cancelled":
            found.append(an_event(EventKind.CANCELLATION, f"C{number}", later, 0, f"P{number}"))
    return found


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    dues, at = [], draw(st.integers(0, 15))
    for nth in range(1, draw(st.integers(1, 4)) + 1):
        dues.append(Instalment(nth, day(at), draw(st.integers(1, 50))))
        at += draw(st.integers(1, 20))
    return Terms(tuple(dues), day(draw(st.integers(0, 3))), draw(st.integers(0, 4)), draw(st.integers(0, 2)), 0)


def plain(terms: Terms, events: list[LedgerEvent], as_of: date) -> tuple[Verdict, date | None, list[InstalmentState]]:
    """The same, found by living through the days one by one."""
    cash: dict[date, int] = {}
    cancelled = {one.target_id for one in events if one.kind is EventKind.CANCELLATION}
    for one in events:
        gone = one.event_id in cancelled or any(
            it.kind is EventKind.REVERSAL and it.target_id == one.event_id and it.value_date <= as_of for it in events
        )
        if one.kind is not EventKind.RECEIPT or gone or one.value_date > as_of:
            continue
        refunds = (it for it in events if it.kind is EventKind.REFUND and it.target_id == one.event_id)
        net = one.amount_minor - sum(it.amount_minor for it in refunds if it.value_date <= as_of)
        cash[one.value_date] = cash.get(one.value_date, 0) + net
    states = [InstalmentState.DUE] * len(terms.instalments)
    came, today, missed = 0, terms.counts_from_date, 0
    total, owed = sum(one.amount_minor for one in terms.instalments), 0
    ends = {one.due_date + timedelta(days=terms.grace_days): one for one in terms.instalments}
    met = None
    today = min(terms.counts_from_date, min(ends))
    while today <= as_of:
        if (one := ends.get(today - timedelta(days=1))) is not None:  # its last day is over
            before, owed = owed, owed + one.amount_minor
            if came >= owed:
                states[one.nth - 1] = InstalmentState.KEPT
            else:
                states[one.nth - 1] = InstalmentState.PART_KEPT if came > before else InstalmentState.BROKEN
                missed += 1
                if (one.nth == 1 or missed > terms.missed_most) and met is None:
                    return Verdict.BROKEN, today, _rest(terms, states, came, InstalmentState.VOID)
        if today >= terms.counts_from_date:
            came += cash.get(today, 0)
        if met is None and came >= total:
            met = today
        today += timedelta(days=1)
    return (Verdict.MET if met else Verdict.RUNS), met, _rest(terms, states, came, InstalmentState.DUE)


def _rest(terms: Terms, states: list[InstalmentState], came: int, other: InstalmentState) -> list[InstalmentState]:
    owed, found = 0, []
    for one, state in zip(terms.instalments, states, strict=True):
        owed += one.amount_minor
        found.append((InstalmentState.KEPT if came >= owed else other) if state is InstalmentState.DUE else state)
    return found


@given(terms(), histories(), st.integers(0, 90), st.randoms(use_true_random=False))
def test_a_judgement_is_what_living_through_the_days_finds_in_whatever_order_things_become_known(
    agreed: Terms, events: list[LedgerEvent], as_of: int, stream: object
) -> None:
    stream.shuffle(shuffled := list(events))  # type: ignore[attr-defined]
    told = [replace(one, seq=number) for number, one in enumerate(shuffled, start=1)]
    judged = judge(agreed, net_payments(told, day(as_of)), day(as_of))
    verdict, on_date, states = plain(agreed, events, day(as_of))
    assert (judged.verdict, judged.on_date) == (verdict, on_date)
    assert [one.state for one in judged.instalments] == states
    assert judged.missed == sum(state in MISSED for state in states)
    assert judged.paid_minor == sum(one.paid_minor for one in judged.instalments)
    assert all(one.in_time_minor <= one.paid_minor <= one.amount_minor for one in judged.instalments)


@given(st.lists(terms(), min_size=1, max_size=3), histories(), st.integers(0, 90))
def test_money_counts_for_one_agreement_of_a_case_only(
    agreed: list[Terms], events: list[LedgerEvent], as_of: int
) -> None:
    payments = net_payments(events, day(as_of))
    judged = judge_case(agreed, payments, day(as_of))
    assert sum(one.paid_minor for one in judged) <= sum(minor for _, minor in payments)
    assert judged[0] == judge(agreed[0], payments, day(as_of))


def test_money_that_is_used_out_of_what_was_held_is_not_paid_twice() -> None:
    held = an_event(EventKind.RECEIPT, "P2", 2, 40, "P1", funding=SUSPENSE_CASE)
    assert net_payments([an_event(EventKind.RECEIPT, "P1", 1, 100), held], day(9)) == [(day(1), 100)]


def test_a_refund_that_names_no_payment_lessens_the_last_one_before_it() -> None:
    events = [an_event(EventKind.RECEIPT, f"P{on}", on, 50) for on in (1, 3, 8)]
    events.append(an_event(EventKind.REFUND, "F", 5, 70))
    assert net_payments(events, day(9)) == [(day(1), 30), (day(8), 50)]


def test_what_changes_a_balance_beside_payments_adds_up() -> None:
    def changed(kind: EventKind, on: int, **parts: int) -> LedgerEvent:
        found = {Component(part): minor for part, minor in parts.items()}
        return replace(an_event(kind, f"{kind}{on}", on, 0), parts=found)

    events = [
        changed(EventKind.ACCRUAL, 0, interest=5),
        changed(EventKind.ACCRUAL, 2, interest=7, penalty=1),
        changed(EventKind.CORRECTION, 3, principal=-20),
        changed(EventKind.WAIVER, 3, interest=7),
        an_event(EventKind.RECEIPT, "P", 3, 100),
        changed(EventKind.ACCRUAL, 9, interest=100),
    ]
    assert drift_minor(events, day(0), day(8)) == -12


def test_an_agreement_that_asks_for_nothing_is_met_at_once() -> None:
    assert judge(Terms((), day(3), 0, 0, 0), [], day(0)).verdict is Verdict.MET
