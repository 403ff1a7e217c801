"""The review of rights (feature 9): which rights nobody uses, and taking one away from a person.

Taking away is an act of the administrator and holds at once. Giving back is a request that somebody else approves:
nobody widens rights alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import moment_text
from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.money import Money
from ops_app.domain.organisation.access_reviews import ReviewDecision
from ops_app.domain.organisation.ceilings import WiderThanOwn
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import GRANTS, OWN_ACCOUNT, may_be_taken, require
from ops_app.domain.organisation.rights import AMOUNTS, Narrowing
from ops_app.domain.paging import check_page
from ops_app.services.act import act
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import enter_request
from ops_app.services.organisation.approval_moves import once
from ops_app.services.organisation.exports import end_exports_of
from ops_app.services.organisation.people import checked_why, other_person
from ops_app.store.organisation import access_reviews, people, rights, units
from ops_app.store.organisation.access_reviews import Decided
from ops_app.store.organisation.people import PeopleFilter, Person
from ops_app.store.organisation.rights import Narrowed
from ops_app.store.store import Store, Transaction

__all__ = ["Narrowed", "ReviewPage", "ReviewedRight", "list_narrowed", "narrow_right", "request_widening",
           "review_rights"]  # fmt: skip

WIDEN = "rights.widen"
"""The kind of request that gives back what was taken from a person."""

_AT_SIGN_IN = (".view", ".company", ".agency", ".own", ".query")
"""Rights that only show things leave no row: of them the last sign-in is the last use."""

WIDEN_LABELS = {
    "person_id": ("person", "人员"),
    "kind": ("what was taken", "限制类型"),
    "permission": ("right", "权限"),
    "value": ("what is left", "保留的范围"),
    "set_at": ("taken on", "限制时间"),
    "kind.withheld": ("right withheld", "停用权限"),
    "kind.limit": ("amount limited", "金额上限"),
    "kind.team": ("cases of units only", "限于组织"),
    "kind.portfolio": ("cases of sources only", "限于数据来源"),
}
"""How such a request names its arguments."""

_ALL = "*"
_MOST_PEOPLE = 100_000


@dataclass(frozen=True)
class ReviewedRight:
    """A right that a person holds, and when they last used it (``None``: never since it is kept)."""

    person: Person
    permission: str
    last_used_at: datetime | None
    is_by_sign_in: bool


@dataclass(frozen=True)
class ReviewPage:
    """One page of reviewed rights, and how many match in all."""

    rows: tuple[ReviewedRight, ...]
    total: int


@act("rights.review")
def review_rights(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    unused_days: int = 90,
    role: Role | None = None,
    text: str = "",
    page: int = 1,
    page_size: int = 50,
) -> ReviewPage:
    """Rights of active people that were not used for ``unused_days`` (0: every right), by name and right.

    Raises ``Invalid`` for a page or a number of days out of bounds.
    """
    check_page(page, page_size)
    if not 0 <= unused_days <= 3_650:
        raise Invalid("Choose 0 to 3650 days.", "请选择 0 至 3650 天。", field="unused_days")
    with store.reading() as connection:
        rows = unused_rights(connection, now, unused_days, PeopleFilter(text=text or None, role=role, active=True))
    start = (page - 1) * page_size
    return ReviewPage(tuple(rows[start : start + page_size]), len(rows))


def unused_rights(connection: Connection, now: datetime, unused_days: int, wanted: PeopleFilter) -> list[ReviewedRight]:
    """Rights of the ``wanted`` people that were not used for ``unused_days`` (0: every right), by name and right."""
    found, _ = people.page(connection, wanted, sort="sign_in_name", descending=False, offset=0, limit=_MOST_PEOPLE)
    uses, sign_ins = rights.last_uses(connection), rights.last_sign_ins(connection)
    gone = {(one.person_id, one.permission) for one in rights.narrowings(connection)
            if one.kind is Narrowing.WITHHELD}  # fmt: skip
    before = now - timedelta(days=unused_days)
    return [
        one
        for person in found
        for permission in GRANTS
        if permission != OWN_ACCOUNT and person.role in GRANTS[permission]
        if (person.person_id, permission) not in gone
        if _is_unused(one := _reviewed(person, permission, uses, sign_ins), before, unused_days)
    ]


@act("rights.review")
def list_narrowed(actor: Actor, store: Store, *, now: datetime) -> list[tuple[Narrowed, str]]:
    """Everything that is taken from anybody, with the person's name."""
    with store.reading() as connection:
        found = rights.narrowings(connection)
        return [(one, person.display_name) for one in found
                if (person := people.by_id(connection, one.person_id)) is not None]  # fmt: skip


