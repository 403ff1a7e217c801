"""To-dos and notices of the caller by REST: the same services as the page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from ops_app.interfaces.rest.callers import Callers
from ops_app.interfaces.rest.request_models import NoticesOut, ReadIn, ReadOut, ToDoOut, ToDosOut
from ops_app.interfaces.rest.strict_json import StrictRoute
from ops_app.services.organisation import notices, todo


def todo_routes(callers: Callers) -> APIRouter:
    """``GET /v1/todos``, ``GET /v1/notices`` and ``POST /v1/notices/read``."""
    router = APIRouter(prefix="/v1", tags=["to-dos"], route_class=StrictRoute)
    app = callers.app

    @router.get("/todos")
    def list_todos(
        request: Request, kind: Annotated[str | None, Query(max_length=40)] = None, late: bool = False
    ) -> ToDosOut:
        """What waits for the caller, by due time."""
        found = todo.list_todos(
            callers.of(request), app.store, now=app.clock.now(), zone=app.settings.zone, kind=kind, late_only=late
        )
        rows = [ToDoOut.of(one) for one in found.rows]
        return ToDosOut(rows=rows, counts=found.counts, late=found.late, unread_notices=found.unread_notices)

    @router.get("/notices")
    def list_notices(
        request: Request,
        unread: bool = False,
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
        page_size: Annotated[int, Query(ge=1, le=notices.LARGEST_PAGE)] = 50,
    ) -> NoticesOut:
        """What the caller was told, newest first."""
        found = notices.list_my_notices(
            callers.of(request), app.store, now=app.clock.now(), unread_only=unread, page=page, page_size=page_size
        )
        return NoticesOut.of(found)

    @router.post("/notices/read")
    def mark_read(request: Request, asked: ReadIn) -> ReadOut:
        """The caller read these; those of others stay as they are."""
        actor = callers.of(request)
        return ReadOut(marked=notices.mark_notices_read(actor, app.store, now=app.clock.now(), ids=asked.ids))

    return router
