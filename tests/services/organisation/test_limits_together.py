"""What adds up to a person's limit of amount: at one moment, over several rounds, after a request is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest

from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.rights import AboveLimit, Narrowing, Rights
from ops_app.services.organisation import approval_limits
from ops_app.services.organisation.rights import narrow_right
from ops_app.store.store import Store
from tests.services.organisation.approving import (
    ADMINISTRATOR,
    NOW,
    a_person,
    ask,
    decide,
    kinds_of_the_tests,
    with_rules,
)


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    with kinds_of_the_tests():
        yield


@pytest.fixture
def rules(store: Store) -> None:
    with_rules(store)


def limited(store: Store, name: str, most_minor: int = 100) -> Actor:
    """A person who asks for no more than that."""
    return replace(
        a_person(store, name), rights=Rights(limits=frozenset({("reconciliation.decide", "CNY", most_minor)}))
    )


def limit_approvals(store: Store, who: Actor, most_minor: int) -> None:
    narrow_right(
        ADMINISTRATOR, store, now=NOW, person_id=who.person_id, kind=Narrowing.LIMIT, permission="approvals.decide",
        value={"CNY": most_minor}, reason="review",
    )  # fmt: skip


def at_once(monkeypatch: pytest.MonkeyPatch, summing: str, *acts: Callable[[], Any]) -> list[Any]:
    """What came of acts that all sum before any of them ends, unless one holds the others up; a refusal as itself."""
    gate, real = Barrier(len(acts), timeout=2), getattr(approval_limits.approval_sums, summing)

    def summed(*args: Any) -> int:
        try:
            gate.wait()
        except BrokenBarrierError:
            pass  # the others wait for this one
        return int(real(*args))

    def tried(act: Callable[[], Any]) -> Any:
        try:
            return act().state
        except AboveLimit as refused:
            return type(refused)

    with monkeypatch.context() as patched, ThreadPoolExecutor(len(acts)) as pool:
        patched.setattr(approval_limits.approval_sums, summing, summed)
        return list(pool.map(tried, acts))


def test_of_two_requests_at_one_moment_the_second_counts_the_first(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(postgresql_url)
    with_rules(store)
    maker = limited(store, "Maker")
    came = at_once(monkeypatch, "asked_minor", lambda: ask(store, maker, 60, "L1"), lambda: ask(store, maker, 60, "L2"))
    assert sorted(map(str, came)) == sorted(map(str, (RequestState.WAITING, AboveLimit)))
    store.close()


def test_of_two_approvals_at_one_moment_the_second_counts_the_first(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(postgresql_url)
    with_rules(store)
    maker, sun = a_person(store, "Maker"), a_person(store, "Sun")
    limit_approvals(store, sun, 100)
    first, second = ask(store, maker, 60, "L1"), ask(store, maker, 60, "L2")
    came = at_once(monkeypatch, "approved_minor", lambda: decide(store, sun, first), lambda: decide(store, sun, second))
    assert sorted(map(str, came)) == sorted(map(str, (RequestState.APPROVED, AboveLimit)))
    store.close()