@act("rights.narrow")
def narrow_right(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    person_id: str,
    kind: Narrowing,
    permission: str = _ALL,
    value: Mapping[str, int] | Sequence[str] = (),
    reason: str,
) -> None:
    """Take something away from a person, from this moment on: a right (``withheld``), amounts above ``value`` (currency
    → minor units) under a right (``limit``), or all cases but those of the ``value``: units (``team``) or sources
    (``portfolio``). Only ever less than before: what would give back is a request (``request_widening``).

    Raises ``Invalid``, ``NotFound``, ``Conflict`` (it would be more than now), ``Refused`` for oneself.
    """
    why = checked_why(reason)
    with store.writing(actor, now) as transaction:
        take(transaction, other_person(transaction, actor, person_id), kind, permission, value, why)


def take(
    transaction: Transaction,
    person: Person,
    kind: Narrowing,
    permission: str,
    value: Mapping[str, int] | Sequence[str],
    why: str,
) -> None:
    """Within an act: take something from ``person``; raises as ``narrow_right``."""
    checked = _checked(transaction, person, kind, permission, value)
    for known in rights.narrowings(transaction.connection, person.person_id):
        if (known.kind, known.permission) == (kind, permission) and not _is_less(kind, checked, known.value):
            raise Conflict(
                "This would give something back. Ask for it; somebody else approves it.",
                "该操作会放宽权限，须提出申请并由他人审批。",
                field="value",
            )
    one = Narrowed(person.person_id, kind, permission, checked, why, transaction.actor.person_id, transaction.now)
    rights.narrow(transaction.connection, one)
    if kind is Narrowing.WITHHELD:  # an open review that has this right need not ask for it any more
        decided = Decided(ReviewDecision.TAKEN, why, transaction.actor.person_id, transaction.actor.name, one.set_at)
        access_reviews.decide(transaction.connection, None, [(person.person_id, permission)], decided)
        access_reviews.close_done(transaction.connection, one.set_at)
    end_exports_of(transaction, person_id=person.person_id, because="rights_narrowed")
    transaction.audit(
        "person.rights_narrowed", "person", person.person_id,
        after={"kind": kind, "permission": permission, "value": checked}, reason=why,
    )  # fmt: skip


@act("rights.narrow")
def request_widening(
    actor: Actor, store: Store, *, now: datetime, person_id: str, kind: Narrowing, permission: str, reason: str,
    key: str,
) -> str:  # fmt: skip
    """Ask that what was taken from a person be given back, as it stands now; the id of the request, the same for every
    repetition of ``key``. Raises ``NotFound`` where nothing of it was taken, ``Refused`` for oneself, and as
    ``request_approval``."""
    arguments = {"person_id": person_id, "kind": kind.value, "permission": permission}
    with store.writing(actor, now) as transaction:
        require(actor, "approvals.own")
        return ask_back(transaction, WIDEN, arguments, reason, key)


def ask_back(transaction: Transaction, what: str, arguments: Mapping[str, Any], reason: str, key: str) -> str:
    """Within an act: enter a request of the kind ``what`` that names what is taken now, so that it gives back no other;
    the id of the request, the same for every repetition of ``key``."""
    person_id = str(arguments["person_id"])
    asked: dict[str, Any] = {"kind": what, "object_type": "person", "object_id": person_id, "reason": reason}
    claim = once(transaction, key, asked | {"arguments": arguments})
    if not claim.is_new:
        return str(claim.answer)
    other_person(transaction, transaction.actor, person_id)
    taken = _as_taken(_known(transaction, person_id, arguments))
    request_id = enter_request(transaction, **asked, arguments={**arguments, **taken})
    transaction.answer("approvals", key, request_id)
    return request_id


def _reviewed(
    person: Person, permission: str, uses: Mapping[tuple[str, str], datetime], sign_ins: Mapping[str, datetime]
) -> ReviewedRight:
    used = uses.get((person.person_id, permission))
    if permission.endswith(_AT_SIGN_IN) or permission == AMOUNTS:
        return ReviewedRight(person, permission, used or sign_ins.get(person.person_id), used is None)
    if permission.startswith("fields."):
        return ReviewedRight(person, permission, uses.get((person.person_id, "cases.unmask")), False)
    return ReviewedRight(person, permission, used, False)


def _is_unused(one: ReviewedRight, before: datetime, unused_days: int) -> bool:
    """Not used since ``before``; somebody who came after that had no time to."""
    if unused_days == 0:
        return True
    return one.person.created_at < before and (one.last_used_at is None or one.last_used_at < before)


