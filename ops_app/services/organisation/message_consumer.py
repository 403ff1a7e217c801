"""One consumer at a time takes messages out of the inbox, under a lease that it renews while it works."""

from __future__ import annotations

from datetime import datetime, timedelta

from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.store.organisation import message_lists
from ops_app.store.organisation.message_lists import Consumer
from ops_app.store.store import Store

CONSUMER = "messages"
LEASE = timedelta(seconds=10)
"""How long messages wait when a consumer was killed and another takes over. One that lost its lease because the machine
was busy stops; what it had in hand is handled again, as any repetition."""
SILENT = timedelta(seconds=90)
"""A consumer that said nothing for this long is not there, or cannot write: red on the page and for the doctor."""


@act("system.run")
def hold_consumer_lease(
    actor: Actor, store: Store, *, now: datetime, holder: str, broker: str, trouble: str | None
) -> bool:
    """Take or renew the lease for ``holder`` and say how it is: ``broker`` as it is shown (never with a password),
    ``trouble`` in a few words where there is some. False while another one holds it."""
    with store.writing(actor, now) as transaction:
        one = Consumer(CONSUMER, holder, now + LEASE, now, broker[:200], trouble[:300] if trouble else None)
        return message_lists.take_lease(transaction.connection, one)


@act("system.run")
def end_consumer_lease(actor: Actor, store: Store, *, now: datetime, holder: str) -> None:
    """The holder stops, so that the next one begins at once."""
    with store.writing(actor, now) as transaction:
        message_lists.give_back_lease(transaction.connection, CONSUMER, holder, now)
