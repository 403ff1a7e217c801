"""Messages from a real NATS server: acknowledged after they stand in the inbox, whatever is killed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ops_app.bootstrap import App
from ops_app.domain.organisation.signatures import sign
from ops_app.services.organisation.message_reading import message_figures
from ops_app.store.tables.messages import message_arrivals
from tests.brokers import BrokerMissing, NatsServer
from tests.conftest import missing
from tests.interfaces.consuming import Process, consuming, until
from tests.services.ledger.messages import OPERATOR, a_payment, a_reversal, message, raw, recorded, states
from tests.services.ledger.people import rows_of


@pytest.fixture
def server() -> Iterator[NatsServer]:
    try:
        made = NatsServer()
    except BrokerMissing as why:
        missing(str(why))
        raise
    yield made
    made.stop()


@pytest.fixture
def with_nats(app: App, server: NatsServer) -> App:
    return replace(app, settings=app.settings.model_copy(update={"queue_url": server.url}))


def many(count: int, begin: int = 0) -> list[bytes]:
    return [raw(f"m{n}", a_payment(f"P{n}", f"L{n}")) for n in range(begin, begin + count)]


def all_done(app: App, count: int) -> bool:
    return states(app.store).get("done", 0) >= count


def test_what_is_published_is_recorded_once_and_acknowledged(with_nats: App, server: NatsServer) -> None:
    sent = many(20)
    server.publish([*sent, *sent[:5], raw("m0", a_payment("P0", "L0", 1)), b"\xff binary", b"x" * 300_000])
    server.publish([raw("r", a_reversal("PX", "R1", loan_id="LX"), 2)])
    server.publish([raw("v", a_payment("PV", "LV"), schema_version=7)])
    with consuming(with_nats):
        until(lambda: states(with_nats.store).get("parked", 0) == 1 and all_done(with_nats, 20))
        server.publish([raw("x", a_payment("PX", "LX"), 1)])
        until(lambda: all_done(with_nats, 22))
        until(lambda: server.left() == 0)
    assert states(with_nats.store) == {"done": 22, "dead": 4}
    assert len(recorded(with_nats.store)) == 22
    assert message(with_nats.store, "m0").deliveries == 2
    assert rows_of(with_nats.store, message_arrivals) >= 1


def test_a_broker_that_is_killed_and_comes_back_loses_nothing(with_nats: App, server: NatsServer) -> None:
    server.publish(many(50))
    with consuming(with_nats) as consumer:
        until(lambda: all_done(with_nats, 10))
        server.kill()
        until(lambda: (consumer.health.trouble or "").startswith("broker"))
        assert "secret" not in (consumer.health.trouble or "")
        server.start()
        server.publish(many(50, 50))
        until(lambda: all_done(with_nats, 100), 60)
        until(lambda: server.left() == 0, 60)
        assert consumer.health.trouble is None
    assert states(with_nats.store) == {"done": 100}
    assert len(set(recorded(with_nats.store))) == 100


def test_a_consumer_that_is_killed_between_commit_and_acknowledgement_loses_none_and_records_none_twice(
    with_nats: App, server: NatsServer
) -> None:
    server.publish(many(300))
    process = Process(with_nats)
    for part in (1, 60, 130):
        until(lambda part=part: sum(states(with_nats.store).values()) >= part, 60)
        process.kill()
        process.start()
    until(lambda: all_done(with_nats, 300), 120)
    until(lambda: server.left() == 0, 60)
    assert process.stop() == 0
    assert states(with_nats.store) == {"done": 300}
    assert sorted(recorded(with_nats.store)) == sorted(f"P{n}" for n in range(300))
    said = process.log.read_text()
    assert "secret" not in said, said


def test_where_senders_have_keys_an_unsigned_message_is_a_dead_letter(with_nats: App, server: NatsServer) -> None:
    key = "the only key of SIM"
    app = replace(with_nats, settings=with_nats.settings.model_copy(update={"message_keys": f"SIM={key}"}))
    body = raw("m1", a_payment())
    signed = {"Recoup-Source": "SIM", "Recoup-Signature": sign(key.encode(), body, app.clock.now())}
    server.publish([body], signed)
    server.publish([raw("m2", a_payment("P2"))], signed)
    server.publish([raw("m3", a_payment("P3"))])
    with consuming(app):
        until(lambda: states(app.store) == {"done": 1, "dead": 2})
    assert recorded(app.store) == ["P1"]


def test_the_page_is_told_who_consumes_without_a_password(with_nats: App, server: NatsServer) -> None:
    with consuming(with_nats):
        until(lambda: message_figures(OPERATOR, with_nats.store, now=with_nats.clock.now()).consumer is not None)
    told = message_figures(OPERATOR, with_nats.store, now=with_nats.clock.now()).consumer
    assert told is not None
    assert told.broker == f"nats://127.0.0.1:{server.port}"
