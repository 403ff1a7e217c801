"""Requests for approval: made, taken back, submitted again, expired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.exc import IntegrityError

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import Invalid
from ops_app.domain.money import Money
from ops_app.domain.organisation.approval_rules import levels_for
from ops_app.domain.organisation.approvals import (
    OPEN,
    NoSuchRequest,
    OnlyTheMaker,
    OpenAlready,
    RequestExpired,
    RequestMove,
    RequestState,
    checked_reason,
    move,
)
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import may, require
from ops_app.services.act import act
from ops_app.services.organisation.approval_defaults import rules_of_kind
from ops_app.services.organisation.approval_kinds import Draft, Kind, expires_at, kind_of
from ops_app.services.organisation.approval_limits import check_asking
from ops_app.services.organisation.approval_moves import (
    Moved,
    answer_of,
    answered,
    check_version,
    expire,
    facts_of,
    is_over,
    locked,
    moved_of,
    once,
    said_by,
    tell,
    write,
)
from ops_app.services.organisation.installation import installation
from ops_app.store import stored_json
from ops_app.store.organisation import approvals
from ops_app.store.organisation.approvals import ApprovalRequest
from ops_app.store.store import Store, Transaction

LONGEST_OBJECT_ID = 200
MOST_FLAGS = 20


def enter_request(
    transaction: Transaction,
    *,
    kind: str,
    object_type: str,
    object_id: str,
    arguments: Mapping[str, Any],
    reason: str,
    amount_minor: int | None = None,
    currency: str | None = None,
    flags: Sequence[str] = (),
) -> str:
    """Enter a request within an act and return its id; the maker is the act's actor.

    ``arguments`` are what the kind's command will be run with, in values that have a canonical spelling (no floats).
    ``amount_minor`` (whole minor units, not negative) decides the levels. Raises ``Refused`` unless the maker may make
    this kind, ``OpenAlready`` if the same is asked for already, ``Invalid``, and what the kind's own check raises.
    """
    found = kind_of(kind)
    draft = Draft(kind, object_type, object_id, arguments, amount_minor, currency, reason, tuple(flags))
    asked = _asked(transaction, found, draft, None)
    if not found.many:
        _refuse_second(transaction, draft)
    actor, now = transaction.actor, transaction.now
    one = ApprovalRequest(
        request_id=f"r-{uuid4().hex}",
        kind=kind,
        object_type=object_type,
        object_id=object_id,
        is_alone=not found.many,
        maker_id=actor.person_id,
        maker_name=actor.name,
        agency_code=actor.agency_code,
        round_no=1,
        state=RequestState.WAITING,
        made_at=now,
        ended_at=None,
        result=None,
        version=1,
        **asked,
    )
    try:
        approvals.add(transaction.connection, one)
    except IntegrityError as error:  # another act entered the same a moment ago
        raise OpenAlready("Somebody", "有人") from error
    transaction.audit("approval.requested", "approval_request", one.request_id, after=facts_of(one), reason=one.reason)
    tell(transaction, one, "requested", one.reason)
    return one.request_id


@act("approvals.own")
def request_approval(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    kind: str,
    object_type: str,
    object_id: str,
    arguments: Mapping[str, Any],
    reason: str,
    amount_minor: int | None = None,
    currency: str | None = None,
    flags: Sequence[str] = (),
    key: str,
) -> str:
    """Ask for something to be approved; the id of the request, the same for every repetition of ``key``. Raises as
    ``enter_request``, and ``AmountsHidden`` for an amount that the actor may not see."""
    asked: dict[str, Any] = {
        "kind": kind,
        "object_type": object_type,
        "object_id": object_id,
        "arguments": arguments,
        "reason": reason,
        "amount_minor": amount_minor,
        "currency": currency,
        "flags": tuple(flags),
    }
    actor.rights.check_seen(amount_minor)
    with store.writing(actor, now) as transaction:
        claim = once(transaction, key, asked)
        if not claim.is_new:
            return str(claim.answer)
        request_id = enter_request(transaction, **asked)
        transaction.answer("approvals", key, request_id)
    return request_id


@act("approvals.own")
def withdraw(
    actor: Actor, store: Store, *, now: datetime, request_id: str, expected_version: int, reason: str, key: str
) -> Moved:
    """Take an own request back. Raises ``OnlyTheMaker``, ``RequestChanged``, ``MoveNotAllowed``, ``RequestExpired``."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        claim = once(transaction, key, ["withdraw", request_id, expected_version, why])
        if not claim.is_new:
            return answered(claim.answer)
        before = _own(transaction, request_id, expected_version)
        state = move(before.state, RequestMove.WITHDRAW)
        after = replace(before, state=state, ended_at=now, version=before.version + 1)
        write(transaction, before, after, said_by(RequestMove.WITHDRAW, actor, why, key))
        done = moved_of(after)
        transaction.answer("approvals", key, answer_of(done))
    return done


@act("approvals.own")
def resubmit(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    request_id: str,
    expected_version: int,
    arguments: Mapping[str, Any],
    reason: str,
    amount_minor: int | None = None,
    currency: str | None = None,
    flags: Sequence[str] = (),
    key: str,
) -> Moved:
    """Submit an own returned request again, changed or not. Approvals given so far lapse, the levels are those of the
    new amount, and its time begins anew. Raises as ``withdraw`` and ``enter_request``."""
    actor.rights.check_seen(amount_minor)
    with store.writing(actor, now) as transaction:
        asked = [request_id, expected_version, arguments, reason, amount_minor, currency, list(flags)]
        claim = once(transaction, key, ["resubmit", *asked])
        if not claim.is_new:
            return answered(claim.answer)
        done = resubmit_within(
            transaction, request_id=request_id, expected_version=expected_version, arguments=arguments, reason=reason,
            amount_minor=amount_minor, currency=currency, flags=flags, key=key,
        )  # fmt: skip
        transaction.answer("approvals", key, answer_of(done))
    return done


