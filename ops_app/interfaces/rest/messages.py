"""Messages of other systems, signed by them: received into the inbox, handled afterwards."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse

from ops_app.domain.organisation.messages import BadMessage, Channel, MessageState, WhyHeld, digest_of, read_envelope
from ops_app.domain.organisation.people import SYSTEM
from ops_app.domain.organisation.signatures import BadSignature, check_signature, keys_of
from ops_app.interfaces.cookies import address_of
from ops_app.interfaces.problems import problem
from ops_app.interfaces.rest.callers import Callers
from ops_app.interfaces.rest.models import MessageOut
from ops_app.services.organisation.message_intake import Delivery, take_in

_log = logging.getLogger("recoup.security")


async def _raw(request: Request) -> bytes:
    """The bytes as they came: the signature is over them, not over what they mean."""
    return await request.body()


def message_routes(callers: Callers) -> APIRouter:
    """``POST /v1/messages``."""
    router = APIRouter(prefix="/v1/messages", tags=["messages"])
    app = callers.app
    keys = keys_of(app.settings.message_keys)

    @router.post("", status_code=202, response_model=MessageOut)
    def post_message(
        request: Request,
        response: Response,
        raw: Annotated[bytes, Depends(_raw)],
        recoup_source: Annotated[str | None, Header(max_length=32)] = None,
        recoup_signature: Annotated[str | None, Header(max_length=600)] = None,
    ) -> MessageOut | JSONResponse:
        """Receive one message in its envelope. ``Recoup-Source`` names the sender; ``Recoup-Signature`` is
        ``t=<seconds>,v1=<hex HMAC-SHA256 of t.body>``, within 300 seconds of the present in either direction. 202: it
        stands in the inbox, and is handled in the order of its loan. A repetition is answered 200 with where the
        message stands, however long ago it came; what is no message of ours, or comes with other content under a known
        id, 422, and is kept as a dead letter; a second request while the first is worked on, 409."""
        now = app.clock.now()
        try:
            check_signature(recoup_signature, raw, keys.get(recoup_source or "", ()), now)
        except BadSignature as wrong:
            # nobody we know: what anybody may send fills no table
            _log.warning("a message was refused: %s source=%r address=%s sha256=%s", wrong.en, recoup_source,
                         address_of(request), digest_of(raw))  # fmt: skip
            raise
        with callers.alone("messages", f"{recoup_source}/{_mark(raw, now)}"):
            (one,) = take_in(
                SYSTEM,
                app.store,
                now=now,
                deliveries=[Delivery(raw, Channel.REST, source_code=recoup_source)],
                evidence=app.settings.evidence,
            )
        if one.state is MessageState.DEAD:
            return problem(413 if one.why is WhyHeld.TOO_LARGE else 422, one.en, one.zh, fields={"message": one.en})
        if not one.is_new:
            response.status_code = 200
            response.headers["X-Served-From-Cache"] = "true"
        return MessageOut(source_code=one.source_code, message_id=one.message_id, state=one.state.value)

    return router


def _mark(raw: bytes, now: datetime) -> str:
    """What makes two requests the same one while the first is worked on."""
    try:
        return read_envelope(raw, now).message_id
    except BadMessage:
        return digest_of(raw)
