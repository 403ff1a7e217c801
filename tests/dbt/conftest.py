from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ops_app.config import Settings
from pipelines.build import BuildResult, build
from pipelines.marts_hash import mart_hashes
from pipelines.warehouse import Connection, Warehouse, connect
from tests.dbt import book


@dataclass
class Built:
    """A warehouse whose marts were built from the whole book, and how."""

    settings: Settings
    warehouse: Warehouse
    result: BuildResult

    @property
    def path(self) -> Path:
        return self.warehouse.path

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(connect(self.path, read_only=True)) as connection:
            return connection.execute(sql).fetchall()


Deliveries = Sequence[Sequence[date]]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The whole book delivered at once and built once, unit tests of the SQL included. Shared: read only."""
    settings = Settings.load(home=tmp_path_factory.mktemp("built"))
    settings.make_folders()
    warehouse = Warehouse(settings.warehouse_path)
    with warehouse.open() as connection:
        book.write_book(connection)
        book.deliver(connection, book.days())
    result = build(settings.warehouse_path, settings, book.days()[-1], unit_tests=True)
    return Built(settings, warehouse, result)


@pytest.fixture(scope="session")
def book_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """The rows of the book as its sender wrote them, for answers worked out another way."""
    with closing(connect()) as connection:
        book.write_book(connection)
        yield connection


@pytest.fixture(scope="session")
def build_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Deliveries], dict[str, str]]:
    """Deliver and build in the steps given, in a warehouse of its own; the hash of every mart at the end."""

    def run(deliveries: Deliveries) -> dict[str, str]:
        settings = Settings.load(home=tmp_path_factory.mktemp("steps"))
        settings.make_folders()
        warehouse = Warehouse(settings.warehouse_path)
        for days in deliveries:
            with warehouse.open() as connection:
                book.write_book(connection)
                book.deliver(connection, days)
            build(settings.warehouse_path, settings, book.days()[-1])
        return mart_hashes(settings.warehouse_path)

    return run
