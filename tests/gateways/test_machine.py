"""The doctor: what it finds and what it advises."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from ops_app.config import Settings
from ops_app.domain.organisation.messages import Channel
from ops_app.domain.organisation.people import SYSTEM
from ops_app.gateways.machine import examine
from ops_app.services.organisation.message_consumer import hold_consumer_lease
from ops_app.services.organisation.message_intake import Delivery, take_in
from ops_app.store.sqlite import wal_is_safe


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 45, 0), False), ((3, 50, 6), False),
        ((3, 50, 7), True), ((3, 51, 0), False), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 53, 4), True),
    ],
)  # fmt: skip
def test_versions_of_sqlite_with_the_wal_reset_bug_are_known(version, safe):
    assert wal_is_safe(version) is safe


def test_a_port_in_use_is_said_with_a_remedy(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings.load(home=tmp_path, port=taken.getsockname()[1])
        found = {one.name: one for one in examine(settings)}

    assert found[f"port {settings.port}"].state == "warning"
    assert found[f"port {settings.port}"].remedy


def test_this_machine_can_run_the_suite(tmp_path):
    assert [one for one in examine(Settings.load(home=tmp_path)) if one.state == "failed"] == []


def test_a_postgresql_that_does_not_answer_fails_the_examination(tmp_path):
    settings = Settings.load(home=tmp_path, ops_url="postgresql://nobody@127.0.0.1:1/none")
    store = next(one for one in examine(settings) if one.name == "ops store")

    assert store.state == "failed"
    assert "RECOUP_OPS_URL" in store.remedy


def test_a_broker_is_looked_at_without_saying_its_password(tmp_path):
    def seen(url):
        return next(one for one in examine(Settings.load(home=tmp_path, queue_url=url)) if one.name == "message queue")

    assert seen("").state == "ok"
    assert seen("redis://x").state == "failed"
    with socket.socket() as broker:
        broker.bind(("127.0.0.1", 0))
        broker.listen()
        port = broker.getsockname()[1]
        there = seen(f"nats://me:a-secret@127.0.0.1:{port}")
    gone = seen(f"amqp://me:a-secret@127.0.0.1:{port}")
    assert (there.state, there.seen) == ("ok", f"nats://127.0.0.1:{port} answers")
    assert (gone.state, gone.seen) == ("failed", f"amqp://127.0.0.1:{port} does not answer")
    assert gone.remedy


def test_a_silent_consumer_and_dead_letters_are_said(app):
    def seen():
        return next(one for one in examine(app.settings) if one.name == "messages")

    assert seen().state == "ok"
    long_ago = app.clock.now() - timedelta(minutes=5)
    hold_consumer_lease(SYSTEM, app.store, now=long_ago, holder="x", broker="embedded", trouble=None)
    assert "said nothing since" in seen().seen
    hold_consumer_lease(SYSTEM, app.store, now=app.clock.now(), holder="x", broker="embedded", trouble="broker: gone")
    assert "broker: gone" in seen().seen
    hold_consumer_lease(SYSTEM, app.store, now=app.clock.now(), holder="x", broker="embedded", trouble=None)
    assert (seen().state, seen().seen) == ("ok", "the consumer works")
    take_in(SYSTEM, app.store, now=app.clock.now(), deliveries=[Delivery(b"?", Channel.EMBEDDED)])
    assert "1 dead letters wait" in seen().seen
