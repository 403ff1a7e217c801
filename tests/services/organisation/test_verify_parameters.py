"""Verification of parameters: versions that follow one another, closed periods that keep theirs; each planted fault is
found by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ops_app.domain.organisation.parameters import Effect, ParameterVersion, sealed
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.organisation.closed_periods import close_period
from ops_app.services.organisation.verify_parameters import verify_closed_periods, verify_versions
from ops_app.store.organisation import parameters
from ops_app.store.store import Store
from tests.services.organisation.conftest import NOW, someone
from tests.services.organisation.parameters import TODAY, ZONE, set_to
from tests.services.organisation.planting import plant

CODE = "casework.touch_days"
FIRST = TODAY - timedelta(days=60)


@pytest.fixture
def house(store: Store) -> Store:
    """Two versions of a parameter, and a closed period that was computed with both."""
    plant(store, set_to(CODE, 5, FIRST))
    plant(store, set_to(CODE, 6, TODAY - timedelta(days=40)))
    close_period(
        someone(Role.FINANCE), store, now=NOW, zone=ZONE, area="casework", first_date=TODAY - timedelta(days=50),
        end_date=TODAY - timedelta(days=20), reason="month end",
    )  # fmt: skip
    return store


def forge(store: Store, *, seal: bool = True, **other: object) -> None:
    """A version that no service made."""
    with store.writing(SYSTEM, NOW + timedelta(minutes=1)) as transaction:
        seq, before = parameters.newest(transaction.connection)
        made = ParameterVersion(
            seq=seq + 1, code=CODE, scope="all", version_no=3, effect=Effect.SET, value_json="7",
            valid_from_date=TODAY, replaces=None, made_by="nobody", made_at=transaction.now, approval_id=None,
            reason="", prev_id=before,
        )  # fmt: skip
        made = replace(made, **other)  # type: ignore[arg-type]
        made = sealed(made) if seal else replace(made, version_id="f" * 64)
        parameters.add(transaction.connection, made)
        transaction.audit("parameter.changed", "parameter", CODE)


def test_a_house_in_order_holds_and_says_how_much_was_looked_at(house: Store) -> None:
    assert [(one.state, one.checked) for one in (verify_versions(house), verify_closed_periods(house))] == [
        ("holds", 2), ("holds", 1),
    ]  # fmt: skip


def test_a_change_after_the_period_leaves_it_as_it_was(house: Store) -> None:
    plant(house, set_to(CODE, 9, TODAY))
    assert verify_closed_periods(house).state == "holds"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"version_no": 4}, "its number does not follow"),
        ({"value_json": '"many"'}, "its value cannot be read"),
        ({"seal": False}, "it is not what it was when it was made"),
        ({"prev_id": "e" * 64}, "a version before it is missing"),
    ],
)
def test_a_version_that_does_not_follow_is_named(house: Store, other: dict, words: str) -> None:
    forge(house, **other)
    found = verify_versions(house)
    assert found.state == "broken"
    assert CODE in found.detail
    assert words in found.detail


@pytest.mark.parametrize("day", [TODAY - timedelta(days=30), TODAY - timedelta(days=41), date(2000, 1, 1)])
def test_a_version_that_reaches_into_a_closed_period_is_found_and_one_before_it_that_changes_nothing_is_not(
    house: Store, day: date
) -> None:
    forge(house, valid_from_date=day)
    assert verify_closed_periods(house).state == ("holds" if day == date(2000, 1, 1) else "broken")
    assert verify_versions(house).state == "holds"
