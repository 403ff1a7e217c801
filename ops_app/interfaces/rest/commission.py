"""Statements of commission and their lines for an agency's own system: its own agency alone, once presented."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from ops_app.domain.ledger.commissions import LineKind
from ops_app.domain.ledger.settlements import SettlementState
from ops_app.domain.paging import LARGEST_PAGE
from ops_app.interfaces.rest.callers import Callers
from ops_app.interfaces.rest.commission_models import CommissionLinesOut, SettlementOut, SettlementsOut
from ops_app.interfaces.rest.strict_json import StrictRoute
from ops_app.services.ledger import commission_reading as commission

Page = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(ge=1, le=LARGEST_PAGE)]
SettlementId = Annotated[str, Path(pattern=r"^[0-9a-zA-Z_-]{1,64}$")]
Name = Annotated[str | None, Query(max_length=64)]


def commission_routes(callers: Callers) -> APIRouter:
    """``GET /v1/commission/settlements``, one of them, and ``GET /v1/commission/lines``."""
    router = APIRouter(prefix="/v1/commission", tags=["commission"], route_class=StrictRoute)
    app = callers.app

    @router.get("/settlements")
    def list_settlements(request: Request, page: Page = 1, page_size: PageSize = 50) -> SettlementsOut:
        """A page of the own agency's settlements, the latest period first."""
        rows, total = commission.list_own_settlements(
            callers.of(request), app.store, now=app.clock.now(), page=page, page_size=page_size
        )
        found = [SettlementOut.of(one) for one in rows]
        return SettlementsOut(rows=found, total=total, page=page, page_size=page_size)

    @router.get("/settlements/{settlement_id}")
    def read_settlement(request: Request, settlement_id: SettlementId) -> SettlementOut:
        """One settlement of the own agency with what it comes to so far."""
        found = commission.read_own_settlement(
            callers.of(request), app.store, now=app.clock.now(), settlement_id=settlement_id
        )
        return SettlementOut.with_totals(found.statement)

    @router.get("/lines")
    def list_lines(
        request: Request,
        settlement_id: Name = None,
        case_id: Annotated[str | None, Query(max_length=128)] = None,
        kind: LineKind | None = None,
        state: SettlementState | None = None,
        sort: Annotated[str, Query(max_length=40)] = "value_date",
        descending: bool = True,
        after: Annotated[str | None, Query(max_length=400)] = None,
        limit: PageSize = 50,
    ) -> CommissionLinesOut:
        """Lines of the own agency's settlements; give ``next_after`` back as ``after`` for the next page."""
        wanted = commission.LineFilter(
            settlement_id=settlement_id, case_id=case_id, kind=kind.value if kind else None, state=state
        )
        found = commission.list_own_lines(
            callers.of(request), app.store, now=app.clock.now(), wanted=wanted, sort=sort, descending=descending,
            after=after, limit=limit,
        )  # fmt: skip
        return CommissionLinesOut.of(found)

    return router
