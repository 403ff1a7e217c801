"""A person's own notices: what became of what they asked for, read or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement

from ops_app.domain.casework.scope import scope_of
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_page
from ops_app.services.act import act
from ops_app.store.casework.case_scope import left_of
from ops_app.store.organisation import notices
from ops_app.store.organisation.notices import Notice
from ops_app.store.store import Store

__all__ = ["LARGEST_PAGE", "Notice", "NoticesPage", "list_my_notices", "mark_notices_read"]

LARGEST_PAGE = 200


@dataclass(frozen=True)
class NoticesPage:
    """One page of a person's notices; ``unread`` counts those they have not read, on every page."""

    rows: tuple[Notice, ...]
    total: int
    unread: int
    page: int
    page_size: int


@act("session.own")
def list_my_notices(
    actor: Actor, store: Store, *, now: datetime, unread_only: bool = False, page: int = 1, page_size: int = 50
) -> NoticesPage:
    """One page (from 1) of the actor's notices, newest first; none about what is out of their reach now."""
    check_page(page, page_size, largest=LARGEST_PAGE)
    with store.reading() as connection:
        within = reach_of(actor, now)
        rows, total = notices.page(
            connection, actor.person_id, within, unread_only=unread_only, offset=(page - 1) * page_size,
            limit=page_size,
        )  # fmt: skip
        unread = notices.count_unread(connection, actor.person_id, within)
    return NoticesPage(tuple(rows), total, unread, page, page_size)


@act("session.own")
def mark_notices_read(actor: Actor, store: Store, *, now: datetime, ids: Sequence[str] | None = None) -> int:
    """The actor read these notices (``None``: all of them); how many of them were unread. Those of others are left as
    they are, as if there were none."""
    with store.writing(actor, now) as transaction:
        return notices.mark_read(transaction.connection, actor.person_id, ids, now)


def reach_of(who: Actor, now: datetime) -> list[ColumnElement[bool]]:
    """What binds a query of somebody's notices to what they may read at ``now``."""
    return notices.reach(who.agency_code, left_of(scope_of(who), now))
