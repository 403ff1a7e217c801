"""Who belongs to which unit, for which days; and leaving the house."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.periods import Period
from ops_app.domain.organisation.units import NoSuchUnit, Tree
from ops_app.services.act import act
from ops_app.services.organisation.open_work import PersonStillHolds, open_with_person
from ops_app.services.organisation.people import checked_why, other_person, switch_account
from ops_app.store.organisation import people, units
from ops_app.store.organisation.people import Person
from ops_app.store.organisation.units import Membership
from ops_app.store.store import Store, Transaction

__all__ = ["Membership", "join_unit", "leave_house", "leave_unit", "memberships_of"]


@act("organisation.view")
def memberships_of(actor: Actor, store: Store, *, now: datetime, person_id: str) -> tuple[Membership, ...]:
    """Every stay of a person in a unit, oldest first."""
    with store.reading() as connection:
        return tuple(units.memberships_of(connection, person_id))


@act("organisation.manage")
def join_unit(
    actor: Actor, store: Store, *, now: datetime, person_id: str, unit_id: str, valid_from: date
) -> Membership:
    """Put a person of the asset company into a unit from ``valid_from`` on; a stay that is open ends there.

    Raises ``NotFound``, ``NoSuchUnit``, ``Invalid`` for people of agencies, ``Conflict`` where a later stay is entered.
    """
    with store.writing(actor, now) as transaction:
        person = people.by_id(transaction.connection, person_id)
        if person is None:
            raise NotFound("There is no such person.", "没有此人。", field="person_id")
        enter_membership(transaction, person, unit_id, valid_from)
        return units.memberships_of(transaction.connection, person_id)[-1]


def enter_membership(transaction: Transaction, person: Person, unit_id: str, valid_from: date) -> None:
    """Within an act: put a person into a unit, ending the stay that is open."""
    if person.agency_code is not None:
        raise Invalid(
            "Units belong to the asset company; this person belongs to an agency.",
            "组织属于资产公司，该人员属于催收机构。",
            field="unit_id",
        )
    units.lock(transaction.connection)  # a unit is not closed while somebody enters it
    period = Period(valid_from, _end_of(units.tree(transaction.connection), unit_id, valid_from))
    before = _end_open(transaction, person.person_id, valid_from)
    membership_id = units.add_membership(transaction, person.person_id, unit_id, period)
    transaction.audit(
        "membership.begun",
        "person",
        person.person_id,
        before=None if before is None else {"unit_id": before.unit_id},
        after={"membership_id": membership_id, "unit_id": unit_id, "valid_from": valid_from},
    )


@act("organisation.manage")
def leave_unit(actor: Actor, store: Store, *, now: datetime, person_id: str, valid_to: date, reason: str) -> None:
    """A person belongs to no unit from ``valid_to`` on. Raises ``NotFound`` when they belong to none."""
    why = checked_why(reason)
    with store.writing(actor, now) as transaction:
        ended = _end_open(transaction, person_id, valid_to)
        if ended is None:
            raise NotFound("This person belongs to no unit.", "该人员不属于任何组织。")
        _say_ended(transaction, ended, valid_to, why)


@act("people.manage")
def leave_house(
    actor: Actor, store: Store, *, now: datetime, person_id: str, version: int, left_date: date, reason: str
) -> Person:
    """A person leaves (离职): ``left_date`` is the first day without them; the account is locked and sessions end now.

    Refused with everything that is still open with them (``PersonStillHolds``), until it is moved.
    """
    why = checked_why(reason)
    with store.writing(actor, now) as transaction:
        before = other_person(transaction, actor, person_id)
        found = open_with_person(transaction.connection, person_id)
        if found:
            raise PersonStillHolds(found)
        stays = units.memberships_of(transaction.connection, person_id)
        if stays and stays[-1].period.valid_to is None:
            # somebody who came on that very day was there for one day
            last = max(left_date, stays[-1].period.valid_from + timedelta(days=1))
            units.end_membership(transaction, stays[-1].membership_id, last)
            _say_ended(transaction, stays[-1], last, why)
        return switch_account(transaction, before, version, False, "person.left", why)


def _end_open(transaction: Transaction, person_id: str, day: date) -> Membership | None:
    """End the open stay of a person on ``day``; raises ``Conflict`` where a stay begins on that day or later."""
    stays = units.memberships_of(transaction.connection, person_id)
    if not stays:
        return None
    last = stays[-1]
    if last.period.valid_from >= day or (last.period.valid_to is not None and last.period.valid_to > day):
        raise Conflict(
            f"This person has a stay that begins or ends later than {day}. Choose a later day.",
            f"该人员在 {day} 之后已有组织归属变更，请选择更晚的日期。",
            field="valid_from",
        )
    if last.period.valid_to is not None:
        return None
    units.end_membership(transaction, last.membership_id, day)
    return last


def _end_of(tree: Tree, unit_id: str, day: date) -> date | None:
    """Up to which day the unit is there without a break, from ``day`` on; raises ``NoSuchUnit``."""
    if unit_id not in tree.on(day):
        raise NoSuchUnit
    return tree.of(unit_id)[-1].period.valid_to


def _say_ended(transaction: Transaction, stay: Membership, valid_to: date, why: str) -> None:
    transaction.audit(
        "membership.ended",
        "person",
        stay.person_id,
        before={"unit_id": stay.unit_id, "valid_from": stay.period.valid_from},
        after={"unit_id": stay.unit_id, "valid_to": valid_to},
        reason=why,
    )
