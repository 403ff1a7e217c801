"""Migrations: one line of them, and what they make is what the tables say."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import insert, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import TypeEngine

from ops_app.domain.organisation.people import SYSTEM
from ops_app.store.migrations import upgrade
from ops_app.store.store import Store
from ops_app.store.tables import metadata
from ops_app.store.tables.operations import quarantine_corrections
from ops_app.store.tables.placing import case_batch_rows, case_batches
from ops_app.store.types import Moment
from tests.services.casework.casebook import some_cases

VERSIONS = Path(upgrade.__file__).parent / "versions"


def test_migrations_are_numbered_one_after_another() -> None:
    files = sorted(path.stem for path in VERSIONS.glob("[0-9]*.py"))
    previous = "None"
    for number, name in enumerate(files, start=1):
        source = (VERSIONS / f"{name}.py").read_text()
        revision = re.search(r'^revision(?:: str)? = "(\d{4})"$', source, re.MULTILINE)
        follows = re.search(r'^down_revision(?:: [^=]*)? = "?(\w+)"?$', source, re.MULTILINE)
        assert revision, name
        assert follows, name
        assert name.startswith(f"{number:04d}_"), name
        assert revision[1] == name[:4]
        assert follows[1] == previous
        previous = revision[1]
    assert upgrade.head() == previous


def _same_type(
    context: object, inspected: object, column: object, found: TypeEngine[object], told: TypeEngine[object]
) -> bool | None:
    # SQLite keeps moments as text of fixed width under the name DATETIME
    return False if isinstance(told, Moment) and str(found).upper().startswith(("TIMESTAMP", "DATETIME")) else None


def test_what_the_migrations_make_is_what_the_tables_say(store: Store) -> None:
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": _same_type})
        differences = compare_metadata(context, metadata)
    assert not differences, "\n".join(str(one) for one in differences)


def test_checks_and_foreign_keys_are_made_too(store: Store) -> None:
    with store.reading() as connection:
        found = inspect(connection)
        for table in metadata.sorted_tables:
            told = {one.name for one in table.constraints if one.__visit_name__ == "check_constraint" and one.name}
            made = {one["name"] for one in found.get_check_constraints(table.name)}
            assert told <= made, f"{table.name} lacks {told - made}"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_several_processes_may_migrate_an_empty_store_at_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'new' / 'ops.db'}"
    else:
        server = request.getfixturevalue("pg_server")
        server.execute("drop database if exists empty_one with (force)")
        server.execute("create database empty_one")
        url = server.url("empty_one")
    stores = [Store.open(url) for _ in range(3)]
    (tmp_path / "new").mkdir()
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: one.migrate(), stores))
    with stores[0].reading() as connection:
        assert connection.execute(text("select version_num from alembic_version")).scalars().all() == [upgrade.head()]
    for one in stores:
        one.close()


def test_a_store_of_a_newer_program_is_left_alone(store: Store) -> None:
    with store._writers.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(RuntimeError, match="newer Recoup"):
        store.migrate()


def test_of_corrections_that_waited_for_one_row_the_last_one_is_left(store: Store) -> None:
    migration = import_module("ops_app.store.migrations.versions.0016_one_open_correction")
    made = datetime(2026, 11, 1, tzinfo=UTC)
    values = {"file_id": "f", "feed": "repayments", "source_code": "SIM", "decision": "replay", "corrected_json": "{}",
              "reason": "typing", "made_by": "p"}  # fmt: skip
    rows = [
        values | {"correction_id": name, "line_no": line, "made_at": made + timedelta(minutes=minutes)}
        for name, line, minutes in (("first", 7, 0), ("last", 7, 2), ("between", 7, 1), ("other", 8, 0))
    ]
    with store.writing(SYSTEM, made) as transaction:
        connection = transaction.connection
        connection.execute(text("drop index uq_quarantine_corrections_one_open"))
        connection.execute(insert(quarantine_corrections), rows)
        with Operations.context(MigrationContext.configure(connection)):
            migration.upgrade()
        found = connection.execute(select(quarantine_corrections)).all()
        transaction.audit("tried", "migration", "0016")
    assert {row.correction_id: row.outcome for row in found} == {
        "first": "superseded", "between": "superseded", "last": None, "other": None,
    }  # fmt: skip
    assert {row.correction_id for row in found if row.replayed_at is None} == {"last", "other"}


def test_batches_that_were_asked_for_stay_when_their_kinds_become_more(store: Store, tmp_path: Path) -> None:
    migration = import_module("ops_app.store.migrations.versions.0019_recalls_taken_back")
    (one, *_) = some_cases(store, tmp_path, 1)
    made = datetime(2026, 11, 1, tzinfo=UTC)
    batch = {
        "batch_id": "b-1", "kind": "recall", "currency": "CNY", "case_count": 1, "excluded_count": 0,
        "principal_minor": 5, "balance_minor": 7, "rows_hash": "h", "reason": "why", "made_by": "p",
        "made_by_name": "P", "made_at": made,
    }  # fmt: skip
    row = {"batch_id": "b-1", "case_id": one, "version": 1, "principal_minor": 5, "balance_minor": 7,
           "outcome": "asked", "reasons_json": "[]"}  # fmt: skip
    with store.writing(SYSTEM, made) as transaction:
        connection = transaction.connection
        connection.execute(insert(case_batches), batch)
        connection.execute(insert(case_batch_rows), row)
        with Operations.context(MigrationContext.configure(connection)):
            migration._kinds_of_batches()
        connection.execute(insert(case_batches), batch | {"batch_id": "b-2", "kind": "withdraw_recall"})
        kept = connection.execute(select(case_batches.c.batch_id, case_batches.c.kind, case_batches.c.made_at)).all()
        rows = connection.execute(select(case_batch_rows)).mappings().all()
        transaction.audit("tried", "migration", "0019")
    assert sorted(tuple(each) for each in kept) == [("b-1", "recall", made), ("b-2", "withdraw_recall", made)]
    assert [dict(each) for each in rows] == [row]
    with pytest.raises(IntegrityError), store.writing(SYSTEM, made) as transaction:
        transaction.connection.execute(insert(case_batches), batch | {"batch_id": "b-3", "kind": "nonsense"})
    with pytest.raises(IntegrityError), store.writing(SYSTEM, made) as transaction:
        transaction.connection.execute(insert(case_batch_rows), row | {"batch_id": "b-9"})
