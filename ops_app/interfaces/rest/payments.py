"""Payments that are pushed: recorded once whatever the channel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from ops_app.interfaces.rest.callers import Callers, required_key
from ops_app.interfaces.rest.models import PaymentOut
from ops_app.interfaces.rest.strict_json import StrictRoute
from ops_app.services.ledger.pushed import push_under_key
from ops_app.services.shapes import PaymentIn


def payment_routes(callers: Callers) -> APIRouter:
    """``POST /v1/payments``."""
    router = APIRouter(prefix="/v1/payments", tags=["payments"], route_class=StrictRoute)

    @router.post("", status_code=201)
    def post_payment(
        request: Request,
        response: Response,
        payment: PaymentIn,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=300)] = None,
    ) -> PaymentOut:
        """Record one payment once. ``Idempotency-Key`` is required: any key of the sender's own, or
        ``<source_code>/<payment_id>``, which is the payment's key by file, REST and queue alike. A repetition is given
        the first answer with ``X-Served-From-Cache``; other content under the key or the payment id 422, naming what
        differs; a second request while the first is worked on 409."""
        actor = callers.of(request)
        idempotency_key = required_key(idempotency_key)
        one = payment.as_repayment()
        app = callers.app
        now = app.clock.now()
        with callers.alone("payments", idempotency_key):
            done = push_under_key(
                actor,
                app.store,
                now=now,
                payment=one,
                business_date=now.astimezone(app.settings.zone).date(),
                key=idempotency_key,
            )
        if not done.recorded:
            response.headers["X-Served-From-Cache"] = "true"
        return PaymentOut(source_code=one.source_code, payment_id=one.payment_id, state="recorded")

    return router
