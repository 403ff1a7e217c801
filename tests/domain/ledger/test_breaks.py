from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.ledger.breaks import (
    BREAK_KIND_NAMES,
    BREAK_MOVE_NAMES,
    BREAK_STATE_NAMES,
    DECIDED,
    MOVES,
    SUGGESTED_ACTIONS,
    SUGGESTION_REASONS,
    UNSETTLED,
    BreakKind,
    BreakMove,
    BreakState,
    MoveNotAllowed,
    ReasonMissing,
    break_id,
    checked_reason,
    masked_account,
    masked_name,
    move,
)

ALLOWED = {
    ("open", "match"): "matched",
    ("open", "split"): "split",
    ("open", "merge"): "matched",
    ("open", "reject"): "rejected",
    ("open", "reverse"): "parked",
    ("open", "park"): "parked",
    ("open", "clear"): "cleared",
    ("parked", "match"): "matched",
    ("parked", "split"): "split",
    ("parked", "merge"): "matched",
    ("parked", "reject"): "rejected",
    ("parked", "reverse"): "parked",
    ("parked", "reopen"): "open",
    ("parked", "clear"): "cleared",
    ("matched", "reopen"): "open",
    ("split", "reopen"): "open",
    ("rejected", "reopen"): "open",
    ("cleared", "recur"): "open",
}


@pytest.mark.parametrize(("state", "what"), list(itertools.product(BreakState, BreakMove)))
def test_every_pair_of_state_and_move_is_allowed_or_refused_as_the_table_says(state: BreakState, what: BreakMove):
    wanted = ALLOWED.get((state.value, what.value))
    if wanted is None:
        with pytest.raises(MoveNotAllowed) as refused:
            move(state, what)
        assert BREAK_STATE_NAMES[state][0] in refused.value.en
        assert BREAK_STATE_NAMES[state][1] in refused.value.zh
    else:
        assert move(state, what) is BreakState(wanted)


def test_every_state_has_a_way_out_and_is_waiting_decided_or_cleared():
    assert set(MOVES) == set(BreakState)
    assert all(MOVES[state] for state in BreakState)
    assert set(BreakState) == UNSETTLED | DECIDED | {BreakState.CLEARED}


def test_everything_a_person_reads_has_a_name_in_both_languages():
    for names, values in (
        (BREAK_KIND_NAMES, set(BreakKind)),
        (BREAK_STATE_NAMES, set(BreakState)),
        (BREAK_MOVE_NAMES, set(BreakMove)),
    ):
        assert set(names) == values
    for names in (BREAK_KIND_NAMES, BREAK_STATE_NAMES, BREAK_MOVE_NAMES, SUGGESTED_ACTIONS, SUGGESTION_REASONS):
        for en, zh in names.values():
            assert en
            assert en.isascii()
            assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)


texts = st.text(min_size=1, max_size=6)


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4), st.randoms())
def test_the_id_of_a_break_does_not_depend_on_the_order_of_its_items(payments: list[str], lines: list[str], random):
    shuffled = payments[:]
    random.shuffle(shuffled)
    kind = BreakKind.AMOUNT_DIFFERS
    assert break_id(kind, "S", payments, lines) == break_id(kind, "S", shuffled, lines)


@given(
    st.lists(texts, max_size=3), st.lists(texts, max_size=3), st.lists(texts, max_size=3), st.lists(texts, max_size=3)
)
def test_two_breaks_have_one_id_only_if_their_items_are_the_same(
    a: list[str], b: list[str], c: list[str], d: list[str]
):
    same = (sorted(a), sorted(b)) == (sorted(c), sorted(d))
    kind = BreakKind.DUPLICATE
    assert (break_id(kind, "S", a, b) == break_id(kind, "S", c, d)) is same


def test_items_moved_from_one_side_to_the_other_make_another_break():
    kind = BreakKind.DUPLICATE
    assert break_id(kind, "S", ["x"], []) != break_id(kind, "S", [], ["x"])
    assert break_id(kind, "S", ["x"], []) != break_id(kind, "S", ["x"], [], "content")


@pytest.mark.parametrize("reason", ["", "  ", "ok", " a ", "x" * 501])
def test_a_decision_without_a_readable_reason_is_refused(reason: str):
    with pytest.raises(ReasonMissing):
        checked_reason(reason)


def test_a_reason_is_kept_without_the_blanks_around_it():
    assert checked_reason("  bank confirmed  ") == "bank confirmed"
    assert checked_reason("银行已") == "银行已"


def test_payers_are_masked():
    assert masked_name("张小明") == "张**"
    assert masked_name(None) is None
    assert masked_account("6222020012345678") == "****5678"
    assert masked_account("123") == "****"
    assert masked_account(None) is None
