"""Decisions on requests: approve, reject, return, one by one or in bulk; the last approval runs the command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ops_app.domain.errors import DomainError, Invalid
from ops_app.domain.organisation.approvals import (
    NoSuchRequest,
    NotAllDecided,
    NotCarriedOut,
    RequestMove,
    RequestState,
    checked_reason,
    move,
)
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.approval_capacity import Read, check_may, hold_limited
from ops_app.services.organisation.approval_kinds import kind_of
from ops_app.services.organisation.approval_moves import (
    Moved,
    Said,
    answer_of,
    answered,
    in_reach,
    locked,
    moved_of,
    once,
    write,
)
from ops_app.store.organisation import approvals
from ops_app.store.organisation.approvals import ApprovalRequest
from ops_app.store.store import Store, Transaction

LARGEST_BULK = 500
DECISIONS = (RequestMove.APPROVE, RequestMove.REJECT, RequestMove.RETURN)
"""What an approver may be asked to choose from."""


@dataclass(frozen=True)
class Asked:
    """A decision as it was asked for. ``on_behalf_of`` names whose delegation to use; ``None``: one's own right, else
    any delegation that fits."""

    what: RequestMove
    request_id: str
    read: Read
    reason: str
    key: str
    on_behalf_of: str | None = None


@dataclass(frozen=True)
class Preview:
    """What a bulk decision would do: how many requests, their amounts per currency, and which would be refused."""

    count: int
    totals: dict[str, int]
    refused: dict[str, DomainError]


@dataclass(frozen=True)
class DecidedMany:
    """What a bulk decision did: the requests it decided, and those it left out with the reason (only where that was
    allowed)."""

    done: tuple[Moved, ...]
    refused: dict[str, DomainError]


@act("approvals.decide")
def approve(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    request_id: str,
    expected_version: int,
    content_hash: str,
    reason: str = "",
    key: str,
    on_behalf_of: str | None = None,
) -> Moved:
    """Approve the level whose turn it is; the last one runs the command in the same transaction.

    ``content_hash`` is that of the content which was read; a reason is required where the request has risk flags.
    Raises ``OwnRequest``, ``DecidedBefore``, ``NotYourLevel``, ``RequestChanged``, ``ContentChanged``,
    ``RequestExpired``, ``MoveNotAllowed``, ``ReasonMissing``, and ``NotCarriedOut`` with the sentence of the command
    that refused: then nothing was decided.
    """
    read = Read(expected_version, content_hash)
    return _decide(actor, store, now, Asked(RequestMove.APPROVE, request_id, read, reason, key, on_behalf_of))


@act("approvals.decide")
def reject(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    request_id: str,
    expected_version: int,
    content_hash: str,
    reason: str,
    key: str,
    on_behalf_of: str | None = None,
) -> Moved:
    """Refuse the request for good. Raises as ``approve``."""
    read = Read(expected_version, content_hash)
    return _decide(actor, store, now, Asked(RequestMove.REJECT, request_id, read, reason, key, on_behalf_of))


@act("approvals.decide")
def return_request(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    request_id: str,
    expected_version: int,
    content_hash: str,
    reason: str,
    key: str,
    on_behalf_of: str | None = None,
) -> Moved:
    """Send the request back to its maker, who may change it and submit it again. Raises as ``approve``."""
    read = Read(expected_version, content_hash)
    return _decide(actor, store, now, Asked(RequestMove.RETURN, request_id, read, reason, key, on_behalf_of))


@act("approvals.decide")
def decide_requests(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    decision: RequestMove,
    items: Mapping[str, Read],
    reason: str,
    leave_out: bool = False,
    key: str,
) -> DecidedMany:
    """Decide alike on many requests (id → what was read), all or none: ``NotAllDecided`` lists which cannot be decided
    so and why, and then nothing was. With ``leave_out`` those that can be are, unless none can."""
    _check_bulk(decision, items)
    try:
        done = _decide_all(actor, store, now, decision, items, reason, leave_out, key)
    except NotAllDecided as why:
        _note_failures(actor, store, now, why.refused)
        raise
    _note_failures(actor, store, now, done.refused)
    return done


def _decide_all(
    actor: Actor,
    store: Store,
    now: datetime,
    decision: RequestMove,
    items: Mapping[str, Read],
    reason: str,
    leave_out: bool,
    key: str,
) -> DecidedMany:
    with store.writing(actor, now) as transaction:
        body = {name: vars(read) for name, read in items.items()}
        claim = once(transaction, key, [decision, body, reason, leave_out])
        if not claim.is_new:
            said = {request_id: DomainError(*why) for request_id, why in claim.answer["refused"].items()}
            return DecidedMany(tuple(answered(answer) for answer in claim.answer["done"]), said)
        done: list[Moved] = []
        refused: dict[str, DomainError] = {}
        for request_id, read in sorted(items.items()):
            try:
                # a refusal that the database raised must not hide the refusals after it, nor leave half a decision
                with transaction.part():
                    done.append(
                        carry_out(transaction, Asked(decision, request_id, read, reason, f"{key}/{request_id}"))
                    )
            except DomainError as why:
                refused[request_id] = why
        if refused and not (leave_out and done):
            raise NotAllDecided(refused)
        said_no = {request_id: [why.en, why.zh] for request_id, why in refused.items()}
        transaction.answer("approvals", key, {"done": [answer_of(one) for one in done], "refused": said_no})
    return DecidedMany(tuple(done), refused)


@act("approvals.decide")
def preview_decisions(
    actor: Actor, store: Store, *, now: datetime, decision: RequestMove, items: Mapping[str, Read]
) -> Preview:
    """What ``decide_requests`` would do; changes nothing and runs no command (which may still refuse)."""
    _check_bulk(decision, items)
    totals: dict[str, int] = {}
    refused: dict[str, DomainError] = {}
    with store.reading() as connection:
        for request_id, read in sorted(items.items()):
            try:
                one = approvals.read(connection, request_id)
                if one is None or not in_reach(one, actor):
                    raise NoSuchRequest
                check_may(connection, actor, now, one, decision, read)
            except DomainError as why:
                refused[request_id] = why
            else:
                if one.currency is not None:
                    totals[one.currency] = totals.get(one.currency, 0) + (one.amount_minor or 0)
    return Preview(len(items) - len(refused), totals, refused)


def _decide(actor: Actor, store: Store, now: datetime, asked: Asked) -> Moved:
    try:
        return _decide_once(actor, store, now, asked)
    except NotCarriedOut as why:
        _note_failure(actor, store, now, asked.request_id, why)
        raise


def _decide_once(actor: Actor, store: Store, now: datetime, asked: Asked) -> Moved:
    with store.writing(actor, now) as transaction:
        claim = once(transaction, asked.key, vars(asked) | {"read": vars(asked.read)})
        if not claim.is_new:
            return answered(claim.answer)
        done = carry_out(transaction, asked)
        transaction.answer("approvals", asked.key, answer_of(done))
    return done


def carry_out(transaction: Transaction, asked: Asked) -> Moved:
    """Make a decision within an act that claimed its key. Raises as ``approve``."""
    if asked.what is RequestMove.APPROVE:
        hold_limited(transaction.connection, transaction.actor, transaction.now)
    before = locked(transaction, asked.request_id)
    principal_id, role = check_may(
        transaction.connection, transaction.actor, transaction.now, before, asked.what, asked.read,
        on_behalf_of=asked.on_behalf_of, lock=True,
    )  # fmt: skip
    approving = asked.what is RequestMove.APPROVE
    reason = asked.reason.strip()
    if reason or before.flags or not approving:
        reason = checked_reason(reason)
    what = RequestMove.APPROVE_LAST if approving and before.is_last_level else asked.what
    state = move(before.state, what)
    after = replace(
        before,
        state=state,
        level_no=before.level_no + (what is RequestMove.APPROVE),
        ended_at=transaction.now if state in (RequestState.APPROVED, RequestState.REJECTED) else None,
        version=before.version + 1,
    )
    write(transaction, before, after, Said(what, transaction.actor, role, principal_id, reason, asked.key))
    if what is not RequestMove.APPROVE_LAST:
        return moved_of(after)
    return moved_of(after, _run(transaction, after))


def _run(transaction: Transaction, one: ApprovalRequest) -> Mapping[str, Any]:
    """Run the command of an approved request and keep what it answered."""
    try:
        result = kind_of(one.kind).run(transaction, one.arguments)
    except DomainError as why:
        raise NotCarriedOut(why) from why
    approvals.keep_result(transaction.connection, one.request_id, result)
    return result


def _note_failure(actor: Actor, store: Store, now: datetime, request_id: str, why: NotCarriedOut) -> None:
    """The undone decision leaves a trace: who tried, and what the command said."""
    with store.writing(actor, now) as transaction:
        transaction.audit("approval.not_carried_out", "approval_request", request_id, reason=why.why.en)


def _note_failures(actor: Actor, store: Store, now: datetime, refused: Mapping[str, DomainError]) -> None:
    for request_id, refusal in refused.items():
        if isinstance(refusal, NotCarriedOut):
            _note_failure(actor, store, now, request_id, refusal)


def _check_bulk(decision: RequestMove, items: Mapping[str, Read]) -> None:
    if decision not in DECISIONS:
        raise Invalid("Approve, reject or return.", "请选择通过、驳回或退回。", field="decision")
    if not 1 <= len(items) <= LARGEST_BULK:
        raise Invalid(f"Choose 1 to {LARGEST_BULK} requests.", f"请选择 1 至 {LARGEST_BULK} 项申请。", field="items")
