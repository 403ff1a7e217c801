"""Single loans that are pushed into intake, and how a payment of a case would be posted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request

from ops_app.interfaces.rest.callers import Callers, required_key
from ops_app.interfaces.rest.models import LoanOut, PostingOut
from ops_app.interfaces.rest.strict_json import StrictRoute
from ops_app.services.casework.pushing import push_loan
from ops_app.services.ledger.posting import preview_posting
from ops_app.services.shapes import LoanIn


def loan_routes(callers: Callers) -> APIRouter:
    """``POST /v1/loans`` and ``GET /v1/cases/{case_id}/posting``."""
    router = APIRouter(prefix="/v1", tags=["loans"], route_class=StrictRoute)

    @router.post("/loans", status_code=201)
    def post_loan(
        request: Request,
        loan: LoanIn,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=300)] = None,
    ) -> LoanOut:
        """Take one loan in as of its day: its case is opened, updated, closed or reopened by the rules of intake. When
        the file of that day comes, the file counts. ``Idempotency-Key`` is required; a repetition is given the first
        answer, other content under the key is refused."""
        actor, app = callers.of(request), callers.app
        idempotency_key = required_key(idempotency_key)
        with callers.alone("loans", idempotency_key):
            done = push_loan(
                actor, app.store, now=app.clock.now(), loan=loan.as_loan_day(), key=idempotency_key,
                evidence=app.settings.evidence,
            )  # fmt: skip
        return LoanOut(source_code=loan.source_code, loan_id=loan.loan_id, **asdict(done))

    @router.get("/cases/{case_id}/posting")
    def get_posting(request: Request, case_id: str, amount_minor: Annotated[int, Query(gt=0, lt=10**17)]) -> PostingOut:
        """How a payment of ``amount_minor`` would be posted today, by the order of the case's lender and product.
        Records nothing."""
        actor, app = callers.of(request), callers.app
        found = preview_posting(actor, app.store, now=app.clock.now(), case_id=case_id, amount_minor=amount_minor)
        return PostingOut(**asdict(found))

    return router
