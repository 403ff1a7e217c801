"""SQLite keeps what it acknowledges: version guard, durability of every connection, and how transactions begin."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from ops_app.domain.organisation.people import SYSTEM
from ops_app.store import sqlite
from ops_app.store.store import Store, StoreBusy
from ops_app.store.tables import organisation as t

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.fixture
def lite(sqlite_url: str):
    opened = Store.open(sqlite_url)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((3, 53, 4), True),
    ],
)
def test_a_write_ahead_log_is_used_only_where_it_cannot_corrupt(version: tuple[int, int, int], safe: bool) -> None:
    assert sqlite.wal_is_safe(version) is safe
    assert sqlite.journal_mode(version) == ("wal" if safe else "delete")


def test_the_library_in_use_is_safe_and_says_so() -> None:
    assert sqlite.wal_is_safe(sqlite.library_version())
    assert "write-ahead log" in sqlite.describe()


def test_an_unsafe_library_falls_back_to_a_rollback_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "library_version", lambda: (3, 40, 1))
    store = Store.open(f"sqlite:///{tmp_path / 'ops.db'}")
    store.migrate()
    with store.reading() as connection:
        assert connection.execute(text("pragma journal_mode")).scalar() == "delete"
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.audit("x", "y", "z")
    store.close()
    assert "WAL-reset bug" in sqlite.describe()


@pytest.mark.parametrize("way", ["reading", "writing"])
def test_every_connection_is_durable_and_holds_foreign_keys(lite: Store, way: str) -> None:
    def pragmas(connection) -> tuple[object, ...]:
        names = ("synchronous", "journal_mode", "foreign_keys", "recursive_triggers", "query_only")
        return tuple(connection.execute(text(f"pragma {name}")).scalar() for name in names)

    if way == "reading":
        with lite.reading() as connection:
            assert pragmas(connection) == (2, "wal", 1, 1, 1)
    else:
        with lite.writing(SYSTEM, NOW) as transaction:
            assert pragmas(transaction.connection) == (2, "wal", 1, 1, 0)


def test_a_connection_that_will_not_be_durable_is_not_used(lite: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_FULL", 3)
    with pytest.raises(sqlite.UnsafeConnection, match="synchronous"), lite.reading():
        pass


def test_every_act_begins_immediate_and_nothing_else_begins(lite: Store, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
    try:
        lite.close()
        reopened = Store.open(str(lite.url))
        with caplog.at_level(logging.INFO, logger="sqlalchemy.engine"):
            with reopened.writing(SYSTEM, NOW) as transaction:
                transaction.audit("x", "y", "z")
            with reopened.reading() as connection:
                connection.execute(text("select count(*) from audit_log"))
        reopened.close()
    finally:
        logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
    said = [record.getMessage() for record in caplog.records]
    statements = [one for one in said if one.startswith(("BEGIN", "INSERT", "UPDATE", "DELETE", "COMMIT", "ROLLBACK"))]
    begun = [one for one in statements if one in ("BEGIN", "BEGIN IMMEDIATE")]
    assert begun == ["BEGIN IMMEDIATE", "BEGIN"]
    last = ""
    for statement in statements:
        if statement.startswith("BEGIN") and "implicit" not in statement:
            last = statement
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            assert last == "BEGIN IMMEDIATE", "a change under a deferred BEGIN fails at once when the store is busy"


def test_a_reader_does_not_wait_for_a_writer(lite: Store) -> None:
    with lite.writing(SYSTEM, NOW) as transaction:
        transaction.audit("x", "y", "z")
        transaction.connection.execute(
            insert(t.parameters).values(name="a", value_json="1", changed_at=NOW, changed_by="x", version=1)
        )
        with lite.reading() as connection:
            assert connection.execute(text("select count(*) from parameters")).scalar() == 0


def test_an_act_waits_for_another_process_and_then_succeeds(sqlite_url: str) -> None:
    one, other = Store.open(sqlite_url), Store.open(sqlite_url)
    begun, done = threading.Event(), []

    def slowly() -> None:
        with one.writing(SYSTEM, NOW) as transaction:
            begun.set()
            threading.Event().wait(0.3)
            transaction.audit("first", "y", "z")

    thread = threading.Thread(target=slowly)
    thread.start()
    begun.wait()
    with other.writing(SYSTEM, NOW) as transaction:
        done.append(transaction.connection.execute(text("select action from audit_log")).scalar())
        transaction.audit("second", "y", "z")
    thread.join()
    assert done == ["first"], "the second act sees what the first one did"
    one.close()
    other.close()


def test_a_store_that_stays_locked_is_a_sentence_to_a_person(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 50)
    one, other = Store.open(sqlite_url), Store.open(sqlite_url)
    with one.writing(SYSTEM, NOW):
        with pytest.raises(StoreBusy) as refusal, other.writing(SYSTEM, NOW):
            pass
    assert "重试" in refusal.value.zh
    one.close()
    other.close()


def test_threads_of_one_process_stand_in_line(lite: Store) -> None:
    def act(number: int) -> None:
        for _ in range(5):
            with lite.writing(SYSTEM, NOW) as transaction:
                transaction.audit("x", "y", str(number))

    threads = [threading.Thread(target=act, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with lite.reading() as connection:
        assert connection.execute(text("select max(seq) from audit_log")).scalar() == 50
