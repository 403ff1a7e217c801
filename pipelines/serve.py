"""The processes of an installation, started together and stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ops_app.config import Settings
from pipelines.instance import dagster_home

TELEMETRY_OFF = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}


def _restore_signals() -> None:
    # a parent started with & passes on ignored interrupts, and the children would then never stop
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _start(name: str, arguments: list[str], settings: Settings, logs: Path) -> subprocess.Popen[bytes]:
    environment = (
        os.environ
        | TELEMETRY_OFF
        | {"DAGSTER_HOME": str(dagster_home(settings)), "RECOUP_HOME": str(settings.home.resolve())}
        | ({"RECOUP_DEMO": "true"} if settings.demo else {})
    )
    with (logs / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=settings.project_root,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_restore_signals,  # safe: no other thread runs here yet
        )


def _stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in processes.values():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    for process in processes.values():
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
    for process in processes.values():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def commands(settings: Settings) -> dict[str, list[str]]:
    """What is run, by name. Dagster's page has no sign-in, so it listens on loopback only."""
    code = ["-m", "pipelines.definitions"]
    return {
        "front_door": ["ops_app.server"],
        "live": ["pipelines.live"],
        "messages": ["ops_app.interfaces.queue.consumer"],
        "dagster_daemon": ["dagster._daemon", "run", *code],
        "dagster_page": ["dagster_webserver", "-h", "127.0.0.1", "-p", str(settings.dagster_port), *code],
    }


def serve_everything(settings: Settings, *, say: Callable[[str], object], stop: threading.Event | None = None) -> None:
    """Run until interrupted, or until ``stop`` is set; a process that dies is started again after five seconds."""
    settings.make_folders()
    stopping = stop or threading.Event()
    with suppress(ValueError):  # only the main thread may take signals
        signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    processes: dict[str, subprocess.Popen[bytes]] = {}
    died_at: dict[str, float] = {}
    say(f"Front door: http://{settings.host}:{settings.port}/   pipeline: http://127.0.0.1:{settings.dagster_port}/")
    say(f"Logs: {settings.logs}   stop: Ctrl-C")
    try:
        while not stopping.is_set():
            for name, arguments in commands(settings).items():
                process = processes.get(name)
                if process is not None and process.poll() is None:
                    continue
                if process is not None and name not in died_at:
                    died_at[name] = time.monotonic()
                    say(f"{name} stopped with code {process.returncode}; see {settings.logs / f'{name}.log'}")
                if time.monotonic() - died_at.get(name, 0.0) >= 5:
                    died_at.pop(name, None)
                    processes[name] = _start(name, arguments, settings, settings.logs)
            stopping.wait(1)
    except KeyboardInterrupt:
        say("Stopping")
    finally:
        _stop(processes)
