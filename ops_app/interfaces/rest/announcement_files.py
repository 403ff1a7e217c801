"""The link to a file of an announcement: whoever has the announcement before them fetches it, and nobody else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from ops_app.gateways.attachment_files import fetch_announced
from ops_app.interfaces.cookies import is_same_origin
from ops_app.interfaces.rest.callers import Callers, ForeignPage
from ops_app.interfaces.rest.case_files import handed_out


def announcement_file_routes(callers: Callers) -> APIRouter:
    """``GET /v1/announcements/{announcement_id}/files/{file_id}``."""
    router = APIRouter(prefix="/v1/announcements", tags=["announcements"])
    app = callers.app

    @router.get("/{announcement_id}/files/{file_id}", response_class=Response)
    def fetch(
        request: Request,
        announcement_id: Annotated[str, Path(max_length=64)],
        file_id: Annotated[str, Path(max_length=64)],
    ) -> Response:
        """The file, never shown in the browser. Missing, foreign and out of reach are answered alike."""
        actor = callers.of(request)
        if not is_same_origin(request):  # a page elsewhere must not have somebody's browser fetch
            raise ForeignPage
        one, data = fetch_announced(
            actor, app.store, app.settings.evidence, now=app.clock.now(), announcement_id=announcement_id,
            file_id=file_id,
        )  # fmt: skip
        return handed_out(one.file_name, one.media_type, data)

    return router
