"""Asking for an approval: what may be asked for and by whom, and how a request ends without a decision."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from ops_app.domain.errors import DomainError, Invalid, Refused
from ops_app.domain.organisation.approvals import (
    MoveNotAllowed,
    OnlyTheMaker,
    OpenAlready,
    RequestChanged,
    RequestExpired,
    RequestState,
)
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.organisation import approvals
from ops_app.store.store import Store
from tests.services.organisation.approving import (
    NOTE,
    NOW,
    a_person,
    ask,
    decide,
    seen,
)

pytestmark = pytest.mark.usefixtures("approval_kinds")


@pytest.fixture
def maker(store: Store) -> Actor:
    return a_person(store, "Maker")


@pytest.fixture
def supervisor(store: Store) -> Actor:
    return a_person(store, "Super")


def test_the_same_thing_is_asked_for_once_at_a_time(store: Store, maker: Actor, supervisor: Actor) -> None:
    one = ask(store, maker)
    with pytest.raises(OpenAlready, match="Maker"):
        ask(store, supervisor)
    ask(store, supervisor, loan="L2")
    approvals.withdraw(maker, store, now=NOW, request_id=one.request_id, expected_version=1, reason="mistaken", key="w")
    ask(store, supervisor)
    for _ in range(2):
        ask(store, maker, kind=NOTE)


def test_only_the_maker_withdraws_and_only_while_it_is_open(store: Store, maker: Actor, supervisor: Actor) -> None:
    one = ask(store, maker)
    asked = {"now": NOW, "request_id": one.request_id, "expected_version": 1, "reason": "mistaken"}
    with pytest.raises(OnlyTheMaker):
        approvals.withdraw(supervisor, store, key="a", **asked)
    assert approvals.withdraw(maker, store, key="b", **asked).state is RequestState.WITHDRAWN
    assert approvals.withdraw(maker, store, key="b", **asked).state is RequestState.WITHDRAWN
    with pytest.raises(MoveNotAllowed):
        approvals.withdraw(maker, store, key="c", **asked | {"expected_version": 2})
    with pytest.raises(RequestChanged):
        decide(store, supervisor, one)


def test_a_request_expires_and_makes_room(store: Store, maker: Actor, supervisor: Actor) -> None:
    one = ask(store, maker)
    last = one.expires_at - timedelta(microseconds=1)
    assert approvals.expire_requests(SYSTEM, store, now=last) == 0
    with pytest.raises(RequestExpired):
        decide(store, supervisor, one, now=one.expires_at)
    two = ask(store, maker, now=one.expires_at)
    assert seen(store, maker, one.request_id).state is RequestState.EXPIRED
    assert approvals.expire_requests(SYSTEM, store, now=two.expires_at) == 1
    assert approvals.expire_requests(SYSTEM, store, now=two.expires_at) == 0
    assert seen(store, maker, two.request_id).state is RequestState.EXPIRED


def test_who_may_not_make_a_kind_is_told_who_may(store: Store) -> None:
    with pytest.raises(Refused, match="supervisor"):
        ask(store, a_person(store, "Ann", Role.ANALYST))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("amount_minor", {"amount_minor": -1}),
        ("currency", {"currency": None}),
        ("currency", {"currency": "yuan"}),
        ("reason", {"reason": " x "}),
        ("object_id", {"object_id": ""}),
        ("arguments", {"arguments": {"impossible": True}}),
        ("key", {"key": ""}),
    ],
)
def test_a_wrong_request_is_refused_by_its_field(store: Store, maker: Actor, field: str, wrong: dict) -> None:
    with pytest.raises(Invalid) as refusal:
        ask(store, maker, **wrong)
    assert refusal.value.field == field


def test_of_two_who_ask_at_once_one_request_is_entered(store: Store) -> None:
    makers = [a_person(store, f"M{number}") for number in range(2)]
    together = Barrier(2)

    def attempt(actor: Actor) -> object:
        together.wait()
        try:
            return ask(store, actor)
        except DomainError as why:
            return why

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(attempt, makers))
    assert sorted(isinstance(answer, OpenAlready) for answer in answers) == [False, True]
