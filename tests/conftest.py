"""Fixtures of the whole house: stores, settings, real data, a browser."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from streamlit.components.v2 import manifest_scanner

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.store.store import Store
from tests import spelt_once
from tests.postgresql_server import Server, ServerMissing, start
from tests.room import in_memory

IN_CI = os.environ.get("CI") == "true"
# no test of a rule fails because the machine was busy
hypothesis.settings.register_profile("house", parent=hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("house")
LONGEST_FIRST = ("test_business_day.py", "test_build.py", "test_repayment_audit_journey.py")
"""Files that take minutes: begun first, so that no core waits for the other at the end."""


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.basetemp or "PYTEST_DEBUG_TEMPROOT" in os.environ:
        return
    if room := in_memory(10 << 30):  # a whole run leaves three gigabytes
        own = room / "recoup-tests"
        own.mkdir(exist_ok=True)
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(own)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(autouse=True)
def _own_main() -> Iterator[None]:
    """AppTest leaves its script behind as the main module, which a process spawned by a later test would then run."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture(autouse=True, scope="session")
def _installed_packages_are_read_once() -> Iterator[None]:
    """AppTest begins each page by reading what all installed packages say of themselves, longer than the page takes."""
    found = functools.cache(manifest_scanner.scan_component_manifests)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(manifest_scanner, "scan_component_manifests", found)
        yield


@pytest.fixture(autouse=True, scope="session")
def _statements_are_spelt_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        spelt_once.share(patched)
        yield


def missing(what: str) -> None:
    """Something this machine lacks: a failure in CI, elsewhere a skip that says why."""
    if IN_CI:
        pytest.fail(f"CI must have it: {what}", pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def pg_server() -> Iterator[Server]:
    """A PostgreSQL server of this test session, on a socket in its own folder, run as another user than root."""
    try:
        server = start()
    except ServerMissing as error:
        missing(str(error))
        raise
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "ops.db"
    made = Store.open(f"sqlite:///{file}")
    made.migrate()
    made.close()
    return file


@pytest.fixture(scope="session")
def _pg_template(pg_server: Server) -> str:
    name = "recoup_template"
    pg_server.execute(f"create database {name}")
    made = Store.open(pg_server.url(name))
    made.migrate()
    made.close()
    return name


@pytest.fixture
def sqlite_url(tmp_path: Path, _sqlite_template: Path) -> str:
    """A fresh, migrated SQLite store of this test."""
    file = tmp_path / "ops.db"
    shutil.copy(_sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture
def postgresql_url(pg_server: Server, _pg_template: str) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database of this test."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    pg_server.execute(f"create database {name} template {_pg_template} strategy file_copy")  # 8 times faster
    yield pg_server.url(name)
    pg_server.execute(f"drop database {name} with (force)")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh, migrated store; each test runs on both kinds."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A fresh, migrated store, closed afterwards; each test runs on SQLite and on PostgreSQL."""
    opened = Store.open(store_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a home of this test, its folders made."""
    made = Settings.load(home=tmp_path / "home", ops_url="", demo=False)
    made.make_folders()
    return made


@pytest.fixture
def app(settings: Settings, _sqlite_template: Path) -> Iterator[App]:
    """An installation on an empty home with a migrated SQLite store."""
    shutil.copy(_sqlite_template, settings.home / "ops.db")
    opened = open_app(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real public data (``RECOUP_REAL_DATA``, else beside the project)."""
    folder = Settings.load().real_data
    if not folder.is_dir():
        pytest.skip("real public data is not on this machine: set RECOUP_REAL_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of the tests (``RECOUP_CHROMIUM``, else found on PATH)."""
    named = Settings.load().chromium
    found = named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
    if not found or not Path(found).exists():
        missing("no Chromium: install chromium, or set RECOUP_CHROMIUM to a browser")
    return found
