"""People: who may sign in, in which role, in which agency."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.agencies import AgencyState
from ops_app.domain.organisation.ceilings import check_grant
from ops_app.domain.organisation.people import (
    Actor,
    Role,
    check_place,
    checked_display_name,
    checked_language,
    checked_name,
    person_id_of,
)
from ops_app.domain.organisation.permissions import ROLE_NAMES
from ops_app.domain.paging import check_page, check_sort
from ops_app.services.act import act
from ops_app.services.organisation.exports import end_exports_of
from ops_app.services.organisation.hashing import hash_password, temporary_password
from ops_app.services.organisation.open_work import PersonStillHolds, open_with_person
from ops_app.services.organisation.second_person import check_alone, deciders
from ops_app.services.organisation.sessions import end_all_of
from ops_app.store.organisation import agencies, people
from ops_app.store.organisation.people import SORTABLE, PeopleFilter, Person
from ops_app.store.store import Store, Transaction

__all__ = [
    "SORTABLE",
    "CreatedPerson",
    "PeopleFilter",
    "PeoplePage",
    "Person",
    "change_role",
    "create_person",
    "deactivate_person",
    "list_people",
    "reactivate_person",
    "reset_password",
]


@dataclass(frozen=True)
class CreatedPerson:
    """A new person and the temporary password, shown this once; it must be changed at the first sign-in."""

    person: Person
    temporary_password: str


@dataclass(frozen=True)
class PeoplePage:
    """One page of a list of people; ``total`` counts all that match."""

    rows: tuple[Person, ...]
    total: int
    page: int
    page_size: int


@act("people.manage")
def create_person(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    sign_in_name: str,
    display_name: str,
    role: Role,
    agency_code: str | None = None,
    language: str = "en",
) -> CreatedPerson:
    """Add a person with a temporary password. Raises ``Invalid`` (names the field; the agency must be there and not
    have ended), ``Conflict`` (name is taken) or ``NeedsASecond`` (``role_giving.request_person`` asks for it)."""
    person = new_person(now, sign_in_name, display_name, role, agency_code, language)
    check_grant(actor, person.role, person.agency_code)
    password = temporary_password()
    hashed = hash_password(password)
    with store.writing(actor, now) as transaction:
        check_alone(transaction.connection, actor, person.role, now)
        check_agency(transaction, person.agency_code)
        enter_person(transaction, person, hashed)
    return CreatedPerson(person, password)


@act("people.manage")
def list_people(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: PeopleFilter | None = None,
    sort: str = "sign_in_name",
    descending: bool = False,
    page: int = 1,
    page_size: int = 50,
) -> PeoplePage:
    """One page (from 1) of the people who match ``wanted``, sorted by one of ``SORTABLE``."""
    check_sort(sort, SORTABLE, "People")
    check_page(page, page_size)
    with store.reading() as connection:
        rows, total = people.page(
            connection,
            wanted or PeopleFilter(),
            sort=sort,
            descending=descending,
            offset=(page - 1) * page_size,
            limit=page_size,
        )
    return PeoplePage(tuple(rows), total, page, page_size)


@act("people.manage")
def change_role(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    person_id: str,
    version: int,
    role: Role,
    agency_code: str | None = None,
    reason: str,
) -> Person:
    """Give a person another role or agency; their sessions end. Nobody changes their own role, and one administrator
    always remains. ``version`` is what the caller saw: ``Conflict`` if it changed since. Raises ``PersonStillHolds``
    while they have cases, ``NeedsASecond`` (``role_giving.request_role`` asks for it)."""
    check_place(role, agency_code)
    check_grant(actor, role, agency_code)
    why = checked_why(reason)
    with store.writing(actor, now) as transaction:
        check_alone(transaction.connection, actor, role, now)
        before = other_person(transaction, actor, person_id)
        return give_role(transaction, before, version, role, agency_code, why)


@act("people.manage")
def reset_password(actor: Actor, store: Store, *, now: datetime, person_id: str, version: int, reason: str) -> str:
    """Give a person a temporary password (returned, shown this once); their sessions end."""
    why = checked_why(reason)
    password = temporary_password()
    hashed = hash_password(password)
    with store.writing(actor, now) as transaction:
        before = other_person(transaction, actor, person_id)
        check_grant(actor, before.role, before.agency_code)
        give_password(transaction, before, version, hashed, why)
    return password


@act("people.manage")
def deactivate_person(
    actor: Actor, store: Store, *, now: datetime, person_id: str, version: int, reason: str
) -> Person:
    """A person may no longer sign in, from this moment; what they did stays theirs."""
    return _set_active(actor, store, now, person_id, version, reason, active=False)


@act("people.manage")
def reactivate_person(
    actor: Actor, store: Store, *, now: datetime, person_id: str, version: int, reason: str
) -> Person:
    """A person may sign in again, with the password they had."""
    return _set_active(actor, store, now, person_id, version, reason, active=True)


def new_person(
    now: datetime, sign_in_name: str, display_name: str, role: Role, agency_code: str | None, language: str
) -> Person:
    """A checked person who is not in the store yet; raises ``Invalid``."""
    name = checked_name(sign_in_name)
    agency = (agency_code or "").strip() or None
    check_place(role, agency)
    return Person(
        person_id=person_id_of(name),
        sign_in_name=name,
        display_name=checked_display_name(display_name),
        role=role,
        agency_code=agency,
        language=checked_language(language),
        active=True,
        must_change_password=True,
        created_at=now,
        version=1,
    )


def give_role(
    transaction: Transaction, before: Person, version: int, role: Role, agency_code: str | None, why: str
) -> Person:
    """Within an act: somebody gets another role or agency; sessions and links to files end. Raises as
    ``change_role``."""
    check_agency(transaction, agency_code)
    if role is not before.role:
        _somebody_remains(transaction, before)
    held = tuple(one for one in open_with_person(transaction.connection, before.person_id) if one.code == "cases")
    if held and (role, agency_code) != (before.role, before.agency_code):
        raise PersonStillHolds(held)  # else cases would be with somebody who cannot see them
    change_person(transaction, before, version, {"role_code": role.value, "agency_code": agency_code})
    end_all_of(transaction, before.person_id)
    end_exports_of(transaction, person_id=before.person_id, because="role_changed")
    after = replace(before, role=role, agency_code=agency_code, version=version + 1)
    transaction.audit(
        "person.role_changed", "person", before.person_id, before=before.facts(), after=after.facts(), reason=why
    )
    return after


def check_agency(transaction: Transaction, agency_code: str | None) -> None:
    """Within an act that puts somebody into an agency: raise ``Invalid`` where there is no such agency, or it ended."""
    if agency_code is None:
        return
    state = agencies.state_of(transaction.connection, agency_code)
    if state is None:
        raise Invalid(
            f"There is no agency {agency_code}. Enter it on the page of the agencies first.",
            f"没有机构 {agency_code}，请先在机构页面登记。",
            field="agency_code",
        )
    if state is AgencyState.ENDED:
        raise Invalid(
            f"Agency {agency_code} has ended; nobody is added to it.",
            f"机构 {agency_code} 已终止合作，不能再添加人员。",
            field="agency_code",
        )


def enter_person(transaction: Transaction, person: Person, hashed: str) -> None:
    """Insert and audit a new person within an act; ``Conflict`` if the name was ever given to anybody."""
    try:
        people.add(transaction.connection, person, hashed)
    except IntegrityError as error:
        raise Conflict(
            f"The sign-in name {person.sign_in_name} is taken.",
            f"登录名 {person.sign_in_name} 已被使用。",
            field="sign_in_name",
        ) from error
    transaction.audit("person.created", "person", person.person_id, after=person.facts())


def _set_active(
    actor: Actor, store: Store, now: datetime, person_id: str, version: int, reason: str, *, active: bool
) -> Person:
    why = checked_why(reason)
    with store.writing(actor, now) as transaction:
        before = other_person(transaction, actor, person_id)
        if active:
            check_grant(actor, before.role, before.agency_code)
        return switch_account(
            transaction, before, version, active, "person.reactivated" if active else "person.deactivated", why
        )


def switch_account(
    transaction: Transaction, before: Person, version: int, active: bool, action: str, why: str
) -> Person:
    """Within an act: open or lock an account, end its sessions, say so in the audit log as ``action``."""
    if not active:
        _somebody_remains(transaction, before)
    change_person(transaction, before, version, {"active": active})
    end_all_of(transaction, before.person_id)
    end_exports_of(transaction, person_id=before.person_id, because="reactivated" if active else "deactivated")
    after = replace(before, active=active, version=version + 1)
    transaction.audit(action, "person", before.person_id, before=before.facts(), after=after.facts(), reason=why)
    return after


def give_password(transaction: Transaction, before: Person, version: int, hashed: str, why: str) -> None:
    """Within an act: a temporary password takes the place of the old one, sessions end."""
    change_person(transaction, before, version, {"password_hash": hashed, "must_change_password": True})
    end_all_of(transaction, before.person_id)
    transaction.audit("person.password_reset", "person", before.person_id, reason=why)


def other_person(transaction: Transaction, actor: Actor, person_id: str) -> Person:
    """The person of an id within an act on somebody else; raises ``Refused`` for oneself, ``NotFound``."""
    if person_id == actor.person_id:
        raise Refused(
            "Nobody changes their own rights. Ask another administrator.", "不能更改自己的权限，请由其他管理员办理。"
        )
    person = people.by_id(transaction.connection, person_id)
    if person is None:
        raise NotFound("There is no such person.", "没有此人。")
    return person


def change_person(transaction: Transaction, person: Person, version: int, values: dict[str, object]) -> None:
    """Change a person who is still as the caller saw them; raises ``Conflict``."""
    if not people.change(transaction.connection, person.person_id, version, values):
        raise Conflict(
            f"{person.display_name} was changed by someone else meanwhile. Look again.",
            f"{person.display_name} 已被他人更改，请刷新后再试。",
        )


def _somebody_remains(transaction: Transaction, person: Person) -> None:
    """One active administrator, and one of each role that decides on who gets a role: else one person would give them
    all."""
    kept = {Role.ADMINISTRATOR, *deciders(transaction.connection, transaction.now)}
    if not person.active or person.role not in kept:
        return
    if people.lock_active(transaction.connection, person.role) < 2:
        en, zh = ROLE_NAMES[person.role]
        raise Refused(
            f"One active {en} must remain. Give the role to somebody else first.",
            f"至少须保留一名在用的{zh}，请先将该角色授予他人。",
        )


def checked_why(reason: str) -> str:
    """The reason, blanks tidied; raises ``Invalid`` when it is empty or too long."""
    text = " ".join(reason.split())
    if not text:
        raise Invalid("Say why.", "请填写原因。", field="reason")
    if len(text) > 500:
        raise Invalid("A reason has at most 500 characters.", "原因最多 500 字。", field="reason")
    return text
