"""People and a cheap password hash for the tests of the area organisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher

from ops_app.domain.organisation.people import AGENCY_ROLES, Actor, Role
from ops_app.services.organisation import hashing
from ops_app.services.organisation.first_administrator import create_first_administrator
from ops_app.services.organisation.sign_in import sign_in
from ops_app.store.store import Store
from tests.services.organisation.approving import a_person, kinds_of_the_tests, with_rules

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


@pytest.fixture
def person(store: Store) -> Callable[..., Actor]:
    """A person in the store: ``person(Role.COLLECTOR, "A01", name="li")``."""

    def make(role: Role, agency: str | None = None, *, name: str = "") -> Actor:
        agency = agency or ("A01" if role in AGENCY_ROLES else None)
        return a_person(store, name or f"{role.value.replace('_', '-')}-{(agency or 'own').lower()}", role, agency)

    return make


@pytest.fixture
def approval_kinds(store: Store) -> Iterator[None]:
    """The kinds of the tests and their rules."""
    with_rules(store)
    with kinds_of_the_tests():
        yield


def someone(role: Role, agency_code: str | None = None) -> Actor:
    """An actor in ``role`` who is nobody in particular."""
    return Actor(person_id=f"p-{role.value}", name=role.value, role=role, agency_code=agency_code)


@pytest.fixture
def maker(person: Callable[..., Actor]) -> Actor:
    return person(Role.SUPERVISOR, name="maker")


@pytest.fixture
def checker(person: Callable[..., Actor]) -> Actor:
    return person(Role.MANAGER, name="checker")
