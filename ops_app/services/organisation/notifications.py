"""Notifications: what must be announced, once, and whether it was delivered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.store.store import Store, Transaction
from ops_app.store.tables.operations import notifications

MAX_ATTEMPTS = 20


@dataclass(frozen=True)
class Notification:
    """One announcement, in both languages."""

    notification_id: str
    kind: str
    subject_key: str
    business_date: date
    text_en: str
    text_zh: str
    created_at: datetime
    sent_at: datetime | None
    attempts: int
    last_error: str | None


def _notification(row: Any) -> Notification:
    return Notification(*(row._mapping[name] for name in Notification.__dataclass_fields__))


@act("system.run")
def announce(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    kind: str,
    subject_key: str,
    business_date: date,
    text_en: str,
    text_zh: str,
) -> bool:
    """Note something to be announced; False when the same thing was announced for that business date already."""
    with store.writing(actor, now) as transaction:
        return enter_notification(transaction, kind, subject_key, business_date, text_en, text_zh)


def enter_notification(
    transaction: Transaction, kind: str, subject_key: str, business_date: date, text_en: str, text_zh: str
) -> bool:
    """Announce within an act: once a business date, and only if the act is committed; says whether it is new."""
    if is_announced(transaction.connection, kind, subject_key, business_date):
        return False
    transaction.connection.execute(
        insert(notifications).values(
            notification_id=key_hash(kind, subject_key, business_date.isoformat()),
            kind=kind,
            subject_key=subject_key,
            business_date=business_date,
            text_en=text_en,
            text_zh=text_zh,
            created_at=transaction.now,
            attempts=0,
        )
    )
    return True


def is_announced(connection: Connection, kind: str, subject_key: str, business_date: date) -> bool:
    """Whether this was announced for that business date already."""
    notification_id = key_hash(kind, subject_key, business_date.isoformat())
    known = select(notifications.c.notification_id).where(notifications.c.notification_id == notification_id)
    return connection.execute(known).first() is not None


@act("system.run")
def deliver_open(
    actor: Actor, store: Store, *, now: datetime, deliver: Callable[[Notification], str | None]
) -> tuple[int, int]:
    """Hand every unsent notification to ``deliver`` (which returns None, or why it failed); (sent, failed).

    At least once: a crash between delivery and note sends again. Nothing is held open while a message is on its way.
    """
    with store.reading() as connection:
        waiting = connection.execute(
            select(notifications)
            .where(notifications.c.sent_at.is_(None), notifications.c.attempts < MAX_ATTEMPTS)
            .order_by(notifications.c.created_at)
        ).all()
    sent = failed = 0
    for row in waiting:
        problem = deliver(_notification(row))
        outcome: dict[str, Any] = {"sent_at": now, "last_error": None}
        if problem is not None:
            outcome = {"last_error": problem[:500]}
        sent, failed = (sent + 1, failed) if problem is None else (sent, failed + 1)
        with store.writing(actor, now) as transaction:
            transaction.connection.execute(
                update(notifications)
                .where(notifications.c.notification_id == row.notification_id)
                .values(attempts=row.attempts + 1, **outcome)
            )
    return sent, failed


@act("operations.view")
def list_notifications(actor: Actor, store: Store, *, limit: int = 50) -> list[Notification]:
    """The latest notifications, newest first."""
    with store.reading() as connection:
        rows = connection.execute(select(notifications).order_by(notifications.c.created_at.desc()).limit(limit)).all()
    return [_notification(row) for row in rows]
