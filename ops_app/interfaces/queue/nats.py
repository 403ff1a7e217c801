"""Messages from NATS JetStream: a durable pull consumer, each message acknowledged after it stands in the inbox.

The stream keeps a message until it was acknowledged: ``max_deliver`` is without an end, because JetStream would leave a
message that reached one in the stream, undelivered and unseen. What is poison is so for the handler, not for this door;
what the door itself cannot keep becomes a dead letter of ours and is acknowledged (``keeper.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsMessage
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy as Acknowledge
from nats.js.api import ConsumerConfig, StorageType
from nats.js.errors import ServiceUnavailableError

from ops_app.domain.organisation.messages import Channel
from ops_app.gateways.clock import Clock
from ops_app.interfaces.queue.address import DURABLE, STREAM, SUBJECT, BrokerAddress
from ops_app.interfaces.queue.health import Health
from ops_app.interfaces.queue.keeper import Keeper, delivery_of

ACK_WAIT = 30.0
"""Seconds after which JetStream delivers a message again that nobody acknowledged."""

BATCH = 200


async def consume_nats(
    address: BrokerAddress, keeper: Keeper, keys: Mapping[str, Sequence[bytes]], clock: Clock, health: Health
) -> None:
    """Keep messages until the connection is lost, then return; raises what the connection raises where there is
    none."""
    lost = asyncio.Event()

    async def on_lost() -> None:
        lost.set()

    async def on_error(_error: Exception) -> None:
        """What is wrong shows as a lost connection; its own text may hold an address."""

    broker = NatsBroker(
        address.url, apply_types=False, allow_reconnect=False, connect_timeout=5, disconnected_cb=on_lost,
        closed_cb=on_lost, error_cb=on_error, graceful_timeout=5, logger=None,
    )  # fmt: skip
    stream = JStream(STREAM, subjects=[SUBJECT], storage=StorageType.FILE, duplicate_window=120)

    subscriber = broker.subscriber(
        SUBJECT, stream=stream, durable=DURABLE, pull_sub=PullSub(batch_size=BATCH, timeout=1.0),
        ack_policy=AckPolicy.MANUAL, decoder=_as_it_is,
        config=ConsumerConfig(ack_policy=Acknowledge.EXPLICIT, ack_wait=ACK_WAIT, max_deliver=-1,
                              max_ack_pending=5 * BATCH),
    )  # fmt: skip

    async def on_message(message: NatsMessage) -> None:
        headers = {str(name): str(value) for name, value in (message.raw_message.headers or {}).items()}
        kept = keeper.keep(delivery_of(message.raw_message.data, headers, Channel.NATS, keys, clock.now()))
        with suppress(NatsError):  # an acknowledgement that was lost: the message comes again, as a repetition
            while not kept.done():
                await asyncio.wait([kept], timeout=ACK_WAIT / 3)
                if not kept.done():
                    await message.in_progress()
            if kept.exception() is None:
                await message.ack()
            else:
                await message.nack(delay=ACK_WAIT)

    subscriber(on_message)

    async def start() -> None:
        await broker.start()
        if subscriber.subscription is not None:
            subscriber.subscription.fetch = _unhurried(subscriber.subscription.fetch)

    starting = asyncio.create_task(start())
    try:
        await asyncio.shield(starting)  # broken off half-way it would leave a loop that nothing ends
        health.say("broker", None)
        await lost.wait()
    finally:
        await asyncio.wait([starting], timeout=10)
        with suppress(Exception):
            await asyncio.wait_for(broker.stop(), 10)


def _unhurried(fetch: Any) -> Any:
    """``fetch`` that takes its time to fail. The loop around it asks again at once, and over a closed connection that
    fails without ever yielding: nothing else of this process would run, not even what ends the loop."""

    async def fetched(**asked: Any) -> Any:
        try:
            return await fetch(**asked)
        except (ConnectionClosedError, ServiceUnavailableError):
            await asyncio.sleep(0.5)
            raise

    return fetched


async def _as_it_is(message: NatsMessage) -> NatsMessage:
    """The message itself: what it says is read by the inbox, strictly, and by nothing before."""
    return message
