"""Closed periods: their versions are kept, and no change reaches into them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import DBAPIError

from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.approvals import NotCarriedOut
from ops_app.domain.organisation.parameter_values import ParameterKind
from ops_app.domain.organisation.parameters import (
    NoSuchParameter,
    PeriodClosed,
    Scope,
)
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.organisation import approvals, closed_periods, parameters
from ops_app.store.store import Store
from ops_app.store.tables.parameters import closed_periods as periods_table
from tests.services.organisation.approving import a_person, decide
from tests.services.organisation.conftest import NOW, someone
from tests.services.organisation.parameters import (
    CASH,
    PLAIN,
    TODAY,
    ZONE,
    catalogue_of,
    day,
    definition,
    propose,
    set_to,
    usual_catalogue,
    value,
)

ADMIN, COMPLIANCE, FINANCE = someone(Role.ADMINISTRATOR), someone(Role.COMPLIANCE), someone(Role.FINANCE)
LENDER = Scope(lender="B1")


@pytest.fixture(autouse=True)
def _catalogue() -> Iterator[None]:
    with usual_catalogue():
        yield


def test_a_closed_period_keeps_its_versions_and_lets_no_change_in(store: Store) -> None:
    propose(ADMIN, store, set_to(PLAIN, 5, TODAY), 0)
    propose(ADMIN, store, set_to(PLAIN, 7, TODAY, LENDER), 0, "lender")
    later = NOW + timedelta(days=30)
    closed = closed_periods.close_period(
        FINANCE, store, now=later, zone=ZONE, area="casework", first_date=day(-10), end_date=day(10), reason="month"
    )
    with pytest.raises(PeriodClosed):
        propose(ADMIN, store, set_to(PLAIN, 8, day(9)), 1, "into", now=later)
    propose(ADMIN, store, set_to(PLAIN, 9, day(40)), 1, "after", now=later)
    with store.reading() as connection:
        kept = closed_periods.parameters_of(connection, closed.period_id)
    assert [kept.value(PLAIN, day(number)) for number in (-10, -1, 0, 9)] == [1, 1, 5, 5]
    assert kept.value(PLAIN, day(0), LENDER) == 7
    assert [(one.version_no, one.valid_from_date, one.valid_to_date) for one in kept.kept[PLAIN, "all"]] == [
        (0, day(-10), day(0)), (1, day(0), day(10)),
    ]  # fmt: skip
    with pytest.raises(LookupError):
        kept.value(PLAIN, day(10))
    with pytest.raises(NoSuchParameter):
        kept.value(CASH, day(0))


def test_a_closed_period_keeps_even_the_default_that_a_release_changes(store: Store) -> None:
    closed = closed_periods.close_period(
        FINANCE, store, now=NOW, zone=ZONE, area="casework", first_date=day(-10), end_date=TODAY, reason="month"
    )
    with catalogue_of(definition(PLAIN, ParameterKind.WHOLE, 44)), store.reading() as connection:
        assert parameters.value_on(connection, PLAIN, TODAY) == 44
        assert closed_periods.parameters_of(connection, closed.period_id).value(PLAIN, day(-1)) == 1


def test_a_period_that_is_closed_while_a_change_reaches_into_it_lets_only_one_of_them_happen(store: Store) -> None:
    maker, manager = a_person(store, "Maker", Role.ADMINISTRATOR), a_person(store, "Manager", Role.MANAGER)
    asked = propose(maker, store, set_to(PLAIN, 5, day(-3)), 0).approval_id
    one = approvals.read_request(manager, store, now=NOW, request_id=asked).item

    def close() -> str:
        closed_periods.close_period(
            FINANCE, store, now=NOW, zone=ZONE, area="casework", first_date=day(-5), end_date=TODAY, reason="month"
        )
        return "closed"

    def approve() -> str:
        try:
            decide(store, manager, one, now=NOW)
        except NotCarriedOut:
            return "refused"
        return "changed"

    with ThreadPoolExecutor(2) as pool:
        answers = [task.result() for task in (pool.submit(close), pool.submit(approve))]
    (period,) = closed_periods.list_closed_periods(FINANCE, store, now=NOW)
    kept = closed_periods.read_closed_period(FINANCE, store, now=NOW, period_id=period.period_id)
    assert answers[0] == "closed"
    assert kept.value(PLAIN, day(-1)) == value(store, PLAIN, day(-1)) == (5 if answers[1] == "changed" else 1)


@pytest.mark.parametrize(
    ("first", "end", "error"),
    [(-5, 1, Invalid), (-5, -5, Invalid), (-12, -9, Conflict), (-8, -7, Conflict), (-10, -5, Conflict)],
)
def test_only_days_that_passed_and_are_open_are_closed(store: Store, first: int, end: int, error: type) -> None:
    def close(first_day: int, end_day: int):
        return closed_periods.close_period(
            FINANCE, store, now=NOW, zone=ZONE, area="casework", first_date=day(first_day), end_date=day(end_day),
            reason="month",
        )  # fmt: skip

    close(-10, -5)
    with pytest.raises(error):
        close(first, end)
    close(-5, 0)
    assert [one.first_date for one in closed_periods.list_closed_periods(FINANCE, store, now=NOW)] == [
        day(-5),
        day(-10),
    ]
    with pytest.raises(DBAPIError), store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(delete(periods_table))
        transaction.audit("test.spoilt", "test", "x")
