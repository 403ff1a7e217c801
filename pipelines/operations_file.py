"""What the operations page reads: files, refused rows and check results as they stand, published on their own.

They leave the warehouse as soon as the files are read, before anything is built on them, because they are wanted most
when the run stops there. Like every publication it is a new file and a pointer moved last; unlike a snapshot it holds
what senders wrote, so no audience gets it: only the operations page opens it.
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import date
from pathlib import Path

from ops_app.config import Settings
from pipelines.expectations.definitions import feed_names, load_feed
from pipelines.readers.refusals import ROW_REASONS
from pipelines.sql_words import literal
from pipelines.warehouse import Warehouse

AUDIENCE = "operations"
KEPT = 3
MOST_REFUSED_ROWS = 200_000
"""Refused rows in the file, the latest first; beyond that a feed is wrong as a whole and its counts say so."""

_TABLES = {
    "files": "select * from raw.files",
    "quarantine": (
        "select * from raw.quarantine order by state <> 'open', file_date desc, file_id, line_no,"
        f" column_name limit {MOST_REFUSED_ROWS}"
    ),
    "expectation_results": "select * from raw.expectation_results",
}


def publish_operations(warehouse: Warehouse, settings: Settings, business_date: date) -> Path:
    """Write the file and move the pointer; a reader sees the old one or the new one, never half of one."""
    folder = settings.published / AUDIENCE
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"draft-{os.getpid()}.tmp"
    draft.unlink(missing_ok=True)
    with warehouse.open() as connection:
        connection.execute(f"attach {literal(str(draft))} as operations_file")
        try:
            for name, query in _TABLES.items():
                connection.execute(f"create table operations_file.{name} as {query}")
            connection.execute(
                "create table operations_file.names (kind varchar, feed varchar, code varchar, en varchar, zh varchar)"
            )
            connection.executemany("insert into operations_file.names values (?, ?, ?, ?, ?)", _names())
        finally:
            connection.execute("detach operations_file")
    with draft.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
        os.fsync(written.fileno())
    final = folder / f"{business_date.isoformat()}_{digest[:16]}.duckdb"
    draft.replace(final)
    pointer = folder / "current.json.tmp"
    pointer.write_text(json.dumps({"name": final.name, "sha256": digest, "build_id": digest[:16]}), encoding="utf-8")
    pointer.replace(folder / "current.json")
    _remove_old(folder, final)
    return final


def _names() -> list[tuple[str, str, str, str, str]]:
    """What rules and columns are called, in English and 中文, so that the page need not know the feeds."""
    found = [("rule", "", code, en, zh) for code, (en, zh) in ROW_REASONS.items()]
    for feed in map(load_feed, feed_names()):
        found += [("rule", feed.feed, rule.code, rule.en, rule.zh) for rule in feed.rules]
        found += [("column", feed.feed, name, column.en, column.zh) for name, column in feed.columns.items()]
    return found


def _remove_old(folder: Path, newest: Path) -> None:
    """Keep the newest few: a page that opened the one before may still be reading it."""
    others = sorted(
        (path for path in folder.glob("*.duckdb") if path != newest),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for old in others[KEPT - 1 :]:
        old.unlink(missing_ok=True)
