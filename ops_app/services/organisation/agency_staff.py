"""An agency's administrator and their own people: create, lock, unlock, reset, below the ceiling (feature 11).

Whoever is not of the own agency is answered as if there were no such person.
"""

from __future__ import annotations

from datetime import datetime

from ops_app.domain.errors import Conflict, NotFound, Refused
from ops_app.domain.organisation.audit import AuditRow
from ops_app.domain.organisation.ceilings import check_ceiling, check_grant
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.paging import check_page, check_sort
from ops_app.services.act import act
from ops_app.services.organisation.hashing import hash_password, temporary_password
from ops_app.services.organisation.people import (
    SORTABLE,
    CreatedPerson,
    PeoplePage,
    checked_why,
    enter_person,
    give_password,
    new_person,
    other_person,
    switch_account,
)
from ops_app.store.organisation import audit, people
from ops_app.store.organisation.audit import AuditFilter
from ops_app.store.organisation.people import PeopleFilter, Person
from ops_app.store.store import Store, Transaction

__all__ = [
    "create_agency_person",
    "list_agency_people",
    "lock_agency_person",
    "reset_agency_password",
    "unlock_agency_person",
]

_MOST_LOCKS = 50
"""How many locks of one account are looked through since it was last open: one, but for those of former versions."""


@act("people.manage_own_agency")
def list_agency_people(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    text: str | None = None,
    role: Role | None = None,
    active: bool | None = None,
    sort: str = "sign_in_name",
    descending: bool = False,
    page: int = 1,
    page_size: int = 50,
) -> PeoplePage:
    """One page (from 1) of the people of the actor's own agency, and of no other."""
    check_sort(sort, SORTABLE, "People")
    check_page(page, page_size)
    with store.reading() as connection:
        rows, total = people.page(
            connection,
            PeopleFilter(text=text, role=role, agency_code=agency_of(actor), active=active),
            sort=sort,
            descending=descending,
            offset=(page - 1) * page_size,
            limit=page_size,
        )
    return PeoplePage(tuple(rows), total, page, page_size)


@act("people.manage_own_agency")
def create_agency_person(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    sign_in_name: str,
    display_name: str,
    role: Role,
    language: str = "zh",
) -> CreatedPerson:
    """Add a person to the actor's own agency with a temporary password. Raises ``Invalid``, ``BeyondCeiling`` or
    ``Conflict`` (the name is taken)."""
    agency_code = agency_of(actor)
    check_grant(actor, role, agency_code)
    person = new_person(now, sign_in_name, display_name, role, agency_code, language)
    password = temporary_password()
    hashed = hash_password(password)
    with store.writing(actor, now) as transaction:
        enter_person(transaction, person, hashed)
    return CreatedPerson(person, password)


@act("people.manage_own_agency")
def lock_agency_person(
    actor: Actor, store: Store, *, now: datetime, person_id: str, version: int, reason: str
) -> Person:
    """One of the own people may no longer sign in, from this moment."""
    return _switch(actor, store, now, person_id, version, reason, active=False)


@act("people.manage_own_agency")
def unlock_agency_person(
    actor: Actor, store: Store, *, now: datetime, person_id: str, version: int, reason: str
) -> Person:
    """One of the own people may sign in again, with the password they had."""
    return _switch(actor, store, now, person_id, version, reason, active=True)


@act("people.manage_own_agency")
def reset_agency_password(
    actor: Actor, store: Store, *, now: datetime, person_id: str, version: int, reason: str
) -> str:
    """Give one of the own people a temporary password (returned, shown this once); their sessions end."""
    why = checked_why(reason)
    password = temporary_password()
    hashed = hash_password(password)
    with store.writing(actor, now) as transaction:
        before = own_person(transaction, actor, person_id)
        check_grant(actor, before.role, before.agency_code)
        give_password(transaction, before, version, hashed, why)
    return password


def _switch(
    actor: Actor, store: Store, now: datetime, person_id: str, version: int, reason: str, *, active: bool
) -> Person:
    why = checked_why(reason)
    action = "person.reactivated" if active else "person.deactivated"
    with store.writing(actor, now) as transaction:
        before = own_person(transaction, actor, person_id)
        if not active and not before.active:  # it would look as if the agency had locked it, and might open it
            raise Conflict(f"{before.display_name} is locked already.", f"{before.display_name} 的账号已停用。")
        if active and not before.active:
            check_grant(actor, before.role, before.agency_code)
            _refuse_locked_above(transaction, before)
        return switch_account(transaction, before, version, active, action, why)


def _refuse_locked_above(transaction: Transaction, person: Person) -> None:
    """Whom the asset company locked since the account was last open, the agency does not let in again, whoever locked
    it before or after."""
    opened = max((row.seq for row in _newest(transaction, person, "person.reactivated", 1)), default=0)
    locked = [
        row
        for action in ("person.deactivated", "person.left")
        for row in _newest(transaction, person, action, _MOST_LOCKS)
        if row.seq > opened and row.agency_code != person.agency_code
    ]
    last = max(locked, key=lambda row: row.seq, default=None)
    if last is not None:
        raise Refused(
            f"{last.actor_name} of the asset company locked this account. Ask them to open it.",
            f"该账号由资产公司 {last.actor_name} 停用，请联系其恢复。",
        )


def _newest(transaction: Transaction, person: Person, action: str, limit: int) -> list[AuditRow]:
    wanted = AuditFilter(action=action, object_type="person", object_id=person.person_id)
    return audit.newest(transaction.connection, wanted, before=None, limit=limit)


def own_person(transaction: Transaction, actor: Actor, person_id: str) -> Person:
    """One of the own people whom the actor may manage; a foreign person is answered like a missing one."""
    person = other_person(transaction, actor, person_id)
    if person.agency_code != agency_of(actor):
        raise NotFound("There is no such person.", "没有此人。")
    check_ceiling(actor, person.role, person.agency_code)
    return person


def agency_of(who: Actor) -> str:
    """The agency of whoever manages its people."""
    if who.agency_code is None:  # the store forbids it; without it everybody of the asset company would be listed
        raise NotFound("There is no such agency.", "没有该机构。")
    return who.agency_code
