"""Replay: what each event of a case posts, by tables of cases and by what holds whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.errors import Invalid
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import RANK, Cause, EventKind, LedgerEvent
from ops_app.domain.ledger.replay import State, Transfer, comes_last, in_order, key_of, living, replayed, run

DAY = date(2026, 3, 1)
PRI, INT, FEE, PEN, COS = Component
OPENING = {PRI: 1_000, INT: 100, FEE: 20, PEN: 30}
K = EventKind


def an_event(kind: EventKind, name: str, day: int = 0, amount: int = 0, **other: Any) -> LedgerEvent:
    other.setdefault("seq", int("".join(c for c in name if c.isdigit()) or 0))
    return LedgerEvent(
        kind=kind, source_code="SIM", loan_id="L1", currency="CNY", value_date=DAY + timedelta(days=day),
        cause=Cause.PAYMENT, cause_id=name, case_id="c", amount_minor=amount, **other,
    )  # fmt: skip


def opening(**other: Any) -> LedgerEvent:
    return an_event(K.OPENING, "e0", parts=other.pop("parts", OPENING), **other)


def id_of(name: str) -> str:
    return an_event(K.RECEIPT, name).event_id


def stands(*events: LedgerEvent) -> State:
    return replayed(events)[1]


def test_an_opening_stands_on_the_books_against_what_was_taken_over() -> None:
    effects, state = replayed([opening()])
    assert state.book == {**OPENING, COS: 0}
    assert {one.credit for one in effects[opening().event_id].transfers} == {accounts.TAKEN_OVER}


@pytest.mark.parametrize(
    ("order", "amount", "left"),
    [
        ("costs_first", 20, {PRI: 1_000, INT: 100, FEE: 0, PEN: 30, COS: 0}),
        ("costs_first", 21, {PRI: 1_000, INT: 100, FEE: 0, PEN: 29, COS: 0}),
        ("interest_first", 101, {PRI: 999, INT: 0, FEE: 20, PEN: 30, COS: 0}),
        ("principal_first", 1_001, {PRI: 0, INT: 99, FEE: 20, PEN: 30, COS: 0}),
        ("principal_first", 1, {PRI: 999, INT: 100, FEE: 20, PEN: 30, COS: 0}),
    ],
)
def test_a_payment_pays_in_the_order_of_its_terms(order: str, amount: int, left: dict[Component, int]) -> None:
    assert stands(opening(), an_event(K.RECEIPT, "e1", 1, amount, terms={"orders": {"standard": order}})).book == left


def test_what_a_payment_is_too_large_for_is_held_and_never_guessed_at() -> None:
    state = stands(opening(), an_event(K.RECEIPT, "e1", 1, 1_200))
    assert (sum(state.owed.values()), state.held_minor) == (0, 50)


def test_the_lenders_own_split_is_followed_as_far_as_it_is_owed() -> None:
    paid = an_event(K.RECEIPT, "e1", 1, 150, parts={INT: 120, PRI: 30}, terms={"follow": True})
    effects, state = replayed([opening(), paid])
    assert (state.book[INT], state.book[PRI], state.held_minor) == (0, 970, 20)
    assert effects[paid.event_id].short == {INT: 20}


def test_a_payment_with_an_earlier_value_date_changes_what_later_ones_paid() -> None:
    late = an_event(K.RECEIPT, "e1", 10, 40, seq=1)
    early = an_event(K.RECEIPT, "e2", 5, 30, seq=2)
    before, _ = replayed([opening(), late])
    after, _ = replayed([opening(), late, early])
    assert [one.component for one in before[late.event_id].transfers] == [FEE, PEN]
    assert [one.component for one in after[early.event_id].transfers] == [FEE, PEN]
    assert [one.component for one in after[late.event_id].transfers] == [PEN, INT]


def test_a_reversal_mirrors_its_payment_from_its_own_day_on() -> None:
    paid = an_event(K.RECEIPT, "e1", 1, 1_200)
    back = an_event(K.REVERSAL, "e2", 9, 1_200, target_id=id_of("e1"))
    effects, state = replayed([opening(), paid, back])
    assert state.book == {**OPENING, COS: 0}
    assert state.held_minor == 0
    assert effects[back.event_id].transfers == tuple(one.back for one in reversed(effects[paid.event_id].transfers))


def test_a_reversal_dated_before_its_payment_still_comes_after_it() -> None:
    paid = an_event(K.RECEIPT, "e1", 9, 100)
    back = an_event(K.REVERSAL, "e2", 1, 100, target_id=id_of("e1"))
    assert [one.kind for one in in_order([back, paid, opening()])] == [K.OPENING, K.RECEIPT, K.REVERSAL]
    assert stands(opening(), back, paid).book == {**OPENING, COS: 0}


def test_a_refund_takes_what_is_held_first_and_then_the_last_part_that_was_paid() -> None:
    paid = an_event(K.RECEIPT, "e1", 1, 1_200)
    state = stands(opening(), paid, an_event(K.REFUND, "e2", 2, 60, target_id=id_of("e1")))
    assert (state.book[PRI], state.held_minor) == (10, 0)


def test_a_refund_of_nothing_is_shown_as_money_that_is_missing() -> None:
    assert stands(opening(), an_event(K.REFUND, "e1", 1, 60)).held_minor == -60


@pytest.mark.parametrize(
    ("method", "bearer", "recovery"),
    [("direct", "charge_off_principal", "recovered"), ("allowance", "allowance", "allowance")],
)
def test_a_write_off_goes_to_the_register_and_later_cash_is_a_recovery(method: str, bearer: str, recovery: str) -> None:
    gone = an_event(K.WRITE_OFF, "e1", 5, parts=OPENING, terms={"method": method})
    cash = an_event(K.RECEIPT, "e2", 6, 400)
    effects, state = replayed([opening(), gone, cash])
    assert effects[gone.event_id].transfers[0].debit == bearer
    assert not any(state.book.values())
    assert sum(state.memo.values()) == sum(OPENING.values()) - 400
    assert [one.credit for one in effects[cash.event_id].transfers if one.debit == accounts.CASH] == [recovery] * 4


def test_a_write_off_that_is_undone_restores_to_the_cent_and_recoveries_become_repayments() -> None:
    gone = an_event(K.WRITE_OFF, "e1", 5, parts=OPENING, terms={"method": "allowance"})
    cash = an_event(K.RECEIPT, "e2", 6, 400)
    undone = an_event(K.CANCELLATION, "e3", 5, target_id=id_of("e1"))
    assert stands(opening(), gone, cash, undone).owed == stands(opening(), cash).owed
    assert not any(stands(opening(), gone, cash, undone).memo.values())


def test_a_write_off_books_only_what_a_back_dated_payment_left() -> None:
    gone = an_event(K.WRITE_OFF, "e1", 5, parts={PRI: 1_000}, terms={"method": "direct"})
    early = an_event(K.RECEIPT, "e2", 4, 350)
    effects, state = replayed([opening(), gone, early])
    assert effects[gone.event_id].short == {PRI: 200}
    assert state.memo[PRI] == 800


def test_money_of_the_day_of_a_write_off_is_a_recovery() -> None:
    gone = an_event(K.WRITE_OFF, "e2", 5, parts=OPENING, terms={"method": "direct"})
    for seq in (1, 9):
        paid = an_event(K.RECEIPT, "e1", 5, 50, seq=seq)
        assert sum(stands(opening(), paid, gone).memo.values()) == 1_100


def test_a_waiver_takes_no_more_than_is_owed() -> None:
    waived = an_event(K.WAIVER, "e1", 1, parts={PEN: 50})
    effects, state = replayed([opening(), waived])
    assert (state.book[PEN], effects[waived.event_id].short) == (0, {PEN: 20})


def test_what_accrues_after_the_principal_is_written_off_stands_in_the_register_alone() -> None:
    gone = an_event(K.WRITE_OFF, "e1", 1, parts=OPENING, terms={"method": "direct"})
    state = stands(opening(), gone, an_event(K.ACCRUAL, "e2", 2, parts={INT: 7}))
    assert (state.book[INT], state.memo[INT]) == (0, 107)


def test_a_closing_hands_back_what_is_owed_and_keeps_what_is_held() -> None:
    state = stands(opening(), an_event(K.RECEIPT, "e1", 1, 1_200), an_event(K.CLOSING, "e2", 2))
    assert (sum(state.owed.values()), state.held_minor, state.is_closed) == (0, 50, True)


def test_a_cancellation_may_be_cancelled_itself() -> None:
    waived = an_event(K.WAIVER, "e1", 1, parts={PEN: 5})
    undone = an_event(K.CANCELLATION, "e2", 1, target_id=id_of("e1"))
    again = an_event(K.CANCELLATION, "e3", 1, target_id=id_of("e2"))
    assert living([waived, undone]) == []
    assert living([waived, undone, again]) == [waived]


def test_money_that_is_held_pays_when_a_person_says_so_and_no_more_than_is_there() -> None:
    paid = an_event(K.RECEIPT, "e1", 1, 1_200)
    charged = an_event(K.ACCRUAL, "e2", 2, parts={COS: 80})
    used = an_event(K.RECEIPT, "e3", 3, 70, target_id=id_of("e1"), terms={"funding": accounts.SUSPENSE_CASE})
    state = stands(opening(), paid, charged, used)
    assert (state.book[COS], state.held_minor) == (30, 0)


def test_a_transfer_moves_something_between_two_accounts() -> None:
    for debit, credit, amount in (("cash", "cash", 1), ("cash", "outside", 0), ("cash", "outside", -1)):
        with pytest.raises(ValueError, match="transfer"):
            Transfer(debit, credit, None, amount)


@pytest.mark.parametrize("wrong", [{"amount_minor": -1}, {"parts": {PRI: -1}}, {"kind": K.REVERSAL}])
def test_an_event_below_zero_or_without_what_it_undoes_cannot_be_made(wrong: dict[str, Any]) -> None:
    values: dict[str, Any] = {
        "kind": K.RECEIPT, "source_code": "S", "loan_id": "L", "currency": "CNY", "value_date": DAY,
        "cause": Cause.PAYMENT, "cause_id": "x",
    }  # fmt: skip
    with pytest.raises(Invalid):
        LedgerEvent(**values | wrong)


CENTS = st.integers(0, 500)
PARTS = st.fixed_dictionaries(dict.fromkeys(Component, CENTS))


@st.composite
def stories(draw: st.DrawFn) -> list[LedgerEvent]:
    """Any events of a case after its opening, told in any order of their days."""
    events = [opening(parts=draw(PARTS))]
    for number in range(1, draw(st.integers(1, 12))):
        kind = draw(st.sampled_from([k for k in EventKind if k is not K.OPENING]))
        receipts = [one for one in events if one.kind is K.RECEIPT]
        others = [one for one in events if one.kind in (K.WAIVER, K.WRITE_OFF, K.CANCELLATION)]
        target = None
        if kind is K.REVERSAL and receipts:
            target = draw(st.sampled_from(receipts)).event_id
        elif kind is K.CANCELLATION and others:
            target = draw(st.sampled_from(others)).event_id
        elif kind in (K.REVERSAL, K.CANCELLATION):
            kind = K.RECEIPT
        undone = {one.target_id for one in events if one.kind in (K.REVERSAL, K.CANCELLATION)}
        if target in undone:
            continue
        if kind is K.REFUND and receipts and draw(st.booleans()):
            target = draw(st.sampled_from(receipts)).event_id
        parts = draw(PARTS) if kind in (K.ACCRUAL, K.WAIVER, K.WRITE_OFF) else {}
        events.append(
            an_event(kind, f"e{number}", draw(st.integers(0, 9)), draw(st.integers(1, 900)), parts=parts,
                     target_id=target, terms={"method": draw(st.sampled_from(["direct", "allowance"]))})
        )  # fmt: skip
    return events


@given(stories())
def test_whatever_happens_nothing_owed_is_below_zero_and_every_account_is_what_its_transfers_say(
    events: Sequence[LedgerEvent],
) -> None:
    effects, state = replayed(events)
    assert min(*state.book.values(), *state.memo.values()) >= 0
    lines = [one for effect in effects.values() for one in effect.transfers]

    def balance(account: str, component: Component | None = None) -> int:
        return sum(
            one.amount_minor * ((one.debit == account) - (one.credit == account))
            for one in lines
            if component is None or one.component is component
        )

    for part in Component:
        assert balance(accounts.claims(part)) == state.book[part]
        assert balance(accounts.WRITTEN_OFF_CLAIMS, part) == state.memo[part]
    assert -balance(accounts.SUSPENSE_CASE) == state.held_minor


@given(stories(), st.randoms(use_true_random=False))
def test_the_order_in_which_events_are_listed_does_not_matter(events: list[LedgerEvent], random: Any) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)
    assert replayed(shuffled)[0] == replayed(events)[0]


@given(stories())
def test_an_event_that_comes_last_posts_on_top_what_a_replay_of_all_would_post(events: list[LedgerEvent]) -> None:
    *before, last = events
    _, state = replayed(before)
    if before and comes_last(last, state):
        effects, after = run([last], state)
        whole, final = replayed(events)
        assert effects[last.event_id].transfers == whole[last.event_id].transfers
        assert (after.owed, after.held_minor) == (final.owed, final.held_minor)


def test_every_kind_of_event_has_its_place_in_a_day() -> None:
    assert set(RANK) == set(EventKind)
    assert key_of(opening()) < key_of(an_event(K.RECEIPT, "e1", 0, 1))
