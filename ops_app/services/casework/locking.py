"""Opening a case locks it briefly: others read it and cannot change it while it lasts.

A lock is the row of the audit log that says so, so that who kept whom from a case is evidence like any other act; how
long it lasts is the parameter of the day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from ops_app.domain.casework.locks import CaseLock, CaseLocked, first_binding, may_change
from ops_app.domain.casework.scope import scope_of
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.store.casework import cases
from ops_app.store.organisation import audit
from ops_app.store.store import Transaction

LOCK_MINUTES = "casework.case_lock_minutes"
_LOCKED = "case.locked"


def locks_of(connection: Connection, case_ids: Iterable[str], now: datetime) -> dict[str, CaseLock]:
    """Case → its lock, of those that somebody has open at ``now``."""
    lasts = timedelta(minutes=number_on(connection, LOCK_MINUTES, today(now)))
    rows = audit.last_of_each(connection, _LOCKED, "case", list(case_ids), since=now - lasts)
    return {
        case_id: CaseLock(row.actor_id, row.actor_name, row.agency_code, row.occurred_at + lasts)
        for case_id, row in rows.items()
        if now < row.occurred_at + lasts
    }


def lock_on_opening(transaction: Transaction, case_id: str) -> None:
    """Lock a case for the actor, within the act that opens it, unless they may change none or wait for somebody."""
    actor, now, connection = transaction.actor, transaction.now, transaction.connection
    if not may_change(actor):
        return
    cases.read_locked(connection, [case_id], scope_of(actor), now)  # two who open it wait for one another
    if first_binding(locks_of(connection, [case_id], now), actor, now) is None:
        transaction.audit(_LOCKED, "case", case_id)


def locked_by_others(transaction: Transaction, case_ids: Iterable[str]) -> dict[str, CaseLocked]:
    """Case → the refusal, of those that somebody whom the actor waits for has open."""
    actor, now = transaction.actor, transaction.now
    locks = locks_of(transaction.connection, case_ids, now)
    return {case_id: CaseLocked(one, now) for case_id, one in sorted(locks.items()) if one.binds(actor, now)}


def check_locks(transaction: Transaction, case_ids: Iterable[str]) -> None:
    """Raise ``CaseLocked`` where somebody whom the actor waits for has one of the cases open."""
    actor, now = transaction.actor, transaction.now
    found = first_binding(locks_of(transaction.connection, case_ids, now), actor, now)
    if found is not None:
        raise CaseLocked(found, now)
