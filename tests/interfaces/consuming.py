"""A consumer of the tests: its own process on an installation of the test, or within the test."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ops_app.bootstrap import App
from ops_app.interfaces.queue.consumer import MessageConsumer


class Process:
    """``python -m ops_app.interfaces.queue.consumer`` on the installation of ``app``."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.log = app.settings.logs / "consumer.log"
        self.start()

    def start(self) -> None:
        """Start it (again)."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ops_app.interfaces.queue.consumer"], env=self._app.settings.environment(),
                cwd=self._app.settings.project_root, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing given back."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; the code it ended with."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)


@contextmanager
def consuming(app: App) -> Iterator[MessageConsumer]:
    """A consumer in a thread of this process."""
    made = MessageConsumer(app, holder=f"test/{os.getpid()}/{time.monotonic()}")
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def run() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        ready.set()
        await made.run(stop)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    ready.wait(10)
    try:
        yield made
    finally:
        loop, stop = loops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive()


def until(what: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until ``what`` holds; the bound is for a machine that is busy with other things."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise TimeoutError("it did not come true")
        time.sleep(0.05)
