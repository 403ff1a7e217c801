"""Messages as the operator and the supervisor see them: where each stands, why, and how far behind the handling is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops_app.domain.casework.scope import Reach, scope_of
from ops_app.domain.errors import Invalid, NotFound
from ops_app.domain.organisation.messages import MessageState
from ops_app.domain.organisation.people import Actor
from ops_app.domain.paging import check_limit, check_sort
from ops_app.services.act import act
from ops_app.services.organisation.message_consumer import CONSUMER
from ops_app.store.organisation import message_lists
from ops_app.store.organisation.message_lists import SORTS, Consumer, InboundMessage, MessageFilter, SourceLag
from ops_app.store.store import Store

__all__ = [
    "SORTS", "Consumer", "InboundMessage", "MessageFilter", "MessageFigures", "MessagesPage", "NoSuchMessage",
    "SourceLag", "list_messages", "message_figures", "read_message",
]  # fmt: skip


class NoSuchMessage(NotFound):
    """No such message within the reader's reach."""

    def __init__(self) -> None:
        super().__init__("There is no such message.", "没有此报文。")


@dataclass(frozen=True)
class MessagesPage:
    """One page; ``total`` is counted up to ``MOST_COUNTED``, one more means "more than that". ``next_after`` is given
    back for the page behind this one."""

    rows: tuple[InboundMessage, ...]
    total: int
    next_after: str | None


@dataclass(frozen=True)
class MessageFigures:
    """How many messages stand where, how far each source is behind, and who takes messages out (nobody yet: none)."""

    counts: dict[MessageState, int]
    lags: tuple[SourceLag, ...]
    consumer: Consumer | None


@act("messages.view")
def list_messages(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: MessageFilter | None = None,
    sort: str = "number",
    descending: bool = False,
    after: str | None = None,
    limit: int = 50,
) -> MessagesPage:
    """Messages of a state, narrowed to a source or to a loan, in the order in which they came unless sorted otherwise;
    none for who does not see every case. Raises ``Invalid`` for a combination without an index, a page out of bounds,
    an ``after`` that is none."""
    chosen = wanted or MessageFilter()
    narrowed = chosen.source_code is not None or chosen.loan_id is not None
    if chosen.source_code is not None and chosen.loan_id is not None:
        raise Invalid("Choose a source or a loan, not both.", "来源与借据只能选择其一。", field="wanted")
    check_sort(sort, SORTS[:1] if narrowed else SORTS, "Messages")
    check_limit(limit)
    mark = _read_mark(after, sort)
    if scope_of(actor).reach is not Reach.ALL:
        return MessagesPage((), 0, None)
    with store.reading() as connection:
        found = message_lists.page(connection, chosen, sort=sort, descending=descending, after=mark, limit=limit + 1)
        total = message_lists.count(connection, chosen)
    rows = tuple(found[:limit])
    more = json.dumps([rows[-1].loan_id if sort == "loan_id" else "", rows[-1].number]) if len(found) > limit else None
    return MessagesPage(rows, total, more)


@act("messages.view")
def read_message(actor: Actor, store: Store, *, now: datetime, number: int) -> InboundMessage:
    """One message without its body. Raises ``NoSuchMessage``."""
    if scope_of(actor).reach is not Reach.ALL:
        raise NoSuchMessage
    with store.reading() as connection:
        found = message_lists.read_many(connection, [number]).get(number)
    if found is None:
        raise NoSuchMessage
    return found


@act("messages.view")
def message_figures(actor: Actor, store: Store, *, now: datetime) -> MessageFigures:
    """How many messages stand in each state (counted as ``MessagesPage.total``), the lag of each source, and the
    consumer."""
    with store.reading() as connection:
        return MessageFigures(
            message_lists.counts(connection),
            tuple(message_lists.lags(connection)),
            message_lists.consumer(connection, CONSUMER),
        )


def _read_mark(after: str | None, sort: str) -> tuple[Any, int] | None:
    if after is None:
        return None
    try:
        value, number = json.loads(after)
        if isinstance(number, bool) or not isinstance(number, int) or not isinstance(value, str):
            raise ValueError(sort)
    except (ValueError, TypeError) as wrong:
        raise Invalid("This page does not exist.", "没有这一页。", field="after") from wrong
    return value, number
