"""Which nodes of the dbt project a build must make again: those to which something moved since the last good build.

A model is a function of the project's SQL and of its sources. Feeds say which of them changed (``raw.touched``), and so
do extracts of the life of cases (``extract_changes``); every other source (the business date, other copies of the ops
store, matches, files) counts as moved. A view, a seed or a table
whose sources all stand still is what it was and is left as it is, and so are its tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines.expectations.definitions import feed_names
from pipelines.extract_changes import MOVES, touched_name
from pipelines.warehouse import Connection, rows

_MADE = ("model.", "seed.", "test.")


def concerned(parents: Mapping[str, Iterable[str]], touched: Iterable[str]) -> set[str]:
    """Unique ids of the models, seeds and tests that something moved to. ``parents`` is dbt's parent map; ``touched``
    names feeds and tables of the ops store. Views are left out where what they read has moved: a view reads anew by
    itself."""
    moved_by = {f"source.recoup.raw.{feed}" for feed in feed_names()}
    moved_by |= {f"source.recoup.{touched_name(table)}" for table in MOVES}
    still = moved_by - {f"source.recoup.{name if name.startswith('ops.') else f'raw.{name}'}" for name in touched}
    moved: dict[str, bool] = {}

    def has_moved(node: str) -> bool:
        if node not in moved:
            moved[node] = node not in still if node.startswith("source.") else any(map(has_moved, parents[node]))
        return moved[node]

    return {node for node in parents if node.startswith(_MADE) and has_moved(node)}


def selection(manifest: Path, connection: Connection, fingerprint: str) -> list[str] | None:
    """Arguments that make dbt build only what is concerned; None where all must be built, because the last good build
    was of another state of the project, there was none, or it left no manifest."""
    _create_table(connection)
    if rows(connection, "select fingerprint from raw.built") != [(fingerprint,)] or not manifest.exists():
        return None
    parsed = json.loads(manifest.read_text(encoding="utf-8"))
    touched = [feed for (feed,) in rows(connection, "select distinct feed from raw.touched")]
    views = {key for key, node in parsed["nodes"].items() if node["config"].get("materialized") == "view"}
    chosen = concerned(parsed["parent_map"], touched) - views
    names = sorted(parsed["nodes"][key]["name"] for key in chosen)
    return ["--select", *names, "--indirect-selection", "empty"]


def remember(connection: Connection, fingerprint: str) -> None:
    """The build of this state of the project is whole."""
    forget(connection)
    connection.execute("insert into raw.built values (?)", [fingerprint])


def forget(connection: Connection) -> None:
    """Something is not whole: the next build makes everything."""
    _create_table(connection)
    connection.execute("delete from raw.built")


def _create_table(connection: Connection) -> None:
    connection.execute("create table if not exists raw.built (fingerprint varchar)")
