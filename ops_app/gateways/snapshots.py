"""Reading published snapshots for screens: our own fixed queries, read-only, always the newest whole file.

SQL that people write never comes here; it goes through ``sql_sandbox``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb


@dataclass(frozen=True)
class Snapshot:
    """A published file: whole, immutable, under a name of its own."""

    path: Path
    business_date: date
    build_id: str


def current_snapshot(published: Path, audience: str) -> Snapshot | None:
    """The snapshot that the audience's pointer names; ``None`` before the first publication.

    A pointer that names a file which is not there, or outside its folder, counts as no publication.
    """
    folder = published / audience
    if folder.resolve().parent != published.resolve():
        return None
    try:
        pointer = json.loads((folder / "current.json").read_text(encoding="utf-8"))
        name = str(pointer["name"])
        path = folder / name
        if Path(name).name != name or not path.is_file():
            return None
        return Snapshot(path, date.fromisoformat(name[:10]), str(pointer.get("build_id", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read(snapshot: Snapshot, sql: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
    """Rows of one of our own queries; ``values`` are bound. A table that is not in the snapshot gives no rows."""
    with duckdb.connect(str(snapshot.path), read_only=True) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(sql, list(values))
        except duckdb.CatalogException:
            return []
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
