"""Messages from a real RabbitMQ: acknowledged once they stand in the inbox; a queue that would drop some is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import aio_pika
import pytest
from aio_pika.exceptions import AMQPError

from ops_app.bootstrap import App
from ops_app.interfaces.queue import amqp
from ops_app.interfaces.queue.address import SUBJECT, SUBJECT_DEAD, BrokerAddress
from ops_app.interfaces.queue.amqp import QueueRefused, consume_amqp
from ops_app.interfaces.queue.health import Health
from ops_app.interfaces.queue.keeper import Keeper
from tests.brokers import BrokerMissing, RabbitServer
from tests.conftest import missing
from tests.interfaces.consuming import Process, consuming, until
from tests.interfaces.test_queue_nats import all_done, many
from tests.services.ledger.messages import a_payment, a_reversal, raw, recorded, states


@pytest.fixture(scope="module")
def server() -> Iterator[RabbitServer]:
    try:
        made = RabbitServer()
    except BrokerMissing as why:
        missing(str(why))
        raise
    yield made
    made.stop()


@pytest.fixture
def with_rabbit(app: App, server: RabbitServer) -> Iterator[App]:
    async def empty() -> None:
        async with await aio_pika.connect(server.url) as connection:
            for name in (SUBJECT, SUBJECT_DEAD):
                await (await connection.channel()).queue_delete(name)

    yield replace(app, settings=app.settings.model_copy(update={"queue_url": server.url}))
    asyncio.run(empty())


def declared(app: App) -> None:
    """The queue is there: a first consumer declared it."""
    with consuming(app) as consumer:
        until(lambda: consumer.health.trouble is None and _has_queue(app))


def _has_queue(app: App) -> bool:
    async def run() -> bool:
        async with await aio_pika.connect(app.settings.queue_url) as connection:
            channel = await connection.channel()
            await channel.declare_queue(SUBJECT, passive=True)
            return True

    try:
        return asyncio.run(run())
    except aio_pika.exceptions.AMQPError:
        return False


def test_what_is_published_is_recorded_once_and_acknowledged(with_rabbit: App, server: RabbitServer) -> None:
    declared(with_rabbit)
    sent = many(20)
    server.publish([*sent, *sent[:5], raw("m0", a_payment("P0", "L0", 1)), b"\xff binary", b"x" * 20_000_000])
    server.publish([raw("r", a_reversal("PX", "R1", loan_id="LX"), 2), raw("x", a_payment("PX", "LX"), 1)])
    with consuming(with_rabbit):
        until(lambda: all_done(with_rabbit, 22))
        until(lambda: server.left() == 0)
    assert states(with_rabbit.store) == {"done": 22, "dead": 3}
    assert len(recorded(with_rabbit.store)) == 22


@pytest.mark.slow  # twice half a minute for the lease of a killed consumer; NATS is tried so each time
def test_a_consumer_that_is_killed_loses_none_and_records_none_twice(with_rabbit: App, server: RabbitServer) -> None:
    declared(with_rabbit)
    server.publish(many(200))
    process = Process(with_rabbit)
    for part in (1, 60):
        until(lambda part=part: sum(states(with_rabbit.store).values()) >= part)
        process.kill()
        process.start()
    until(lambda: all_done(with_rabbit, 200))
    until(lambda: server.left() == 0)
    assert process.stop() == 0
    assert states(with_rabbit.store) == {"done": 200}
    assert sorted(recorded(with_rabbit.store)) == sorted(f"P{n}" for n in range(200))
    assert "guest:guest" not in process.log.read_text()


def test_what_the_broker_itself_gave_up_is_taken_from_its_dead_letters(with_rabbit: App, server: RabbitServer) -> None:
    declared(with_rabbit)
    server.publish(many(1))

    async def reject() -> None:
        async with await aio_pika.connect(server.url) as connection:
            queue = await (await connection.channel()).declare_queue(SUBJECT, passive=True)
            message = await queue.get(timeout=10)
            await message.reject(requeue=False)

    asyncio.run(reject())
    until(lambda: server.left(SUBJECT_DEAD) == 1)
    with consuming(with_rabbit):
        until(lambda: all_done(with_rabbit, 1))
        until(lambda: server.left(SUBJECT_DEAD) == 0)
    assert recorded(with_rabbit.store) == ["P0"]


def test_a_queue_without_a_dead_letter_exchange_is_refused(with_rabbit: App, server: RabbitServer) -> None:
    async def run() -> None:
        async with await aio_pika.connect(server.url) as connection:
            channel = await connection.channel()
            await channel.declare_queue(SUBJECT, durable=True, arguments={"x-queue-type": "quorum"})
        keeper = Keeper(lambda _: [], Health())
        await asyncio.wait_for(consume_amqp(BrokerAddress.of(server.url), keeper, {}, with_rabbit.clock, Health()), 20)

    with pytest.raises(QueueRefused, match="dead-letter exchange"):
        asyncio.run(run())


def test_a_broker_that_takes_the_connection_and_does_not_answer_is_tried_again(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is coming up does; waiting for it without an end was a consumer that never came back."""
    monkeypatch.setattr(amqp, "LONGEST_CONNECT", 0.2)

    async def run() -> None:
        silent = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
        address = BrokerAddress.of(f"amqp://guest:guest@127.0.0.1:{silent.sockets[0].getsockname()[1]}")
        consumed = asyncio.create_task(consume_amqp(address, Keeper(lambda _: [], Health()), {}, app.clock, Health()))
        ended, _ = await asyncio.wait([consumed], timeout=60)
        assert ended, "it waits for ever"
        with pytest.raises((TimeoutError, AMQPError)):
            consumed.result()

    asyncio.run(run())


def test_a_broker_that_is_killed_and_comes_back_loses_nothing(with_rabbit: App, server: RabbitServer) -> None:
    declared(with_rabbit)
    server.publish(many(30))
    server.names_are_on_disk()
    with consuming(with_rabbit) as consumer:
        until(lambda: all_done(with_rabbit, 5))
        server.kill()
        until(lambda: (consumer.health.trouble or "").startswith("broker"))
        server.start()
        until(lambda: consumer.health.trouble is None)
        server.publish(many(30, 30))
        until(lambda: all_done(with_rabbit, 60))
        assert server.consumers() == 1  # a connection that goes on by itself would take messages that nobody keeps
    assert states(with_rabbit.store) == {"done": 60}
