"""Deliveries of a broker are kept in the inbox, many in one commit; only then is the broker told.

Deliveries that arrive while a commit is under way are kept by the next one, so that one disk flush serves as many as
there are (group commit). A store that cannot be written stops this, and with it the consumption: what is unacknowledged
stays with the broker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ops_app.domain.organisation.messages import Channel, WhyHeld, digest_of
from ops_app.domain.organisation.signatures import HEADER, BadSignature, check_signature
from ops_app.interfaces.queue.health import Health, pause
from ops_app.services.organisation.message_intake import Delivery, StoreTrouble, TakenIn

Take = Callable[[Sequence[Delivery]], Sequence[TakenIn]]
LARGEST_COMMIT = 200
SOURCE_HEADER = "Recoup-Source"
_TRIES = 3
_log = logging.getLogger("recoup.queue")


def delivery_of(
    raw: bytes, headers: Mapping[str, str], channel: Channel, keys: Mapping[str, Sequence[bytes]], now: datetime
) -> Delivery:
    """What a broker delivered. Where senders have keys, a message must be signed by its source, however long it waited
    at the broker; without keys the broker's own sign-in counts."""
    if not keys:
        return Delivery(raw, channel)
    source = headers.get(SOURCE_HEADER, "")
    try:
        check_signature(headers.get(HEADER), raw, keys.get(source, ()), now, oldest=None)
    except BadSignature as wrong:
        logging.getLogger("recoup.security").warning(
            "a message was refused: %s channel=%s source=%r sha256=%s", wrong.en, channel.value, source[:32],
            digest_of(raw),
        )  # fmt: skip
        return Delivery(raw, channel, fault=(WhyHeld.SIGNATURE, wrong.en, wrong.zh))
    return Delivery(raw, channel, source_code=source)


class Keeper:
    """Keeps deliveries by ``take``, which runs in a thread."""

    def __init__(self, take: Take, health: Health) -> None:
        self._take = take
        self._health = health
        self._waiting: list[tuple[Delivery, asyncio.Future[TakenIn]]] = []
        self._wake = asyncio.Event()

    def keep(self, delivery: Delivery) -> asyncio.Future[TakenIn]:
        """Done when the delivery stands in the inbox, committed."""
        future: asyncio.Future[TakenIn] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, future))
        self._wake.set()
        return future

    async def run(self) -> None:
        """Keep what arrives until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:LARGEST_COMMIT], self._waiting[LARGEST_COMMIT:]
                await self._commit(batch)

    async def _commit(self, batch: list[tuple[Delivery, asyncio.Future[TakenIn]]], tried: int = 0) -> None:
        trials = 0
        while True:
            try:
                taken = await asyncio.to_thread(self._take, [delivery for delivery, _ in batch])
            except StoreTrouble:
                self._health.say("store", "the ops store cannot be written; messages stay with the broker")
                await asyncio.sleep(pause(trials, longest=10))
                trials += 1
                continue
            except Exception as error:  # noqa: BLE001 - one delivery must not end the consumption of all others
                await self._apart(batch, tried, error)
                return
            self._health.say("store", None)
            for (_, future), one in zip(batch, taken, strict=True):
                if not future.done():
                    future.set_result(one)
            return

    async def _apart(self, batch: list[tuple[Delivery, asyncio.Future[TakenIn]]], tried: int, error: Exception) -> None:
        """What cannot be kept together is kept one by one; what cannot be kept at all, as a dead letter that has its
        hash and nothing of its text."""
        if len(batch) > 1:
            for one in batch:
                await self._commit([one])
            return
        delivery, future = batch[0]
        _log.error("a delivery could not be kept (%s), sha256=%s", type(error).__name__, digest_of(delivery.raw))
        if tried + 1 < _TRIES:
            await asyncio.sleep(pause(tried, longest=2))
            await self._commit(batch, tried + 1)
        elif delivery.fault is None:
            said = (WhyHeld.UNREADABLE, "It could not be kept; its SHA-256 is kept.", "无法保存，仅保留其 SHA-256。")
            kept = Delivery(digest_of(delivery.raw).encode(), delivery.channel, fault=said)
            await self._commit([(kept, future)])
        elif not future.done():
            future.set_exception(error)
