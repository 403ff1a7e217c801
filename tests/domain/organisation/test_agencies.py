"""Agencies: the life cycle over every pair, what stops placement at its edges, renewal after evaluation."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ops_app.domain.errors import Conflict, Invalid, Refused
from ops_app.domain.organisation.agencies import (
    AGENCY_MOVE_NAMES,
    AGENCY_STATE_NAMES,
    MOVERS,
    MOVES,
    AgencyMove,
    AgencyState,
    MoveNotAllowed,
    MoverNotAllowed,
    checked_agency_code,
    move,
)
from ops_app.domain.organisation.people import Role
from ops_app.domain.organisation.periods import Period
from ops_app.domain.organisation.placement import (
    EVALUATION_KIND_NAMES,
    EVALUATION_RESULT_NAMES,
    PLACEMENT_STOP_NAMES,
    AgencyFacts,
    Evaluation,
    EvaluationKind,
    EvaluationMissing,
    EvaluationResult,
    PlacementStop,
    check_renewal,
    is_older_than,
    placement_stops,
    recall_due_since,
)

DAY = date(2026, 6, 1)
ONE = timedelta(days=1)


def evaluation(day: date = DAY, result: EvaluationResult = EvaluationResult.PASS) -> Evaluation:
    return Evaluation(day, EvaluationKind.ANNUAL, 90, 80, 70, result)


def facts(**changes: object) -> AgencyFacts:
    """An agency against which nothing speaks on ``DAY``."""
    good = AgencyFacts(
        "AG01",
        AgencyState.ACTIVE,
        True,
        DAY + 400 * ONE,
        (Period(DAY - 100 * ONE, DAY + 100 * ONE),),
        (evaluation(DAY - 30 * ONE),),
    )
    return replace(good, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("what", list(AgencyMove))
@pytest.mark.parametrize("state", list(AgencyState))
def test_a_move_is_made_by_the_table_and_by_nobody_else(state: AgencyState, what: AgencyMove, role: Role) -> None:
    if role not in MOVERS[what]:
        with pytest.raises(MoverNotAllowed):
            move(state, what, role)
    elif what in MOVES[state]:
        assert move(state, what, role) is MOVES[state][what]
    else:
        with pytest.raises(MoveNotAllowed):
            move(state, what, role)


def test_the_life_cycle_is_the_one_that_is_written_down() -> None:
    onboarding, active, suspended, ended = AgencyState
    assert {(state, what, after) for state, moves in MOVES.items() for what, after in moves.items()} == {
        (onboarding, AgencyMove.ADMIT, active),
        (onboarding, AgencyMove.END, ended),
        (active, AgencyMove.SUSPEND, suspended),
        (active, AgencyMove.EXPIRE, suspended),
        (suspended, AgencyMove.RESUME, active),
        (suspended, AgencyMove.END, ended),
    }
    for table, codes in (
        (AGENCY_STATE_NAMES, AgencyState),
        (AGENCY_MOVE_NAMES, AgencyMove),
        (MOVERS, AgencyMove),
        (PLACEMENT_STOP_NAMES, PlacementStop),
        (EVALUATION_KIND_NAMES, EvaluationKind),
        (EVALUATION_RESULT_NAMES, EvaluationResult),
    ):
        assert set(table) == set(codes)


def test_nothing_stops_an_agency_in_order() -> None:
    assert placement_stops(facts(), DAY) == ()


@pytest.mark.parametrize(
    ("changes", "stop"),
    [
        *(({"state": state}, "not_active") for state in AgencyState if state is not AgencyState.ACTIVE),
        ({"white_listed": False}, "not_white_listed"),
        ({"licence_expires_date": None}, "no_licence"),
        ({"licence_expires_date": DAY - ONE}, "licence_expired"),
        ({"licence_expires_date": DAY}, "licence_expired"),
        ({"licence_expires_date": DAY + ONE}, None),
        ({"contracts": ()}, "no_contract"),
        ({"contracts": (Period(DAY + ONE, DAY + 9 * ONE),)}, "contract_not_begun"),
        ({"contracts": (Period(DAY, DAY + 9 * ONE),)}, None),
        ({"contracts": (Period(DAY - 9 * ONE, DAY + ONE),)}, None),
        ({"contracts": (Period(DAY - 9 * ONE, DAY),)}, "contract_expired"),
        ({"contracts": (Period(DAY - 9 * ONE, DAY - ONE),)}, "contract_expired"),
        ({"contracts": (Period(DAY - 9 * ONE, DAY), Period(DAY + ONE, DAY + 2 * ONE))}, "contract_expired"),
        ({"evaluations": ()}, "evaluation_overdue"),
        ({"evaluations": (evaluation(date(2025, 6, 1)),)}, None),
        ({"evaluations": (evaluation(date(2025, 5, 31)),)}, "evaluation_overdue"),
        ({"evaluations": (evaluation(DAY + ONE),)}, "evaluation_overdue"),
        ({"evaluations": (evaluation(DAY), evaluation(DAY, EvaluationResult.FAIL))}, "evaluation_failed"),
        ({"evaluations": (evaluation(DAY, EvaluationResult.FAIL), evaluation(DAY))}, None),
        ({"evaluations": (evaluation(DAY, EvaluationResult.LIMITED),)}, None),
    ],
)
def test_each_reason_stops_placement_from_its_day_on(changes: dict, stop: str | None) -> None:
    assert placement_stops(facts(**changes), DAY) == ((PlacementStop(stop),) if stop else ())


def test_every_reason_is_told_at_once() -> None:
    nothing = AgencyFacts("AG01", AgencyState.ONBOARDING, False, None)
    assert placement_stops(nothing, DAY) == (
        PlacementStop.NOT_ACTIVE,
        PlacementStop.NOT_WHITE_LISTED,
        PlacementStop.NO_LICENCE,
        PlacementStop.NO_CONTRACT,
        PlacementStop.EVALUATION_OVERDUE,
    )


def test_recall_is_due_from_the_first_day_without_a_contract() -> None:
    agency = facts(contracts=(Period(DAY - 9 * ONE, DAY),))
    assert recall_due_since(agency, DAY - ONE) is None
    assert recall_due_since(agency, DAY) == DAY
    assert recall_due_since(agency, DAY + ONE) == DAY
    renewed = facts(contracts=(Period(DAY - 9 * ONE, DAY), Period(DAY, DAY + 9 * ONE)))
    assert recall_due_since(renewed, DAY) is None
    assert recall_due_since(facts(contracts=()), DAY) is None


NEXT = Period(DAY + 100 * ONE, DAY + 400 * ONE)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, None),
        ({"evaluations": ()}, EvaluationMissing),
        ({"evaluations": (evaluation(date(2025, 6, 1)),)}, None),
        ({"evaluations": (evaluation(date(2025, 5, 31)),)}, EvaluationMissing),
        ({"evaluations": (evaluation(DAY, EvaluationResult.FAIL),)}, EvaluationMissing),
        ({"evaluations": (evaluation(DAY, EvaluationResult.LIMITED),)}, None),
        ({"contracts": (), "evaluations": ()}, None),
        ({"contracts": (Period(DAY, DAY + 101 * ONE),)}, Conflict),
        ({"contracts": (), "state": AgencyState.ENDED}, Refused),
    ],
)
def test_a_contract_is_renewed_only_after_a_recent_evaluation(changes: dict, error: type | None) -> None:
    if error is None:
        check_renewal(facts(**changes), NEXT, DAY)
    else:
        with pytest.raises(error):
            check_renewal(facts(**changes), NEXT, DAY)


def test_a_contract_has_an_end() -> None:
    with pytest.raises(Invalid):
        check_renewal(facts(), Period(NEXT.valid_from), DAY)


@pytest.mark.parametrize(
    ("day", "now", "older"),
    [
        (date(2025, 2, 28), date(2026, 2, 28), False),
        (date(2025, 2, 28), date(2026, 3, 1), True),
        (date(2024, 2, 29), date(2025, 2, 28), False),
        (date(2024, 2, 29), date(2025, 3, 1), True),
        (date(2025, 12, 31), date(2026, 12, 31), False),
        (date(2025, 12, 31), date(2027, 1, 1), True),
    ],
)
def test_twelve_months_are_calendar_months(day: date, now: date, older: bool) -> None:
    assert is_older_than(day, now, 12) is older


@pytest.mark.parametrize("scores", [(-1, 0, 0), (0, 101, 0), (0, 0, 1000)])
def test_scores_lie_between_nought_and_a_hundred(scores: tuple[int, int, int]) -> None:
    with pytest.raises(Invalid):
        Evaluation(DAY, EvaluationKind.ANNUAL, *scores, EvaluationResult.PASS)


def test_an_agency_code_is_checked() -> None:
    assert checked_agency_code(" AG01 ") == "AG01"
    with pytest.raises(Invalid):
        checked_agency_code("A 1")
