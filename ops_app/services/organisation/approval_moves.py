"""What every move of a request shares: once per key, on the version that was read, written, audited and told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ops_app.domain.canonical import content_hash, key_hash
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.approvals import NoSuchRequest, RequestChanged, RequestMove, RequestState, move
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.organisation.approval_kinds import kinds
from ops_app.store.casework.case_scope import left_of
from ops_app.store.organisation import approvals, notices
from ops_app.store.organisation.approval_lists import is_left
from ops_app.store.organisation.approvals import ApprovalRequest, RequestDecision
from ops_app.store.store import Claim, Transaction

SOURCE = "approvals"
"""The name of the engine in the inbox, and the topic of what it publishes."""

LONGEST_KEY = 120


@dataclass(frozen=True)
class Moved:
    """What a move did: the state and version of the request now, the level whose turn it is of how many, and what
    the command answered if this move ran it."""

    request_id: str
    state: RequestState
    version: int
    level_no: int
    levels: int
    result: Any = None


@dataclass(frozen=True)
class Said:
    """A move as it was made: by whom, in which role, on whose behalf, why, under which key."""

    move: RequestMove
    by: Actor
    role: Role
    principal_id: str
    reason: str
    key: str


def said_by(what: RequestMove, actor: Actor, reason: str, key: str) -> Said:
    """A move that somebody makes for themself."""
    return Said(what, actor, actor.role, actor.person_id, reason, key)


def once(transaction: Transaction, key: str, asked: object) -> Claim:
    """Claim ``key`` for what is ``asked`` by this actor; raises where the key came with something else before."""
    if not 1 <= len(key) <= LONGEST_KEY:
        raise Invalid("The key of the request is missing.", "缺少请求编号。", field="key")
    claim = transaction.claim(SOURCE, key, content_hash({"asked": asked, "actor": transaction.actor.person_id}))
    claim.refuse_conflict()
    return claim


def locked(transaction: Transaction, request_id: str) -> ApprovalRequest:
    """The request, which nobody else changes before this act ends. Raises ``NoSuchRequest``."""
    found = approvals.read(transaction.connection, request_id, lock=True)
    left = left_of(scope_of(transaction.actor), transaction.now)
    if found is None or not in_reach(found, transaction.actor) or not is_left(transaction.connection, request_id, left):
        raise NoSuchRequest
    return found


def in_reach(one: ApprovalRequest, actor: Actor) -> bool:
    """An agency's people reach only what their agency asked for."""
    return actor.agency_code is None or actor.agency_code == one.agency_code


def check_version(one: ApprovalRequest, version: int, past: list[RequestDecision]) -> None:
    """Raise ``RequestChanged`` with the name of who moved the request since ``version`` was read."""
    if one.version != version:
        raise RequestChanged(past[-1].decided_by_name if past else one.maker_name, one.state)


def write(transaction: Transaction, before: ApprovalRequest, after: ApprovalRequest, said: Said) -> None:
    """Write the moved request with the decision that moved it; audit and publish it."""
    past = approvals.history(transaction.connection, before.request_id)
    if not approvals.rewrite(transaction.connection, before, after):
        raise RequestChanged(past[-1].decided_by_name if past else before.maker_name, before.state)
    approvals.add_decision(
        transaction.connection,
        RequestDecision(
            decision_id=key_hash("approval_decision", said.key, before.request_id),
            request_id=before.request_id,
            nth=len(past) + 1,
            decision=said.move,
            round_no=after.round_no,
            level_no=before.level_no if after.round_no == before.round_no else after.level_no,
            content_hash=after.content_hash,
            maker_id=before.maker_id,
            decided_by=said.by.person_id,
            decided_by_name=said.by.name,
            role=said.role,
            principal_id=said.principal_id,
            principal_name="",
            reason=said.reason,
            decided_at=transaction.now,
            key=said.key,
        ),
    )
    on_behalf = {} if said.principal_id == said.by.person_id else {"on_behalf_of": said.principal_id}
    transaction.audit(
        f"approval.{said.move.value}",
        "approval_request",
        before.request_id,
        before=facts_of(before),
        after=facts_of(after) | on_behalf,
        reason=said.reason or None,
    )
    tell(transaction, after, said.move.value, said.reason, said.by.person_id)
    if said.by.person_id != before.maker_id:
        notices.add(transaction.connection, _notice(transaction, after, said))
    kind = kinds().get(after.kind)
    if kind is not None and kind.followed is not None:
        kind.followed(transaction, after, said.move, said.by, said.reason)


def _notice(transaction: Transaction, one: ApprovalRequest, said: Said) -> notices.Notice:
    """What the maker is told of a move that somebody else made."""
    return notices.Notice(
        notice_id=key_hash("notice", said.key, one.request_id, one.maker_id),
        person_id=one.maker_id,
        event=said.move.value,
        kind=one.kind,
        object_type=one.object_type,
        object_id=one.object_id,
        request_id=one.request_id,
        by_name=said.by.name,
        reason=said.reason,
        created_at=transaction.now,
        read_at=None,
    )


def expire(transaction: Transaction, one: ApprovalRequest) -> None:
    """The time of an open request is over."""
    after = replace(
        one,
        state=move(one.state, RequestMove.EXPIRE),
        ended_at=max(one.expires_at, one.made_at),
        version=one.version + 1,
    )
    key = f"expire/{one.request_id}"
    write(transaction, one, after, said_by(RequestMove.EXPIRE, SYSTEM, "", key))


def tell(transaction: Transaction, one: ApprovalRequest, event: str, reason: str, by: str = "") -> None:
    """Publish what became of a request, for the maker and for those whose turn it is."""
    awaited = one.awaited_role
    transaction.publish(
        SOURCE,
        one.request_id,
        {
            "event": event,
            "request_id": one.request_id,
            "kind": one.kind,
            "object_type": one.object_type,
            "object_id": one.object_id,
            "maker_id": one.maker_id,
            "state": one.state,
            "awaited_role": awaited,
            "by": by or one.maker_id,
            "reason": reason,
            "at": transaction.now,
        },
    )


def facts_of(one: ApprovalRequest) -> dict[str, object]:
    """What the audit log keeps of a request: never its arguments, which may hold personal data."""
    return {
        "kind": one.kind,
        "object_type": one.object_type,
        "object_id": one.object_id,
        "maker_id": one.maker_id,
        "amount_minor": one.amount_minor,
        "currency": one.currency,
        "flags": list(one.flags),
        "content_hash": one.content_hash,
        "round_no": one.round_no,
        "level_no": one.level_no,
        "levels": list(one.levels),
        "state": one.state,
        "version": one.version,
    }


def moved_of(one: ApprovalRequest, result: Any = None) -> Moved:
    """What the caller is told of a moved request."""
    return Moved(one.request_id, one.state, one.version, one.level_no, len(one.levels), result)


def answer_of(done: Moved) -> dict[str, Any]:
    """What the inbox keeps of a move."""
    return vars(done) | {"state": done.state.value}


def answered(answer: dict[str, Any]) -> Moved:
    """The move that the inbox kept."""
    return Moved(**answer | {"state": RequestState(answer["state"])})


def is_over(one: ApprovalRequest, now: datetime) -> bool:
    """Whether the time of the request has passed, marked or not."""
    return now >= one.expires_at
