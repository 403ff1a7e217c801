"""The quarterly review of rights (feature 9): it begins by itself, waits for people until it is due, and keeps what was
decided on every right that nobody used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.access_reviews import (
    TERM,
    UNUSED_DAYS,
    DecidedAlready,
    NoSuchReview,
    ReviewDecision,
    checked_items,
    quarter_of,
)
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.permissions import GRANTS, may_be_taken, require
from ops_app.domain.organisation.rights import Narrowing
from ops_app.domain.paging import check_page
from ops_app.services.act import act
from ops_app.services.organisation.installation import installation
from ops_app.services.organisation.notifications import enter_notification
from ops_app.services.organisation.people import checked_why, other_person
from ops_app.services.organisation.rights import take, unused_rights
from ops_app.services.organisation.todo import Asked, ToDo, register
from ops_app.store.organisation import access_reviews, notices, people
from ops_app.store.organisation.access_reviews import Decided, Review, RightInReview
from ops_app.store.organisation.people import PeopleFilter, Person
from ops_app.store.store import Store, Transaction

__all__ = ["Review", "RightInReview", "RightsPage", "carry_on_reviews", "decide_reviewed", "list_reviewed",
           "list_reviews"]  # fmt: skip

OBJECT = "access_review"
LATE = "access_review_late"
"""The event of a notice about a review whose time is over."""

_MOST_LISTED = 40
_MOST_TOLD = 200


@dataclass(frozen=True)
class RightsPage:
    """One page of the rights of a review, and how many match in all."""

    rows: tuple[RightInReview, ...]
    total: int


@act("system.run")
def carry_on_reviews(actor: Actor, store: Store, *, now: datetime, today: date) -> int:
    """Begin the review of the quarter of ``today`` unless it began, let rights lapse whose person left, escalate a
    review that is late; how many announcements were made. Again is a no-op; what there is nothing of is not written."""
    review_id, announced = quarter_of(today), 0
    with store.reading() as connection:
        begins = not access_reviews.is_begun(connection, review_id)
        lapses, late = access_reviews.has_lapsed(connection), access_reviews.late(connection, now)
    if begins:
        with store.writing(actor, now) as transaction:
            announced += _begin(transaction, review_id, today)
    if lapses:
        with store.writing(actor, now) as transaction:
            why = Decided(ReviewDecision.LAPSED, "", actor.person_id, actor.name, now)
            for of, count in access_reviews.lapse(transaction.connection, why).items():
                transaction.audit("access_review.lapsed", OBJECT, of, after={"rights": count})
            access_reviews.close_done(transaction.connection, now)
    for one in late:
        with store.writing(actor, now) as transaction:
            if access_reviews.escalate(transaction.connection, one, now):
                announced += _escalate(transaction, one, today)
    return announced


@act("rights.review")
def list_reviews(actor: Actor, store: Store, *, now: datetime) -> list[Review]:
    """The reviews, the newest first, with how many rights of each wait for a decision."""
    with store.reading() as connection:
        return access_reviews.newest(connection, _MOST_LISTED)


@act("rights.review")
def list_reviewed(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    review_id: str,
    undecided: bool | None = None,
    page: int = 1,
    page_size: int = 50,
) -> RightsPage:
    """One page (from 1) of the rights of a review with what was decided; ``undecided`` narrows it to those that wait
    (or do not)."""
    check_page(page, page_size)
    with store.reading() as connection:
        rows, total = access_reviews.page(
            connection, review_id, undecided=undecided, offset=(page - 1) * page_size, limit=page_size
        )
    return RightsPage(tuple(rows), total)


@act("rights.review")
def decide_reviewed(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    review_id: str,
    items: Sequence[tuple[str, str]],
    decision: ReviewDecision,
    reason: str,
) -> int:
    """Keep rights (person, right) of a review, or take them away from this moment on; how many, all or none. Taking
    needs the right to take (``rights.narrow``). Nobody decides on a right of their own. What belongs to a role that its
    person has no longer, or whose person left, lapses instead and is not counted.

    Raises ``NoSuchReview``, ``DecidedAlready``, ``Refused``, ``Invalid``, and what ``narrow_right`` raises.
    """
    chosen, why = checked_items(list(items)), checked_why(reason)
    if decision is ReviewDecision.LAPSED:
        raise Invalid("A right is kept or taken away.", "请选择保留或收回。", field="decision")
    if decision is ReviewDecision.TAKEN:
        require(actor, "rights.narrow")
    with store.writing(actor, now) as transaction:
        found = access_reviews.of(transaction.connection, review_id, chosen)
        if len(found) != len(chosen):
            raise NoSuchReview
        for one in found:
            if one.decision is not None:
                raise DecidedAlready(one.decided_by_name or one.decision.value)
        persons = {one: other_person(transaction, actor, one) for one in sorted({who for who, _ in chosen})}
        lives = [one for one in found if _holds(persons[one.person_id], one)]
        held = [(one.person_id, one.permission) for one in lives]
        _let_lapse(transaction, review_id, [one for one in chosen if one not in set(held)])
        if decision is ReviewDecision.TAKEN:
            for person_id, permission in held:
                take(transaction, persons[person_id], Narrowing.WITHHELD, permission, (), why)
        elif held:
            kept = Decided(decision, why, actor.person_id, actor.name, now)
            access_reviews.decide(transaction.connection, review_id, held, kept)
        access_reviews.close_done(transaction.connection, now)
        if held:
            transaction.audit(
                f"access_review.{decision.value}", OBJECT, review_id,
                after={"rights": [f"{person_id}/{permission}" for person_id, permission in held]}, reason=why,
            )  # fmt: skip
    return len(held)


def _holds(person: Person, one: RightInReview) -> bool:
    """Whether a person still has the role by which a right came into the review."""
    return person.active and person.role is one.role


def _let_lapse(transaction: Transaction, review_id: str, gone: Sequence[tuple[str, str]]) -> None:
    if gone:
        why = Decided(ReviewDecision.LAPSED, "", SYSTEM.person_id, SYSTEM.name, transaction.now)
        access_reviews.decide(transaction.connection, review_id, gone, why)
        transaction.audit("access_review.lapsed", OBJECT, review_id, after={"rights": len(gone)})


def _begin(transaction: Transaction, review_id: str, today: date) -> bool:
    now, connection = transaction.now, transaction.connection
    if access_reviews.is_begun(connection, review_id):
        return False
    unused = unused_rights(connection, now, UNUSED_DAYS, PeopleFilter(active=True))
    found = [one for one in unused if may_be_taken(one.person.role, one.permission)]  # else there is nothing to decide
    due_at = now + TERM
    access_reviews.begin(
        connection, review_id, now, due_at,
        (
            {"person_id": one.person.person_id, "permission": one.permission, "role_code": one.person.role.value,
             "last_used_at": one.last_used_at}
            for one in found
        ),
    )  # fmt: skip
    access_reviews.close_done(connection, now)
    transaction.audit("access_review.begun", OBJECT, review_id, after={"rights": len(found), "due_at": due_at})
    if not found:
        return False
    due = due_at.astimezone(installation().zone)
    return enter_notification(
        transaction, "access_review", review_id, today,
        f"The review of rights {review_id} began: {len(found)} rights were not used for {UNUSED_DAYS} days. Decide on"
        f" them by {due:%Y-%m-%d %H:%M}.",
        f"{review_id} 权限复核已开始：{len(found)} 项权限 {UNUSED_DAYS} 天未使用，请于 {due:%Y-%m-%d %H:%M} 前处理。",
    )  # fmt: skip


def _escalate(transaction: Transaction, review_id: str, today: date) -> bool:
    """Tell those who decide and the managers."""
    told: set[str] = set()
    for role in sorted(GRANTS["rights.review"] | {Role.MANAGER}):
        rows, _ = people.page(
            transaction.connection, PeopleFilter(role=role, active=True), sort="sign_in_name", descending=False,
            offset=0, limit=_MOST_TOLD,
        )  # fmt: skip
        told |= {row.person_id for row in rows}
    notices.add(
        transaction.connection,
        *(
            notices.Notice(
                notice_id=key_hash("notice", LATE, review_id, person_id),
                person_id=person_id,
                event=LATE,
                kind="rights.review",
                object_type=OBJECT,
                object_id=review_id,
                request_id="",
                by_name=transaction.actor.name,
                reason="",
                created_at=transaction.now,
                read_at=None,
            )
            for person_id in sorted(told)
        ),
    )
    transaction.audit("access_review.escalated", OBJECT, review_id, after={"told": len(told)})
    (one,) = access_reviews.newest(transaction.connection, 1, review_id=review_id)
    return enter_notification(
        transaction, LATE, review_id, today,
        f"The review of rights {review_id} is late: {one.undecided} rights wait for a decision.",
        f"{review_id} 权限复核已超时限：尚有 {one.undecided} 项权限未处理。",
    )  # fmt: skip


def _waiting(connection: Connection, asked: Asked) -> tuple[list[ToDo], int]:
    found = access_reviews.newest(connection, asked.limit, only_open=True)
    rows = [
        ToDo(OBJECT, one.review_id, one.review_id, one.begun_at, one.due_at, opens=OBJECT) for one in reversed(found)
    ]
    return rows, len(found)


register(OBJECT, ("review the rights that nobody uses", "复核未使用的权限"), "rights.review", _waiting)
