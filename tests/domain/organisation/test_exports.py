from __future__ import annotations

import itertools
from uuid import uuid4

import pytest

from ops_app.domain.organisation.exports import (
    EXPORT_STATE_NAMES,
    MOVES,
    ExportMove,
    ExportState,
    GrownTooMuch,
    MoveNotAllowed,
    check_growth,
    move,
    number_of,
)

ALLOWED = {
    ("requested", "release"): "released",
    ("requested", "end"): "ended",
    ("released", "make"): "ready",
    ("released", "end"): "ended",
    ("ready", "fetch"): "ready",
    ("ready", "end"): "ended",
}


@pytest.mark.parametrize(("state", "what"), list(itertools.product(ExportState, ExportMove)))
def test_every_pair_of_state_and_move_is_allowed_or_refused_as_the_table_says(
    state: ExportState, what: ExportMove
) -> None:
    wanted = ALLOWED.get((state.value, what.value))
    if wanted is None:
        with pytest.raises(MoveNotAllowed) as refused:
            move(state, what)
        assert EXPORT_STATE_NAMES[state][1] in refused.value.zh
    else:
        assert move(state, what) is ExportState(wanted)
    assert set(MOVES) == set(ExportState) == set(EXPORT_STATE_NAMES)


@pytest.mark.parametrize(
    ("approved", "now", "fits"), [(1001, 1101, True), (1001, 1102, False), (5, 5, True), (5, 6, False)]
)
def test_a_list_may_have_grown_by_a_tenth_while_it_waited(approved: int, now: int, fits: bool) -> None:
    if fits:
        check_growth(approved, now)
    else:
        with pytest.raises(GrownTooMuch):
            check_growth(approved, now)


def test_the_number_says_nothing_about_the_id_behind_the_link() -> None:
    export_id = uuid4().hex
    mark = number_of(export_id, "20261127").partition("-")[2].lower()
    assert mark not in export_id
    assert number_of(export_id, "20261127") == number_of(export_id, "20261127")
