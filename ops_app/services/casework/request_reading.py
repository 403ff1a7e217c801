"""Requests on cases as people read them: a list within reach, and one with its files, its steps and its answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ops_app.domain.casework.requests import ANSWERS, NoSuchCaseRequest
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.amounts import check_by_amount
from ops_app.domain.organisation.approvals import RequestMove, RequestState
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import may
from ops_app.domain.paging import check_page, check_sort
from ops_app.services.act import act
from ops_app.services.casework.request_kinds import OBJECT
from ops_app.services.organisation.approval_capacity import Read, check_may
from ops_app.store.casework import cases, evidence, requests
from ops_app.store.casework.evidence import Evidence
from ops_app.store.casework.requests import SORTABLE, CaseRequest, CaseRequestFilter
from ops_app.store.organisation import approvals
from ops_app.store.organisation.approvals import ApprovalRequest, RequestDecision, Round
from ops_app.store.store import Store

__all__ = [
    "SORTABLE", "CaseRequest", "CaseRequestFilter", "CaseRequestRecord", "CaseRequestsPage",
    "count_case_requests", "list_case_requests", "read_case_request",
]  # fmt: skip


@dataclass(frozen=True)
class CaseRequestsPage:
    """One page of requests on cases; ``total`` counts all that match."""

    rows: tuple[CaseRequest, ...]
    total: int
    page: int
    page_size: int


@dataclass(frozen=True)
class CaseRequestRecord:
    """One request with its files, its request for approval and what was decided there. ``refusal`` is why the reader
    may not decide on it now (``None``: they may); ``is_answered`` whether they would answer it rather than approve it;
    ``case_in_reach`` whether they may still see the case and the files."""

    item: CaseRequest
    approval: ApprovalRequest
    history: tuple[RequestDecision, ...]
    files: tuple[Evidence, ...]
    refusal: DomainError | None
    is_answered: bool
    case_in_reach: bool
    rounds: tuple[Round, ...] = ()


@act("requests.view")
def list_case_requests(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    wanted: CaseRequestFilter | None = None,
    sort: str = "due_at",
    descending: bool = False,
    page: int = 1,
    page_size: int = 50,
) -> CaseRequestsPage:
    """One page (from 1) of the requests within reach that match; open ones unless ``wanted`` says otherwise."""
    check_sort(sort, SORTABLE, "Requests")
    check_by_amount(actor, sort)
    check_page(page, page_size)
    with store.reading() as connection:
        rows, total = requests.page(
            connection,
            wanted or CaseRequestFilter(),
            requests.reach(scope_of(actor), actor.person_id, now),
            sort=sort,
            descending=descending,
            offset=(page - 1) * page_size,
            limit=page_size,
        )
    return CaseRequestsPage(tuple(rows), total, page, page_size)


@act("requests.view")
def count_case_requests(actor: Actor, store: Store, *, now: datetime) -> tuple[int, int]:
    """How many requests within reach are open, and how many of them are late."""
    conditions = requests.reach(scope_of(actor), actor.person_id, now)
    wanted = CaseRequestFilter()
    with store.reading() as connection:
        _, waiting = requests.page(connection, wanted, conditions, sort="due_at", descending=False, offset=0, limit=1)
        _, late = requests.page(
            connection, replace(wanted, late_at=now), conditions, sort="due_at", descending=False, offset=0, limit=1
        )
    return waiting, late


@act("requests.view")
def read_case_request(actor: Actor, store: Store, *, now: datetime, case_request_id: str) -> CaseRequestRecord:
    """The request with all that belongs to it. Raises ``NoSuchCaseRequest`` alike for missing and foreign.

    Whoever sees the case no more sees what was asked and how it ended, and no files.
    """
    with store.reading() as connection:
        one = requests.read(connection, case_request_id, requests.reach(scope_of(actor), actor.person_id, now))
        approval = None if one is None or one.approval_id is None else approvals.read(connection, one.approval_id)
        if one is None or approval is None:
            raise NoSuchCaseRequest
        past = tuple(approvals.history(connection, approval.request_id))
        rounds = tuple(approvals.rounds_of(connection, approval.request_id))
        in_reach = cases.read(connection, one.case_id, scope_of(actor), now) is not None
        files = tuple(evidence.of(connection, OBJECT, [one.case_request_id])) if in_reach else ()
        refusal: DomainError | None = None
        try:
            check_may(
                connection, actor, now, approval, RequestMove.APPROVE, Read(approval.version, approval.content_hash)
            )
        except DomainError as why:
            refusal = why
    answers = one.kind in ANSWERS and approval.is_last_level and approval.state is RequestState.WAITING
    return CaseRequestRecord(
        one, approval, past, files, refusal, answers and may(actor, "approvals.decide"), in_reach, rounds
    )
