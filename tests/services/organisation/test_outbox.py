"""The outbox: what was committed leaves at least once, in order; what nobody takes holds up no other."""

from __future__ import annotations

from datetime import UTC, date, datetime
from time import sleep

import pytest
from sqlalchemy import select

from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.organisation.notifications import list_notifications
from ops_app.services.organisation.outbox import MOST_REFUSALS, Message, NotSent, Sent, retry_set_aside, send_messages
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log, outbox
from tests.services.organisation.approving import a_person

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
TODAY = date(2026, 3, 10)


def publish(store: Store, *keys: str) -> None:
    for key in keys:
        with store.writing(SYSTEM, NOW) as transaction:
            transaction.publish("payments", key, {"key": key})
            transaction.audit("x", "y", "z")


class Receiver:
    """Takes what it is sent, but for the keys it is told to refuse or to be away for."""

    def __init__(self, refuses: set[str] | None = None, away: set[str] | None = None) -> None:
        self.took: list[str] = []
        self.refuses, self.away = refuses or set(), away or set()

    def send(self, message: Message) -> None:
        if message.key in self.away:
            raise NotSent("away")
        if message.key in self.refuses:
            raise NotSent("answered 422", refused=True)
        self.took.append(message.key)


def round_of(store: Store, to: Receiver) -> Sent:
    return send_messages(SYSTEM, store, now=NOW, today=TODAY, send=to.send)


def test_messages_leave_in_order_and_what_failed_leaves_later(store: Store) -> None:
    publish(store, "p0", "p1", "p2", "p3")
    to = Receiver(away={"p2"})
    assert round_of(store, to) == Sent(2, 0, "away")
    to.away.clear()
    assert round_of(store, to) == Sent(2, 0)
    assert round_of(store, to) == Sent(0, 0)
    assert to.took == ["p0", "p1", "p2", "p3"]


def test_a_receiver_that_is_away_for_long_loses_nothing(store: Store) -> None:
    publish(store, "p0", "p1")
    to = Receiver(away={"p0"})
    for _ in range(MOST_REFUSALS * 3):
        assert round_of(store, to).problem == "away"
    to.away.clear()
    assert round_of(store, to) == Sent(2, 0)
    assert to.took == ["p0", "p1"]


def test_what_is_refused_again_and_again_is_set_aside_and_announced(store: Store) -> None:
    publish(store, "bad", "good")
    to = Receiver(refuses={"bad"})
    for _ in range(MOST_REFUSALS - 1):
        assert round_of(store, to) == Sent(0, 0, "answered 422")
    assert round_of(store, to) == Sent(1, 1)
    assert to.took == ["good"]
    assert round_of(store, to) == Sent(0, 0)
    with store.reading() as connection:
        kept = {row.key: row for row in connection.execute(select(outbox))}
    assert (kept["bad"].sent_at, kept["bad"].set_aside_at, kept["bad"].attempts) == (None, NOW, MOST_REFUSALS)
    assert kept["bad"].last_error == "answered 422"
    told = list_notifications(a_person(store, "Op", Role.OPERATOR), store)
    assert [one.kind for one in told] == ["message_set_aside"]
    assert "连续 5 次拒收" in told[0].text_zh


def test_what_was_not_committed_does_not_leave(store: Store) -> None:
    try:
        with store.writing(SYSTEM, NOW) as transaction:
            transaction.publish("payments", "never", {})
            raise RuntimeError
    except RuntimeError:
        pass
    to = Receiver()
    assert round_of(store, to) == Sent(0, 0)
    assert to.took == []


def test_a_round_that_took_its_time_leaves_the_rest_in_order_to_the_next(store: Store) -> None:
    publish(store, "p0", "p1", "p2")
    to = Receiver()

    def slowly(message: Message) -> None:
        sleep(0.2)
        to.send(message)

    assert send_messages(SYSTEM, store, now=NOW, today=TODAY, send=slowly, most_seconds=0.3) == Sent(2, 0)
    assert to.took == ["p0", "p1"]
    assert round_of(store, to) == Sent(1, 0)
    assert to.took == ["p0", "p1", "p2"]


def test_what_was_set_aside_is_tried_again_in_order_when_the_operator_says_so(store: Store) -> None:
    publish(store, "bad", "worse", "good")
    to = Receiver(refuses={"bad", "worse"})
    for _ in range(MOST_REFUSALS * 2):
        round_of(store, to)
    operator = a_person(store, "Op", Role.OPERATOR)
    with pytest.raises(Refused):
        retry_set_aside(a_person(store, "Fin", Role.FINANCE), store, now=NOW)
    to.refuses.clear()
    assert (retry_set_aside(operator, store, now=NOW), retry_set_aside(operator, store, now=NOW)) == (2, 0)
    assert round_of(store, to) == Sent(2, 0)
    assert to.took == ["good", "bad", "worse"]
    with store.reading() as connection:
        said = connection.execute(select(audit_log.c.actor_id).where(audit_log.c.action == "outbox.retried")).scalars()
        assert list(said) == [operator.person_id] * 2
