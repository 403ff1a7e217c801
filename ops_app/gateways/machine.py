"""What this machine can and cannot do, for ``recoup doctor``: each finding with its remedy."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from ops_app.config import Settings
from ops_app.domain.errors import DomainError
from ops_app.services.organisation.message_consumer import CONSUMER, SILENT
from ops_app.store import sqlite
from ops_app.store.organisation import message_lists
from ops_app.store.store import Store

State = Literal["ok", "warning", "failed"]
MINIMUM_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Examined:
    """One thing looked at: its state, what was seen, and what to do where it is not ok."""

    name: str
    state: State
    seen: str
    remedy: str = ""


def _python() -> Examined:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info[:2] == (3, 11)
    return Examined("Python", "ok" if good else "failed", version, "" if good else "install Python 3.11")


def _packages() -> Iterator[Examined]:
    for name in (
        "duckdb",
        "dbt-core",
        "dbt-duckdb",
        "dagster",
        "streamlit",
        "polars",
        "great-expectations",
        "sqlalchemy",
    ):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Examined(name, "failed", "not installed", "run make again")
            continue
        too_new = name == "dbt-core" and tuple(map(int, version.split(".")[:2])) >= (1, 12)
        yield Examined(name, "failed" if too_new else "ok", version, "dbt-core must stay below 1.12" if too_new else "")


def _sqlite() -> Examined:
    good = sqlite.wal_is_safe(sqlite.library_version())
    remedy = "" if good else "slower, but safe; reinstall from requirements.lock for the write-ahead log"
    return Examined("SQLite", "ok" if good else "warning", sqlite.describe(), remedy)


def _home(settings: Settings) -> Iterator[Examined]:
    home = settings.home
    home.mkdir(parents=True, exist_ok=True)
    writable = os.access(home, os.W_OK)
    yield Examined(
        "home",
        "ok" if writable else "failed",
        str(home),
        "" if writable else "set RECOUP_HOME to a folder you may write",
    )
    free = shutil.disk_usage(home).free
    enough = free >= MINIMUM_FREE_BYTES
    yield Examined(
        "free disk", "ok" if enough else "warning", f"{free / 1024**3:.1f} GiB", "" if enough else "2 GiB are wanted"
    )


def _port(name: str, host: str, port: int) -> Examined:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return Examined(
                f"port {port}", "warning", "in use", f"something listens there; choose another for the {name}"
            )
    return Examined(f"port {port}", "ok", f"free for the {name}")


def _font() -> Examined:
    try:
        listed = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        listed = ""
    if listed.strip():
        return Examined("中文 font", "ok", Path(listed.split(":", 1)[0]).name)
    return Examined(
        "中文 font",
        "warning",
        "none found",
        "apt-get install fonts-wqy-microhei (printed papers and browser pictures need one)",
    )


def _browser(settings: Settings) -> Examined:
    found = settings.chromium or shutil.which("chromium") or shutil.which("chromium-browser") or ""
    if found:
        return Examined("Chromium", "ok", Path(found).name)
    return Examined(
        "Chromium",
        "warning",
        "not found",
        "only the browser tests need it: apt-get install chromium, or set RECOUP_CHROMIUM",
    )


def _clock(settings: Settings) -> Examined:
    now = datetime.now(UTC)
    sane = 2025 <= now.year <= 2100
    local = now.astimezone(settings.zone)
    drift = abs(time.time() - now.timestamp()) > 5
    state: State = "ok" if sane and not drift else "failed"
    return Examined(
        "clock", state, f"{local:%Y-%m-%d %H:%M} {settings.timezone}", "" if sane else "set the machine's clock"
    )


def _ops_store(settings: Settings) -> Examined:
    kind = settings.ops_database_url.split(":", 1)[0]
    if kind.startswith("sqlite"):
        return Examined("ops store", "ok", "SQLite in the home")
    from sqlalchemy import create_engine, text

    try:
        with create_engine(settings.ops_database_url, connect_args={"connect_timeout": 5}).connect() as connection:
            version = connection.execute(text("show server_version")).scalar_one()
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, the answer is the same sentence
        return Examined(
            "ops store", "failed", type(error).__name__, "RECOUP_OPS_URL names a PostgreSQL that does not answer"
        )
    return Examined("ops store", "ok", f"PostgreSQL {version}")


_BROKERS = {"nats": 4222, "tls": 4222, "amqp": 5672, "amqps": 5671}


def _queue(settings: Settings) -> Examined:
    """Whether the broker of messages answers; never says a user or a password."""
    if not settings.queue_url:
        return Examined("message queue", "ok", "none: messages come by REST into the ops store")
    try:
        parts = urlsplit(settings.queue_url)
        host, port = parts.hostname or "127.0.0.1", parts.port or _BROKERS[parts.scheme]
    except (KeyError, ValueError):
        remedy = "RECOUP_QUEUE_URL begins with nats:// or amqp:// and names a host"
        return Examined("message queue", "failed", "not an address of a broker", remedy)
    shown = f"{parts.scheme}://{host}:{port}"
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError:
        remedy = "messages wait at their senders; start the broker, or put RECOUP_QUEUE_URL right"
        return Examined("message queue", "failed", f"{shown} does not answer", remedy)
    return Examined("message queue", "ok", f"{shown} answers")


def _message_consumer(settings: Settings) -> Examined:
    """Whether the consumer of messages works, and whether dead letters wait for a person."""
    store = Store.open(settings.ops_database_url)
    try:
        if store.file is not None and not store.file.exists():
            return Examined("messages", "ok", "none yet")
        with store.reading() as connection:
            consumer = message_lists.consumer(connection, CONSUMER)
            dead = message_lists.count(connection, message_lists.MessageFilter())
    except (SQLAlchemyError, DomainError):
        return Examined("messages", "warning", "the ops store has no inbox yet", "any command makes it: recoup verify")
    finally:
        store.close()
    if consumer is None:
        return Examined("messages", "ok", "none was taken out yet; recoup serve or recoup consume takes them")
    now = datetime.now(UTC)
    state: State = "ok"
    seen, remedy = "the consumer works", ""
    if consumer.trouble:
        state, seen, remedy = "warning", f"the consumer has a problem: {consumer.trouble}", "see its log"
    if now - consumer.renewed_at > SILENT:
        state, seen = "warning", f"the consumer said nothing since {consumer.renewed_at:%Y-%m-%d %H:%M} UTC"
        remedy = "start recoup serve or recoup consume; if it runs, the ops store cannot be written"
    if dead:
        state, seen = "warning", f"{seen}; {dead} dead letters wait"
        remedy = remedy or "decide on them on the page Messages"
    return Examined("messages", state, seen, remedy)


def examine(settings: Settings) -> list[Examined]:
    """Look at everything the suite needs; ``failed`` means it cannot run here, ``warning`` that a part cannot."""
    return [
        _python(),
        *_packages(),
        _sqlite(),
        *_home(settings),
        _ops_store(settings),
        _queue(settings),
        _message_consumer(settings),
        _port("front door", settings.host, settings.port),
        _port("pipeline's own page", "127.0.0.1", settings.dagster_port),
        _font(),
        _browser(settings),
        _clock(settings),
    ]
