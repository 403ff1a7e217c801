"""Made-up snapshots: a whole book, one with a feed missing, one without cases, one with a single case on one day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards import published
from tests.dashboards.snapshot import Made, make_snapshot


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a published book in two currencies, everything arrived."""
    folder = tmp_path_factory.mktemp("book")
    make_snapshot(folder)
    return folder


@pytest.fixture(scope="session")
def late_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same book, but one bank file has not arrived."""
    folder = tmp_path_factory.mktemp("late")
    make_snapshot(folder, missing=True)
    return folder


@pytest.fixture(scope="session")
def empty_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every table is there, no loan is."""
    folder = tmp_path_factory.mktemp("empty")
    make_snapshot(folder, Made(cases=0, days=5))
    return folder


@pytest.fixture(scope="session")
def single_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One case on one day."""
    folder = tmp_path_factory.mktemp("single")
    make_snapshot(folder, Made(cases=1, days=1))
    return folder


@pytest.fixture(autouse=True)
def _nothing_opened() -> Iterator[None]:
    """What one test opened is not there for the next."""
    yield
    published._OPENED.clear()
    published._DAMAGED.clear()
