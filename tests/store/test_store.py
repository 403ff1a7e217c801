"""The unit of work on both stores."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select, text

from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.people import SYSTEM
from ops_app.store.store import Store, UnauditedChange
from ops_app.store.tables import organisation as t

NOW = datetime(2026, 11, 24, 3, 0, 0, 123456, tzinfo=UTC)


def set_parameter(transaction, name: str, value: str = "1") -> None:
    transaction.connection.execute(
        insert(t.parameters).values(name=name, value_json=value, changed_at=NOW, changed_by="x", version=1)
    )


def parameter_names(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(connection.execute(select(t.parameters.c.name).order_by(t.parameters.c.name)).scalars())


def test_an_audited_change_is_kept(store: Store) -> None:
    with store.writing(SYSTEM, NOW) as transaction:
        set_parameter(transaction, "a")
        transaction.audit("parameter.set", "parameter", "a", after={"value": 1})
    assert parameter_names(store) == ["a"]
    with store.reading() as connection:
        row = connection.execute(select(t.audit_log)).one()
    assert (row.seq, row.action, row.actor_id, row.occurred_at) == (1, "parameter.set", "system", NOW)


def test_an_error_undoes_the_change_and_the_audit_row(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        with store.writing(SYSTEM, NOW) as transaction:
            set_parameter(transaction, "a")
            transaction.audit("parameter.set", "parameter", "a")
            _ = 1 // 0
    assert parameter_names(store) == []
    with store.reading() as connection:
        assert connection.execute(select(t.audit_log)).first() is None


@pytest.mark.parametrize(
    "statement",
    [
        "insert into parameters values ('t', '1', '2026-01-01', 'x', 1)",
        "/* words first */ update parameters set value_json = '2'",
        "with x as (select 1) delete from parameters where name in (select 'seed' from x)",
    ],
)
def test_a_change_by_text_needs_an_audit_row_too(store: Store, statement: str) -> None:
    with store.writing(SYSTEM, NOW) as transaction:
        set_parameter(transaction, "seed")
        transaction.audit("parameter.set", "parameter", "seed")
    with pytest.raises(UnauditedChange), store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(text(statement))
    assert parameter_names(store) == ["seed"]


def test_a_change_without_an_audit_row_is_refused_and_undone(store: Store) -> None:
    with pytest.raises(UnauditedChange, match="parameters"), store.writing(SYSTEM, NOW) as transaction:
        set_parameter(transaction, "a")
    assert parameter_names(store) == []


def test_reading_within_an_act_needs_no_audit_row(store: Store) -> None:
    with store.writing(SYSTEM, NOW) as transaction:
        assert transaction.connection.execute(select(t.parameters).with_for_update()).all() == []
        assert transaction.connection.execute(text("select 1")).scalar_one() == 1
    with store.reading() as connection:
        assert connection.execute(select(t.audit_log)).all() == []


def test_a_table_that_says_why_needs_no_audit_row(store: Store) -> None:
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(
            insert(t.sign_in_attempts).values(name_hash="h", failures=1, blocked_until=NOW, last_at=NOW)
        )
    with store.reading() as connection:
        assert connection.execute(select(t.sign_in_attempts.c.name_hash)).scalars().all() == ["h"]
        assert connection.execute(select(t.audit_log)).all() == []


def test_an_audit_row_that_cannot_be_written_fails_the_act(store: Store) -> None:
    with pytest.raises(Invalid), store.writing(SYSTEM, NOW) as transaction:
        set_parameter(transaction, "a")
        transaction.audit("parameter.set", "parameter", "a", reason="nul \x00")
    with pytest.raises(TypeError), store.writing(SYSTEM, NOW) as transaction:
        set_parameter(transaction, "a")
        transaction.audit("parameter.set", "parameter", "a", after={"amount": 1.5})
    assert parameter_names(store) == []


@pytest.mark.parametrize("odd", ["nul \x00", "half \ud800"])
def test_text_that_only_one_store_would_keep_is_refused_by_both(store: Store, odd: str) -> None:
    with pytest.raises(Invalid) as refusal, store.writing(SYSTEM, NOW) as transaction:
        transaction.audit("x", "y", odd)
    assert refusal.value.field == "object_id"
    for act in (
        lambda transaction: transaction.claim("SIM", odd, "hash"),
        lambda transaction: transaction.claim("SIM", "k" * 301, "hash"),
        lambda transaction: transaction.publish("topic", odd, {}),
        lambda transaction: transaction.audit("x", "y", "z" * 301),
    ):
        with pytest.raises(Invalid), store.writing(SYSTEM, NOW) as transaction:
            act(transaction)


def test_text_that_a_store_cannot_take_is_a_sentence_to_a_person(store: Store) -> None:
    odd = "nul \x00" if store.dialect == "postgresql" else "half \ud800"
    with pytest.raises(Invalid), store.reading() as connection:
        connection.execute(select(t.parameters).where(t.parameters.c.name == odd))
    with pytest.raises(Invalid), store.writing(SYSTEM, NOW) as transaction:
        set_parameter(transaction, odd)
        transaction.audit("x", "y", "z")


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)read.?only"), store.reading() as connection:
        connection.execute(text("delete from parameters"))


def test_a_naive_moment_is_refused(store: Store) -> None:
    with pytest.raises(TypeError, match="aware"), store.writing(SYSTEM, NOW.replace(tzinfo=None)):
        pass


def test_an_act_within_an_act_is_refused(store: Store) -> None:
    with store.writing(SYSTEM, NOW), pytest.raises(RuntimeError, match="one transaction"):
        with store.writing(SYSTEM, NOW):
            pass


def test_migrating_twice_changes_nothing(store: Store) -> None:
    store.migrate()
    store.migrate()
    assert parameter_names(store) == []


def test_a_database_that_is_no_store_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="SQLite or PostgreSQL"):
        Store.open("mysql://x/y")
    with pytest.raises(ValueError, match="memory"):
        Store.open("sqlite://")
