"""The check that an agency acts only on cases placed with it, while they are. It reads; it changes nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, exists, func, or_, select

from ops_app.domain.findings import Finding, broken, holds
from ops_app.store.store import Store
from ops_app.store.tables.casework import assignments, cases, placements
from ops_app.store.tables.organisation import audit_log, people

REACH_INVARIANT, REACH_NAME = 7, "an agency reads and acts only on its own cases"


def verify_reach(store: Store) -> Finding:
    """Invariant 7 in the ops store: whatever somebody of an agency did to a case, it was placed with that agency at
    that moment; whoever has a case is of the house that has it.

    A broken finding names the first row that does not hold.
    """
    acts = (audit_log.c.object_type == "case") & audit_log.c.agency_code.is_not(None)
    with store.reading() as connection:
        done = int(connection.execute(select(func.count()).select_from(audit_log).where(acts)).scalar_one())
        held = int(connection.execute(select(func.count()).select_from(assignments)).scalar_one())
        for what, query in (("audit row {}: an agency acted on a case that was not with it", _foreign_acts(acts)),
                            ("case {}: its collector is of another house", _foreign_collectors())):  # fmt: skip
            row = connection.execute(query.limit(1)).first()
            if row is not None:
                return broken(REACH_INVARIANT, REACH_NAME, done + held, what.format(row[0]))
    return holds(REACH_INVARIANT, REACH_NAME, done + held)


def _foreign_acts(acts: Any) -> Select[Any]:
    with_it = exists().where(
        placements.c.case_id == audit_log.c.object_id,
        placements.c.agency_code == audit_log.c.agency_code,
        placements.c.placed_at <= audit_log.c.occurred_at,
        placements.c.due_at > audit_log.c.occurred_at,
        or_(placements.c.ended_at.is_(None), placements.c.ended_at >= audit_log.c.occurred_at),
    )
    return select(audit_log.c.seq).where(acts, ~with_it).order_by(audit_log.c.seq)


def _foreign_collectors() -> Select[Any]:
    return (
        select(cases.c.case_id)
        .join(assignments, (assignments.c.case_id == cases.c.case_id) & assignments.c.ended_at.is_(None))
        .join(people, people.c.person_id == assignments.c.collector_id)
        .where(
            or_(
                func.coalesce(people.c.agency_code, "") != func.coalesce(assignments.c.agency_code, ""),
                func.coalesce(cases.c.agency_code, "") != func.coalesce(assignments.c.agency_code, ""),
            )
        )
        .order_by(cases.c.case_id)
    )
