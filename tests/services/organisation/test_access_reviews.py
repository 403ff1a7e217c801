"""The quarterly review of rights: it begins by itself, once, is due, escalates, and keeps what was decided."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.access_reviews import (
    MOST_DECIDED,
    TERM,
    DecidedAlready,
    NoSuchReview,
    ReviewDecision,
    quarter_of,
)
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.rights import Narrowing
from ops_app.services.organisation import access_reviews, people, rights
from ops_app.services.organisation.notices import list_my_notices
from ops_app.services.organisation.todo import list_todos
from ops_app.store.organisation import rights as stored
from ops_app.store.store import Store
from ops_app.store.tables.operations import notifications
from ops_app.store.tables.organisation import audit_log
from tests.services.organisation.approving import a_person
from tests.services.organisation.conftest import NOW

LATER = datetime(2027, 4, 2, 3, 0, tzinfo=UTC)
TODAY = LATER.date()
REVIEW = "2027-Q2"
KEPT, TAKEN = ReviewDecision.KEPT, ReviewDecision.TAKEN


@pytest.fixture
def fin(store: Store, admin: Actor) -> Actor:
    return a_person(store, "Fin", Role.FINANCE)


def carry_on(store: Store, at: datetime = LATER) -> int:
    return access_reviews.carry_on_reviews(SYSTEM, store, now=at, today=at.date())


def listed(store: Store, by: Actor, **more: object) -> dict[tuple[str, str], ReviewDecision | None]:
    found = access_reviews.list_reviewed(by, store, now=LATER, review_id=REVIEW, page_size=500, **more)  # type: ignore[arg-type]
    assert found.total == len(found.rows)
    return {(one.person_id, one.permission): one.decision for one in found.rows}


def decide(store: Store, by: Actor, what: ReviewDecision, *items: tuple[str, str], at: datetime = LATER) -> int:
    return access_reviews.decide_reviewed(
        by, store, now=at, review_id=REVIEW, items=items, decision=what, reason="looked at"
    )


def the_review(store: Store, by: Actor) -> access_reviews.Review:
    return access_reviews.list_reviews(by, store, now=LATER)[0]


@pytest.mark.parametrize(
    ("day", "quarter"),
    [(date(2026, 1, 1), "2026-Q1"), (date(2026, 3, 31), "2026-Q1"), (date(2026, 4, 1), "2026-Q2"),
     (date(2026, 12, 31), "2026-Q4")],
)  # fmt: skip
def test_a_quarter_has_three_months(day: date, quarter: str) -> None:
    assert quarter_of(day) == quarter


def test_a_review_begins_by_itself_once_a_quarter_with_every_right_that_nobody_used(
    store: Store, admin: Actor, fin: Actor
) -> None:
    assert carry_on(store) == 1
    assert carry_on(store) == carry_on(store, LATER + timedelta(days=3)) == 0
    unused = rights.review_rights(admin, store, now=LATER, page_size=500).rows
    keeps = {(admin.person_id, "people.manage"), (admin.person_id, "rights.narrow")}
    asked = {(one.person.person_id, one.permission): None for one in unused}
    assert keeps <= asked.keys()  # nobody can take these from an administrator, so nobody is asked
    assert listed(store, admin) == {one: None for one in asked if one not in keeps}
    one = the_review(store, admin)
    assert (one.review_id, one.due_at, one.undecided) == (REVIEW, LATER + TERM, len(unused) - len(keeps))
    with store.reading() as connection:
        (said,) = connection.execute(select(notifications.c.kind)).scalars()
    assert said == "access_review"
    with pytest.raises(Refused):
        access_reviews.carry_on_reviews(admin, store, now=LATER, today=TODAY)


def test_a_house_in_which_nothing_is_unused_has_its_review_all_the_same(store: Store, admin: Actor) -> None:
    early = NOW + timedelta(days=1)
    assert carry_on(store, early) == 0
    (one,) = access_reviews.list_reviews(admin, store, now=early)
    assert (one.review_id, one.rights, one.closed_at) == ("2026-Q4", 0, early)


def test_the_review_waits_for_those_who_review_until_it_is_due_and_then_the_managers_are_told(
    store: Store, admin: Actor, fin: Actor
) -> None:
    admin_open = Actor(admin.person_id, "Ada", Role.ADMINISTRATOR)
    manager, cora = a_person(store, "Manager", Role.MANAGER), a_person(store, "Cora", Role.COMPLIANCE)
    carry_on(store)
    for who in (admin_open, cora):
        found = list_todos(who, store, now=LATER, zone=ZoneInfo("Asia/Shanghai"), kind="access_review")
        assert [(one.object_id, one.due_at) for one in found.rows] == [(REVIEW, LATER + TERM)]
    assert "access_review" not in list_todos(fin, store, now=LATER, zone=ZoneInfo("Asia/Shanghai")).counts
    late = LATER + TERM
    assert carry_on(store, late - timedelta(seconds=1)) == 0
    assert (carry_on(store, late), carry_on(store, late)) == (1, 0)
    for who, told in ((manager, 1), (cora, 1), (fin, 0)):
        assert list_my_notices(who, store, now=late).unread == told
    assert list_todos(cora, store, now=late, zone=ZoneInfo("Asia/Shanghai"), late_only=True).late == 1


def test_what_is_decided_is_kept_with_who_and_why_and_the_last_decision_closes_the_review(
    store: Store, admin: Actor, fin: Actor
) -> None:
    cora = a_person(store, "Cora", Role.COMPLIANCE)
    carry_on(store)
    mine, theirs = (fin.person_id, "payments.record"), (fin.person_id, "periods.close")
    assert decide(store, cora, KEPT, mine) == 1
    with pytest.raises(Refused):
        decide(store, cora, TAKEN, theirs)
    assert decide(store, admin, TAKEN, theirs) == 1
    with store.reading() as connection:
        assert stored.rights_of(connection, fin.person_id).withheld == {"periods.close"}
    for again in (mine, theirs):
        with pytest.raises(DecidedAlready, match="decided on one of these"):
            decide(store, admin, KEPT, again)
    decided = access_reviews.list_reviewed(cora, store, now=LATER, review_id=REVIEW, undecided=False).rows
    assert {(one.permission, one.decision, one.decided_by_name, one.reason) for one in decided} == {
        ("payments.record", KEPT, "Cora", "looked at"), ("periods.close", TAKEN, "Ada", "looked at"),
    }  # fmt: skip
    left = [one for one, what in listed(store, admin).items() if what is None]
    decide(store, cora, KEPT, *[one for one in left if one[0] != cora.person_id])
    assert the_review(store, admin).closed_at is None
    decide(store, admin, KEPT, *[one for one in left if one[0] == cora.person_id])
    assert the_review(store, admin).closed_at == LATER


def test_nobody_decides_on_a_right_of_their_own_nor_on_one_that_is_not_in_the_review(
    store: Store, admin: Actor, fin: Actor
) -> None:
    carry_on(store)
    own = next(one for one in listed(store, admin) if one[0] == admin.person_id)
    with pytest.raises(Refused, match="Nobody changes their own rights"):
        decide(store, admin, KEPT, (fin.person_id, "payments.record"), own)
    for absent in ((fin.person_id, "people.manage"), ("p-none", "payments.record")):
        with pytest.raises(NoSuchReview):
            decide(store, admin, KEPT, absent)
    for wrong in ((), [(fin.person_id, f"r{number}") for number in range(MOST_DECIDED + 1)]):
        with pytest.raises(Invalid):
            decide(store, admin, KEPT, *wrong)
    with pytest.raises(Invalid):
        decide(store, admin, ReviewDecision.LAPSED, (fin.person_id, "payments.record"))
    assert set(listed(store, admin).values()) == {None}


def test_a_right_taken_outside_the_review_counts_in_it_and_those_of_who_leaves_lapse(
    store: Store, admin: Actor, fin: Actor
) -> None:
    carry_on(store)
    rights.narrow_right(
        admin, store, now=LATER, person_id=fin.person_id, kind=Narrowing.WITHHELD, permission="payments.record",
        reason="not needed",
    )  # fmt: skip
    assert listed(store, admin)[(fin.person_id, "payments.record")] is TAKEN
    people.deactivate_person(admin, store, now=LATER, person_id=fin.person_id, version=1, reason="left")
    carry_on(store)
    of_fin = {what for (who, _), what in listed(store, admin).items() if who == fin.person_id}
    assert of_fin == {TAKEN, ReviewDecision.LAPSED}


def audited(store: Store, action: str) -> list[str]:
    with store.reading() as connection:
        return list(connection.execute(select(audit_log.c.object_id).where(audit_log.c.action == action)).scalars())


@pytest.mark.parametrize("what", [KEPT, TAKEN])
def test_a_right_of_a_role_that_its_person_has_no_longer_or_of_who_left_lapses_when_it_is_decided_on(
    store: Store, admin: Actor, fin: Actor, what: ReviewDecision
) -> None:
    moves, stays = a_person(store, "Moves", Role.SUPERVISOR), a_person(store, "Stays", Role.FINANCE)
    carry_on(store)
    people.deactivate_person(admin, store, now=LATER, person_id=fin.person_id, version=1, reason="left")
    people.change_role(
        admin, store, now=LATER, person_id=moves.person_id, version=1, role=Role.ALLOCATION, agency_code=None,
        reason="moves",
    )  # fmt: skip
    left, moved, here = (
        (fin.person_id, "payments.record"), (moves.person_id, "cases.place"), (stays.person_id, "payments.record")
    )  # fmt: skip
    assert decide(store, admin, what, left, moved, here) == 1
    found = listed(store, admin)
    assert (found[left], found[moved], found[here]) == (ReviewDecision.LAPSED, ReviewDecision.LAPSED, what)
    with store.reading() as connection:
        assert stored.rights_of(connection, moves.person_id).withheld == frozenset()
    assert decide(store, admin, what, *[one for one in found if one[0] == fin.person_id and one != left]) == 0


def test_what_lapses_in_a_later_quarter_is_audited_under_the_review_it_belongs_to(
    store: Store, admin: Actor, fin: Actor
) -> None:
    carry_on(store)
    people.deactivate_person(admin, store, now=LATER, person_id=fin.person_id, version=1, reason="left")
    carry_on(store, LATER + timedelta(days=95))
    assert audited(store, "access_review.lapsed") == [REVIEW]
