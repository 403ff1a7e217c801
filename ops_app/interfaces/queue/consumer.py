"""The consumer of an installation: takes messages of the broker into the inbox, and messages out of the inbox.

One at a time, under a lease. ``python -m ops_app.interfaces.queue.consumer`` runs until it is stopped, as does
``recoup consume``; ``recoup serve`` starts it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from sqlalchemy.exc import DBAPIError

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.errors import DomainError, NotReady
from ops_app.domain.organisation.messages import Channel
from ops_app.domain.organisation.people import SYSTEM
from ops_app.domain.organisation.signatures import keys_of
from ops_app.interfaces.queue.address import BrokerAddress
from ops_app.interfaces.queue.health import Health, pause
from ops_app.interfaces.queue.keeper import Keeper
from ops_app.services.organisation.message_consumer import LEASE, end_consumer_lease, hold_consumer_lease
from ops_app.services.organisation.message_handling import LARGEST_BATCH, Handled, handle_waiting
from ops_app.services.organisation.message_intake import Delivery, StoreTrouble, TakenIn, take_in

EMBEDDED = "embedded"
"""Shown as the broker where there is none: messages come by REST into the inbox itself."""

_RENEW = LEASE.total_seconds() / 3
_IDLE = 0.2
_GOAL = timedelta(seconds=0.5)
_REFUSED_PAUSE = 60.0
_LONGEST_PAUSE = 10.0
_log = logging.getLogger("recoup.queue")


class BatchSize:
    """How many messages are handled at once: twice as many while that stays quick, half as many when it does not."""

    def __init__(self, first: int = 32) -> None:
        self.now = first

    def learn(self, handled: int, took: timedelta) -> None:
        """A call handled so many and took so long."""
        if took > _GOAL:
            self.now = max(1, self.now // 2)
        elif handled >= self.now:
            self.now = min(LARGEST_BATCH, self.now * 2)


class MessageConsumer:
    """Runs in one process; several may be started, one works."""

    def __init__(self, app: App, *, holder: str = "") -> None:
        self._app = app
        self._holder = holder or f"{socket.gethostname()[:60]}/{os.getpid()}"
        url = app.settings.queue_url
        self._address = BrokerAddress.of(url) if url else None
        self._keys = keys_of(app.settings.message_keys)
        self.health = Health()

    async def run(self, stop: asyncio.Event) -> None:
        """Work while the lease is held, until ``stop``."""
        working: asyncio.Task[None] | None = None
        try:
            while not stop.is_set():
                holds = await asyncio.to_thread(self._hold)
                if holds and working is None:
                    working = asyncio.create_task(self._work())
                elif working is not None and (not holds or working.done()):
                    await _ended(working)
                    working = None
                waited = [asyncio.create_task(stop.wait())] + ([working] if working else [])
                _, left = await asyncio.wait(
                    waited, timeout=_RENEW if holds else _IDLE * 10, return_when=asyncio.FIRST_COMPLETED
                )
                if waited[0] in left:
                    waited[0].cancel()
        finally:
            if working is not None:
                await _ended(working)
            with suppress(DBAPIError, NotReady):
                end_consumer_lease(SYSTEM, self._app.store, now=self._app.clock.now(), holder=self._holder)

    def _hold(self) -> bool:
        """Whether the lease is ours. A store that cannot be written gives none: nothing is consumed, and the silence of
        the consumer is what shows."""
        try:
            held = hold_consumer_lease(
                SYSTEM, self._app.store, now=self._app.clock.now(), holder=self._holder,
                broker=self._address.shown if self._address else EMBEDDED, trouble=self.health.trouble,
            )  # fmt: skip
        except (DBAPIError, NotReady):
            self.health.say("store", "the lease cannot be written")
            return False
        return held

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._handle())
            if self._address is not None:
                keeper = Keeper(self._take, self.health)
                group.create_task(keeper.run())
                group.create_task(self._receive(self._address, keeper))

    def _take(self, deliveries: Sequence[Delivery]) -> list[TakenIn]:
        return take_in(
            SYSTEM, self._app.store, now=self._app.clock.now(), deliveries=deliveries,
            evidence=self._app.settings.evidence,
        )  # fmt: skip

    def _handle_some(self, limit: int) -> Handled:
        return handle_waiting(
            SYSTEM, self._app.store, now=self._app.clock.now(), limit=limit, evidence=self._app.settings.evidence
        )

    async def _handle(self) -> None:
        size, trials = BatchSize(), 0
        while True:
            began = time.monotonic()
            try:
                done = await asyncio.to_thread(self._handle_some, size.now)
            except StoreTrouble:
                self.health.say("store", "the ops store cannot be written; messages wait")
                await asyncio.sleep(pause(trials, longest=10))
                trials += 1
                continue
            self.health.say("store", None)
            trials = 0
            size.learn(done.total, timedelta(seconds=time.monotonic() - began))
            if not done.left:
                await asyncio.sleep(_IDLE)

    async def _receive(self, address: BrokerAddress, keeper: Keeper) -> None:
        """Keep to the broker: a connection that is lost, or was never had, is tried again after a random pause."""
        trials = 0
        while True:
            began = time.monotonic()
            try:
                await self._door(address, keeper)
                self.health.say("broker", "the connection was lost")
            except DomainError as refused:
                self.health.say("broker", refused.en)
                await asyncio.sleep(_REFUSED_PAUSE)
            except Exception as error:  # noqa: BLE001 - whatever a client raises, the broker is tried again
                self.health.say("broker", f"does not answer ({type(error).__name__})")
            trials = 0 if time.monotonic() - began > _REFUSED_PAUSE else trials + 1
            await asyncio.sleep(pause(min(trials, 6), longest=_LONGEST_PAUSE))

    async def _door(self, address: BrokerAddress, keeper: Keeper) -> None:
        # each client is loaded where its broker is named
        if address.channel is Channel.NATS:
            from ops_app.interfaces.queue.nats import consume_nats as consume
        else:
            from ops_app.interfaces.queue.amqp import consume_amqp as consume
        await consume(address, keeper, self._keys, self._app.clock, self.health)


async def _ended(task: asyncio.Task[None]) -> None:
    """End ``task`` and wait for it; what it failed by is logged, and it is begun again under the next lease."""
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    except BaseExceptionGroup as errors:
        _log.error("the consumer failed and begins again: %s", [type(one).__name__ for one in errors.exceptions])


def consume(settings: Settings | None = None) -> None:
    """Run until the process is asked to end."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    for name in ("nats", "aio_pika", "aiormq", "aiormq.connection"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # their texts may hold the address with its password
    app = open_app(settings)

    async def until_stopped() -> None:
        stop = asyncio.Event()
        for one in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(one, stop.set)
        await MessageConsumer(app).run(stop)

    try:
        asyncio.run(until_stopped())
    finally:
        app.close()


if __name__ == "__main__":
    consume()
