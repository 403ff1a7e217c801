"""Checks of what must always hold in the area casework. They read; they change nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.engine import Connection

from ops_app.domain.findings import Finding, broken, holds
from ops_app.services.casework.limitation import clock_under, rule_mark
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.casework import limitation
from ops_app.store.store import Store
from ops_app.store.tables.casework import assignments, case_events, cases, placements

LIMITATION_INVARIANT, LIMITATION_NAME = 14, "a limitation clock is what its due date and its interruptions make"
ONE_OWNER_INVARIANT, ONE_OWNER_NAME = 4, "a case has one active agency placement and one active collector at most"


def verify_one_owner(store: Store) -> Finding:
    """Invariant 4: of each case at most one placement and one assignment runs, they are the ones the case itself names,
    none overlaps the one before, a closed case has none, and its history has no gap in its numbers.

    A broken finding names the first case that does not hold.
    """
    with store.reading() as connection:
        total = int(connection.execute(select(func.count()).select_from(cases)).scalar_one())
        for what, query in _wrong().items():
            row = connection.execute(query.limit(1)).first()
            if row is not None:
                return broken(ONE_OWNER_INVARIANT, ONE_OWNER_NAME, total, f"case {row.case_id}: {what}")
        gap = _first_gap(connection)
    if gap is not None:
        return broken(ONE_OWNER_INVARIANT, ONE_OWNER_NAME, total, gap)
    return holds(ONE_OWNER_INVARIANT, ONE_OWNER_NAME, total)


def verify_limitation(store: Store) -> Finding:
    """Invariant 14: the clock of every case is what its due date, its interruptions and the rule of its pack make. A
    clock that waits for the next run of intake (its rule changed) is not looked at. Names the first wrong case."""
    with store.reading() as connection:
        known = in_force(connection)
        clocks = limitation.all_clocks(connection)
        record = limitation.interruptions(connection, [one.case_id for one in clocks])
    marks = {pack: rule_mark(known, pack) for pack in {one.pack for one in clocks}}
    for one in clocks:
        if one.rule_mark != marks[one.pack]:
            continue
        right = clock_under(known, one.pack, one.due_date, record.get(one.case_id, []))
        if (one.started_date, one.years, one.expires_date) != (right.started_date, right.years, right.expires_date):
            detail = f"case {one.case_id}: it says {one.expires_date} and its record makes {right.expires_date}"
            return broken(LIMITATION_INVARIANT, LIMITATION_NAME, len(clocks), detail)
    return holds(LIMITATION_INVARIANT, LIMITATION_NAME, len(clocks))


def _wrong() -> dict[str, Select[Any]]:
    found: dict[str, Select[Any]] = {}
    for table, column, begun, name in (
        (placements, placements.c.agency_code, placements.c.placed_at, "placement"),
        (assignments, assignments.c.collector_id, assignments.c.assigned_at, "collector"),
    ):
        running = table.c.ended_at.is_(None)
        found[f"more than one active {name}"] = (
            select(table.c.case_id).where(running).group_by(table.c.case_id).having(func.count() > 1)
        )
        named = cases.c.agency_code if table is placements else cases.c.collector_id
        both: ColumnElement[bool] = (table.c.case_id == cases.c.case_id) & running
        found[f"its {name} is not the one that is active"] = (
            select(cases.c.case_id)
            .outerjoin(table, both)
            .where(func.coalesce(named, "") != func.coalesce(column, ""))
            .order_by(cases.c.case_id)
        )
        after = table.alias()
        ended = func.coalesce(table.c.ended_at, after.c[begun.name])
        found[f"a {name} began before the one before it ended"] = (
            select(table.c.case_id)
            .join(after, (after.c.case_id == table.c.case_id) & (after.c.nth == table.c.nth + 1))
            .where((after.c[begun.name] < ended) | running)
            .order_by(table.c.case_id)
        )
    return found


def _first_gap(connection: Connection) -> str | None:
    counted = (
        select(case_events.c.case_id, func.count().label("events"), func.max(case_events.c.nth).label("last"))
        .group_by(case_events.c.case_id)
        .subquery()
    )
    row = connection.execute(
        select(cases.c.case_id)
        .outerjoin(counted, counted.c.case_id == cases.c.case_id)
        .where(
            (func.coalesce(counted.c.events, 0) != cases.c.event_count)
            | (func.coalesce(counted.c.last, 0) != cases.c.event_count)
        )
        .order_by(cases.c.case_id)
        .limit(1)
    ).first()
    return None if row is None else f"case {row.case_id}: its history is not whole"
