"""Reviews of rights in the store: one a quarter, its rights, and what was decided on each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, insert, or_, select, tuple_, update
from sqlalchemy.engine import Connection, Row

from ops_app.domain.organisation.access_reviews import ReviewDecision
from ops_app.domain.organisation.people import Role
from ops_app.store.tables.organisation import people
from ops_app.store.tables.rights import access_review_rights as of_review
from ops_app.store.tables.rights import access_reviews as reviews


@dataclass(frozen=True)
class Review:
    """One review: when it began, until when it is to be done, and how many of its rights nobody decided on."""

    review_id: str
    begun_at: datetime
    due_at: datetime
    escalated_at: datetime | None
    closed_at: datetime | None
    rights: int
    undecided: int


@dataclass(frozen=True)
class RightInReview:
    """A right that a person did not use, and what was decided (``None``: nothing yet)."""

    review_id: str
    person_id: str
    person_name: str
    sign_in_name: str
    agency_code: str | None
    role: Role
    permission: str
    last_used_at: datetime | None
    decision: ReviewDecision | None
    reason: str | None
    decided_by_name: str | None
    decided_at: datetime | None


@dataclass(frozen=True)
class Decided:
    """What somebody decides, why, and who it is."""

    decision: ReviewDecision
    reason: str
    person_id: str
    name: str
    at: datetime


def begin(
    connection: Connection, review_id: str, now: datetime, due_at: datetime, unused: Iterable[dict[str, Any]]
) -> None:
    """Enter a review with its rights (``person_id``, ``permission``, ``role_code``, ``last_used_at``)."""
    connection.execute(insert(reviews).values(review_id=review_id, begun_at=now, due_at=due_at))
    rows = [{"review_id": review_id, **one} for one in unused]
    if rows:
        connection.execute(insert(of_review), rows)


def is_begun(connection: Connection, review_id: str) -> bool:
    """Whether the review of a quarter began."""
    return connection.execute(select(reviews.c.review_id).where(reviews.c.review_id == review_id)).first() is not None


def newest(
    connection: Connection, limit: int, *, only_open: bool = False, review_id: str | None = None
) -> list[Review]:
    """Reviews, the newest first."""
    # of each review that is listed, not of all there ever were
    counted = select(func.count()).where(of_review.c.review_id == reviews.c.review_id)
    rights = counted.correlate(reviews).scalar_subquery()
    undecided = counted.where(of_review.c.decision.is_(None)).correlate(reviews).scalar_subquery()
    query = select(reviews, rights.label("rights"), undecided.label("open"))
    if only_open:
        query = query.where(reviews.c.closed_at.is_(None))
    if review_id is not None:
        query = query.where(reviews.c.review_id == review_id)
    rows = connection.execute(query.order_by(reviews.c.review_id.desc()).limit(limit))
    return [
        Review(row.review_id, row.begun_at, row.due_at, row.escalated_at, row.closed_at, row.rights, row.open)
        for row in rows
    ]


def page(
    connection: Connection, review_id: str, *, undecided: bool | None, offset: int, limit: int
) -> tuple[list[RightInReview], int]:
    """One page of the rights of a review by sign-in name and right, and how many match."""
    conditions: list[ColumnElement[bool]] = [of_review.c.review_id == review_id]
    if undecided is not None:
        conditions.append(of_review.c.decision.is_(None) if undecided else of_review.c.decision.is_not(None))
    total: int = connection.execute(select(func.count()).select_from(of_review).where(*conditions)).scalar_one()
    rows = connection.execute(
        select(of_review, people.c.display_name, people.c.sign_in_name, people.c.agency_code)
        .join(people, people.c.person_id == of_review.c.person_id)
        .where(*conditions)
        .order_by(people.c.sign_in_name, of_review.c.permission)
        .offset(offset)
        .limit(limit)
    )
    return [_right(row) for row in rows], total


def of(connection: Connection, review_id: str, items: Sequence[tuple[str, str]]) -> list[RightInReview]:
    """These rights (person, right) of a review, held until the end of the transaction."""
    rows = connection.execute(
        select(of_review, people.c.display_name, people.c.sign_in_name, people.c.agency_code)
        .join(people, people.c.person_id == of_review.c.person_id)
        .where(of_review.c.review_id == review_id, tuple_(of_review.c.person_id, of_review.c.permission).in_(items))
        .order_by(people.c.sign_in_name, of_review.c.permission)
        .with_for_update(of=of_review)
    )
    return [_right(row) for row in rows]


def decide(connection: Connection, review_id: str | None, items: Sequence[tuple[str, str]], what: Decided) -> int:
    """Keep what is decided on rights that nobody decided on yet (``review_id`` None: in any review); how many."""
    these = tuple_(of_review.c.person_id, of_review.c.permission).in_(items)
    conditions: list[ColumnElement[bool]] = [these, of_review.c.decision.is_(None)]
    if review_id is not None:
        conditions.append(of_review.c.review_id == review_id)
    done = connection.execute(update(of_review).where(*conditions).values(**_values(what)))
    return done.rowcount


def has_lapsed(connection: Connection) -> bool:
    """Whether any right waits for a decision whose person left or has another role now."""
    return connection.execute(select(of_review.c.person_id).where(*_lapsed()).limit(1)).first() is not None


def lapse(connection: Connection, what: Decided) -> dict[str, int]:
    """Mark the rights that ``has_lapsed`` is about; review → how many."""
    found: Sequence[str] = (
        connection.execute(select(of_review.c.review_id).where(*_lapsed()).distinct()).scalars().all()
    )
    return {
        review_id: connection.execute(
            update(of_review).where(of_review.c.review_id == review_id, *_lapsed()).values(**_values(what))
        ).rowcount
        for review_id in sorted(found)
    }


def close_done(connection: Connection, now: datetime) -> None:
    """Close every open review of which no right waits for a decision."""
    waits = exists().where(of_review.c.review_id == reviews.c.review_id, of_review.c.decision.is_(None))
    connection.execute(update(reviews).where(reviews.c.closed_at.is_(None), ~waits).values(closed_at=now))


def late(connection: Connection, now: datetime) -> list[str]:
    """Open reviews whose time is over and that were not escalated."""
    found = select(reviews.c.review_id).where(
        reviews.c.closed_at.is_(None), reviews.c.due_at <= now, reviews.c.escalated_at.is_(None)
    )
    return list(connection.execute(found).scalars())


def escalate(connection: Connection, review_id: str, now: datetime) -> bool:
    """Mark a late review as escalated, once."""
    done = connection.execute(
        update(reviews)
        .where(reviews.c.review_id == review_id, reviews.c.escalated_at.is_(None), reviews.c.closed_at.is_(None))
        .values(escalated_at=now)
    )
    return done.rowcount == 1


def _lapsed() -> list[ColumnElement[bool]]:
    same = people.c.person_id == of_review.c.person_id
    gone = exists().where(same, or_(people.c.active.is_(False), people.c.role_code != of_review.c.role_code))
    return [of_review.c.decision.is_(None), gone]


def _values(what: Decided) -> dict[str, Any]:
    return {
        "decision": what.decision.value,
        "reason": what.reason,
        "decided_by": what.person_id,
        "decided_by_name": what.name,
        "decided_at": what.at,
    }


def _right(row: Row[Any]) -> RightInReview:
    return RightInReview(
        review_id=row.review_id,
        person_id=row.person_id,
        person_name=row.display_name,
        sign_in_name=row.sign_in_name,
        agency_code=row.agency_code,
        role=Role(row.role_code),
        permission=row.permission,
        last_used_at=row.last_used_at,
        decision=None if row.decision is None else ReviewDecision(row.decision),
        reason=row.reason,
        decided_by_name=row.decided_by_name,
        decided_at=row.decided_at,
    )
