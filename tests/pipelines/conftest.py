"""A reading process and a home for files; an installation on each kind of store, with its warehouse and raw rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from pipelines.readers.limited import Reader, reader
from pipelines.warehouse import Warehouse
from tests.pipelines.feeding import Home, make_home
from tests.pipelines.raw_rows import Raw


@pytest.fixture(scope="module")
def running() -> Iterator[Reader]:
    """The reading process of a file of tests."""
    with reader() as started:
        yield started


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of this test."""
    return make_home(tmp_path / "home")


@pytest.fixture
def house(settings: Settings, store_url: str) -> Iterator[App]:
    """An installation on each kind of store."""
    app = open_app(settings.model_copy(update={"ops_url": store_url}))
    yield app
    app.close()


@pytest.fixture
def warehouse(house: App) -> Warehouse:
    return Warehouse(house.settings.warehouse_path)


@pytest.fixture
def raw(warehouse: Warehouse) -> Raw:
    made = Raw(warehouse)
    made.loan()
    return made
