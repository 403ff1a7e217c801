"""Announcements of the tests, as people write, submit, publish and read them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select

from ops_app.domain.organisation.announcements import AnnouncementKind, Audience, Content
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation import announcement_publishing as publishing
from ops_app.services.organisation import announcement_reading as reading
from ops_app.services.organisation import announcements as service
from ops_app.services.organisation import approvals
from ops_app.services.organisation.announcements import Announcement
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from tests.services.organisation import approving
from tests.services.organisation.conftest import NOW

EVERYBODY = Audience(frozenset({Role.SUPERVISOR, Role.MANAGER, Role.COMPLIANCE}), frozenset({"asset_company"}))


def content(**changes: object) -> Content:
    made = Content(
        AnnouncementKind.NOTICE,
        "Closed on Monday",
        "The office is closed.",
        "周一放假",
        "办公室周一放假。",
        EVERYBODY,
        NOW,
        NOW + timedelta(days=7),
    )
    return replace(made, **changes)


def draft(store: Store, maker: Actor, key: str = "k", **changes: object) -> Announcement:
    return service.draft_announcement(maker, store, now=NOW, content=content(**changes), key=key)


def submit(store: Store, maker: Actor, one: Announcement, now=NOW, key: str = "") -> str:
    return publishing.submit_announcement(
        maker,
        store,
        now=now,
        announcement_id=one.announcement_id,
        version=one.version,
        reason="people must know",
        key=key or uuid4().hex,
    )


def decide(store: Store, checker: Actor, request_id: str, what: str = "approve", now=NOW) -> None:
    """A decision by somebody who read the request as it stands."""
    asked = approvals.read_request(checker, store, now=now, request_id=request_id).item
    approving.decide(store, checker, asked, what, now=now)


def publish(store: Store, checker: Actor, one: Announcement, now=NOW) -> None:
    """Run the command itself, as the last approval would."""
    with store.writing(checker, now) as transaction:
        publishing.run_publish(transaction, {"announcement_id": one.announcement_id, **one.content.facts()})


def published(store: Store, maker: Actor, checker: Actor, key: str = "k", **changes: object) -> Announcement:
    one = draft(store, maker, key, **changes)
    decide(store, checker, submit(store, maker, one))
    return kept(store, checker, one)


def kept(store: Store, manager: Actor, one: Announcement, now=NOW) -> Announcement:
    return service.read_announcement(manager, store, now=now, announcement_id=one.announcement_id).item


def before(store: Store, actor: Actor, now=NOW) -> list[str]:
    return [one.announcement_id for one in reading.list_my_announcements(actor, store, now=now)]


def actions(store: Store) -> list[str]:
    with store.reading() as connection:
        rows = connection.execute(select(audit_log.c.action).order_by(audit_log.c.seq)).scalars()
        return [action for action in rows if action.startswith("announcement.")]
