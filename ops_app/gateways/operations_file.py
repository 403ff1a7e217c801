"""Files, refused rows and check results as the pipeline last published them for the operations page."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import may, require
from ops_app.gateways.snapshots import Snapshot, current_snapshot, read

AUDIENCE = "operations"
FILE_SORTS = {"file_date": "file_date", "rows_quarantined": "rows_quarantined", "rows_in": "rows_in"}
ROW_SORTS = {"file_date": "file_date", "line_no": "line_no"}
RESULT_SORTS = {"file_date": "file_date", "refused": "refused"}


@dataclass(frozen=True)
class FeedFile:
    """One file as it was received; ``rows_in`` is always accepted plus quarantined."""

    file_id: str
    file_name: str
    source_code: str
    template: str
    feed: str
    file_date: date | None
    rows_in: int
    rows_accepted: int
    rows_quarantined: int
    rows_repeated: int
    state: str
    reason_en: str | None
    reason_zh: str | None
    delivered: int


@dataclass(frozen=True)
class RefusedRow:
    """One refused row, by its first reason. ``standard`` is what the sender wrote, by standard column, as it may be
    corrected; empty for those who may not see it."""

    file_id: str
    line_no: int
    source_code: str
    feed: str
    template: str
    file_name: str
    file_date: date | None
    column_name: str | None
    value: str | None
    rule: str
    reason_en: str
    reason_zh: str
    standard: Mapping[str, str | None]
    state: str


@dataclass(frozen=True)
class CheckResult:
    """What one rule found in one file, and what the expectation framework said of it."""

    file_id: str
    file_name: str
    feed: str
    file_date: date | None
    rule: str
    column_name: str | None
    checked: int
    refused: int
    gx_success: bool | None
    gx_json: str | None


def files(
    actor: Actor,
    published: Path,
    *,
    feed: str = "",
    state: str = "",
    sort: str = "file_date",
    descending: bool = True,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[FeedFile], int]:
    """Files that were received, and how many match."""
    require(actor, "operations.view")
    where, values = _where({"feed": feed, "state": state})
    found, total = _window(published, "files", where, values, FILE_SORTS[sort], descending, "file_id", limit, offset)
    return [FeedFile(**{name: row[name] for name in FeedFile.__dataclass_fields__}) for row in found], total


def refused_rows(
    actor: Actor,
    published: Path,
    *,
    feed: str = "",
    rule: str = "",
    state: str = "",
    file_id: str = "",
    sort: str = "file_date",
    descending: bool = True,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[RefusedRow], int]:
    """Refused rows, each once, and how many match. What the sender wrote is shown to those who may correct it."""
    require(actor, "operations.view")
    where, values = _where({"feed": feed, "rule": rule, "state": state, "file_id": file_id})
    where = f"{where} and is_primary" if where else " where is_primary"
    found, total = _window(
        published, "quarantine", where, values, ROW_SORTS[sort], descending, "file_id, line_no", limit, offset
    )
    whole = may(actor, "quarantine.correct")
    return [_refused(row, whole=whole) for row in found], total


def check_results(
    actor: Actor,
    published: Path,
    *,
    feed: str = "",
    only_refusing: bool = True,
    sort: str = "file_date",
    descending: bool = True,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[CheckResult], int]:
    """What each rule found in each file, and how many results match."""
    require(actor, "operations.view")
    conditions: list[str] = ["true"]
    values: list[object] = []
    if feed:
        conditions.append("e.feed = ?")
        values.append(feed)
    if only_refusing:
        conditions.append("(e.refused > 0 or not coalesce(e.gx_success, true))")
    table = (
        "(select e.*, f.file_name, f.file_date from expectation_results e"
        " left join (select file_id, any_value(file_name) as file_name, any_value(file_date) as file_date"
        f" from files group by file_id) f on f.file_id = e.file_id where {' and '.join(conditions)})"
    )
    found, total = _window(
        published, table, "", values, RESULT_SORTS[sort], descending, "file_id, feed, rule, column_name", limit, offset
    )
    return [CheckResult(**{name: row[name] for name in CheckResult.__dataclass_fields__}) for row in found], total


def known_values(actor: Actor, published: Path, table: str, column: str) -> list[str]:
    """The values that a filter offers: the feeds or rules that occur."""
    require(actor, "operations.view")
    if (table, column) not in {("files", "feed"), ("quarantine", "feed"), ("quarantine", "rule")}:
        raise LookupError(f"no filter on {table}.{column}")
    snapshot = current_snapshot(published, AUDIENCE)
    if snapshot is None:
        return []
    return [row["v"] for row in read(snapshot, f"select distinct {column} as v from {table} order by 1") if row["v"]]


class Names:
    """What feeds' rules and columns are called in one language; a code without a name shows as it is."""

    def __init__(self, published: Path, language: str) -> None:
        snapshot = current_snapshot(published, AUDIENCE)
        self._names = _names_in(snapshot, language) if snapshot else {}
        self._english = _names_in(snapshot, "en") if snapshot else {}

    def rule(self, feed: str, code: str | None) -> str:
        return self._name("rule", feed, code)

    def column(self, feed: str, code: str | None) -> str:
        return self._name("column", feed, code)

    def rule_of_any_feed(self, code: str) -> str:
        """The sentence of a rule whose feed is not known (a filter over all feeds)."""
        return next((name for (kind, _, known), name in self._names.items() if kind == "rule" and known == code), code)

    def sentence(self, english: str) -> str:
        """An English sentence of a rule in the chosen language."""
        place = next((place for place, known in self._english.items() if place[0] == "rule" and known == english), None)
        return self._names[place] if place else english

    def _name(self, kind: str, feed: str, code: str | None) -> str:
        if not code:
            return "–"
        return self._names.get((kind, feed, code)) or self._names.get((kind, "", code)) or code


@functools.lru_cache(maxsize=8)
def _names_in(snapshot: Snapshot, language: str) -> dict[tuple[str, str, str], str]:
    which = "zh" if language == "zh" else "en"
    rows = read(snapshot, f"select kind, feed, code, {which} as name from names")
    return {(row["kind"], row["feed"], row["code"]): row["name"] for row in rows}


def _where(wanted: Mapping[str, str]) -> tuple[str, list[object]]:
    used = {name: value for name, value in wanted.items() if value}
    where = " where " + " and ".join(f"{name} = ?" for name in used) if used else ""
    return where, list(used.values())


def _window(
    published: Path,
    table: str,
    where: str,
    values: list[object],
    sort: str,
    descending: bool,
    tie: str,
    limit: int,
    offset: int,
) -> tuple[list[dict[str, Any]], int]:
    snapshot: Snapshot | None = current_snapshot(published, AUDIENCE)
    if snapshot is None:
        return [], 0
    counted = read(snapshot, f"select count(*) as n from {table}{where}", values)
    total = int(counted[0]["n"]) if counted else 0
    direction = "desc nulls last" if descending else "asc nulls last"
    query = f"select * from {table}{where} order by {sort} {direction}, {tie} limit ? offset ?"
    return read(snapshot, query, [*values, limit, offset]), total


def _refused(row: Mapping[str, Any], *, whole: bool) -> RefusedRow:
    standard = json.loads(row["standard_json"] or row["raw_json"] or "{}") if whole else {}
    values = {name: row[name] for name in RefusedRow.__dataclass_fields__ if name != "standard"}
    if not whole and values["value"]:
        values["value"] = f"{values['value'][0]}***"
    return RefusedRow(**values, standard=standard if isinstance(standard, dict) else {})
