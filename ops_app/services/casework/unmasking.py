"""A personal field is un-masked: with a reason, up to so many a day, each with a row in the audit log, which never has
the value (R0.6).

How long a reason must be and how many fields a day has are parameters. Whoever comes to the end of their day is refused
until the next, and their supervisors are told, once.
"""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.cases import NoSuchCase, checked_reason
from ops_app.domain.casework.personal import DailyLimitReached, PersonalField
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import NotFound
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import require
from ops_app.services.act import act
from ops_app.services.casework.finding import slow_down
from ops_app.services.contact.holding import require_contact
from ops_app.services.organisation.installation import installation, today
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.store.casework import cases, debtors
from ops_app.store.casework.keys import PersonalKey
from ops_app.store.organisation import audit, notices, people
from ops_app.store.organisation.people import PeopleFilter
from ops_app.store.store import Store, Transaction

__all__ = ["UNMASK_LIMIT", "unmask"]

REASON_LENGTH = "organisation.unmask_reason_length"
DAILY_LIMIT = "organisation.unmask_daily_limit"
MOST_UNMASKED = 20
"""Fields within a minute, whatever the day's limit is: nobody reads faster."""

UNMASK_LIMIT = "unmask_limit"
"""The event of a notice about a person who came to the end of the fields of their day."""

_UNMASKED, _LIMIT_REACHED = "debtor.unmasked", "debtor.unmask_limit_reached"
_MOST_TOLD = 100


@act("cases.unmask")
def unmask(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    case_id: str,
    field: PersonalField,
    reason: str,
    evidence: Path,
) -> str:
    """One personal field of the debtor of a case within reach, in full; with a reason and a row in the audit log.

    Each field is a right of its own (``fields.*``). Phone numbers stay masked while contact is held on the case. Raises
    ``Refused``, ``NoSuchCase``, ``NotFound`` (the field is not known), ``Forbidden`` (contact is held), ``TooMany``,
    ``DailyLimitReached``, ``NoKey``, ``Invalid`` (no reason, or one that is too short).
    """
    require(actor, f"fields.{field.value}")
    day = today(now)
    with store.writing(actor, now) as transaction:
        why = checked_reason(reason, least=number_on(transaction.connection, REASON_LENGTH, day))
        one = cases.read(transaction.connection, case_id, scope_of(actor), now)
        if one is None:
            raise NoSuchCase
        if field is PersonalField.PHONES:  # a number in full is for calling it
            require_contact(transaction.connection, [case_id], now)
        slow_down(transaction, _UNMASKED, MOST_UNMASKED)
        most = number_on(transaction.connection, DAILY_LIMIT, day)
        if _how_many(transaction, _UNMASKED, day, most) >= most:
            _say_over(transaction, day, most)  # and it is kept, so the refusal waits for the end of this transaction
            value = None
        else:
            value = _in_full(transaction, one.debtor_key, field, evidence)
            after = {"case_id": case_id, "field": field}
            transaction.audit(_UNMASKED, "debtor", one.debtor_key, after=after, reason=why)
    if value is None:
        raise DailyLimitReached(most)
    return value


def _in_full(transaction: Transaction, debtor_key: str, field: PersonalField, evidence: Path) -> str:
    sealed = debtors.sealed(transaction.connection, debtor_key)
    value = PersonalKey.load(evidence).open(debtor_key, sealed).shown(field) if sealed else None
    if value is None:
        raise NotFound("Nothing is known of this field.", "该项没有资料。")
    return value


def _how_many(transaction: Transaction, action: str, day: date, most: int) -> int:
    """Rows of the actor's since the day began in the installation's zone, counted up to ``most``."""
    begun = datetime.combine(day, time(), installation().zone)
    return audit.how_often(transaction.connection, transaction.actor.person_id, action, begun, most)


def _say_over(transaction: Transaction, day: date, most: int) -> None:
    """Write down, once a day, that the actor came to the end of it, and tell their supervisors."""
    if _how_many(transaction, _LIMIT_REACHED, day, 1):
        return
    actor, told = transaction.actor, _supervisors(transaction)
    notices.add(
        transaction.connection,
        *(
            notices.Notice(
                notice_id=key_hash("notice", UNMASK_LIMIT, actor.person_id, day.isoformat(), person_id),
                person_id=person_id,
                event=UNMASK_LIMIT,
                kind="cases.unmask",
                object_type="person",
                object_id=actor.person_id,
                request_id="",
                by_name=actor.name,
                reason="",
                created_at=transaction.now,
                read_at=None,
            )
            for person_id in told
        ),
    )
    transaction.audit(_LIMIT_REACHED, "person", actor.person_id, after={"most": most, "told": len(told)})


def _supervisors(transaction: Transaction) -> list[str]:
    """Who is told: the supervisors of the actor's own house; where there is none but the actor, those of the asset
    company, and then its managers."""
    actor = transaction.actor
    wanted = [PeopleFilter(role=role, active=True) for role in (Role.SUPERVISOR, Role.MANAGER)]
    if actor.agency_code is not None:
        wanted.insert(0, PeopleFilter(role=Role.AGENCY_SUPERVISOR, agency_code=actor.agency_code, active=True))
    for each in wanted:
        rows, _ = people.page(
            transaction.connection, each, sort="sign_in_name", descending=False, offset=0, limit=_MOST_TOLD
        )
        if found := [row.person_id for row in rows if row.person_id != actor.person_id]:
            return found
    return []
