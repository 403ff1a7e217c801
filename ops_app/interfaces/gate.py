"""The gate in front of everything: no page, file or socket without a session that the store knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from anyio import to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_PATHS = frozenset({"/sign-in", "/sign-out", "/_stcore/health", "/favicon.png", "/robots.txt"})
OPEN_PREFIXES = ("/static/", "/api/")
"""The framework's own scripts and styles, and the API, which answers for itself with problem+json."""


def cookies_of(scope: Scope) -> dict[str, str]:
    """The cookies of a request; those that cannot be read are left out."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == b"cookie":
            jar: SimpleCookie = SimpleCookie()
            try:
                jar.load(value.decode("latin-1"))
            except CookieError:
                continue
            found.update({key: morsel.value for key, morsel in jar.items()})
    return found


def safe_next(path: str | None) -> str:
    """A return address within this server, else the front page (no other host, no scheme, no backslash trick)."""
    if not path or not path.startswith("/") or len(path) > 1000:
        return "/"
    if path.startswith(("//", "/\\")) or any(ord(sign) < 32 or sign == "\\" for sign in path):
        return "/"
    parts = urlsplit(path)
    if parts.scheme or parts.netloc or parts.path in {"/sign-in", "/sign-out"}:
        return "/"
    return path


class Gate:
    """Lets a request pass when its session cookie is good; else pages go to the sign-in form, the rest gets 401.

    A socket passes with any session cookie: the page behind it asks the store on every run and says in words that the
    session has ended, which a refused handshake could not.
    """

    def __init__(self, app: ASGIApp, *, cookie_name: str, is_signed_in: Callable[[str, str], bool]) -> None:
        self.app = app
        self.cookie_name = cookie_name
        self.is_signed_in = is_signed_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or _is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        token = cookies_of(scope).get(self.cookie_name, "")
        if scope["type"] == "websocket":
            if token:
                await self.app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 4401, "reason": "sign in first"})
            return
        if token and await self._knows(token, scope):
            await self.app(scope, receive, send)
        elif _is_page(scope):
            await _to_sign_in(scope, send)
        else:
            await _unauthorised(send)

    async def _knows(self, token: str, scope: Scope) -> bool:
        client = scope.get("client")
        return await to_thread.run_sync(self.is_signed_in, token, client[0] if client else "")


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)


def _is_page(scope: Scope) -> bool:
    accepts = dict(scope["headers"]).get(b"accept", b"")
    return scope["method"] in {"GET", "HEAD"} and b"text/html" in accepts and not scope["path"].startswith("/_stcore/")


async def _to_sign_in(scope: Scope, send: Send) -> None:
    query = scope.get("query_string", b"").decode("latin-1")
    wanted = safe_next(scope["path"] + (f"?{query}" if query else ""))
    place = "/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted, safe='')}"
    await send({"type": "http.response.start", "status": 303, "headers": [(b"location", place.encode())]})
    await send({"type": "http.response.body", "body": b""})


async def _unauthorised(send: Send) -> None:
    body = {
        "type": "about:blank",
        "title": "Sign in first.",
        "status": 401,
        "detail": "Sign in first.",
        "detail_zh": "请先登录。",
    }
    headers = [(b"content-type", b"application/problem+json")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body, ensure_ascii=False).encode()})