def resubmit_within(
    transaction: Transaction,
    *,
    request_id: str,
    expected_version: int,
    arguments: Mapping[str, Any],
    reason: str,
    amount_minor: int | None = None,
    currency: str | None = None,
    flags: Sequence[str] = (),
    key: str,
) -> Moved:
    """``resubmit`` within an act of the maker that claimed ``key`` itself."""
    before = _own(transaction, request_id, expected_version)
    state = move(before.state, RequestMove.RESUBMIT)
    draft = Draft(
        before.kind, before.object_type, before.object_id, arguments, amount_minor, currency, reason, tuple(flags)
    )
    asked = _asked(transaction, kind_of(before.kind), draft, request_id)
    after = replace(before, state=state, round_no=before.round_no + 1, version=before.version + 1, **asked)
    approvals.add_round(transaction.connection, after, transaction.now)
    write(transaction, before, after, said_by(RequestMove.RESUBMIT, transaction.actor, after.reason, key))
    return moved_of(after)


@act("system.run")
def expire_requests(actor: Actor, store: Store, *, now: datetime, limit: int = 200) -> int:
    """Mark up to ``limit`` open requests whose time is over; returns how many were."""
    done = 0
    with store.reading() as connection:
        ids = approvals.overdue(connection, now, limit)
    for request_id in ids:
        with store.writing(actor, now) as transaction:
            one = locked(transaction, request_id)
            if one.state in OPEN and is_over(one, now):
                expire(transaction, one)
                done += 1
    return done


def hash_of(draft: Draft) -> str:
    """The hash of all that an approver reads and so approves."""
    return content_hash(vars(draft))


def _own(transaction: Transaction, request_id: str, version: int) -> ApprovalRequest:
    one = locked(transaction, request_id)
    if one.maker_id != transaction.actor.person_id:
        raise OnlyTheMaker if may(transaction.actor, "approvals.view") else NoSuchRequest()
    check_version(one, version, approvals.history(transaction.connection, request_id))
    if one.state in OPEN and is_over(one, transaction.now):
        raise RequestExpired(one.expires_at.astimezone(installation().zone))
    return one


def _asked(transaction: Transaction, kind: Kind, draft: Draft, request_id: str | None) -> dict[str, Any]:
    """What a round of a request (``None``: of a new one) says and what it needs, the first like any later one: what is
    asked for as it will be kept, its levels from the first on, and its time. Raises unless the maker may make this kind
    of this amount, alone and with what they asked for beside it."""
    actor = transaction.actor
    require(actor, kind.make)
    kept = _checked(transaction, kind, draft)
    check_asking(
        transaction.connection, actor.person_id, actor.rights, transaction.now, make=kind.make, kind=kind.code,
        about=(kept.object_type, kept.object_id), amount_minor=kept.amount_minor, currency=kept.currency,
        but=request_id,
    )  # fmt: skip
    return {
        "arguments": kept.arguments,
        "amount_minor": kept.amount_minor,
        "currency": kept.currency,
        "reason": kept.reason,
        "flags": kept.flags,
        "content_hash": hash_of(kept),
        "levels": _levels(transaction, kept),
        "level_no": 1,
        "expires_at": expires_at(transaction, kind),
    }


def _checked(transaction: Transaction, kind: Kind, draft: Draft) -> Draft:
    """The draft as it will be kept: its arguments are what JSON gives back, so that they hash alike for ever."""
    if not 1 <= len(draft.object_id) <= LONGEST_OBJECT_ID or not 1 <= len(draft.object_type) <= 64:
        raise Invalid("Say what the request is about.", "请说明申请对象。", field="object_id")
    if (draft.amount_minor is None) != (draft.currency is None):
        raise Invalid("An amount has a currency.", "金额须注明币种。", field="currency")
    if draft.amount_minor is not None and draft.currency is not None:
        Money(draft.amount_minor, draft.currency)
        if not 0 <= draft.amount_minor < 10**17:
            raise Invalid("An amount is not negative.", "金额不能为负。", field="amount_minor")
    unknown = [flag for flag in draft.flags if flag not in kind.flags]
    if unknown or len(draft.flags) > MOST_FLAGS:
        raise LookupError(f"flags that {kind.code} does not declare: {', '.join(unknown)}")
    kept = replace(
        draft,
        arguments=stored_json.read(stored_json.write(draft.arguments)),
        reason=checked_reason(draft.reason),
        flags=tuple(sorted(set(draft.flags))),
    )
    if kind.check is not None:
        kind.check(transaction, kept)
    return kept


def _levels(transaction: Transaction, draft: Draft) -> tuple[Role, ...]:
    own = kind_of(draft.kind).levels
    if own is not None:
        return own(transaction, draft)
    rules = rules_of_kind(transaction.connection, draft.kind, draft.arguments.get("lender_code"))
    return levels_for(rules, draft.kind, draft.amount_minor, draft.currency, transaction.now)


def _refuse_second(transaction: Transaction, draft: Draft) -> None:
    """One open request for one thing; one whose time is over makes room."""
    for other in approvals.open_of(transaction.connection, draft.kind, draft.object_type, draft.object_id):
        if not is_over(other, transaction.now):
            raise OpenAlready(other.maker_name, other.maker_name)
        expire(transaction, other)
