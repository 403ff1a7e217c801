"""What a posting asks of the store: as many statements for a hundred payments as for one, and few of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.repayments import record_payments
from ops_app.store import driver
from ops_app.store.casework.debtors import _upserting
from ops_app.store.store import Store, UnauditedChange
from ops_app.store.tables.casework import intake_days
from ops_app.store.tables.journal import journal_entries
from ops_app.store.tables.units import units
from tests.services.casework.casebook import DAY, NOW, a_spell, taken_in
from tests.services.ledger.paying import paid
from tests.services.ledger.people import rows_of

MOST = {"sqlite": 20, "postgresql": 24}


def statements_of(store: Store, first: int, count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    said: list[str] = []
    rows = [paid(f"P{first + n:05d}", 100, loan=n + 1) for n in range(count)]

    def note(_connection, _cursor, statement, *_) -> None:
        said.append(statement)

    later, fetch = driver.later, driver.fetch

    def told(connection: Connection, statement: str, values: Sequence[Any]) -> int:
        said.append(statement)
        return later(connection, statement, values)

    def asked(connection: Connection, statement: str, values: Any) -> list[Any]:
        said.append(statement)
        return fetch(connection, statement, values)

    event.listen(store._writers, "before_cursor_execute", note)
    try:
        monkeypatch.setattr(driver, "later", told)
        monkeypatch.setattr(driver, "fetch", asked)
        done = record_payments(SYSTEM, store, now=NOW + timedelta(days=1), rows=rows, business_date=DAY)
    finally:
        event.remove(store._writers, "before_cursor_execute", note)
        monkeypatch.undo()
    assert done.recorded == count
    return len(said)


def test_a_batch_takes_no_more_statements_than_a_payment_and_neither_takes_many(store: Store, tmp_path, monkeypatch):
    taken_in(store, tmp_path, *(a_spell(n) for n in range(1, 101)))
    statements_of(store, 0, 100, monkeypatch)  # the parameters are read, every case has a hold that is followed
    one, hundred = (statements_of(store, first, count, monkeypatch) for first, count in ((1_000, 1), (2_000, 100)))
    assert one == hundred <= MOST[store.dialect]
    assert rows_of(store, journal_entries) >= 201


def test_what_the_driver_writes_reads_as_written_and_is_noted_as_a_change_of_its_table(store: Store):
    row = {"source_code": "SIM", "as_of_date": DAY, "content_mark": "a", "taken_in_date": DAY}
    key = ("source_code", "as_of_date")
    statement = _upserting(store.dialect, intake_days, key, tuple(row))
    with store.writing(SYSTEM, NOW) as transaction:  # a table that needs no audit row
        driver.write(transaction.connection, statement, [row, row | {"source_code": "B"}])
        driver.write(transaction.connection, statement, [row | {"content_mark": "b"}])
        driver.write(transaction.connection, statement, [])
    with store.reading() as connection:
        found = connection.execute(select(intake_days).order_by(intake_days.c.source_code)).mappings()
        assert [dict(one) for one in found] == [row | {"source_code": "B"}, row | {"content_mark": "b"}]


def test_an_error_of_a_row_is_sqlalchemys_and_nothing_of_it_stays(store: Store):
    row = {"source_code": "SIM", "as_of_date": DAY, "content_mark": "a", "taken_in_date": DAY}
    statement = insert(intake_days)
    with pytest.raises(IntegrityError), store.writing(SYSTEM, NOW) as transaction:
        driver.write(transaction.connection, statement, [row | {"source_code": "B"}])
        driver.write(transaction.connection, statement, [row, row])
    assert rows_of(store, intake_days) == 0


def test_a_change_by_the_driver_that_nobody_audits_is_refused(store: Store):
    statement = insert(units)
    row = {"unit_id": "u", "unit_code": "U", "kind": "team", "created_at": NOW, "changed_at": NOW, "changed_by": "x",
           "version": 1}  # fmt: skip
    with pytest.raises(UnauditedChange), store.writing(SYSTEM, NOW) as transaction:
        driver.write(transaction.connection, statement, [row])


def test_a_connection_that_is_lost_under_the_driver_is_not_used_again(postgresql_url: str):
    store = Store.open(postgresql_url)
    row = {"source_code": "SIM", "as_of_date": DAY, "content_mark": "a", "taken_in_date": DAY}
    ended = text("select pg_terminate_backend(:pid)")
    with pytest.raises(OperationalError) as lost, store.writing(SYSTEM, NOW) as transaction:
        pid = transaction.connection.execute(text("select pg_backend_pid()")).scalar_one()
        with store.reading() as other:
            other.execute(ended, {"pid": pid})
        driver.write(transaction.connection, insert(intake_days), [row])
    assert lost.value.connection_invalidated
    with store.writing(SYSTEM, NOW) as transaction:
        driver.write(transaction.connection, insert(intake_days), [row])
    assert rows_of(store, intake_days) == 1
    store.close()
