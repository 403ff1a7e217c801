"""What reconciliation found of collectors' claims, in the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.engine import Connection

from ops_app.domain.casework.requests import CaseRequestKind, Outcome
from ops_app.domain.ledger.breaks import BreakState
from ops_app.domain.ledger.claims import Finding, Standing, standing_of
from ops_app.store.ledger.payments import chunks
from ops_app.store.tables.four_way import claim_findings
from ops_app.store.tables.ledger import break_decisions, breaks
from ops_app.store.tables.requests import case_requests


def replace_all(connection: Connection, found: Sequence[Finding]) -> int:
    """Make the findings those of this run; how many rows that changes. Only what reads otherwise is written."""
    known = {row.claim_id: tuple(row)[1:-1] for row in connection.execute(select(claim_findings))}
    fresh = {one.claim_id: one for one in found}
    changed = [
        one for one in found if known.get(one.claim_id) != (one.state, one.confirmed_by, one.break_id, one.reason)
    ]
    gone = [claim_id for claim_id in sorted(known) if claim_id not in fresh]
    for some in chunks([*(one.claim_id for one in changed), *gone]):
        connection.execute(delete(claim_findings).where(claim_findings.c.claim_id.in_(some)))
    if changed:
        connection.execute(insert(claim_findings), [vars(one) for one in changed])
    return len(changed) + len(gone)


def standings(
    connection: Connection, ids: Sequence[str], conditions: Sequence[ColumnElement[bool]]
) -> dict[str, Standing]:
    """Claim → how it stands, for those of ``ids`` that the reader's conditions let through."""
    last = (
        select(break_decisions.c.break_id, func.max(break_decisions.c.nth).label("nth"))
        .group_by(break_decisions.c.break_id)
        .subquery()
    )
    query = (
        select(case_requests.c.case_request_id, case_requests.c.outcome, claim_findings, breaks.c.state.label("stands"),
               break_decisions.c.reason.label("said"))
        .select_from(case_requests)
        .outerjoin(claim_findings, claim_findings.c.claim_id == case_requests.c.case_request_id)
        .outerjoin(breaks, breaks.c.break_id == claim_findings.c.break_id)
        .outerjoin(last, last.c.break_id == breaks.c.break_id)
        .outerjoin(
            break_decisions,
            (break_decisions.c.break_id == last.c.break_id) & (break_decisions.c.nth == last.c.nth),
        )
        .where(case_requests.c.kind == CaseRequestKind.PAYMENT_CONFIRMATION.value, *conditions)
    )  # fmt: skip
    found: dict[str, Standing] = {}
    for some in chunks(sorted(ids)):
        for row in connection.execute(query.where(case_requests.c.case_request_id.in_(some))):
            found[row.case_request_id] = _standing(row)
    return found


def _standing(row: Any) -> Standing:
    finding = None
    if row.claim_id is not None:
        finding = Finding(row.claim_id, row.state, row.confirmed_by, row.break_id, row.reason, row.as_of_date)
    return standing_of(
        Outcome(row.outcome) if row.outcome else None,
        finding,
        BreakState(row.stands) if row.stands else None,
        row.said,
    )
