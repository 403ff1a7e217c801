"""Looking into the audit log: who may, what is found, page by page."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.findings import Finding
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.organisation.audit import (
    AuditFilter,
    check_audit,
    checkpoint_audit,
    list_actions,
    search_audit,
)
from ops_app.store.store import Store
from tests.services.organisation.conftest import NOW, someone

AUDITOR = someone(Role.AUDITOR)
SECOND = timedelta(seconds=1)


@pytest.fixture
def log(store: Store) -> Store:
    """Thirty acts, one a second: three actors, two actions, five objects."""
    actors = [SYSTEM, someone(Role.SUPERVISOR), someone(Role.FINANCE)]
    for number in range(30):
        with store.writing(actors[number % 3], NOW + number * SECOND) as transaction:
            action = "break.matched" if number % 2 else "break_x.parked"
            transaction.audit(action, "break", f"b{number % 5}", reason=f"reason {number}")
    return store


def numbers(store: Store, wanted: AuditFilter | None = None, limit: int = 500) -> list[int]:
    return [row.seq for row in search_audit(AUDITOR, store, now=NOW, wanted=wanted, limit=limit).rows]


def test_the_newest_come_first(log: Store) -> None:
    assert numbers(log) == list(range(30, 0, -1))
    row = search_audit(AUDITOR, log, now=NOW, limit=1).rows[0]
    assert (row.actor_name, row.action, row.object_id, row.reason) == ("finance", "break.matched", "b4", "reason 29")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (AuditFilter(actor_id="system"), [seq for seq in range(30, 0, -1) if seq % 3 == 1]),
        (AuditFilter(action="break.matched"), [seq for seq in range(30, 0, -1) if seq % 2 == 0]),
        (AuditFilter(action="break."), [seq for seq in range(30, 0, -1) if seq % 2 == 0]),
        (AuditFilter(object_type="break", object_id="b0"), [26, 21, 16, 11, 6, 1]),
        (AuditFilter(object_id="none"), []),
        (AuditFilter(since=NOW + 10 * SECOND, until=NOW + 12 * SECOND), [12, 11]),
        (AuditFilter(actor_id="system", action="break.matched", since=NOW + 20 * SECOND), [28, 22]),
        (AuditFilter(action="break%"), []),
    ],
)
def test_a_search_finds_what_matches_and_nothing_else(log: Store, wanted: AuditFilter, expected: list[int]) -> None:
    assert numbers(log, wanted) == expected


def test_pages_stay_the_same_while_acts_are_added(log: Store) -> None:
    first = search_audit(AUDITOR, log, now=NOW, limit=10)
    with log.writing(SYSTEM, NOW) as transaction:
        transaction.audit("x", "y", "z")
    second = search_audit(AUDITOR, log, now=NOW, limit=10, before=first.next_before)
    third = search_audit(AUDITOR, log, now=NOW, limit=10, before=second.next_before)
    assert [row.seq for page in (first, second, third) for row in page.rows] == list(range(30, 0, -1))
    assert third.next_before is None


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(1, 40),
    actor=st.sampled_from([None, "system", "p-finance"]),
    since=st.none() | st.integers(0, 31),
    until=st.none() | st.integers(0, 31),
)
def test_pages_of_any_size_give_every_row_once(
    log: Store, size: int, actor: str | None, since: int | None, until: int | None
) -> None:
    wanted = AuditFilter(
        actor_id=actor,
        since=None if since is None else NOW + since * SECOND,
        until=None if until is None else NOW + until * SECOND,
    )
    if since is not None and until is not None and since >= until:
        with pytest.raises(Invalid):
            search_audit(AUDITOR, log, now=NOW, wanted=wanted)
        return
    found: list[int] = []
    before = None
    while True:
        page = search_audit(AUDITOR, log, now=NOW, wanted=wanted, before=before, limit=size)
        assert len(page.rows) <= size
        found += [row.seq for row in page.rows]
        before = page.next_before
        if before is None:
            break
    assert found == numbers(log, wanted)


def test_the_actions_of_the_log_are_offered(log: Store) -> None:
    assert list_actions(AUDITOR, log, now=NOW) == ["break.matched", "break_x.parked"]


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_page_out_of_bounds_is_refused(log: Store, limit: int) -> None:
    with pytest.raises(Invalid):
        search_audit(AUDITOR, log, now=NOW, limit=limit)


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.COLLECTOR, Role.ANALYST, Role.MANAGER, Role.OPERATOR])
def test_who_does_not_audit_does_not_look_into_the_log(role: Role) -> None:
    for service in (search_audit, list_actions):
        with pytest.raises(Refused):
            service(someone(role), None, now=NOW)


def test_an_operator_may_sign_and_verify_but_not_read(log: Store, tmp_path: Path) -> None:
    operator: Actor = someone(Role.OPERATOR)
    made = checkpoint_audit(operator, log, now=NOW, evidence=tmp_path)
    assert made is not None
    assert made.seq == 30
    finding = check_audit(operator, log, now=NOW, evidence=tmp_path)
    assert (finding.state, finding.checked, finding.detail) == ("holds", 30, "signed up to row 30")


def test_a_broken_finding_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="says what is wrong"):
        Finding(8, "audit", "broken")
