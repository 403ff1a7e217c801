"""Questions and rows of the driver itself come to what SQLAlchemy says, in the order in which they were asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.exc import IntegrityError

from ops_app.domain.organisation.people import SYSTEM
from ops_app.store import asking, driver
from ops_app.store.store import Store
from ops_app.store.tables.operations import runs

NOW = datetime(2026, 3, 9, 4, 5, 6, 789_000, tzinfo=UTC)
DAY = date(2026, 3, 9)
_R = runs.c
_OF = select(_R.run_id, _R.business_date, _R.started_at, _R.kind).where(
    _R.run_id.in_(bindparam("ids", expanding=True)), _R.business_date >= bindparam("since")
).order_by(_R.run_id)  # fmt: skip
_MANY = select(func.count()).select_from(runs).limit(1)
_ADD = insert(runs)


def a_run(number: int) -> dict[str, Any]:
    row: dict[str, Any] = {column.name: None for column in runs.c}
    return row | {
        "run_id": f"run-{number}", "kind": "day", "business_date": DAY + timedelta(days=number),
        "started_at": NOW + timedelta(seconds=number), "lease_until": NOW, "state": "succeeded", "detail_json": "{}",
    }  # fmt: skip


@pytest.mark.parametrize("wanted", [(), (1,), (2, 0), (0, 1, 2, 3), (7,)])
def test_an_answer_is_what_sqlalchemy_says_whatever_the_length_of_a_list(store: Store, wanted: tuple[int, ...]) -> None:
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(_ADD, [a_run(number) for number in range(4)])
        transaction.audit("test.made", "run", "all")
    asked = {"ids": [f"run-{number}" for number in wanted], "since": DAY + timedelta(days=1)}
    with store.reading() as connection:
        expected = [tuple(row) for row in connection.execute(_OF, asked)]
        assert asking.ask(connection, _OF, asked) == expected
        assert asking.ask(connection, _MANY) == [(4,)]
    assert {row[0] for row in expected} == {f"run-{number}" for number in wanted if 1 <= number <= 3}
    assert all(isinstance(row[1], date) and row[2].tzinfo is not None for row in expected)


def test_what_was_written_is_there_for_the_next_question_of_either_kind(store: Store) -> None:
    with store.writing(SYSTEM, NOW) as transaction:
        connection = transaction.connection
        for number, question in enumerate(
            (lambda: asking.ask(connection, _MANY)[0][0], lambda: connection.execute(_MANY).scalar())
        ):
            driver.write(connection, _ADD, [a_run(2 * number), a_run(2 * number + 1)])
            assert question() == 2 * (number + 1)
        connection.execute(_ADD, [a_run(8), a_run(9)])
        transaction.audit("test.made", "run", "all")
    with store.reading() as connection:
        assert asking.ask(connection, _MANY) == [(6,)]


def test_what_waits_at_the_end_of_an_act_is_written_with_it_and_with_an_error_it_is_not(store: Store) -> None:
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.audit("test.made", "run", "run-1")
        driver.write(transaction.connection, _ADD, [a_run(1)])
    with pytest.raises(ZeroDivisionError), store.writing(SYSTEM, NOW) as transaction:
        transaction.audit("test.made", "run", "run-2")
        driver.write(transaction.connection, _ADD, [a_run(2)])
        raise ZeroDivisionError
    with store.writing(SYSTEM, NOW) as transaction:  # the same connection of the pool has forgotten it
        transaction.audit("test.made", "run", "run-3")
    with store.reading() as connection:
        assert asking.ask(connection, _MANY) == [(1,)]


def test_what_the_store_refuses_is_an_integrity_error_at_the_next_question_or_the_end(store: Store) -> None:
    for question in (lambda it: asking.ask(it, _MANY), lambda it: it.execute(_MANY), driver.flush, lambda it: None):
        with pytest.raises(IntegrityError), store.writing(SYSTEM, NOW) as transaction:
            transaction.audit("test.made", "run", "run-1")
            driver.write(transaction.connection, _ADD, [a_run(1)])
            driver.write(transaction.connection, _ADD, [a_run(1)])
            question(transaction.connection)
    with store.reading() as connection:
        assert asking.ask(connection, _MANY) == [(0,)]


def test_a_part_that_is_undone_takes_what_waited_in_it_along_and_nothing_else(store: Store) -> None:
    with store.writing(SYSTEM, NOW) as transaction:
        connection = transaction.connection
        transaction.audit("test.made", "run", "all")
        driver.write(connection, _ADD, [a_run(1)])
        with pytest.raises(IntegrityError), transaction.part():
            driver.write(connection, _ADD, [a_run(2)])
            driver.write(connection, _ADD, [a_run(1)])
        with pytest.raises(ZeroDivisionError), transaction.part():
            driver.write(connection, _ADD, [a_run(3)])
            if store.dialect == "postgresql":  # waits, and would be refused on the way of what undoes it
                driver.write(connection, _ADD, [a_run(3)])
            raise ZeroDivisionError
        with transaction.part():
            driver.write(connection, _ADD, [a_run(4)])
    with store.reading() as connection:
        assert {row[0] for row in connection.execute(select(_R.run_id))} == {"run-1", "run-4"}
