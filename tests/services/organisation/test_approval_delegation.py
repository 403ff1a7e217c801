"""Delegation: one's own right, to a person of the same role or a higher one, for a time; every decision names both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ops_app.domain.errors import Conflict, DomainError, Invalid, NotFound, Refused
from ops_app.domain.organisation.approvals import DecidedBefore, NotYourLevel, OwnRequest, RequestState
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation import approvals, people
from ops_app.services.organisation.approvals import Delegation
from ops_app.store.organisation.approvals import history
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from tests.services.organisation.approving import (
    ADMINISTRATOR,
    LIMIT,
    NOW,
    a_person,
    ask,
    decide,
    seen,
)

WEEK = timedelta(days=7)

pytestmark = pytest.mark.usefixtures("approval_kinds")


@pytest.fixture
def cast(store: Store) -> dict[str, Actor]:
    roles = {
        "Maker": Role.FINANCE, "Super": Role.SUPERVISOR, "Other": Role.SUPERVISOR, "Manager": Role.MANAGER,
        "Analyst": Role.ANALYST, "Finance": Role.FINANCE,
    }  # fmt: skip
    return {name: a_person(store, name, role) for name, role in roles.items()}


def given(store: Store, giver: Actor, taker: Actor, **other: Any) -> Delegation:
    values = {
        "now": NOW,
        "starts_at": NOW,
        "ends_at": NOW + WEEK,
        "reason": "on leave",
        "key": f"{giver.name}-{taker.name}",
    }
    return approvals.delegate(giver, store, to_person_id=taker.person_id, **values | other)


def test_a_delegated_decision_names_both(store: Store, cast: dict[str, Actor]) -> None:
    given(store, cast["Super"], cast["Manager"])
    one = ask(store, cast["Maker"])
    assert approvals.list_requests(cast["Manager"], store, now=NOW, only_mine=True).total == 1
    assert approvals.read_request(cast["Manager"], store, now=NOW, request_id=one.request_id).on_behalf_of == (
        cast["Super"].person_id
    )
    assert decide(store, cast["Manager"], one).state is RequestState.APPROVED
    with store.reading() as connection:
        said = history(connection, one.request_id)[0]
        row = connection.execute(select(audit_log.c.after_json).where(audit_log.c.action == "approval.approve_last"))
        assert cast["Super"].person_id in row.scalar_one()
    assert (said.decided_by_name, said.principal_name, said.role) == ("Manager", "Super", Role.SUPERVISOR)


@pytest.mark.parametrize(
    ("taker", "allowed"),
    [("Other", True), ("Manager", True), ("Finance", False), ("Analyst", False), ("Super", False)],
)
def test_power_goes_to_the_same_role_or_a_higher_one(
    store: Store, cast: dict[str, Actor], taker: str, allowed: bool
) -> None:
    if allowed:
        assert given(store, cast["Super"], cast[taker]).to_name == taker
        return
    with pytest.raises(Invalid) as refusal:
        given(store, cast["Super"], cast[taker])
    assert refusal.value.field == "to_person_id"


def test_a_manager_does_not_delegate_downwards_and_who_decides_nothing_delegates_nothing(
    store: Store, cast: dict[str, Actor]
) -> None:
    with pytest.raises(Invalid):
        given(store, cast["Manager"], cast["Super"])
    with pytest.raises(Refused):
        given(store, cast["Analyst"], cast["Manager"])


def test_a_delegation_holds_in_its_time_only(store: Store, cast: dict[str, Actor]) -> None:
    made = given(store, cast["Super"], cast["Manager"], starts_at=NOW + timedelta(days=1), key="d")
    assert given(store, cast["Super"], cast["Manager"], starts_at=NOW + timedelta(days=1), key="d") == made
    one = ask(store, cast["Maker"])
    for moment in (NOW, made.starts_at - timedelta(microseconds=1), made.ends_at):
        with pytest.raises(NotYourLevel):
            decide(store, cast["Manager"], one, now=moment)
    assert decide(store, cast["Manager"], one, now=made.starts_at).state is RequestState.APPROVED


def test_a_delegation_that_was_taken_back_holds_no_more(store: Store, cast: dict[str, Actor]) -> None:
    made = given(store, cast["Super"], cast["Manager"])
    one = ask(store, cast["Maker"])
    common = {"now": NOW, "delegation_id": made.delegation_id, "expected_version": 1}
    with pytest.raises(NotFound):
        approvals.end_delegation(cast["Manager"], store, **common)
    approvals.end_delegation(cast["Super"], store, **common)
    with pytest.raises(Conflict):
        approvals.end_delegation(cast["Super"], store, **common)
    with pytest.raises(NotYourLevel):
        decide(store, cast["Manager"], one)


@pytest.mark.parametrize("days", [-1, 0, 93])
def test_a_period_that_is_none_or_too_long_is_refused(store: Store, cast: dict[str, Actor], days: int) -> None:
    with pytest.raises(Invalid):
        given(store, cast["Super"], cast["Manager"], ends_at=NOW + timedelta(days=days))


@pytest.mark.parametrize("lost", ["role", "activity"])
def test_it_ends_with_the_right_of_who_gave_it(store: Store, cast: dict[str, Actor], lost: str) -> None:
    given(store, cast["Super"], cast["Manager"])
    one = ask(store, cast["Maker"])
    common = {"now": NOW, "person_id": cast["Super"].person_id, "version": 1, "reason": "moved on"}
    if lost == "role":
        people.change_role(ADMINISTRATOR, store, role=Role.ANALYST, **common)
    else:
        people.deactivate_person(ADMINISTRATOR, store, **common)
    with pytest.raises(NotYourLevel):
        decide(store, cast["Manager"], one)


def test_nothing_is_passed_on_a_second_time(store: Store, cast: dict[str, Actor]) -> None:
    """Super → Manager → Second: the second manager may decide what the manager may, not what Super may."""
    second = a_person(store, "Second", Role.MANAGER)
    given(store, cast["Super"], cast["Manager"])
    given(store, cast["Manager"], second)
    with pytest.raises(NotYourLevel):
        decide(store, second, ask(store, cast["Maker"]))


def test_neither_the_maker_nor_for_the_maker(store: Store, cast: dict[str, Actor]) -> None:
    given(store, cast["Super"], cast["Other"])
    given(store, cast["Super"], cast["Manager"])
    with pytest.raises(OwnRequest):
        decide(store, cast["Other"], ask(store, cast["Other"], loan="L2"))
    own = ask(store, cast["Super"], loan="L3")
    with pytest.raises(OwnRequest):
        decide(store, cast["Manager"], own)
    queue = approvals.list_requests(cast["Manager"], store, now=NOW, only_mine=True).rows
    assert [one.object_id for one in queue] == ["L2"]
    assert decide(store, cast["Other"], own, on_behalf_of=None).state is RequestState.APPROVED


def test_nobody_decides_two_levels_through_somebody_else(store: Store, cast: dict[str, Actor]) -> None:
    second = a_person(store, "Second", Role.MANAGER)
    given(store, cast["Super"], cast["Manager"])
    given(store, cast["Manager"], second)
    one = ask(store, cast["Maker"], LIMIT)
    decide(store, cast["Manager"], one)  # for Super
    after = seen(store, cast["Maker"], one.request_id)
    with pytest.raises(DecidedBefore):
        decide(store, cast["Manager"], after)
    with pytest.raises(DecidedBefore):
        decide(store, second, after, on_behalf_of=cast["Manager"].person_id)
    assert decide(store, second, after).state is RequestState.APPROVED  # in their own right


def test_one_may_name_whose_delegation_is_used(store: Store, cast: dict[str, Actor]) -> None:
    for giver in ("Super", "Other"):
        given(store, cast[giver], cast["Manager"])
    one = ask(store, cast["Maker"])
    with pytest.raises(NotYourLevel):
        decide(store, cast["Manager"], one, on_behalf_of=cast["Analyst"].person_id)
    decide(store, cast["Manager"], one, on_behalf_of=cast["Other"].person_id)
    with store.reading() as connection:
        assert history(connection, one.request_id)[0].principal_id == cast["Other"].person_id
    with pytest.raises(DomainError):
        decide(store, cast["Manager"], one)


def test_possible_delegates_are_those_who_would_be_taken(store: Store, cast: dict[str, Actor]) -> None:
    found = approvals.possible_delegates(cast["Super"], store, now=NOW)
    assert [one.display_name for one in found] == ["Manager", "Other"]
    assert approvals.possible_delegates(cast["Manager"], store, now=NOW) == []
