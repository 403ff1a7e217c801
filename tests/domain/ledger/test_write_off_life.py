"""The life of a write-off, what is refused, and the criteria (features 20 and 21)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.casework.cases import CaseMove, CaseState, MoveNotAllowed, Position, move
from ops_app.domain.casework.flags import Flag
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.accounts import CASH, Component
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.ledger.replay import replayed
from ops_app.domain.ledger.write_off_criteria import (
    Criterion,
    ProofKind,
    Verdict,
    WriteOffPath,
    criterion_for,
    in_force,
    verdict,
)
from ops_app.domain.ledger.write_offs import (
    LIFE,
    LIVE,
    PENDING,
    STANDING,
    NotWhatIsOwed,
    Owed,
    WriteOffMove,
    WriteOffMoveNotAllowed,
    WriteOffState,
    WrittenOffBefore,
    checked_parts,
    next_state,
    standing_move,
)

PRINCIPAL, INTEREST = Component.PRINCIPAL, Component.INTEREST
DAY = date(2026, 6, 1)
amounts = st.integers(0, 10**9)
parts = st.dictionaries(st.sampled_from(Component), amounts)


def test_a_standing_write_off_ends_by_its_reversal_alone() -> None:
    for state in STANDING:
        assert {what for what, after in LIFE[state].items() if after not in STANDING} == {WriteOffMove.REVERSE}
    assert PENDING | STANDING == LIVE
    for state in set(WriteOffState) - LIVE:
        assert LIFE[state] == {}


@given(st.sampled_from(WriteOffState), st.sampled_from(WriteOffMove))
def test_a_move_that_is_not_in_the_table_is_refused(state: WriteOffState, what: WriteOffMove) -> None:
    if what in LIFE[state]:
        assert next_state(state, what) is LIFE[state][what]
    else:
        with pytest.raises(WriteOffMoveNotAllowed):
            next_state(state, what)


@given(st.sampled_from(sorted(STANDING)), st.integers(-5, 5), st.integers(-5, 5))
def test_what_was_recovered_says_where_a_standing_write_off_stands(
    state: WriteOffState, recovered: int, remaining: int
) -> None:
    what = standing_move(state, recovered, remaining)
    after = state if what is None else next_state(state, what)
    assert (after is WriteOffState.BOOKED) == (recovered <= 0)
    assert (after is WriteOffState.RECOVERED) == (recovered > 0 and remaining <= 0)


@given(parts, parts)
def test_all_that_is_owed_is_always_taken_and_posts_what_is_on_the_books(
    book: dict[Component, int], memo: dict[Component, int]
) -> None:
    owed = Owed(book, memo)
    whole = {one: owed.of(one) for one in Component}
    if not any(whole.values()):
        with pytest.raises(Invalid):
            checked_parts(whole, owed, whole=True)
        return
    assert checked_parts(whole, owed, whole=True) == {one: book.get(one, 0) for one in Component}


@given(parts, parts, st.sampled_from(Component), st.integers(1, 1_000))
def test_more_than_a_component_owes_is_refused_and_less_too_where_all_is_written_off(
    book: dict[Component, int], memo: dict[Component, int], component: Component, by: int
) -> None:
    owed = Owed(book, memo)
    whole = {one: owed.of(one) for one in Component}
    with pytest.raises(NotWhatIsOwed):
        checked_parts(whole | {component: whole[component] + by}, owed, whole=False)
    less = whole | {component: whole[component] - by}
    if less[component] >= 0 and any(less.values()):
        with pytest.raises(NotWhatIsOwed):
            checked_parts(less, owed, whole=True)
        assert all(0 <= amount <= book.get(one, 0) for one, amount in checked_parts(less, owed, whole=False).items())


def test_a_component_that_has_one_is_refused_and_is_not_asked_for_by_the_whole() -> None:
    owed = Owed({PRINCIPAL: 5, INTEREST: 3}, {})
    with pytest.raises(WrittenOffBefore):
        checked_parts({INTEREST: 1}, owed, whole=False, has_one=frozenset({INTEREST}))
    assert checked_parts({PRINCIPAL: 5}, owed, whole=True, has_one=frozenset({INTEREST}))[PRINCIPAL] == 5


def a_criterion(**other: Any) -> Criterion:
    values: dict[str, Any] = {
        "path": WriteOffPath.LONG_OVERDUE, "least_days_past_due": 361, "proofs": (ProofKind.LEGAL_STEPS,),
        "method": "direct", "starts_date": DAY,
    }  # fmt: skip
    return Criterion(**values | other)


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"least_days_past_due": -1}, "least_days_past_due"),
        ({"method": "none"}, "method"),
        ({"proofs": ()}, "proofs"),
        ({"proofs": (ProofKind.LEGAL_STEPS, ProofKind.LEGAL_STEPS)}, "proofs"),
        ({"least_minor": 1}, "currency"),
        ({"least_minor": 2, "most_minor": 1, "currency": "CNY"}, "most_minor"),
        ({"currency": "yuan"}, "currency"),
        ({"lender_code": "a b"}, "lender_code"),
        ({"least_minor": -1, "currency": "CNY"}, "least_minor"),
    ],
)
def test_a_criterion_that_does_not_hold_together_is_refused_by_field(other: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as wrong:
        a_criterion(**other)
    assert wrong.value.field == field


def test_the_version_that_started_last_holds_and_the_most_particular_is_taken() -> None:
    old, new = a_criterion(version=1), a_criterion(version=2, starts_date=date(2026, 7, 1), least_days_past_due=181)
    own = a_criterion(lender_code="XJC", least_days_past_due=91, version=1)
    product = a_criterion(product_code="card", least_days_past_due=721, version=1)
    every = [new, product, own, old]
    assert criterion_for(in_force(every, date(2026, 6, 30)), old.path, "SIM", "loan", "CNY") == old
    assert criterion_for(in_force(every, date(2026, 7, 1)), old.path, "SIM", "loan", "CNY") == new
    assert criterion_for(in_force(every, date(2026, 7, 1)), old.path, "XJC", "card", "CNY") == own
    assert criterion_for(in_force(every, date(2026, 7, 1)), old.path, None, "card", "CNY") == product
    assert criterion_for(in_force(every, date(2026, 5, 31)), old.path, "SIM", "loan", "CNY") is None


@pytest.mark.parametrize(
    ("criterion", "flags", "days", "owed", "said"),
    [
        (a_criterion(), (), 361, 1, Verdict.ELIGIBLE),
        (a_criterion(), (), 360, 1, Verdict.TOO_EARLY),
        (None, (), 999, 1, Verdict.NO_CRITERION),
        (a_criterion(is_open=False), (), 999, 1, Verdict.NO_CRITERION),
        (a_criterion(path=WriteOffPath.DEATH), (), 999, 1, Verdict.NOT_ON_PATH),
        (a_criterion(path=WriteOffPath.DEATH), (Flag.DECEASED,), 999, 1, Verdict.ELIGIBLE),
        (a_criterion(path=WriteOffPath.BANKRUPTCY), (Flag.DECEASED,), 999, 1, Verdict.NOT_ON_PATH),
        (a_criterion(least_minor=100, currency="CNY"), (), 999, 99, Verdict.OUT_OF_BAND),
        (a_criterion(least_minor=100, currency="CNY"), (), 999, 100, Verdict.ELIGIBLE),
        (a_criterion(most_minor=100, currency="CNY"), (), 999, 100, Verdict.ELIGIBLE),
        (a_criterion(most_minor=100, currency="CNY"), (), 999, 101, Verdict.OUT_OF_BAND),
    ],
)
def test_what_a_criterion_says_at_its_edges(
    criterion: Criterion | None, flags: tuple[Flag, ...], days: int, owed: int, said: Verdict
) -> None:
    path = criterion.path if criterion else WriteOffPath.LONG_OVERDUE
    assert verdict(criterion, path, frozenset(flags), days, owed) is said


def test_the_reversal_of_a_write_off_leads_back_to_where_the_case_was_written_off_from_and_nowhere_else() -> None:
    written_off = Position(CaseState.WRITTEN_OFF)
    for state in CaseState:
        try:
            move(Position(state), CaseMove.WRITE_OFF)
        except (MoveNotAllowed, ValueError):
            assert move(written_off, CaseMove.UNDO_WRITE_OFF, state) == Position(CaseState.TO_ASSIGN)
        else:
            assert move(written_off, CaseMove.UNDO_WRITE_OFF, state) == Position(state)
    with pytest.raises(MoveNotAllowed):
        move(Position(CaseState.CLOSED), CaseMove.UNDO_WRITE_OFF, CaseState.TO_ASSIGN)


def event(kind: EventKind, day: int, seq: int, **other: Any) -> LedgerEvent:
    return LedgerEvent(
        kind, "SIM", "L1", "CNY", date(2026, 6, day), Cause.DECISION, str(seq), case_id="c", seq=seq, **other
    )


steps = st.lists(
    st.tuples(st.sampled_from(["pay", "accrue", "reverse", "cancel", "undo"]), st.integers(2, 28), st.integers(1, 900)),
    max_size=12,
)


def history(made: list[tuple[str, int, int]], *, write_off: bool) -> list[LedgerEvent]:
    """A case written off on the 10th (or not), and what happened to it in the order in which it was told."""
    every = [event(EventKind.OPENING, 1, 1, parts={PRINCIPAL: 1_000, INTEREST: 500})]
    if write_off:
        every.append(event(EventKind.WRITE_OFF, 10, 2, parts={PRINCIPAL: 1_000, INTEREST: 500},
                           terms={"method": "allowance"}))  # fmt: skip
    undone: set[str] = set()
    for seq, (what, day, amount) in enumerate(made, start=3):
        receipts = [one for one in every if one.kind is EventKind.RECEIPT and one.event_id not in undone]
        if what == "pay":
            every.append(event(EventKind.RECEIPT, day, seq, amount_minor=amount))
        elif what == "accrue":
            every.append(event(EventKind.ACCRUAL, day, seq, parts={INTEREST: amount}))
        elif receipts:
            target = receipts[amount % len(receipts)]
            undone.add(target.event_id)
            kind = EventKind.REVERSAL if what == "reverse" else EventKind.CANCELLATION
            late = max(day, target.value_date.day)
            reversal = {"amount_minor": target.amount_minor} if what == "reverse" else {}
            every.append(event(kind, late, seq, target_id=target.event_id, **reversal))
    return every


@given(steps)
def test_a_write_off_conserves_the_claim_whatever_happens_around_it(made: list[tuple[str, int, int]]) -> None:
    every = history(made, write_off=True)
    effects, state = replayed(every)
    charged = sum(sum(one.parts.values()) for one in every if one.kind is EventKind.ACCRUAL and one.event_id in effects)
    lines = [one for effect in effects.values() for one in effect.transfers]
    came_in = sum(one.amount_minor * ((one.debit == CASH) - (one.credit == CASH)) for one in lines)
    assert min(*state.book.values(), *state.memo.values()) >= 0
    owed = sum(state.owed.values())
    assert owed + came_in - state.held_minor == 1_500 + charged  # owed, repaid or recovered: nothing is lost


@given(steps)
def test_a_write_off_that_is_taken_out_leaves_the_case_as_if_it_had_never_been(
    made: list[tuple[str, int, int]],
) -> None:
    every = history(made, write_off=True)
    undone = event(EventKind.CANCELLATION, 28, 99, target_id=every[1].event_id)
    effects, state = replayed([*every, undone])
    plain_effects, plain = replayed(history(made, write_off=False))
    assert (state.book, state.memo, state.held, state.method) == (plain.book, plain.memo, plain.held, None)
    assert effects == plain_effects
