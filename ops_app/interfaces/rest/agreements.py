"""Agreements with debtors, as far as the caller reaches: the same services as the page."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from ops_app.domain.ledger.agreements import AgreementState
from ops_app.domain.paging import LARGEST_PAGE
from ops_app.interfaces.rest.callers import Callers
from ops_app.interfaces.rest.commission_models import AgreementOut, AgreementsOut
from ops_app.interfaces.rest.strict_json import StrictRoute
from ops_app.services.ledger import agreement_reading as agreements


def agreement_routes(callers: Callers) -> APIRouter:
    """``GET /v1/agreements`` and ``GET /v1/agreements/{id}``."""
    router = APIRouter(prefix="/v1/agreements", tags=["agreements"], route_class=StrictRoute)
    app = callers.app

    @router.get("")
    def list_agreements(
        request: Request,
        state: Annotated[list[AgreementState] | None, Query(max_length=len(AgreementState))] = None,
        case_id: Annotated[str | None, Query(max_length=128)] = None,
        due_from: date | None = None,
        due_until: date | None = None,
        broken: bool = False,
        text: Annotated[str | None, Query(max_length=100)] = None,
        sort: Annotated[str, Query(max_length=40)] = "granted_at",
        descending: bool = True,
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
        page_size: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
    ) -> AgreementsOut:
        """A page of agreements; the next instalment due from ``due_from`` and before ``due_until``."""
        wanted = agreements.AgreementFilter(
            states=frozenset(state or ()), case_id=case_id, due_from=due_from, due_until=due_until, broken=broken,
            text=text or None,
        )  # fmt: skip
        found = agreements.list_agreements(
            callers.of(request), app.store, now=app.clock.now(), wanted=wanted, sort=sort, descending=descending,
            page=page, page_size=page_size,
        )  # fmt: skip
        return AgreementsOut.of(found, page, page_size)

    @router.get("/{agreement_id}")
    def read_agreement(
        request: Request, agreement_id: Annotated[str, Path(pattern=r"^[0-9a-zA-Z_-]{1,64}$")]
    ) -> AgreementOut:
        """One agreement with its instalments."""
        found = agreements.read_agreement(
            callers.of(request), app.store, now=app.clock.now(), agreement_id=agreement_id
        )
        return AgreementOut.of(found.item)

    return router
