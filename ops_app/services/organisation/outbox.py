"""Sends what acts have published. A message is sent at least once, and only if its act was committed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.store.organisation import outbox
from ops_app.store.organisation.outbox import Message
from ops_app.store.store import Store


@act("system.run")
def send_messages(
    actor: Actor, store: Store, *, now: datetime, send: Callable[[Message], None], limit: int = 100
) -> int:
    """Give up to ``limit`` waiting messages to ``send``, oldest first, and mark each once ``send`` returned.

    An error of ``send`` ends the round: that message and all after it stay, in order, for the next one. Returns how
    many were sent. A crash between sending and marking sends that message again; its ``id`` tells the receiver.
    """
    sent = 0
    with store.reading() as connection:
        waiting = outbox.waiting(connection, limit)
    for message in waiting:
        send(message)
        with store.writing(actor, now) as transaction:
            sent += outbox.mark_sent(transaction.connection, message.id, now)
    return sent
