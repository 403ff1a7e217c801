"""Dagster's record of what runs did, with its connections kept open.

Dagster's own SQLite storage opens a file, writes one event and closes it again; closing the last connection of a file
makes SQLite fold its log back and wait for the disk. A day of business writes some thousand events, so that this cost
more than reading the files. Here each file keeps one connection, and a commit waits for the disk only when the log is
folded: a power cut may lose the last events of a run, never the file, and what a run did to the stores is on record
there. Everything else is Dagster's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

_KEPT_OPEN = 4
_BUSY_S = 60


class RunEventStorage(SqliteEventLogStorage):
    """``SqliteEventLogStorage`` whose files stay open: the index and the runs used last."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._open: OrderedDict[str, Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> RunEventStorage:
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine_of(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _engine_of(self, shard: str) -> Engine:
        engine = self._open.get(shard)
        if engine is None:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": _BUSY_S, "check_same_thread": False},  # one thread at a time holds _db_lock
            )
            event.listen(engine, "connect", _patient)
            self._open[shard] = engine
        self._open.move_to_end(shard)
        while len(self._open) > _KEPT_OPEN:
            _, left = self._open.popitem(last=False)
            left.dispose()
        return engine

    def dispose(self) -> None:
        """Close every file."""
        with self._db_lock:
            while self._open:
                _, engine = self._open.popitem()
                engine.dispose()
        super().dispose()


def _patient(connection: Any, _record: object) -> None:
    """Commits reach the log at once and the disk when the log is folded."""
    connection.execute("pragma synchronous = normal")
