"""The link to a file attached to a case: looked up in the caller's reach at every fetch; it dies with the placement."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from ops_app.gateways.attachment_files import fetch_attached
from ops_app.interfaces.cookies import is_same_origin
from ops_app.interfaces.rest.callers import Callers, ForeignPage


def case_file_routes(callers: Callers) -> APIRouter:
    """``GET /v1/cases/{case_id}/files/{attachment_id}``."""
    router = APIRouter(prefix="/v1/cases", tags=["cases"])
    app = callers.app

    @router.get("/{case_id}/files/{attachment_id}", response_class=Response)
    def fetch(
        request: Request,
        case_id: Annotated[str, Path(max_length=64)],
        attachment_id: Annotated[str, Path(max_length=64)],
    ) -> Response:
        """The file, never shown in the browser. Missing, foreign, withdrawn and out of reach are answered alike."""
        actor = callers.of(request)
        if not is_same_origin(request):  # a page elsewhere must not have somebody's browser fetch
            raise ForeignPage
        one, data = fetch_attached(
            actor, app.store, app.settings.evidence, now=app.clock.now(), case_id=case_id, attachment_id=attachment_id
        )
        return handed_out(one.file_name, one.media_type, data)

    return router


def handed_out(file_name: str, media_type: str, data: bytes) -> Response:
    """A file that somebody brought, as it is given out: kept, never shown by the browser."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file_name)}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        # whatever the file holds, nothing of it runs or loads
        "Content-Security-Policy": "default-src 'none'; object-src 'none'; frame-ancestors 'none'; sandbox",
    }
    return Response(data, media_type=media_type, headers=headers)
