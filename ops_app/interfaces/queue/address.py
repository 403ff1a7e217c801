"""Where the broker is, and how that may be said aloud."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.messages import Channel

_SCHEMES = {"nats": (Channel.NATS, 4222), "tls": (Channel.NATS, 4222), "amqp": (Channel.AMQP, 5672),
            "amqps": (Channel.AMQP, 5671)}  # fmt: skip

SUBJECT = "recoup.messages"
"""The subject (NATS) and the queue (RabbitMQ) to which senders publish."""

SUBJECT_DEAD = "recoup.messages.dead"
EXCHANGE_DEAD = "recoup.dead"
STREAM = "RECOUP"
DURABLE = "recoup"


@dataclass(frozen=True)
class BrokerAddress:
    """A broker; only ``shown`` is ever said: it has no user and no password."""

    channel: Channel
    url: str = field(repr=False)
    host: str
    port: int
    shown: str

    @classmethod
    def of(cls, url: str) -> BrokerAddress:
        """Read ``RECOUP_QUEUE_URL``; raises ``Invalid`` without repeating what stands there."""
        try:
            parts = urlsplit(url)
            channel, usual = _SCHEMES[parts.scheme]
            host, port = parts.hostname or "127.0.0.1", parts.port or usual
        except (KeyError, ValueError):
            raise Invalid(
                "RECOUP_QUEUE_URL begins with nats:// or amqp:// and names a host.",
                "RECOUP_QUEUE_URL 须以 nats:// 或 amqp:// 开头并写明主机。",
                field="RECOUP_QUEUE_URL",
            ) from None
        return cls(channel, url, host, port, f"{parts.scheme}://{host}:{port}")
