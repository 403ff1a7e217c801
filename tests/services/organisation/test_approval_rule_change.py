"""The rules of approval: loaded once, changed by an approved request, never for requests that were made before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation.approval_defaults import reference_rules
from ops_app.services.organisation.approval_kinds import kinds
from ops_app.services.organisation.approval_rules import CHANGE, list_rules, request_rules
from ops_app.store.store import Store
from tests.services.organisation.approving import (
    NOW,
    WAIVE,
    a_person,
    ask,
    decide,
    seen,
)

LEVELS = [{"level": 1, "role": "manager"}, {"level": 2, "role": "compliance", "from_minor": 10}]

pytestmark = pytest.mark.usefixtures("approval_kinds")


@pytest.fixture
def administrator(store: Store) -> Actor:
    return a_person(store, "Admin2", Role.ADMINISTRATOR)


@pytest.fixture
def manager(store: Store) -> Actor:
    return a_person(store, "Manager", Role.MANAGER)


def wanted(store: Store, actor: Actor, levels: Any = None, kind: str = WAIVE, key: str = "k") -> str:
    asked = LEVELS if levels is None else levels
    return request_rules(actor, store, now=NOW, kind=kind, levels=asked, reason="new policy", key=key)


def test_rules_change_from_the_approval_on_and_not_for_what_was_asked_before(
    store: Store, administrator: Actor, manager: Actor
) -> None:
    maker = a_person(store, "Maker")
    before = ask(store, maker, 10, "old")
    request_id = wanted(store, administrator)
    assert ask(store, maker, 10, "meanwhile").levels == (Role.SUPERVISOR,)
    done = decide(store, manager, seen(store, administrator, request_id))
    assert (done.state, done.result["ended"], done.result["entered"]) == (RequestState.APPROVED, 2, 2)
    after = ask(store, maker, 10, "new", now=NOW + timedelta(seconds=1))
    assert after.levels == (Role.MANAGER, Role.COMPLIANCE)
    assert ask(store, maker, 9, "small", now=NOW + timedelta(seconds=1)).levels == (Role.MANAGER,)
    assert seen(store, maker, before.request_id).levels == (Role.SUPERVISOR,)
    held = list_rules(manager, store, now=NOW + timedelta(seconds=1), kind=WAIVE)
    assert [(rule.level_no, rule.role) for rule in held] == [(1, Role.MANAGER), (2, Role.COMPLIANCE)]


def test_the_reference_data_holds_for_a_kind_until_people_change_it(
    store: Store, administrator: Actor, manager: Actor
) -> None:
    assert [rule.role for rule in list_rules(manager, store, now=NOW, kind=CHANGE)] == [Role.MANAGER]
    one = wanted(store, administrator, [{"level": 1, "role": "compliance"}], kind=CHANGE)
    decide(store, manager, seen(store, administrator, one))
    later = NOW + timedelta(seconds=1)
    assert [rule.role for rule in list_rules(manager, store, now=later, kind=CHANGE)] == [Role.COMPLIANCE]
    second = request_rules(
        administrator, store, now=later, kind=CHANGE, levels=LEVELS, reason="and once more", key="second"
    )
    assert seen(store, administrator, second).levels == (Role.COMPLIANCE,)
    assert {rule.kind for rule in reference_rules()} <= set(kinds())


@pytest.mark.parametrize(
    "levels",
    [
        [],
        [{"level": 1}],
        [{"level": 1, "role": "collector"}],
        [{"level": 1, "role": "nobody"}],
        [{"level": 2, "role": "manager"}],
        [{"level": 1, "role": "manager", "from_minor": 1}],
        [{"level": 1, "role": "manager", "currency": "USD"}],
        [{"level": 1, "role": "manager"}, {"level": 1, "role": "finance"}],
    ],
)
def test_rules_that_cannot_hold_are_refused_when_they_are_asked_for(
    store: Store, administrator: Actor, levels: list[dict[str, Any]]
) -> None:
    with pytest.raises(Invalid):
        wanted(store, administrator, levels)


def test_rules_of_an_unknown_kind_and_by_those_who_may_not_are_refused(store: Store, administrator: Actor) -> None:
    with pytest.raises(Refused):
        wanted(store, administrator, kind="no.such_kind")
    with pytest.raises(Refused):
        wanted(store, a_person(store, "Super"))
