"""Calls, promises and notes of agencies about a case as the pipeline last published them, for its record.

The audience's own snapshot is read: an agency's holds its own rows alone. Whoever asks has read the case itself first,
within reach, and says from when on it is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import require
from ops_app.gateways.snapshots import current_snapshot, read

MOST_ROWS = 200


@dataclass(frozen=True)
class Call:
    """One attempt to reach the debtor by call; ``collector_id`` as the feed names the collector."""

    attempt_id: str
    started_at: datetime
    channel: str
    direction: str
    outcome: str
    talk_seconds: int
    collector_id: str | None


@dataclass(frozen=True)
class Promise:
    """One promise to pay. Amounts are whole minor units of ``currency``."""

    promise_id: str
    promised_at: datetime
    due_date: date
    currency: str
    amount_minor: int
    state: str


@dataclass(frozen=True)
class AgencyNote:
    """One note that an agency brought back from its own system; ``collector_id``, ``kind`` and ``outcome`` as the
    agency says them, numbers in ``note`` hidden."""

    agency_note_id: str
    written_at: datetime
    agency_code: str
    collector_id: str | None
    kind: str | None
    outcome: str | None
    note: str | None


def calls_of(actor: Actor, published: Path, case_id: str, since: datetime | None) -> list[Call]:
    """The newest calls of a case, at most ``MOST_ROWS``, begun at ``since`` or later."""
    rows = _rows(
        actor, published, case_id, since, "fct_contact_attempts", "started_at",
        "attempt_id, started_at, channel, direction, outcome, talk_seconds, collector_id",
    )  # fmt: skip
    return [Call(**row) for row in rows]


def promises_of(actor: Actor, published: Path, case_id: str, since: datetime | None) -> list[Promise]:
    """The newest promises of a case, at most ``MOST_ROWS``, made at ``since`` or later."""
    rows = _rows(
        actor, published, case_id, since, "fct_promises", "promised_at",
        "promise_id, promised_at, due_date, currency, (amount * 100)::bigint as amount_minor, state",
    )  # fmt: skip
    return [Promise(**row) for row in rows]


def notes_of(actor: Actor, published: Path, case_id: str, since: datetime | None) -> list[AgencyNote]:
    """The newest notes of agencies about a case, at most ``MOST_ROWS``, written at ``since`` or later."""
    rows = _rows(
        actor, published, case_id, since, "fct_agency_notes", "written_at",
        "agency_note_id, written_at, agency_code, collector_id, kind, outcome, note",
    )  # fmt: skip
    return [AgencyNote(**row) for row in rows]


def _rows(
    actor: Actor, published: Path, case_id: str, since: datetime | None, table: str, moment: str, columns: str
) -> list[dict[str, Any]]:
    require(actor, "cases.view")
    snapshot = current_snapshot(published, actor.audience)
    if snapshot is None:
        return []
    condition, values = "case_id = ?", [case_id]
    if since is not None:
        condition += f" and {moment} >= ?::timestamp"
        values.append(since.strftime("%Y-%m-%d %H:%M:%S"))
    sql = f"select {columns} from {table} where {condition} order by {moment} desc limit {MOST_ROWS}"
    return read(snapshot, sql, values)
