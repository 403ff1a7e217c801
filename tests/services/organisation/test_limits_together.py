"""What adds up to a person's limit of amount: at one moment, over several rounds, after a request is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier, BrokenBarrierError
from typing import Any
from uuid import uuid4

import pytest

from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.rights import AboveLimit, Narrowing, Rights
from ops_app.services.organisation import approval_limits, approvals
from ops_app.services.organisation.approvals import ApprovalRequest
from ops_app.services.organisation.rights import narrow_right
from ops_app.store.store import Store
from tests.services.organisation.approving import (
    ADMINISTRATOR,
    LIMIT,
    NOW,
    a_person,
    ask,
    decide,
    kinds_of_the_tests,
    seen,
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
        with suppress(BrokenBarrierError):  # broken: the others wait for this one
            gate.wait()
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


def again(store: Store, maker: Actor, one: ApprovalRequest, amount_minor: int, now: datetime) -> ApprovalRequest:
    """The returned request, submitted again with that amount."""
    approvals.resubmit(
        maker, store, now=now, request_id=one.request_id, expected_version=one.version + 1, arguments=one.arguments,
        reason="changed", amount_minor=amount_minor, currency="CNY", key=uuid4().hex,
    )  # fmt: skip
    return seen(store, maker, one.request_id)


@pytest.mark.usefixtures("rules")
def test_what_was_returned_counts_from_when_it_was_submitted_again(store: Store) -> None:
    maker, sun = limited(store, "Maker"), a_person(store, "Sun")
    one = ask(store, maker, 60, "L1")
    decide(store, sun, one, "return")
    with pytest.raises(AboveLimit):
        ask(store, maker, 60, "L2")
    later = NOW + timedelta(days=2)
    decide(store, sun, again(store, maker, one, 100, later), now=later + timedelta(minutes=1))
    with pytest.raises(AboveLimit):
        ask(store, maker, 60, "L2", now=later + timedelta(minutes=2))
    ask(store, maker, 100, "L2", now=later + timedelta(days=1))


@pytest.mark.usefixtures("rules")
def test_what_is_over_counts_no_more_though_nothing_marked_it_yet(store: Store) -> None:
    maker = limited(store, "Maker")
    one = ask(store, maker, 60, "L1")
    with pytest.raises(AboveLimit):
        ask(store, maker, 60, "L2", now=one.expires_at - timedelta(seconds=1))
    ask(store, maker, 60, "L2", now=one.expires_at)


@pytest.mark.usefixtures("rules")
def test_an_approval_that_lapsed_does_not_count_against_who_gave_it(store: Store) -> None:
    maker, sun, mei = a_person(store, "Maker"), a_person(store, "Sun"), a_person(store, "Mei", Role.MANAGER)
    limit_approvals(store, sun, LIMIT + 60)
    large = ask(store, maker, LIMIT, "L1")
    decide(store, sun, large)
    small = ask(store, maker, 61, "L2")
    with pytest.raises(AboveLimit):
        decide(store, sun, small)
    large = seen(store, maker, large.request_id)
    decide(store, mei, large, "return")
    decide(store, sun, small)
    anew = again(store, maker, large, LIMIT, NOW)
    decide(store, sun, ask(store, maker, 60, "L3"))  # the approval of the round before has lapsed
    with pytest.raises(AboveLimit):
        decide(store, sun, anew)
