"""Calls, promises and notes of agencies about a case as the pipeline last published them, for its record.

The audience's own snapshot is read: an agency's holds its own rows alone. Whoever asks has read the case itself first,
within reach, and says from when on it is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ops_app.domain.contact.promises import Promise
from ops_app.domain.money import WHOLE_UNIT_CURRENCIES
from ops_app.domain.organisation.amounts import sees_amounts, without_amounts
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import require
from ops_app.gateways.snapshots import current_snapshot, read
from ops_app.services.contact.promises import judge_promises
from ops_app.store.store import Store

__all__ = ["MOST_ROWS", "AgencyNote", "Call", "Promise", "calls_of", "notes_of", "open_promises", "promises_of"]

MOST_ROWS = 200
_WHOLE = ", ".join(f"'{code}'" for code in sorted(WHOLE_UNIT_CURRENCIES))
_UNITS = f"case when currency in ({_WHOLE}) then 1 else 100 end"
_PROMISE = (
    "promise_id, promised_at, business_date as promised_date, due_date, judged_date, currency,"
    f" (amount * {_UNITS})::bigint as amount_minor, (paid_amount * {_UNITS})::bigint as paid_minor, state"
)


@dataclass(frozen=True)
class Call:
    """One attempt to reach the debtor by call; ``collector_id`` as the feed names the collector, ``collector_name`` as
    the feed of collectors does (masked), where it knows them."""

    attempt_id: str
    started_at: datetime
    channel: str
    direction: str
    outcome: str
    talk_seconds: int
    collector_id: str | None
    collector_name: str | None = None


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
        "attempt_id, started_at, channel, direction, outcome, talk_seconds, source_code, collector_id",
    )  # fmt: skip
    names = _collectors(actor, published, {str(row["collector_id"]) for row in rows if row["collector_id"]})
    called = [names.get((row.pop("source_code"), row["collector_id"])) for row in rows]
    return [Call(**row, collector_name=name) for row, name in zip(rows, called, strict=True)]


def _collectors(actor: Actor, published: Path, ids: set[str]) -> dict[tuple[str, str], str]:
    """(source, collector) → the masked name, of those that the feed of collectors has now."""
    snapshot = current_snapshot(published, actor.audience)
    if snapshot is None or not ids:
        return {}
    has = read(snapshot, "select 1 from information_schema.tables where table_name = 'dim_collectors'", [])
    if not has:  # an installation without that feed
        return {}
    marks = ", ".join("?" for _ in ids)
    sql = (
        "select source_code, collector_id, name_masked from dim_collectors"
        f" where is_current and name_masked is not null and collector_id in ({marks})"
    )
    rows = read(snapshot, sql, sorted(ids))
    return {(row["source_code"], row["collector_id"]): row["name_masked"] for row in rows}


def promises_of(
    actor: Actor, store: Store, published: Path, *, now: datetime, case_id: str, since: datetime | None
) -> list[Promise]:
    """The newest promises of a case, at most ``MOST_ROWS``, made at ``since`` or later, judged with what is recorded by
    now. Amounts are hidden from those who may not see them. Raises ``NoSuchCase``."""
    rows = _rows(
        actor, published, case_id, since, "fct_promises", "promised_at",
        _PROMISE,
    )  # fmt: skip
    return judge_promises(actor, store, now=now, case_id=case_id, promises=[Promise(**row) for row in rows])


def open_promises(actor: Actor, published: Path, case_ids: Sequence[str]) -> dict[str, Promise] | None:
    """Case → the promise that is still open and due first, of those of ``case_ids`` that have one, in one look;
    ``None`` where nothing was published yet. For whoever sees every case: an agency's promises begin with its
    placement. Amounts are hidden from those who may not see them."""
    require(actor, "cases.company")
    snapshot = current_snapshot(published, actor.audience)
    if snapshot is None:
        return None
    marks = ", ".join("?" * len(case_ids))
    sql = (
        f"select case_id, {_PROMISE} from fct_promises where state = 'open' and case_id in ({marks})"
        " order by due_date desc, promised_at desc"
    )
    rows = read(snapshot, sql, case_ids) if case_ids else []
    found = {row.pop("case_id"): Promise(**row) for row in rows}  # the last, which is due first, stays
    return found if sees_amounts(actor) else {case_id: without_amounts(one) for case_id, one in found.items()}


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
