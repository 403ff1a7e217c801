"""The record of a case is opened, with a row in the audit log; what its tabs show beside the case itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.locks import CaseLock
from ops_app.domain.casework.personal import PersonalField, masked_name, masked_number, masked_text
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.organisation.audit import AuditRow
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import require
from ops_app.services.act import act
from ops_app.services.casework.cases import since_placed
from ops_app.services.casework.locking import lock_on_opening, locks_of
from ops_app.services.ledger.payment_lists import ListedPayment, listed
from ops_app.services.organisation.installation import today
from ops_app.store.casework import cases, debtors, periods
from ops_app.store.casework.cases import Case
from ops_app.store.casework.keys import PersonalKey
from ops_app.store.casework.periods import CaseEvent
from ops_app.store.ledger import payments
from ops_app.store.ledger.payments import PaymentFilter
from ops_app.store.organisation import audit
from ops_app.store.organisation.audit import AuditFilter
from ops_app.store.store import Store

__all__ = [
    "ListedPayment", "MaskedPerson",
    "case_audit", "case_payments", "case_person", "changes_since", "open_case",
    "open_with",
]  # fmt: skip

MOST_ROWS = 200
"""What a tab shows at most; the lists have the rest."""


@dataclass(frozen=True)
class MaskedPerson:
    """What is known of a debtor, each by its mask; ``None`` where nothing is known."""

    values: dict[PersonalField, str | None]
    language: str | None
    timezone: str | None


@act("cases.view")
def open_case(actor: Actor, store: Store, *, now: datetime, case_id: str) -> Case:
    """Say in the audit log that somebody opens the record of a case within reach, and lock it for who may change it;
    raises ``NoSuchCase``, and then nothing is written."""
    with store.writing(actor, now) as transaction:
        one = cases.read(transaction.connection, case_id, scope_of(actor), now)
        if one is None:
            raise NoSuchCase
        transaction.audit("case.viewed", "case", case_id)
        lock_on_opening(transaction, case_id)
    return one


@act("cases.view")
def open_with(actor: Actor, store: Store, *, now: datetime, ids: Sequence[str]) -> dict[str, CaseLock]:
    """Case → its lock, of those of ``ids`` within reach that somebody whom the actor waits for has open."""
    with store.reading() as connection:
        within = cases.read_many(connection, ids, scope_of(actor), now)
        locks = locks_of(connection, within, now)
    return {case_id: lock for case_id, lock in locks.items() if lock.binds(actor, now)}


@act("cases.view")
def case_payments(actor: Actor, store: Store, *, now: datetime, case_id: str) -> list[ListedPayment]:
    """The recorded payments of the loan of a case, the newest first, at most ``MOST_ROWS``, and where each was posted;
    an agency reads those from the day of its placement on (in the installation's zone). Raises ``NoSuchCase``."""
    with store.reading() as connection:
        one = cases.read(connection, case_id, scope_of(actor), now)
        if one is None:
            raise NoSuchCase
        since = None
        if actor.agency_code is not None:
            since = today(periods.running_placements(connection, [case_id])[case_id].placed_at)
        wanted = PaymentFilter(source_code=one.source_code, loan_id=one.loan_id, since=since)
        rows = payments.page(connection, wanted, sort="value_date", descending=True, after=None, limit=MOST_ROWS)
        return listed(connection, rows, scope_of(actor), now)


@act("cases.view")
def case_person(actor: Actor, store: Store, *, now: datetime, case_id: str, evidence: Path) -> MaskedPerson:
    """The contact data of the debtor of a case within reach, masked. Raises ``NoSuchCase``, ``NoKey``."""
    with store.reading() as connection:
        one = cases.read(connection, case_id, scope_of(actor), now)
        if one is None:
            raise NoSuchCase
        sealed = debtors.sealed(connection, one.debtor_key)
        language, timezone = debtors.language_of(connection, one.debtor_key)
    values: dict[PersonalField, str | None] = dict.fromkeys(PersonalField)
    if sealed is not None:
        person = PersonalKey.load(evidence).open(one.debtor_key, sealed)
        phones = "、".join(filter(None, map(masked_number, person.phones)))
        values = {
            PersonalField.NAME: masked_name(person.name),
            PersonalField.NATIONAL_ID: masked_number(person.national_id),
            PersonalField.PHONES: phones or None,
            PersonalField.ADDRESS: masked_text(person.address),
            PersonalField.EMPLOYER: masked_text(person.employer),
        }
    return MaskedPerson(values, language, timezone)


@act("cases.view")
def changes_since(actor: Actor, store: Store, *, now: datetime, case_id: str, event_count: int) -> list[CaseEvent]:
    """What happened to a case within reach after its first ``event_count`` events: who comes second reads what was done
    meanwhile; an agency from its placement on. Raises ``NoSuchCase``."""
    with store.reading() as connection:
        if cases.read(connection, case_id, scope_of(actor), now) is None:
            raise NoSuchCase
        found = periods.events(connection, case_id)
    theirs = found if actor.agency_code is None else since_placed(found)
    return [one for one in theirs if one.nth > event_count]


@act("cases.view")
def case_audit(actor: Actor, store: Store, *, now: datetime, case_id: str) -> list[AuditRow]:
    """The newest rows of the audit log about a case and its debtor, for those who may read the log."""
    require(actor, "audit.view")
    with store.reading() as connection:
        one = cases.read(connection, case_id, scope_of(actor), now)
        if one is None:
            raise NoSuchCase
        rows = []
        for kind, identity in (("case", case_id), ("debtor", one.debtor_key)):
            wanted = AuditFilter(object_type=kind, object_id=identity)
            rows += audit.newest(connection, wanted, before=None, limit=MOST_ROWS)
    return sorted(rows, key=lambda row: row.seq, reverse=True)[:MOST_ROWS]
