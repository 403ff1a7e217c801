"""Publication: one immutable file an audience, and a pointer that moves only when the file is whole.

A snapshot is written aside, reopened and compared with the marts it came from, synced, given a name that was never
used before, and only then named by ``current.json``. Whatever dies on the way, readers keep the snapshot they had.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import psutil

from ops_app.config import Settings
from ops_app.gateways.operations_file import AUDIENCE as OPERATIONS
from pipelines.audiences import audiences, rows_for
from pipelines.code_version import code_version
from pipelines.durable import move_into_place, read_pointer, sha256_of, write_pointer
from pipelines.marts_hash import column_list, content_totals, mart_tables
from pipelines.sql_words import literal, quoted
from pipelines.warehouse import Connection, Warehouse, connect

POINTER = "current.json"
_ASIDE = ".build-"


def snapshot_pointers(settings: Settings) -> list[Path]:
    """The pointer of every audience with a snapshot; the operations page's own file lies beside them and is none."""
    found = sorted(settings.published.glob(f"*/{POINTER}"))
    return [path for path in found if path.parent.name != OPERATIONS]


class NotWhole(Exception):
    """A snapshot that was just written does not hold what the marts hold; it is not published."""


@dataclass(frozen=True)
class Published:
    """The snapshot an audience's pointer now names; ``is_new`` is false when the same content was there already."""

    audience: str
    name: str
    sha256: str
    build_id: str
    path: str
    is_new: bool


@dataclass(frozen=True)
class _Table:
    name: str
    query: str
    columns: str
    rows: int
    content: str


def publish_snapshots(warehouse: Warehouse, settings: Settings, business_date: date) -> list[Published]:
    """Publish the present marts to every audience and return what each pointer now names.

    The same marts under the same code give the same name and are not written again. Raises ``NotWhole`` when a written
    file does not read back as the marts it was made from, and what the disk raises when it is full; in either case the
    pointer of that audience stays where it was.
    """
    done = []
    with warehouse.open() as connection:
        for audience in audiences(connection):
            done.append(_publish(connection, settings, audience, business_date))
    return done


def _publish(connection: Connection, settings: Settings, audience: str, business_date: date) -> Published:
    folder = settings.published / audience
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    tables = _tables(connection, audience)
    inputs_hash = _inputs_hash(audience, business_date, tables)
    build_id = f"{business_date}_{inputs_hash}"
    kept = _already_current(folder, build_id)
    if kept is not None:
        return Published(audience, kept["name"], kept["sha256"], build_id, str(folder / kept["name"]), False)
    aside = folder / f"{_ASIDE}{os.getpid()}-{inputs_hash}.duckdb"
    try:
        _write(connection, aside, tables, (build_id, audience, business_date, inputs_hash))
        digest = sha256_of(aside)
        verify(aside, {table.name: (table.rows, table.content) for table in tables})
        name = _unused_name(folder, build_id)
        move_into_place(aside, folder / name)
    finally:
        _remove(aside)
    write_pointer(folder / POINTER, {"name": name, "sha256": digest, "build_id": build_id})
    _retain(folder, name, settings.keep_snapshots)
    return Published(audience, name, digest, build_id, str(folder / name), True)


def _tables(connection: Connection, audience: str) -> list[_Table]:
    found = []
    for name in mart_tables(connection):
        columns = column_list(connection, "marts", name)
        query = rows_for(audience, name, [column.split(" ")[0] for column in columns.split(", ")])
        rows, content = content_totals(connection, f"({query})")
        found.append(_Table(name, query, columns, rows, content))
    return found


def _inputs_hash(audience: str, business_date: date, tables: list[_Table]) -> str:
    digest = hashlib.sha256()
    for part in (code_version(), audience, business_date.isoformat()):
        digest.update(f"{len(part)}:{part}".encode())
    for table in tables:
        for part in (table.name, table.columns, str(table.rows), table.content):
            digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:20]


def _already_current(folder: Path, build_id: str) -> dict[str, str] | None:
    """What the pointer says, when it names a whole file of this very build."""
    said = read_pointer(folder / POINTER)
    if said is None or said.get("build_id") != build_id:
        return None
    file = folder / str(said.get("name"))
    if not file.is_file() or sha256_of(file) != said.get("sha256"):
        return None
    return {key: str(value) for key, value in said.items()}


def _unused_name(folder: Path, build_id: str) -> str:
    """A file name no process can have open: a second file of one build gets a number."""
    name, attempt = f"{build_id}.duckdb", 1
    while (folder / name).exists():
        attempt += 1
        name = f"{build_id}-{attempt}.duckdb"
    return name


def _write(connection: Connection, path: Path, tables: list[_Table], build: tuple[str, str, date, str]) -> None:
    with _attached(connection, path):
        for table in tables:
            connection.execute(f"create table snapshot.main.{quoted(table.name)} as {table.query}")
        connection.execute(
            "create table snapshot.main.snapshot_build (build_id varchar, audience varchar, business_date date,"
            " inputs_hash varchar, code_version varchar, table_name varchar, row_count bigint, content_hash varchar)"
        )
        connection.executemany(
            "insert into snapshot.main.snapshot_build values (?, ?, ?, ?, ?, ?, ?, ?)",
            [[*build, code_version(), table.name, table.rows, table.content] for table in tables],
        )
    with suppress(FileNotFoundError):
        path.with_name(path.name + ".wal").unlink()


@contextmanager
def _attached(connection: Connection, path: Path) -> Iterator[None]:
    """The new file as database ``snapshot``; leaving writes everything into the one file."""
    connection.execute(f"attach {literal(str(path))} as snapshot")
    try:
        yield
        connection.execute("checkpoint snapshot")
    finally:
        connection.execute("detach snapshot")


def verify(path: Path, expected: dict[str, tuple[int, str]]) -> None:
    """Reopen a written snapshot and read all of it; raises ``NotWhole`` when anything differs from ``expected``."""
    try:
        opened = connect(path, read_only=True)
        try:
            found = {name: content_totals(opened, f"main.{quoted(name)}") for name in mart_tables(opened, "main")}
            listed = opened.execute("select table_name, row_count, content_hash from snapshot_build").fetchall()
        finally:
            opened.close()
    except (duckdb.Error, OSError) as error:
        raise NotWhole(f"{path.name} cannot be read back: {error}") from error
    told = {name: (rows, content) for name, rows, content in listed}
    for name in sorted(expected.keys() | found.keys() | told.keys()):
        if not expected.get(name) == found.get(name) == told.get(name):
            raise NotWhole(f"{path.name}: table {name} holds {found.get(name)}, the mart {expected.get(name)}")


def _sweep(folder: Path) -> None:
    """Remove what publishers that no longer live left behind."""
    for left in folder.glob(f"{_ASIDE}*"):
        owner = left.name.removeprefix(_ASIDE).split("-")[0]
        if not owner.isdigit() or int(owner) == os.getpid() or not psutil.pid_exists(int(owner)):
            _remove(left)


def _remove(path: Path) -> None:
    for one in (path, path.with_name(path.name + ".wal")):
        with suppress(FileNotFoundError):
            one.unlink()


def _retain(folder: Path, current: str, keep: int) -> None:
    """Keep the newest ``keep`` snapshots, the current one always; who has an old one open keeps reading it."""
    older = sorted(
        (path for path in folder.glob("[0-9]*.duckdb") if path.name != current),
        key=lambda path: (path.stat().st_mtime_ns, path.name),
        reverse=True,
    )
    for path in older[keep - 1 :]:
        _remove(path)
