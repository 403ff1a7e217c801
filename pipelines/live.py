"""Acts reach SQL within a minute: a small file an audience with what was done since its last full snapshot.

No dbt and no warehouse: the audit log is read from the ops store and written to a new file under a new name, then
``live.json`` names it. Readers see it united with the snapshot. ``python -m pipelines.live`` does so until stopped.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from ops_app.config import Settings
from ops_app.gateways.clock import SystemClock
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from pipelines.durable import move_into_place, read_pointer, write_pointer
from pipelines.publish import POINTER, snapshot_pointers
from pipelines.warehouse import connect

LIVE_POINTER = "live.json"
_KEPT = 3
"""Live files kept per audience, so that a reader between pointer and file still finds what the pointer named."""

_COLUMNS = (
    "seq bigint, occurred_at timestamp, business_date date, actor_id varchar, actor_name varchar, role_code varchar,"
    " agency_code varchar, action varchar, object_type varchar, object_id varchar, reason varchar, row_hash varchar"
)
"""The columns of ``fct_console_actions``, which the live rows continue."""

_log = logging.getLogger("recoup.live")


@dataclass(frozen=True)
class LivePublished:
    """What was published: the newest act's number, when it was read, and how many acts each audience got."""

    seq: int
    as_of: datetime
    acts: dict[str, int]


def publish_live(
    settings: Settings, *, store: Store | None = None, now: datetime | None = None
) -> LivePublished | None:
    """Publish the acts since each audience's last snapshot; None when no audience has new ones.

    An audience without a snapshot is passed over, since there is nothing the acts would continue.
    """
    as_of = now or SystemClock().now()
    with _store(settings, store) as opened:
        if opened.file is not None and not opened.file.exists():
            return None
        newest, acts = 0, {}
        for folder in (path.parent for path in snapshot_pointers(settings)):
            published = _publish(settings, opened, folder, as_of)
            if published is not None:
                newest, acts[folder.name] = max(newest, published[0]), published[1]
    return LivePublished(newest, as_of, acts) if acts else None


def live_loop(settings: Settings, interval: float = 10, stop: threading.Event | None = None) -> None:
    """Publish every ``interval`` seconds until ``stop`` is set; a store or disk in trouble is tried again."""
    stopping = stop or threading.Event()
    with closing(Store.open(settings.ops_database_url)) as store:
        while not stopping.is_set():
            try:
                publish_live(settings, store=store)
            except (SQLAlchemyError, duckdb.Error, OSError) as error:
                _log.warning("live publication failed and will be tried again: %s", error)
            stopping.wait(interval)


@contextmanager
def _store(settings: Settings, store: Store | None) -> Iterator[Store]:
    if store is not None:
        yield store
        return
    with closing(Store.open(settings.ops_database_url)) as opened:
        yield opened


def _publish(settings: Settings, store: Store, folder: Path, as_of: datetime) -> tuple[int, int] | None:
    """Publish to one audience; the newest act's number and the count, or None when nothing is new."""
    pointer = read_pointer(folder / POINTER)
    if pointer is None or not (folder / str(pointer.get("name"))).is_file():
        return None
    said = read_pointer(folder / LIVE_POINTER) or {}
    rebased = said.get("snapshot") != pointer["name"]
    since = _last_act(folder / pointer["name"]) if rebased else int(said["since"])
    acts = _acts(store, folder.name, since, settings)
    seq = acts[-1][0] if acts else since
    if not rebased and seq == said.get("seq"):
        return None
    name = f"{seq:012d}-{pointer['build_id'][-8:]}.duckdb"
    live = folder / "live"
    live.mkdir(exist_ok=True)
    if not (live / name).exists():
        _write(live, name, acts)
    write_pointer(
        folder / LIVE_POINTER,
        {"name": name, "seq": seq, "as_of": as_of.isoformat(), "since": since, "snapshot": pointer["name"]},
    )
    for old in sorted(live.glob("[0-9]*.duckdb"), key=lambda path: (path.stat().st_mtime_ns, path.name))[:-_KEPT]:
        if old.name != name:
            old.unlink(missing_ok=True)
    return seq, len(acts)


def _last_act(snapshot: Path) -> int:
    """Number of the newest act in a snapshot; 0 where it has none."""
    with closing(connect(snapshot, read_only=True)) as connection:
        try:
            found = connection.execute("select coalesce(max(seq), 0) from fct_console_actions").fetchone()
        except duckdb.CatalogException:
            return 0
    return int(found[0]) if found else 0


def _acts(store: Store, audience: str, since: int, settings: Settings) -> list[tuple[Any, ...]]:
    log = audit_log.c
    wanted = select(
        log.seq, log.occurred_at, log.actor_id, log.actor_name, log.role_code, log.agency_code, log.action,
        log.object_type, log.object_id, log.reason, log.row_hash,
    ).where(log.seq > since)  # fmt: skip
    if audience.startswith("agency-"):
        wanted = wanted.where(log.agency_code == audience.removeprefix("agency-"))
    with store.reading() as connection:
        rows = connection.execute(wanted.order_by(log.seq)).all()
    return [
        (row[0], row[1].astimezone(UTC).replace(tzinfo=None), row[1].astimezone(settings.zone).date(), *row[2:])
        for row in rows
    ]


def _write(folder: Path, name: str, acts: Sequence[tuple[Any, ...]]) -> None:
    aside = folder / f".build-{os.getpid()}.duckdb"
    for left in folder.glob(".build-*"):
        left.unlink()
    try:
        with closing(connect(aside)) as connection:
            connection.execute(f"create table fct_console_actions ({_COLUMNS})")
            if acts:
                marks = ", ".join("?" * len(acts[0]))
                connection.execute("begin transaction")
                connection.executemany(f"insert into fct_console_actions values ({marks})", acts)
                connection.execute("commit")
            connection.execute("checkpoint")
        move_into_place(aside, folder / name)
    finally:
        aside.unlink(missing_ok=True)


def main() -> None:
    """Publish until the process is asked to end."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    live_loop(Settings.load(), stop=stop)


if __name__ == "__main__":
    main()
