"""Requests as people read them: the approver's queue, all of them, one's own, and one with its history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.engine import Connection

from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.amounts import check_by_amount
from ops_app.domain.organisation.approvals import (
    NoSuchRequest,
    RequestMove,
    RequestState,
    holds_level,
    may_stand_in,
    same_house,
)
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import may
from ops_app.domain.paging import check_page, check_sort
from ops_app.services.act import act
from ops_app.services.organisation.approval_capacity import Read, check_may
from ops_app.services.organisation.approval_moves import in_reach
from ops_app.store.casework.case_scope import left_of
from ops_app.store.organisation import approval_lists, approval_rules, approvals
from ops_app.store.organisation.approval_lists import SORTABLE, Mine, RequestFilter
from ops_app.store.organisation.approvals import ApprovalRequest, RequestDecision, Round
from ops_app.store.store import Store

_BY_AMOUNT = ("least_minor", "least_units", "most_minor")
"""Filters of a list by the amount of a request."""


@dataclass(frozen=True)
class RequestsPage:
    """One page of requests. ``total`` counts all that match, ``totals`` adds up their amounts per currency."""

    rows: tuple[ApprovalRequest, ...]
    total: int
    totals: dict[str, int]
    page: int
    page_size: int


@dataclass(frozen=True)
class RequestRecord:
    """One request with its history. ``refusal`` is why the reader may not decide on it now (``None``: they may);
    ``on_behalf_of`` names whose delegation they would use."""

    item: ApprovalRequest
    history: tuple[RequestDecision, ...]
    refusal: DomainError | None
    on_behalf_of: str | None
    rounds: tuple[Round, ...] = ()
    """Everything it asked for, the first first; the last is what it asks for now."""


@act("approvals.view")
def list_requests(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: RequestFilter | None = None,
    only_mine: bool = False,
    sort: str = "made_at",
    descending: bool = False,
    page: int = 1,
    page_size: int = 50,
) -> RequestsPage:
    """One page (from 1) of the requests that match; waiting ones unless ``wanted`` says otherwise. ``only_mine``: those
    which the actor may decide at this moment. Raises ``AmountsHidden`` for a sort or filter by amount where amounts are
    hidden from the actor."""
    return _page(actor, store, now, wanted or RequestFilter(), only_mine, sort, descending, page, page_size)


@act("approvals.own")
def my_requests(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: RequestFilter | None = None,
    sort: str = "made_at",
    descending: bool = True,
    page: int = 1,
    page_size: int = 50,
) -> RequestsPage:
    """One page (from 1) of what the actor asked for, in every state unless ``wanted`` says otherwise."""
    chosen = replace(wanted or RequestFilter(states=frozenset(RequestState)), maker_id=actor.person_id)
    return _page(actor, store, now, chosen, False, sort, descending, page, page_size)


@act("approvals.own")
def read_request(actor: Actor, store: Store, *, now: datetime, request_id: str) -> RequestRecord:
    """The request with its history: for its maker, and for those who may look at all. Raises ``NoSuchRequest``."""
    with store.reading() as connection:
        one = approvals.read(connection, request_id)
        if one is None or not in_reach(one, actor):
            raise NoSuchRequest
        if not approval_lists.is_left(connection, request_id, left_of(scope_of(actor), now)):
            raise NoSuchRequest
        if one.maker_id != actor.person_id and not may(actor, "approvals.view"):
            raise NoSuchRequest
        past = tuple(approvals.history(connection, request_id))
        rounds = tuple(approvals.rounds_of(connection, request_id))
        refusal: DomainError | None = None
        behalf: str | None = None
        try:
            principal, _ = check_may(
                connection, actor, now, one, RequestMove.APPROVE, Read(one.version, one.content_hash)
            )
            behalf = principal if principal != actor.person_id else None
        except DomainError as why:
            refusal = why
    return RequestRecord(one, past, refusal, behalf, rounds)


@act("approvals.own")
def requests_on(
    actor: Actor, store: Store, *, now: datetime, object_type: str, object_id: str
) -> list[ApprovalRequest]:
    """What was ever asked for about one object, newest first: for the record page of that object. The caller has
    checked that the actor may see the object. Whoever may not look at requests finds their own alone."""
    maker = None if may(actor, "approvals.view") else actor.person_id
    wanted = RequestFilter(states=frozenset(), object_type=object_type, object_id=object_id, maker_id=maker)
    with store.reading() as connection:
        return approval_lists.page(
            connection,
            wanted,
            agency_code=actor.agency_code,
            left=left_of(scope_of(actor), now),
            sort="made_at",
            descending=True,
            offset=0,
            limit=100,
        )


def _page(
    actor: Actor,
    store: Store,
    now: datetime,
    wanted: RequestFilter,
    only_mine: bool,
    sort: str,
    descending: bool,
    page: int,
    page_size: int,
) -> RequestsPage:
    check_sort(sort, SORTABLE, "Requests")
    check_page(page, page_size)
    check_by_amount(actor, sort, *(name for name in _BY_AMOUNT if getattr(wanted, name) is not None))
    with store.reading() as connection:
        mine = queue_of(connection, actor, now) if only_mine else None
        left = left_of(scope_of(actor), now)
        total, sums = approval_lists.totals(connection, wanted, mine=mine, agency_code=actor.agency_code, left=left)
        rows = approval_lists.page(
            connection,
            wanted,
            mine=mine,
            agency_code=actor.agency_code,
            left=left,
            sort=sort,
            descending=descending,
            offset=(page - 1) * page_size,
            limit=page_size,
        )
    return RequestsPage(tuple(rows), total, sums, page, page_size)


def queue_of(connection: Connection, actor: Actor, now: datetime) -> Mine:
    """The actor's queue as they, and those who delegated to them, stand now."""
    me = approvals.standing(connection, actor.person_id)
    if me is None or not may(actor, "approvals.decide"):
        return Mine(actor.person_id, frozenset(), (), now)
    roles = frozenset({me.role} if holds_level(me, me.role) else ())
    principals = []
    for given in approval_rules.delegated_to(connection, actor.person_id, now):
        principal = approvals.standing(connection, given.from_person_id)
        if principal is None or not same_house(principal, me):
            continue
        if holds_level(principal, principal.role) and may_stand_in(me, principal.role):
            principals.append((principal.person_id, principal.role))
    return Mine(actor.person_id, roles, tuple(principals), now)
