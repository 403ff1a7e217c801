"""Requests for approval, listed and decided; the same services as the desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request

from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.paging import LARGEST_PAGE
from ops_app.interfaces.rest.approval_models import ApprovalDecisionIn, ApprovalDecisionOut, ApprovalOut, ApprovalsOut
from ops_app.interfaces.rest.callers import Callers, required_key
from ops_app.interfaces.rest.strict_json import StrictRoute
from ops_app.services.organisation import approvals as engine

Page = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(ge=1, le=LARGEST_PAGE)]
RequestId = Annotated[str, Path(pattern=r"^r-[0-9a-f]{1,62}$")]


def approval_routes(callers: Callers) -> APIRouter:
    """``GET /v1/approvals``, ``GET /v1/approvals/{id}`` and ``POST /v1/approvals/{id}/decisions``."""
    router = APIRouter(prefix="/v1/approvals", tags=["approvals"], route_class=StrictRoute)
    app = callers.app

    @router.get("")
    def list_approvals(
        request: Request,
        mine: bool = False,
        state: Annotated[list[RequestState] | None, Query(max_length=len(RequestState))] = None,
        kind: Annotated[list[str] | None, Query(max_length=50)] = None,
        text: Annotated[str | None, Query(max_length=100)] = None,
        sort: Annotated[str, Query(max_length=40)] = "made_at",
        descending: bool = False,
        page: Page = 1,
        page_size: PageSize = 50,
    ) -> ApprovalsOut:
        """A page of requests; waiting ones unless ``state`` says otherwise, with ``mine`` only those that the caller
        may decide now."""
        wanted = engine.RequestFilter(
            states=frozenset(state) if state else frozenset({RequestState.WAITING}),
            kinds=frozenset(kind or ()),
            text=text or None,
        )
        found = engine.list_requests(
            callers.of(request),
            app.store,
            now=app.clock.now(),
            wanted=wanted,
            only_mine=mine,
            sort=sort,
            descending=descending,
            page=page,
            page_size=page_size,
        )
        rows = [ApprovalOut.of(one) for one in found.rows]
        return ApprovalsOut(rows=rows, total=found.total, page=found.page, page_size=found.page_size)

    @router.get("/{request_id}")
    def read_approval(request: Request, request_id: RequestId) -> ApprovalOut:
        """One request with what it would do and what was decided so far."""
        found = engine.read_request(callers.of(request), app.store, now=app.clock.now(), request_id=request_id)
        return ApprovalOut.of(found.item, found.history)

    @router.post("/{request_id}/decisions", status_code=201)
    def decide(
        request: Request,
        request_id: RequestId,
        asked: ApprovalDecisionIn,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=120)] = None,
    ) -> ApprovalDecisionOut:
        """Decide on a request; ``Idempotency-Key`` is required, and its repetition is given the first answer."""
        actor = callers.of(request)
        idempotency_key = required_key(idempotency_key)
        acts: dict[str, Callable[..., engine.Moved]] = {
            "approve": engine.approve,
            "reject": engine.reject,
            "return": engine.return_request,
        }
        with callers.alone("approvals", idempotency_key):
            done = acts[asked.decision](
                actor,
                app.store,
                now=app.clock.now(),
                request_id=request_id,
                expected_version=asked.version,
                content_hash=asked.content_hash,
                reason=asked.reason,
                key=idempotency_key,
            )
        return ApprovalDecisionOut(
            request_id=done.request_id,
            state=done.state,
            version=done.version,
            level_no=done.level_no,
            levels=done.levels,
        )

    return router
