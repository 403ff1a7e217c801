"""The server of an installation, for tests that stand before its gate."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from ops_app.bootstrap import App
from ops_app.server import front_of


def behind_the_gate(app: App) -> Starlette:
    """The server of an installation with a plain page in the place of the framework's (there is one of it a process;
    the journeys drive the whole)."""

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse("a page", status_code=404 if request.url.path == "/nothing-here" else 200)

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    routes, middleware = front_of(app)
    beyond = [WebSocketRoute("/_stcore/stream", socket), Route("/{path:path}", page)]
    return Starlette(routes=[*routes, *beyond], middleware=middleware)
