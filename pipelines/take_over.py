"""The former book as the warehouse holds it, in one shape, and its take-over into the ops store.

What counts of each row is what counts for the marts: of a state the latest content, of an event the first. A loan is
with one agency at a time, and a later placement ends the one before it, exactly as ``int_custody_periods`` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from ops_app.bootstrap import App
from ops_app.domain.casework.take_over import HistoryRow
from ops_app.domain.organisation.imports import AGENCY_SOURCE
from ops_app.domain.organisation.people import SYSTEM, Actor
from ops_app.services.casework.take_over import TakeOver, take_over_book
from ops_app.services.organisation import runs
from pipelines.lease import held_lease
from pipelines.warehouse import Connection, Warehouse

_ONE_CONTENT = (
    "qualify row_number() over (partition by source_code, {key}"
    " order by file_date {way}, file_id {way}, line_no {way}) = 1"
)


def take_over(app: App, warehouse: Warehouse, *, actor: Actor = SYSTEM, now: datetime | None = None) -> TakeOver:
    """Take over everything that the history feeds brought; again is safe. Gives the proof sheet."""
    with warehouse.open() as connection:
        rows = list(history(connection, app.settings.zone))
    moment = now or app.clock.now()
    return take_over_book(actor, app.store, now=moment, zone=app.settings.zone, rows=rows)


def take_over_under_lease(app: App, progress: Callable[[int, int, str], None] | None = None) -> TakeOver:
    """As ``take_over``, as a run of its own; raises ``Conflict`` while another run is under way."""
    report = progress or (lambda _done, _total, _what: None)
    day = app.clock.now().astimezone(app.settings.zone).date()
    with held_lease(app, "take_over", day, uuid4().hex) as (run_id, _lost):
        done: dict[str, object] = {}
        try:
            report(0, 2, "history")
            found = take_over(app, Warehouse(app.settings.warehouse_path))
            done = {"rows": found.rows_new, "cases_placed": found.cases_placed}
            report(2, 2, "history")
        finally:
            runs.end_run(SYSTEM, app.store, now=app.clock.now(), run_id=run_id, succeeded=bool(done), detail=done)
    return found


def history(connection: Connection, zone: ZoneInfo) -> Iterator[HistoryRow]:
    """Every row of the former book that the history feeds hold, in one shape."""
    for feed, query in _queries().items():
        for row in connection.execute(query).fetchall():
            yield _row(feed, row, zone)


def _row(feed: str, row: tuple[Any, ...], zone: ZoneInfo) -> HistoryRow:
    source, key, loan, agency, collector, status, begun, ended, due, amount, currency, text, file_id, line_no = row
    return HistoryRow(
        feed, source, key, loan, agency, collector, status, _moment(begun, zone),
        _moment(ended, zone) if ended else None, due, None if amount is None else int(amount), currency, text, file_id,
        line_no,
    )  # fmt: skip


def _moment(value: datetime | date, zone: ZoneInfo) -> datetime:
    """Moments are kept in UTC; a day begins at its midnight in the installation's zone."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return datetime.combine(value, time.min, zone).astimezone(UTC)


def _counts(feed: str, key: str, *, event: bool = False) -> str:
    lenders = f"not starts_with(source_code, '{AGENCY_SOURCE}')"  # what agencies bring is no book of a former system
    return f"(select * from raw.{feed} where {lenders} {_ONE_CONTENT.format(key=key, way='asc' if event else 'desc')})"


def _queries() -> dict[str, str]:
    periods = f"""
        with p as (
            select *, lead(placed_date) over (
                partition by source_code, loan_id order by placed_date asc nulls last, placement_id asc nulls last
            ) as next_date
            from {_counts("placements", "placement_id")}
        ), q as (select *, least(recalled_date, next_date) as to_date from p)
        select source_code, placement_id, loan_id, agency_code, null, if(to_date is null, 'running', 'ended'),
            placed_date, to_date, due_back_date, balance_minor, currency, batch, file_id, line_no
        from q where to_date is null or to_date > placed_date order by source_code, placement_id
    """
    owners = f"""
        with a as (
            select *, lead(assigned_at) over (
                partition by source_code, loan_id order by assigned_at asc nulls last, assignment_id asc nulls last
            ) as next_at
            from {_counts("assignments", "assignment_id")}
        ), b as (select *, least(ended_at, next_at) as to_at from a)
        select source_code, assignment_id, loan_id, agency_code, collector_id, if(to_at is null, 'running', 'ended'),
            assigned_at, to_at, null, null, null, reason, file_id, line_no
        from b order by source_code, assignment_id
    """
    return {
        "placements": periods,
        "assignments": owners,
        "notes": f"""
            select source_code, note_id, loan_id, agency_code, collector_id, coalesce(kind, 'note'), written_at, null,
                null, null, null, text, file_id, line_no
            from {_counts("notes", "note_id", event=True)} order by source_code, note_id
        """,
        "promises": f"""
            select source_code, promise_id, loan_id, agency_code, collector_id, coalesce(status, 'open'), promised_at,
                null, due_date, amount_minor, currency, null, file_id, line_no
            from {_counts("promises", "promise_id")} order by source_code, promise_id
        """,
        "settled_commissions": f"""
            select source_code, agency_code || '/' || settlement || '/' || payment_id, coalesce(loan_id, ''),
                agency_code, null, 'settled', settled_date, null, null, commission_minor, currency, rate,
                file_id, line_no
            from {_counts("settled_commissions", "agency_code, settlement, payment_id", event=True)}
            order by 1, 2
        """,
    }
