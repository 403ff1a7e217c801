"""Loans missing from a full feed: a difference that people explain or park; the case stays open."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import select

from ops_app.domain.casework.missing import (
    ALLOWED,
    ActNotAllowed,
    MissingAct,
    MissingChanged,
    MissingState,
    require_allowed,
    state_of,
)
from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.missing import NoSuchMissing, decide_missing, list_missing, read_missing
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from tests.services.casework.casebook import AG1, DAY, NOW, SUPERVISOR, now_is, some_cases, taken_in

OPERATOR = Actor("p-op", "Olga", Role.OPERATOR)
FINANCE = Actor("p-fin", "Fay", Role.FINANCE)
NEXT = DAY + timedelta(days=1)
KEY = ("SIM", "L1", NEXT)


def missing(store: Store, evidence: Path, *numbers: int, day=NEXT) -> list[str]:
    """The full feed of ``day`` does not have these loans."""
    ids = some_cases(store, evidence)
    rows = [{"source_code": "SIM", "loan_id": f"L{n}", "case_id": ids[n - 1]} for n in numbers]
    frame = pl.DataFrame(rows, schema={"source_code": pl.String, "loan_id": pl.String, "case_id": pl.String})
    taken_in(store, evidence, missing=frame, day=day, days=[])
    return ids


def decide(store: Store, what: MissingAct, acts: int, actor: Actor = SUPERVISOR, key: str = "", **more: object) -> int:
    return decide_missing(
        actor, store, now=more.pop("now", NOW), wanted={KEY: acts}, what=what, reason="asked the lender",
        key=key or f"k-{what}-{acts}", **more,
    )  # fmt: skip


def states(store: Store, now=NOW) -> dict[str, str]:
    page = list_missing(SUPERVISOR, store, now=now, states=tuple(MissingState))
    return {one.loan_id: one.state(page.today).value for one in page.rows}


@pytest.mark.parametrize("state", MissingState)
@pytest.mark.parametrize("what", MissingAct)
def test_every_pair_of_state_and_act_is_as_the_table_says(state: MissingState, what: MissingAct) -> None:
    if what in ALLOWED[state]:
        require_allowed("L1", state, what)
    else:
        with pytest.raises(ActNotAllowed):
            require_allowed("L1", state, what)


def test_what_is_parked_is_open_again_on_its_day_and_what_came_back_is_over() -> None:
    assert state_of("park", NEXT, None, DAY) is MissingState.PARKED
    assert state_of("park", NEXT, None, NEXT) is MissingState.OPEN
    assert state_of("explain", None, NEXT, NEXT) is MissingState.RETURNED


def test_a_missing_loan_is_explained_and_its_case_stays_open(store: Store, tmp_path: Path) -> None:
    ids = missing(store, tmp_path, 1, 2)
    assert states(store) == {"L1": "open", "L2": "open"}
    decide(store, MissingAct.EXPLAIN, 0)
    assert states(store) == {"L1": "explained", "L2": "open"}
    assert now_is(store, ids[0]).closed_date is None
    one, done = read_missing(SUPERVISOR, store, now=NOW, key=KEY)
    assert (one.reason, one.made_by_name, [it.what for it in done]) == (
        "asked the lender", "Sun", [MissingAct.EXPLAIN],
    )  # fmt: skip
    with store.reading() as connection:
        said = connection.execute(
            select(audit_log.c.object_id, audit_log.c.reason).where(audit_log.c.action == "missing_loan.explain")
        ).one()
    assert tuple(said) == ("SIM/L1", "asked the lender")


def test_a_parked_one_comes_up_again_and_one_that_is_sent_again_needs_nothing_more(
    store: Store, tmp_path: Path
) -> None:
    missing(store, tmp_path, 1)
    decide(store, MissingAct.PARK, 0, OPERATOR, until_date=DAY + timedelta(days=4))
    assert states(store) == {"L1": "parked"}
    assert list_missing(SUPERVISOR, store, now=NOW).total == 0
    later = NOW + timedelta(days=3)
    assert list_missing(SUPERVISOR, store, now=later).total == 1
    taken_in(store, tmp_path, day=NEXT + timedelta(days=1), days=[])
    assert states(store) == {"L1": "returned"}
    with pytest.raises(ActNotAllowed):
        decide(store, MissingAct.EXPLAIN, 1)


def test_two_people_at_once_the_second_is_told_who_was_first(store: Store, tmp_path: Path) -> None:
    missing(store, tmp_path, 1)
    decide(store, MissingAct.EXPLAIN, 0, OPERATOR)
    with pytest.raises(MissingChanged, match="Olga dealt with loan L1"):
        decide(store, MissingAct.PARK, 0, key="other", until_date=DAY + timedelta(days=9))
    assert decide(store, MissingAct.EXPLAIN, 0, OPERATOR) == 1  # the same key again


def test_who_may_not_is_refused_and_an_agency_sees_none(store: Store, tmp_path: Path) -> None:
    missing(store, tmp_path, 1)
    with pytest.raises(Refused, match="supervisor"):
        decide(store, MissingAct.EXPLAIN, 0, FINANCE)
    with pytest.raises(Refused):
        list_missing(AG1, store, now=NOW)
    with pytest.raises(NoSuchMissing):
        read_missing(SUPERVISOR, store, now=NOW, key=("SIM", "L2", NEXT))


@pytest.mark.parametrize("until", [None, DAY, DAY + timedelta(days=900)])
def test_parking_needs_a_day_within_a_year(store: Store, tmp_path: Path, until) -> None:
    missing(store, tmp_path, 1)
    with pytest.raises(Invalid) as refused:
        decide(store, MissingAct.PARK, 0, until_date=until)
    assert refused.value.field == "until_date"


def test_the_list_sorts_searches_and_pages(store: Store, tmp_path: Path) -> None:
    missing(store, tmp_path, 1, 2, 3)
    found = list_missing(SUPERVISOR, store, now=NOW, sort="loan_id", descending=True, offset=1, limit=1)
    assert ([one.loan_id for one in found.rows], found.total) == (["L2"], 3)
    assert [one.loan_id for one in list_missing(SUPERVISOR, store, now=NOW, text="L3").rows] == ["L3"]
    with pytest.raises(Invalid):
        list_missing(SUPERVISOR, store, now=NOW, sort="balance")
