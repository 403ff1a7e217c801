"""Sends what acts have published. A message is sent at least once, and only if its act was committed.

A receiver that is away keeps everything waiting, in order, for as long as it is away. A message that the receiver
refuses is tried a few times and then set aside and announced, so that it holds up no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from time import monotonic

from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.notifications import enter_notification
from ops_app.store.organisation import outbox
from ops_app.store.organisation.outbox import Message
from ops_app.store.store import Store

__all__ = ["MOST_REFUSALS", "Message", "NotSent", "Sent", "retry_set_aside", "send_messages"]

MOST_REFUSALS = 5
"""So often a message is refused before it is set aside."""

MOST_SECONDS = 20.0
"""So long a round goes on before it leaves the rest to the next one: a slow receiver must not hold up what the watch
does besides."""


class NotSent(Exception):
    """A message did not reach its receiver. ``refused``: it was there and would not take this one, so that sending it
    again as it is helps little; otherwise a later try may succeed."""

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


@dataclass(frozen=True)
class Sent:
    """What a round did: how many messages left, how many were set aside, and why it ended early, if it did."""

    sent: int
    set_aside: int
    problem: str | None = None


@act("system.run")
def send_messages(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    today: date,
    send: Callable[[Message], None],
    limit: int = 500,
    most_seconds: float = MOST_SECONDS,
) -> Sent:
    """Give up to ``limit`` waiting messages to ``send``, oldest first, and mark each once ``send`` returned.

    ``NotSent`` ends the round: that message and all after it stay, in order, for the next one. What was refused
    ``MOST_REFUSALS`` times is set aside with an announcement of ``today``, and the round goes on behind it. After
    ``most_seconds`` no further message is begun; what is left waits, in order, for the next round. Nothing is held
    open while a message is on its way; a crash between sending and marking sends it again: its ``id`` tells the
    receiver.
    """
    with store.reading() as connection:
        waiting = outbox.waiting(connection, limit)
    sent = set_aside = 0
    until = monotonic() + most_seconds
    for message in waiting:
        if monotonic() >= until:
            break
        try:
            send(message)
        except NotSent as why:
            is_last = why.refused and message.attempts + 1 >= MOST_REFUSALS
            _note(actor, store, now, today, message, why, is_last)
            if not is_last:
                return Sent(sent, set_aside, str(why))
            set_aside += 1
            continue
        with store.writing(actor, now) as transaction:
            sent += outbox.mark_sent(transaction.connection, message.id, now)
    return Sent(sent, set_aside)


@act("operations.run")
def retry_set_aside(actor: Actor, store: Store, *, now: datetime) -> int:
    """Let messages that were set aside wait again, as if never refused, in the order in which they were published; how
    many. For when the receiver was put right: it gets them after what it has taken since."""
    with store.writing(actor, now) as transaction:
        found = outbox.wait_again(transaction.connection)
        for message_id in found:
            transaction.audit("outbox.retried", "outbox_message", str(message_id))
    return len(found)


def _note(
    actor: Actor, store: Store, now: datetime, today: date, message: Message, why: NotSent, is_last: bool
) -> None:
    attempts = message.attempts + why.refused  # a receiver that is away for a week has refused nothing
    with store.writing(actor, now) as transaction:
        outbox.note_failure(
            transaction.connection, message.id, str(why), attempts=attempts, set_aside_at=now if is_last else None
        )
        if is_last:
            transaction.audit(
                "outbox.set_aside", "outbox_message", str(message.id),
                after={"topic": message.topic, "key": message.key, "attempts": attempts},
            )  # fmt: skip
            enter_notification(
                transaction, "message_set_aside", str(message.id), today,
                f"The receiver of events refused message {message.id} ({message.topic} {message.key}) "
                f"{MOST_REFUSALS} times; it was set aside: {why}",
                f"事件接收方连续 {MOST_REFUSALS} 次拒收消息 {message.id}（{message.topic} {message.key}），"
                f"已搁置：{why}",
            )  # fmt: skip
