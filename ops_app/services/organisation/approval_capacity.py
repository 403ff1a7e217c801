"""Who may decide on a request at this moment, and on whose behalf: looked up as people and the request now stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from ops_app.domain.errors import Refused
from ops_app.domain.organisation.approvals import (
    ContentChanged,
    NoSuchRequest,
    NotYourLevel,
    RequestExpired,
    RequestMove,
    RequestState,
    check_apart,
    holds_level,
    may_stand_in,
    move,
    same_house,
)
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation.approval_limits import check_deciding
from ops_app.services.organisation.approval_moves import check_version, is_over
from ops_app.services.organisation.installation import installation
from ops_app.store.organisation import approval_rules, approvals, people
from ops_app.store.organisation.approvals import ApprovalRequest

DECIDE = "approvals.decide"


@dataclass(frozen=True)
class Read:
    """What an approver read before deciding: the version of the request, and the hash of its content."""

    version: int
    content_hash: str


def hold_limited(connection: Connection, actor: Actor, now: datetime) -> None:
    """Hold the actor, and those whom they stand in for, where their approvals add up to a limit, so that of two
    approvals at one moment the second counts the first. Called before a request is held; in the order of their ids, and
    before anybody is held with others, so that no two acts wait for each other."""
    ids = {one.from_person_id for one in approval_rules.delegated_to(connection, actor.person_id, now)}
    for person_id in sorted(ids | {actor.person_id}):
        one = approvals.standing(connection, person_id)
        if one is not None and one.rights.has_limit(DECIDE):
            people.lock(connection, person_id)


def check_may(
    connection: Connection,
    actor: Actor,
    now: datetime,
    one: ApprovalRequest,
    decision: RequestMove,
    read: Read,
    *,
    on_behalf_of: str | None = None,
    lock: bool = False,
) -> tuple[str, Role]:
    """On whose behalf, and in which role, the actor may make this decision; raises the reason why they may not."""
    past = approvals.history(connection, one.request_id)
    check_version(one, read.version, past)
    actor.rights.check_seen(one.amount_minor)
    if read.content_hash != one.content_hash:
        raise ContentChanged
    if one.state is RequestState.WAITING and is_over(one, now):
        raise RequestExpired(one.expires_at.astimezone(installation().zone))
    move(one.state, decision)
    level = one.levels[one.level_no - 1]
    earlier = approvals.deciders_of_round(past, one.round_no)
    check_apart(one.maker_id, frozenset({actor.person_id}), earlier)
    me = approvals.standing(connection, actor.person_id, lock=lock)
    if me is None or not me.active:
        raise NotYourLevel(level)
    if me.agency_code not in (None, one.agency_code):  # an agency decides on what its own people ask for
        raise NoSuchRequest
    me.rights.check_seen(one.amount_minor)
    if decision is RequestMove.APPROVE:
        check_deciding(connection, actor.person_id, me.rights, now, one, DECIDE)
    if on_behalf_of in (None, actor.person_id) and holds_level(me, level):
        return actor.person_id, level
    refusal: Refused = NotYourLevel(level)
    for given in approval_rules.delegated_to(connection, actor.person_id, now):
        if on_behalf_of not in (None, given.from_person_id) or not may_stand_in(me, level):
            continue
        principal = approvals.standing(connection, given.from_person_id, lock=lock)
        if principal is None or not holds_level(principal, level) or not same_house(principal, me):
            continue
        try:
            principal.rights.check_seen(one.amount_minor)
            if decision is RequestMove.APPROVE:
                check_deciding(connection, principal.person_id, principal.rights, now, one, DECIDE)
            check_apart(one.maker_id, frozenset({actor.person_id, principal.person_id}), earlier)
        except Refused as why:
            refusal = why
        else:
            return principal.person_id, level
    raise refusal
