"""The link to the file of a released export: for the person who asked, while it lives; each fetch counts."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from ops_app.gateways.export_files import fetch_file
from ops_app.interfaces.cookies import is_same_origin
from ops_app.interfaces.rest.callers import Callers, ForeignPage

MIME = {
    "zip": "application/zip",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def export_routes(callers: Callers) -> APIRouter:
    """``GET /v1/exports/{id}/file``."""
    router = APIRouter(prefix="/v1/exports", tags=["exports"])
    app = callers.app

    @router.get("/{export_id}/file", response_class=Response)
    def fetch(request: Request, export_id: Annotated[str, Path(max_length=200)]) -> Response:
        """The file. Missing, foreign, over and used up are answered alike."""
        actor = callers.of(request)
        if not is_same_origin(request):  # a page elsewhere must not use up somebody's fetches
            raise ForeignPage
        export, data = fetch_file(actor, app.store, app.settings.exports, now=app.clock.now(), export_id=export_id)
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(export.file_name)}",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        return Response(data, media_type=MIME[export.file_name.rpartition(".")[2]], headers=headers)

    return router
