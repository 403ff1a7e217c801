"""People and a cheap password hash for the tests of the area organisation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher

from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation import hashing
from ops_app.services.organisation.first_administrator import create_first_administrator
from ops_app.services.organisation.sign_in import sign_in
from ops_app.store.store import Store

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
PASSWORD = "four unrelated glad words"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """The real cost is tested by itself; elsewhere it would only make the tests slow."""
    if "real_hashes" not in request.keywords:
        monkeypatch.setattr(hashing, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    hashing.hash_of_nobody.cache_clear()
    yield
    hashing.hash_of_nobody.cache_clear()


@pytest.fixture
def admin(store: Store) -> Actor:
    """The first administrator, signed in."""
    create_first_administrator(store, now=NOW, sign_in_name="admin", display_name="Ada", password=PASSWORD)
    return sign_in(store, now=NOW, name="admin", password=PASSWORD).actor


def someone(role: Role, agency_code: str | None = None) -> Actor:
    """An actor in ``role`` who is nobody in particular."""
    return Actor(person_id=f"p-{role.value}", name=role.value, role=role, agency_code=agency_code)
