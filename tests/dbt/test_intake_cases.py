"""The cases of the ops store are the cases of the warehouse: same ids, days and reasons, by every route."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.casework.cases import case_id
from ops_app.domain.casework.loan_day import LoanDay, LoanStatus
from ops_app.domain.organisation.people import SYSTEM
from ops_app.gateways.clock import close_of
from ops_app.services.casework.pushing import push_loan
from ops_app.store.tables import casework as t
from pipelines.intake import take_in
from pipelines.warehouse import Warehouse
from tests.dbt import book
from tests.dbt.conftest import Built

FACTS = (
    "case_id, source_code, loan_id, customer_key, spell_no, product_code, region_code, currency, opened_date,"
    " closed_date, close_reason, written_off_date"
)


@pytest.fixture(scope="module")
def wanted(built: Built) -> list[tuple[Any, ...]]:
    return built.rows(f"select {FACTS} from marts.dim_cases order by case_id")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[App]:
    opened = open_app(Settings.load(home=tmp_path / "home", ops_url=""))
    yield opened
    opened.close()


def delivered(app: App, *deliveries: Sequence[date]) -> None:
    """Days of the book arrive and are taken in, delivery by delivery, as of the last day that has arrived."""
    warehouse, last = Warehouse(app.settings.warehouse_path), date.min
    with warehouse.open() as connection:
        book.write_book(connection)
        for days in deliveries:
            book.deliver(connection, days)
            last = max(last, *days)
            take_in(warehouse, app, last)


def cases(app: App) -> list[tuple[Any, ...]]:
    names = FACTS.replace("customer_key", "debtor_key").split(", ")
    with app.store.reading() as connection:
        rows = connection.execute(
            select(*(t.cases.c[name] for name in names))
            .where((t.cases.c.close_reason != "withdrawn") | t.cases.c.close_reason.is_(None))
            .order_by(t.cases.c.case_id)
        )
        return [tuple(row) for row in rows]


def days_in_wrong_order() -> list[date]:
    days = book.days()
    return [*days[:10], days[11], days[12], days[10], *days[13:40], days[48], *days[40:48], days[49]]


@pytest.mark.parametrize(
    "deliveries",
    [
        pytest.param([[day] for day in book.days()], id="day_by_day", marks=pytest.mark.slow),  # as in the wrong order
        pytest.param([book.days()], id="at_once"),
        pytest.param([book.days()[:30], book.days()[30:]], id="in_two"),
        pytest.param([[day] for day in days_in_wrong_order()], id="in_the_wrong_order"),
    ],
)  # fmt: skip
def test_cases_are_those_of_the_warehouse(home: App, wanted: list[tuple[Any, ...]], deliveries: Any) -> None:
    delivered(home, *deliveries)
    assert cases(home) == wanted
    with home.store.reading() as connection:
        open_now = connection.execute(text("select count(*) from cases where closed_date is null")).scalar_one()
        spells = connection.execute(text("select count(*) from loan_spells where is_open")).scalar_one()
    assert open_now == spells > 50


def test_a_day_before_the_last_one_is_taken_up_into_the_last_and_changes_nothing(
    home: App, wanted: list[tuple[Any, ...]]
) -> None:
    days = book.days()
    delivered(home, days)
    with home.store.reading() as connection:
        before = connection.execute(text("select count(*) from audit_log")).scalar_one()
    for day in (days[20], days[-1]):
        assert not any(vars(take_in(Warehouse(home.settings.warehouse_path), home, day).did).values())
    assert cases(home) == wanted
    with home.store.reading() as connection:
        assert connection.execute(text("select count(*) from audit_log")).scalar_one() == before


def test_loans_that_are_pushed_before_their_file_leave_the_cases_of_the_files_and_one_it_lacks_is_missing(
    home: App, wanted: list[tuple[Any, ...]]
) -> None:
    """Pushed as the file says it, pushed wrongly, and one that no file knows."""
    days = book.days()
    delivered(home, days[:-1])
    with Warehouse(home.settings.warehouse_path).open() as connection:
        book.write_book(connection)
        book.deliver(connection, days[-1:])
        told = connection.execute(
            "select source_code, loan_id, customer_id, currency, outstanding_principal_minor, days_past_due, status"
            " from raw.loans where as_of_date = ? and status in ('active', 'overdue') and days_past_due is not null"
            " and outstanding_principal_minor is not null order by loan_id limit 4",
            [days[-1]],
        ).fetchall()
    now = close_of(days[-1], home.settings.zone)
    for number, (source, loan, customer, currency, principal, late, status) in enumerate(told):
        wrong = number % 2
        push_loan(
            SYSTEM, home.store, now=now, key=f"k{number}", evidence=home.settings.evidence,
            loan=LoanDay(source, f"{loan}-x" if number == 3 else loan, days[-1], customer, currency, principal,
                         40 if number == 3 else 0 if wrong and late else late + 40 * wrong,
                         LoanStatus(status if not wrong else "active")),
        )  # fmt: skip
    unknown = case_id(told[3][0], f"{told[3][1]}-x", 1)
    for _ in range(2):
        done = take_in(Warehouse(home.settings.warehouse_path), home, days[-1])
        assert [row for row in cases(home) if row[0] != unknown] == wanted
        with home.store.reading() as connection:
            found = connection.execute(
                text("select c.closed_date, f.last_missed_date, f.cleared_date from cases as c join intake_findings as f"
                     " on f.case_id = c.case_id where c.case_id = :one"), {"one": unknown},
            ).fetchall()  # fmt: skip
        assert [tuple(map(str, row)) for row in found] == [("None", str(days[-1]), "None")]
    assert (done.did.closed, done.did.missing) == (0, 0)


def test_loans_that_are_pushed_before_the_file_of_the_day_before_stay_as_pushed_until_their_own_comes(
    home: App, wanted: list[tuple[Any, ...]]
) -> None:
    days = book.days()
    delivered(home, days[:-2])
    with home.store.reading() as connection:
        pushed = connection.execute(
            text("select source_code, loan_id, customer_id, currency from cases where closed_date is null limit 2")
        ).fetchall()
    for number, (source, loan, customer, currency) in enumerate(pushed):
        push_loan(
            SYSTEM, home.store, now=close_of(days[-1], home.settings.zone), key=f"k{number}",
            evidence=home.settings.evidence,
            loan=LoanDay(source, loan, days[-1], customer, currency, 7 * number, 90 * number,
                         LoanStatus.OVERDUE if number else LoanStatus.SETTLED),
        )  # fmt: skip

    def as_they_are() -> list[tuple[Any, ...]]:
        query = "select * from cases where loan_id in (:one, :other) order by case_id"
        with home.store.reading() as connection:
            loans = {"one": pushed[0].loan_id, "other": pushed[1].loan_id}
            return [tuple(row) for row in connection.execute(text(query), loans)]

    before = as_they_are()
    warehouse = Warehouse(home.settings.warehouse_path)
    for day in days[-2:]:
        with warehouse.open() as connection:
            book.write_book(connection)
            book.deliver(connection, [day])
        take_in(warehouse, home, day)
        assert (as_they_are() == before) == (day == days[-2])
    assert cases(home) == wanted
