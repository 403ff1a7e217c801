"""Roles that move money, change rules or decide on others are asked for by an administrator and given by a second
person (R0.3, decision 0014)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ops_app.domain.errors import Conflict, Invalid, Refused
from ops_app.domain.organisation.approvals import RequestMove
from ops_app.domain.organisation.ceilings import check_grant
from ops_app.domain.organisation.people import Actor, Role, check_place
from ops_app.domain.organisation.permissions import ROLE_NAMES
from ops_app.services.act import act
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import request_approval
from ops_app.services.organisation.hashing import hash_of_nobody
from ops_app.services.organisation.people import (
    check_agency,
    checked_why,
    enter_person,
    give_role,
    new_person,
    other_person,
)
from ops_app.services.organisation.second_person import GIVE_ROLE, needs_second
from ops_app.store.organisation import audit, people
from ops_app.store.organisation.approvals import ApprovalRequest
from ops_app.store.organisation.audit import AuditFilter
from ops_app.store.store import Store, Transaction

__all__ = ["gives_alone", "request_person", "request_role"]

_WORD, _PLACE = (str,), (str, type(None))
OF_A_NEWCOMER: dict[str, tuple[type, ...]] = {
    "sign_in_name": _WORD, "display_name": _WORD, "role": _WORD, "agency_code": _PLACE, "language": _WORD, "why": _WORD,
}  # fmt: skip
OF_SOMEBODY_KNOWN: dict[str, tuple[type, ...]] = {
    "person_id": _WORD, "version": (int,), "role": _WORD, "agency_code": _PLACE, "why": _WORD,
}  # fmt: skip
"""What a request carries and its types: about a new person, or about one who is here."""

LABELS: dict[str, tuple[str, str]] = {
    "person_id": ("person", "人员"),
    "version": ("account as seen", "账号版本"),
    "sign_in_name": ("sign-in name", "登录名"),
    "display_name": ("name", "姓名"),
    "role": ("role", "角色"),
    "agency_code": ("agency", "机构"),
    "language": ("language", "语言"),
    "language.en": ("English", "英文"),
    "language.zh": ("Chinese", "中文"),
    "why": ("why", "原因"),
    **{f"role.{role.value}": ROLE_NAMES[role] for role in Role},
}

NEW_PASSWORD_FOR = timedelta(days=7)
"""How long somebody does not decide on what the administrator asks who gave them a temporary password: until then the
real person will have found that theirs no longer opens."""


@act("people.manage")
def gives_alone(actor: Actor, store: Store, *, now: datetime, role: Role) -> bool:
    """Whether ``actor`` gives ``role`` alone; else it is asked for, and somebody else approves."""
    with store.reading() as connection:
        return not needs_second(connection, actor, role, now)


@act("people.manage")
def request_person(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    sign_in_name: str,
    display_name: str,
    role: Role,
    agency_code: str | None = None,
    language: str = "en",
    reason: str,
    key: str,
) -> str:
    """Ask that a new person be entered in a role that two people give; the id of the request. The account is there once
    it is approved, and opens with the temporary password of a reset.

    Raises as ``create_person`` and ``request_approval``.
    """
    person = new_person(now, sign_in_name, display_name, role, agency_code, language)
    why = checked_why(reason)
    hash_of_nobody()  # made now: it takes too long for the transaction in which the last approval is given
    arguments = {"sign_in_name": person.sign_in_name, "display_name": person.display_name, "role": person.role.value,
                 "agency_code": person.agency_code, "language": person.language, "why": why}  # fmt: skip
    return request_approval(
        actor, store, now=now, kind=GIVE_ROLE, object_type="person", object_id=person.person_id, arguments=arguments,
        reason=why, key=key,
    )  # fmt: skip


@act("people.manage")
def request_role(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    person_id: str,
    version: int,
    role: Role,
    agency_code: str | None = None,
    reason: str,
    key: str,
) -> str:
    """Ask that a person be given a role that two people give; the id of the request. ``version`` is what the caller
    saw. Raises as ``change_role`` and ``request_approval``."""
    why = checked_why(reason)
    arguments = {"person_id": person_id, "version": version, "role": role.value, "agency_code": agency_code,
                 "why": why}  # fmt: skip
    return request_approval(
        actor, store, now=now, kind=GIVE_ROLE, object_type="person", object_id=person_id, arguments=arguments,
        reason=why, key=key,
    )  # fmt: skip


def _check(transaction: Transaction, draft: Draft) -> None:
    """What could not be carried out is not asked for: hold it against the people as they now stand."""
    asked = draft.arguments
    if draft.amount_minor is not None:
        raise Invalid("A role has no amount.", "角色申请不含金额。", field="amount_minor")
    _check_shape(asked)
    role, agency_code = Role(asked["role"]), asked["agency_code"]
    check_place(role, agency_code)
    check_grant(transaction.actor, role, agency_code)
    check_agency(transaction, agency_code)
    if "person_id" not in asked:
        person = _newcomer(transaction, asked)
        if person.person_id != draft.object_id:
            raise Invalid("The request is about another person.", "申请对象与内容不一致。", field="sign_in_name")
        if people.by_name(transaction.connection, person.sign_in_name) is not None:
            raise Conflict(
                f"The sign-in name {person.sign_in_name} is taken.", f"登录名 {person.sign_in_name} 已被使用。",
                field="sign_in_name",
            )  # fmt: skip
        return
    known = other_person(transaction, transaction.actor, str(asked["person_id"]))
    if known.person_id != draft.object_id:
        raise Invalid("The request is about another person.", "申请对象与内容不一致。", field="person_id")
    if known.version != asked["version"]:
        raise Conflict(
            f"{known.display_name} was changed by someone else meanwhile. Look again.",
            f"{known.display_name} 已被他人更改，请刷新后再试。",
        )


def _check_shape(asked: Mapping[str, Any]) -> None:
    """A request of this kind can be made by its kind alone: what it carries is held against what will be read of it."""
    expected = OF_SOMEBODY_KNOWN if "person_id" in asked else OF_A_NEWCOMER
    wrong = sorted(set(asked) ^ set(expected)) or [one for one in expected if type(asked[one]) not in expected[one]]
    if not wrong and asked["role"] not in set(Role):
        wrong = ["role"]
    if wrong:
        names = [LABELS.get(one, (one, one)) for one in wrong]
        raise Invalid(
            f"The request to give a role is not complete or not valid: {', '.join(name for name, _ in names)}.",
            f"授予角色的申请内容不完整或无效：{'、'.join(name for _, name in names)}。",
            field=wrong[0],
        )


def _newcomer(transaction: Transaction, asked: Mapping[str, Any]) -> people.Person:
    return new_person(
        transaction.now, asked["sign_in_name"], asked["display_name"], Role(asked["role"]), asked["agency_code"],
        asked["language"],
    )  # fmt: skip


def run_giving(transaction: Transaction, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Enter the person or change their role, within the transaction of the last approval; nobody approves it for
    themself."""
    role = Role(asked["role"])
    if "person_id" not in asked:
        person = _newcomer(transaction, asked)
        check_agency(transaction, person.agency_code)  # it may have ended since it was asked for
        enter_person(transaction, person, hash_of_nobody())
        return {"person_id": person.person_id, "role": role.value}
    before = other_person(transaction, transaction.actor, str(asked["person_id"]))
    give_role(transaction, before, int(asked["version"]), role, asked["agency_code"], str(asked["why"]))
    return {"person_id": before.person_id, "role": role.value}


def _followed(transaction: Transaction, one: ApprovalRequest, what: RequestMove, actor: Actor, reason: str) -> None:
    """Who makes the request could have made themself the approver by a reset of the password: refuse that."""
    if what not in (RequestMove.APPROVE, RequestMove.APPROVE_LAST):
        return
    reset = audit.newest(
        transaction.connection,
        AuditFilter(action="person.password_reset", object_type="person", object_id=actor.person_id),
        before=None, limit=1,
    )  # fmt: skip
    if reset and reset[0].actor_id == one.maker_id and reset[0].occurred_at > transaction.now - NEW_PASSWORD_FOR:
        raise Refused(
            f"{one.maker_name} set your password anew less than seven days ago, so somebody else of your role decides "
            f"on what {one.maker_name} asks for.",
            f"{one.maker_name} 在七天内重置过您的密码，该申请须由同角色的其他人员审批。",
        )


register(
    GIVE_ROLE,
    name=("give a role that decides", "授予决策类角色"),
    make="people.manage",
    run=run_giving,
    check=_check,
    followed=_followed,
    labels=LABELS,
)