def _checked(transaction: Transaction, person: Person, kind: Narrowing, permission: str, value: Any) -> Any:
    if kind in (Narrowing.WITHHELD, Narrowing.LIMIT):
        if permission == OWN_ACCOUNT or person.role not in GRANTS.get(permission, frozenset()):
            raise Invalid("This person does not hold this right.", "该人员没有此权限。", field="permission")
    elif permission != _ALL:
        raise Invalid("A scope is narrowed for all rights.", "数据范围适用于全部权限。", field="permission")
    if kind is Narrowing.WITHHELD:
        if not may_be_taken(person.role, permission):
            raise Invalid(
                "Administrators keep this; change the role instead.", "管理员须保留此权限，请改为变更角色。",
                field="permission",
            )  # fmt: skip
        return []
    if kind is Narrowing.LIMIT:
        if not isinstance(value, Mapping) or not value or not all(_is_limit(*one) for one in value.items()):
            raise Invalid("A limit is a currency and an amount.", "限额须包含币种与金额。", field="value")
        return dict(sorted(value.items()))
    codes = sorted(set(value)) if not isinstance(value, Mapping | str) else []
    known = {row.unit_id for row in units.tree(transaction.connection).rows} if kind is Narrowing.TEAM else None
    if not codes or len(codes) > 200 or not all(isinstance(one, str) and 1 <= len(one) <= 64 for one in codes):
        raise Invalid("Name what is left to this person.", "请填写保留的范围。", field="value")
    if known is not None and not set(codes) <= known:
        raise Invalid("There is no such unit.", "没有该组织。", field="value")
    return codes


def _is_limit(currency: object, amount: object) -> bool:
    is_code = isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()
    return is_code and type(amount) is int and 0 <= amount < 10**17


def _is_less(kind: Narrowing, value: Any, known: Any) -> bool:
    """Whether ``value`` takes at least as much as what is ``known``."""
    if kind is Narrowing.LIMIT:
        return all(currency in known and most <= known[currency] for currency, most in value.items())
    return set(value) <= set(known)


def check_may_widen(transaction: Transaction, draft: Draft) -> None:
    """Raise unless what a request would give back was taken from somebody else, and the maker has it themself."""
    if draft.object_id != draft.arguments["person_id"] or draft.amount_minor is not None:
        raise Invalid("The request is about another person.", "申请对象与内容不一致。", field="person_id")
    person = other_person(transaction, transaction.actor, str(draft.arguments["person_id"]))
    one = _known(transaction, person.person_id, draft.arguments)
    _check_same(one, draft.arguments)
    less = transaction.actor.rights
    if one.permission in less.withheld | {right for right, _, _ in less.limits}:
        raise WiderThanOwn(person.role)


def _known(transaction: Transaction, person_id: str, arguments: Mapping[str, Any]) -> Narrowed:
    wanted = (str(arguments["kind"]), str(arguments["permission"]))
    for one in rights.narrowings(transaction.connection, person_id):
        if (one.kind.value, one.permission) == wanted:
            return one
    raise NotFound("Nothing of this was taken from this person.", "该人员没有此项限制。")


def _as_taken(one: Narrowed) -> dict[str, Any]:
    """What is left and when it was taken, as an approver reads it: amounts in major units."""
    is_limit = one.kind is Narrowing.LIMIT
    value = {code: str(Money(most, code).amount) for code, most in one.value.items()} if is_limit else one.value
    return {"value": value, "set_at": moment_text(one.set_at)}


def _check_same(one: Narrowed, arguments: Mapping[str, Any]) -> None:
    """Raise ``Conflict`` where what is taken now is not what the request is about."""
    if any(arguments.get(name) != value for name, value in _as_taken(one).items()):
        raise Conflict(
            "What was taken from this person was changed after this was asked for, so it stays. Look at it and ask"
            " again.",
            "该人员的权限限制在提出申请后已变更，故不予恢复。请查看后重新申请。",
        )


def run_widening(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give back what was taken, within the transaction of the last approval; nobody approves it for themself. Raises
    ``Conflict`` where it was taken anew since it was asked for: that is not what was approved."""
    person = other_person(transaction, transaction.actor, str(arguments["person_id"]))
    one = _known(transaction, person.person_id, arguments)
    _check_same(one, arguments)
    rights.widen(transaction.connection, person.person_id, one.kind, one.permission)
    transaction.audit(
        "person.rights_widened", "person", person.person_id,
        before={"kind": one.kind, "permission": one.permission, "value": one.value},
    )  # fmt: skip
    return {"person_id": person.person_id, "kind": one.kind.value, "permission": one.permission}


register(
    WIDEN,
    name=("give rights back to a person", "恢复人员权限"),
    make="rights.narrow",
    run=run_widening,
    check=check_may_widen,
    fixed=True,
    many=True,
    labels=WIDEN_LABELS,
)
