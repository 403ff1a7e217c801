"""Readiness: checks report here, and services read here before they act (R0.4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.readiness import (
    CHECK_NAMES,
    NEEDS,
    Check,
    CheckState,
    Verdict,
    judge,
    needed,
)
from ops_app.services.act import act
from ops_app.store.store import Store
from ops_app.store.tables.operations import readiness


def known_checks(connection: Connection) -> dict[str, Check]:
    """The last report of every check, by name."""
    rows = connection.execute(select(readiness)).all()
    return {
        row.check_name: Check(row.check_name, CheckState(row.state), row.business_date, row.as_of, row.reason)
        for row in rows
    }


def verdict_on(connection: Connection, decision: str, now: datetime) -> Verdict:
    """The verdict on ``decision`` within the caller's transaction; call ``.require()`` on it before acting."""
    return judge(decision, known_checks(connection), now)


@act("system.run")
def report_checks(actor: Actor, store: Store, *, now: datetime, checks: Iterable[Check]) -> None:
    """Record what checks found; a report about an earlier business date never replaces a later one.

    Raises ``LookupError`` for a check that no decision knows.
    """
    with store.writing(actor, now) as transaction:
        known = known_checks(transaction.connection)
        for check in checks:
            if check.name not in CHECK_NAMES:
                raise LookupError(f"no decision knows the check {check.name!r}")
            before = known.get(check.name)
            if before and before.business_date and check.business_date and check.business_date < before.business_date:
                continue
            values = {
                "state": check.state.value,
                "business_date": check.business_date,
                "as_of": check.as_of or now,
                "reason": check.reason,
            }
            if before is None:
                transaction.connection.execute(insert(readiness).values(check_name=check.name, **values))
            else:
                changed = update(readiness).where(readiness.c.check_name == check.name).values(**values)
                transaction.connection.execute(changed)


@act("operations.view")
def list_readiness(actor: Actor, store: Store, *, now: datetime) -> list[tuple[Verdict, list[Check]]]:
    """Every decision with its verdict at ``now`` and the checks it needs, for the operations page."""
    with store.reading() as connection:
        known = known_checks(connection)
    return [(judge(name, known, now), needed(name, known, now)) for name in NEEDS]
