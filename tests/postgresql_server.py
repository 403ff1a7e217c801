"""A throw-away PostgreSQL server for a test session."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.room import in_memory

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


class ServerMissing(Exception):
    """PostgreSQL's programs are not on this machine."""


class Server:
    """A running server; ``stop`` ends it and removes its folder."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self._process = process

    def url(self, database: str) -> str:
        """The address of ``database`` for ``Store.open`` and for libpq alike."""
        return f"postgresql:///{database}?host={self.folder}&user=recoup"

    def execute(self, statement: str) -> None:
        """Run one statement on the maintenance database, outside a transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)  # fast shutdown
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def programs() -> Path:
    """The folder of ``initdb`` and ``postgres``; raises ``ServerMissing``."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise ServerMissing("no PostgreSQL server programs: apt-get install postgresql-15")
    return found[-1].parent


def start(*, durable: bool = False) -> Server:
    """Make a cluster in a new folder and start it; PostgreSQL refuses root, so root hands it to another user.

    ``durable``: commits reach the disk, for what measures them.
    """
    binaries = programs()
    folder = Path(tempfile.mkdtemp(prefix="recoup-pg-", dir=None if durable else in_memory(4 << 30)))
    user = _other_user() if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    identity = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data = folder / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "recoup", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        **identity,  # type: ignore[call-overload]
    )
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "fsync": "on" if durable else "off",  # the machine may lose power here; what is tested is the program
        "full_page_writes": "on" if durable else "off",
        "shared_buffers": "32MB",
        "max_connections": "80",
        "max_wal_size": "256MB",
        "log_min_messages": "fatal",
        "jit": "off",  # statements run once in a test; compiling them costs more than it saves
        "autovacuum": "off",  # a database lives for seconds
    }
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, *arguments],
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            preexec_fn=_die_with(os.getpid()),
            **identity,  # type: ignore[call-overload]
        )
    server = Server(folder, process)
    _wait_until_it_answers(server, process)
    return server


def _other_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServerMissing("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _die_with(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None)

    def arrange() -> None:
        libc.prctl(_DEATH_SIGNAL, signal.SIGQUIT)
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def _wait_until_it_answers(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            server.execute("select 1")
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    said = (server.folder / "log").read_text(errors="replace")[-2000:]
    server.stop()
    raise RuntimeError(f"PostgreSQL did not start: {said}")
