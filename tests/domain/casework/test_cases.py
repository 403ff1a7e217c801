"""The life cycle of a case, pair by pair, its custody and its flags."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops_app.domain.casework.cases import (
    CASE_MOVE_NAMES,
    CASE_STATE_NAMES,
    CLOSE_REASON_NAMES,
    CUSTODY_NAMES,
    HELD,
    MOVE_PERMISSIONS,
    MOVES,
    PERMITS,
    WITH_AGENCY,
    CaseMove,
    CaseState,
    CloseReason,
    Custody,
    MoveNotAllowed,
    Position,
    case_id,
    checked_reason,
    custody_of,
    debtor_key,
    move,
    moves_from,
)
from ops_app.domain.casework.flags import FLAG_NAMES, FORBIDS, Deed, Flag, Forbidden, read, reasons_against, written
from ops_app.domain.casework.flags import require as require_deed
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.permissions import GRANTS

IN_MEMORY = duckdb.connect()
BASES = tuple(state for state in CaseState if state not in HELD)
POSITIONS = [Position(state) for state in BASES] + [
    Position(held, base)
    for held in sorted(HELD)
    for base in BASES
    if base is not CaseState.CLOSED and not (held is CaseState.VISITING and base is CaseState.LEGAL)
]


@pytest.mark.parametrize("state", CaseState)
@pytest.mark.parametrize("what", CaseMove)
def test_every_pair_of_state_and_move_is_taken_or_refused_as_the_table_says(state: CaseState, what: CaseMove) -> None:
    position = Position(state, CaseState.PLACED if state in HELD else None)
    if what not in MOVES[state]:
        with pytest.raises(MoveNotAllowed) as refusal:
            move(position, what)
        assert CASE_STATE_NAMES[state][1] in refusal.value.zh
        return
    after = move(position, what)
    wanted = MOVES[state][what]
    assert after.state is (CaseState.PLACED if wanted is None else wanted)
    assert after.custody is custody_of(after.base)


@pytest.mark.parametrize("position", POSITIONS, ids=lambda it: f"{it.state}-{it.before}")
def test_a_held_case_goes_back_to_where_it_came_from(position: Position) -> None:
    if CaseMove.SUSPEND not in MOVES[position.state]:
        return
    held = move(position, CaseMove.SUSPEND)
    assert held.custody is position.custody
    assert not PERMITS[held.state].contact
    back = move(held, CaseMove.RESUME)
    assert back == Position(position.base)


def test_a_recall_takes_a_held_case_out_of_the_agency_and_leaves_it_held() -> None:
    disputed = move(Position(CaseState.RETAINED), CaseMove.DISPUTE)
    recalled = move(disputed, CaseMove.RECALL)
    assert (recalled.state, recalled.custody) == (CaseState.DISPUTED, Custody.RECALLED)
    assert move(recalled, CaseMove.RESUME) == Position(CaseState.RETURNED)
    with pytest.raises(MoveNotAllowed):
        move(move(Position(CaseState.IN_HOUSE), CaseMove.SUSPEND), CaseMove.RECALL)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(list(CaseMove)), max_size=30))
def test_whatever_happens_only_a_placement_brings_a_case_to_an_agency(steps: list[CaseMove]) -> None:
    position = Position(CaseState.ENTERED)
    for what in steps:
        before = position
        try:
            position = move(position, what)
        except MoveNotAllowed:
            assert what not in moves_from(before)
            continue
        assert what in moves_from(before)
        if position.custody is Custody.PLACED and before.custody is not Custody.PLACED:
            assert what is CaseMove.PLACE
        if before.custody is Custody.PLACED and position.custody is not Custody.PLACED:
            assert what in (CaseMove.RECALL, CaseMove.CLOSE)


def test_every_state_move_custody_and_flag_is_named_and_every_move_names_a_permission() -> None:
    for names, enum in (
        (CASE_STATE_NAMES, CaseState),
        (CASE_MOVE_NAMES, CaseMove),
        (CUSTODY_NAMES, Custody),
        (CLOSE_REASON_NAMES, CloseReason),
        (FLAG_NAMES, Flag),
    ):
        assert set(names) == set(enum)
        assert all(en.strip() and zh.strip() for en, zh in names.values())
    assert set(MOVES) == set(PERMITS) == set(CaseState)
    assert set(FORBIDS) == set(Flag)
    assert set(MOVE_PERMISSIONS) == set(CaseMove)
    assert set(MOVE_PERMISSIONS.values()) <= set(GRANTS)


def test_every_state_can_be_reached_from_the_opening() -> None:
    reached, new = {Position(CaseState.ENTERED)}, [Position(CaseState.ENTERED)]
    while new:
        new = [after for one in new for what in moves_from(one) if (after := move(one, what)) not in reached]
        reached |= set(new)
    assert {one.state for one in reached} == set(CaseState)


def test_every_reason_against_a_placement_is_listed() -> None:
    held = Position(CaseState.SUSPENDED, CaseState.TO_BE_PLACED)
    flags = {Flag.DECEASED, Flag.DISPUTE, Flag.VULNERABLE}
    codes = [one.code for one in reasons_against(Deed.PLACEMENT, held, flags)]
    assert codes == ["suspended", "dispute", "deceased"]
    with pytest.raises(Forbidden) as refusal:
        require_deed(Deed.PLACEMENT, held, flags)
    assert "死亡" in refusal.value.zh
    assert "dispute" in refusal.value.en
    require_deed(Deed.PLACEMENT, Position(CaseState.TO_BE_PLACED), {Flag.VULNERABLE})


@pytest.mark.parametrize("state", sorted(WITH_AGENCY | {CaseState.IN_HOUSE}))
@pytest.mark.parametrize("flag", Flag)
def test_a_flag_forbids_contact_exactly_where_its_table_says(state: CaseState, flag: Flag) -> None:
    assert bool(reasons_against(Deed.CONTACT, Position(state), {flag})) is (Deed.CONTACT in FORBIDS[flag])


@settings(deadline=None, max_examples=100)
@given(st.sets(st.sampled_from(list(Flag))))
def test_flags_are_read_as_they_were_written(flags: set[Flag]) -> None:
    assert read(written(flags)) == flags


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30), st.integers(1, 400))
def test_the_id_of_a_case_has_the_bytes_that_the_warehouse_makes(loan: str, spell: int) -> None:
    made = IN_MEMORY.execute(
        "select md5(cast($1 as varchar) || chr(31) || cast($2 as varchar) || chr(31) || cast($3 as varchar)),"
        " md5(cast($1 as varchar) || chr(31) || cast($2 as varchar))",
        ["SIM", loan, spell],
    ).fetchone()
    assert made == (case_id("SIM", loan, spell), debtor_key("SIM", loan))


@pytest.mark.parametrize("reason", ["", "  ", "ab", "x" * 501])
def test_a_reason_can_be_read_later(reason: str) -> None:
    with pytest.raises(Invalid):
        checked_reason(reason)


def test_a_case_that_an_agency_keeps_may_be_kept_again() -> None:
    kept = move(Position(CaseState.PLACED), CaseMove.RETAIN)
    assert move(kept, CaseMove.RETAIN) == kept
    assert CaseMove.RETAIN in moves_from(kept)
    assert move(kept, CaseMove.END_RETENTION).state is CaseState.PLACED
