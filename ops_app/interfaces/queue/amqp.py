"""Messages from RabbitMQ: a quorum queue with a dead-letter exchange, each acknowledged after it stands in the inbox.

A quorum queue drops a message past its delivery limit where it has no dead-letter exchange. A queue that is there
without one is refused at the start. What was dead-lettered (a consumer that was killed again and again with it in hand)
is taken from there into the same inbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aio_pika.exceptions import AMQPError, ChannelPreconditionFailed
from faststream import AckPolicy
from faststream.rabbit import Channel as Prefetch
from faststream.rabbit import ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.message import RabbitMessage

from ops_app.domain.errors import Refused
from ops_app.domain.organisation.messages import Channel
from ops_app.gateways.clock import Clock
from ops_app.interfaces.queue.address import EXCHANGE_DEAD, SUBJECT, SUBJECT_DEAD, BrokerAddress
from ops_app.interfaces.queue.health import Health
from ops_app.interfaces.queue.keeper import Keeper, delivery_of

PREFETCH = 200
DELIVERY_LIMIT = 20
LONGEST_CONNECT, LONGEST_START = 10.0, 30.0
_WHOLE = {"x-overflow": "reject-publish"}
ARGUMENTS: dict[str, Any] = _WHOLE | {
    "x-dead-letter-exchange": EXCHANGE_DEAD,
    "x-dead-letter-strategy": "at-least-once",
    "x-delivery-limit": DELIVERY_LIMIT,
}
"""What the queue must have been declared with."""


class QueueRefused(Refused):
    """The queue is there, but not as it must be."""

    def __init__(self) -> None:
        said = ", ".join(f"{name}={value}" for name, value in sorted(ARGUMENTS.items()))
        super().__init__(
            f"The queue {SUBJECT} was not declared as a quorum queue with {said}. Without its dead-letter exchange it"
            " drops messages: delete it or declare it anew.",
            f"队列 {SUBJECT} 不是带有 {said} 的仲裁队列。缺少死信交换机会丢失报文，请删除或重新声明该队列。",
        )


async def consume_amqp(
    address: BrokerAddress, keeper: Keeper, keys: Mapping[str, Sequence[bytes]], clock: Clock, health: Health
) -> None:
    """Keep messages until the connection is lost, then return; raises what the connection raises where there is none,
    and ``QueueRefused``."""
    lost = asyncio.Event()
    broker = RabbitBroker(
        address.url, apply_types=False, fail_fast=True, on_close=[lambda *_: lost.set()], graceful_timeout=5,
        timeout=LONGEST_CONNECT, default_channel=Prefetch(prefetch_count=PREFETCH), logger=None,
    )  # fmt: skip
    dead = RabbitExchange(EXCHANGE_DEAD, type=ExchangeType.FANOUT, durable=True)
    left = RabbitQueue(SUBJECT_DEAD, queue_type=QueueType.QUORUM, durable=True, arguments={"x-delivery-limit": -1})
    queue = RabbitQueue(SUBJECT, queue_type=QueueType.QUORUM, durable=True, arguments=ARGUMENTS)

    async def on_message(message: RabbitMessage) -> None:
        headers = {str(name): str(value) for name, value in (message.raw_message.headers or {}).items()}
        kept = keeper.keep(delivery_of(message.raw_message.body, headers, Channel.AMQP, keys, clock.now()))
        await asyncio.wait([kept])
        with suppress(AMQPError, RuntimeError):  # an acknowledgement that was lost: it comes again, as a repetition
            if kept.exception() is None:
                await message.ack()
            else:
                await asyncio.sleep(5)
                await message.nack()

    broker.subscriber(left, dead, ack_policy=AckPolicy.MANUAL, decoder=_as_it_is)(on_message)
    broker.subscriber(queue, ack_policy=AckPolicy.MANUAL, decoder=_as_it_is)(on_message)
    endings: list[Callable[[], Awaitable[object]]] = [broker.stop]
    try:
        # a server that is coming up takes connections before it answers on them
        async with asyncio.timeout(LONGEST_START):
            connection = await broker.connect()
            endings.append(connection.close)
            await broker.start()
        health.say("broker", None)
        await lost.wait()
    except ChannelPreconditionFailed:
        raise QueueRefused from None
    finally:
        # whatever stopping makes of a lost connection, the client must not go on connecting by itself: it would take
        # messages that nobody keeps
        for end in reversed(endings) if lost.is_set() else endings:
            with suppress(Exception):
                await asyncio.wait_for(end(), 10)


async def _as_it_is(message: RabbitMessage) -> RabbitMessage:
    """The message itself: what it says is read by the inbox, strictly, and by nothing before."""
    return message
