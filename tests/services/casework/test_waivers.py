"""Waivers on one case: split they climb as high as whole, and no component is waived twice (decision 0016)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from ops_app.domain.casework.cases import case_id
from ops_app.domain.casework.requests import BalanceMoved, CaseRequestKind
from ops_app.domain.casework.waivers import Grant, not_posted
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.approvals import NotCarriedOut, RequestState
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.store.store import Store
from ops_app.store.tables.casework import cases
from tests.services.casework.asking import House, ask, decide, seen
from tests.services.casework.casebook import DAY, NOW, a_spell, assigned, placed, taken_in

ONE = case_id("SIM", "L1", 1)
UP = [Role.AGENCY_SUPERVISOR, Role.SUPERVISOR]


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


def owing(store: Store, folder: Path, **parts: int) -> None:
    """The one case, owing these components, with the caller of AG01."""
    taken_in(store, folder, spell(**parts))
    placed(store, "AG01", ONE)


def spell(**parts: int) -> dict[str, Any]:
    owed = {f"{part}_minor": minor for part, minor in ({"principal": 0} | parts).items()}
    return a_spell(1, balance_minor=sum(parts.values()), **owed)


def fed(store: Store, folder: Path, days: int, **parts: int) -> datetime:
    """The lender's next day says that this is owed; the moment after it."""
    day = DAY + timedelta(days=days)
    taken_in(store, folder, spell(**parts) | {"as_of_date": day}, day=day, now=NOW + timedelta(hours=days))
    return NOW + timedelta(hours=days, minutes=1)


def waive(store: Store, folder: Path, house: House, *, now: datetime = NOW, **parts: int) -> str:
    wanted = {f"waived_{part}_minor": minor for part, minor in parts.items()}
    return ask(
        store, folder, house.caller, ONE, CaseRequestKind.WAIVER, now=now, to_pay_minor=1000,
        **({"waived_principal_minor": 0} | wanted),
    )  # fmt: skip


def levels(store: Store, house: House, one: str) -> list[Role]:
    return list(seen(store, house.agency, one).approval.levels)


def test_small_waivers_climb_as_high_as_the_one_large_one_that_they_are(
    store: Store, tmp_path: Path, house: House
) -> None:
    owing(store, tmp_path, principal=1_000_000, penalty=1_000_000)
    assigned(store, house.agency, house.caller, ONE)
    first = waive(store, tmp_path, house, penalty=50_000)
    assert levels(store, house, first) == [Role.AGENCY_SUPERVISOR]
    decide(store, house.agency, first)
    second = waive(store, tmp_path, house, penalty=50_000)
    assert (levels(store, house, second), seen(store, house.agency, second).item.needs_asset) == (UP, True)
    assert decide(store, house.agency, second).state is RequestState.WAITING
    decide(store, house.supervisor, second)
    third = waive(store, tmp_path, house, penalty=399_999)
    assert levels(store, house, third) == UP
    decide(store, house.agency, third, "reject")
    assert levels(store, house, waive(store, tmp_path, house, penalty=400_000)) == [*UP, Role.MANAGER]


def test_no_more_of_a_component_is_waived_than_is_owed_of_it(store: Store, tmp_path: Path, house: House) -> None:
    owing(store, tmp_path, principal=940_000, penalty=60_000)
    assigned(store, house.agency, house.caller, ONE)
    decide(store, house.agency, waive(store, tmp_path, house, penalty=50_000))
    said = r"Only 100.00 CNY of this can still be waived: 500.00 CNY was granted"
    with pytest.raises(Invalid, match=said) as refused:
        waive(store, tmp_path, house, penalty=10_001)
    assert refused.value.field == "waived_penalty_minor"
    waive(store, tmp_path, house, penalty=10_000)


def test_what_the_lender_posted_is_not_held_against_the_next_waiver(store: Store, tmp_path: Path, house: House) -> None:
    owing(store, tmp_path, principal=30_000, interest=70_000)
    assigned(store, house.agency, house.caller, ONE)
    decide(store, house.agency, waive(store, tmp_path, house, interest=45_000))
    with pytest.raises(Invalid, match=r"Only 250.00"):
        waive(store, tmp_path, house, interest=25_001)
    now = fed(store, tmp_path, 1, principal=20_000, interest=70_000)
    with pytest.raises(Invalid, match=r"Only 250.00"):  # principal was paid; that posts no waiver of interest
        waive(store, tmp_path, house, now=now, interest=25_001)
    now = fed(store, tmp_path, 2, principal=20_000, interest=25_000)
    with pytest.raises(Invalid, match=r"Only 250.00 CNY of this is owed"):
        waive(store, tmp_path, house, now=now, interest=25_001)
    waive(store, tmp_path, house, now=now, interest=25_000)


def test_a_waiver_lapses_where_another_component_is_owed_by_the_same_balance(
    store: Store, tmp_path: Path, house: House
) -> None:
    owing(store, tmp_path, principal=60_000, penalty=40_000)
    assigned(store, house.agency, house.caller, ONE)
    one = waive(store, tmp_path, house, penalty=40_000)
    with store.writing(SYSTEM, NOW) as transaction:
        changed = update(cases).where(cases.c.case_id == ONE).values(principal_minor=90_000, penalty_minor=10_000)
        transaction.connection.execute(changed)
        transaction.audit("case.corrected", "case", ONE)
    with pytest.raises(NotCarriedOut) as refused:
        decide(store, house.agency, one)
    assert isinstance(refused.value.why, BalanceMoved)


@pytest.mark.parametrize(
    ("grants", "owed", "left"),
    [
        ([], 100, 0),
        ([(30, 100)], 100, 30),
        ([(30, 100)], 80, 10),
        ([(30, 100)], 70, 0),
        ([(30, 100)], 20, 0),
        ([(30, 100), (40, 100)], 70, 40),
        ([(30, 100), (40, 70)], 70, 40),
        ([(30, 100), (40, 70)], 30, 0),
        ([(30, 100)], 130, 30),
    ],
)
def test_a_grant_stands_until_its_component_fell_by_it(grants: list[tuple[int, int]], owed: int, left: int) -> None:
    made = [Grant({"penalty": waived}, {"penalty": then}) for waived, then in grants]
    assert not_posted(made, {"penalty": owed})["penalty"] == left
