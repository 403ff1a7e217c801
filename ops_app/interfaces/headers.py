"""Headers that every answer carries, and the limits on what may be sent to us."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API_BODY_LIMIT = 256 * 1024
"""Bytes a request to ``/api`` may carry (a payment is under 2 KiB)."""
EVIDENCE_PATHS = ("/api/v1/cases/", "/api/v1/case-requests/")
EVIDENCE_BODY_LIMIT = 16 * 1024 * 1024
"""Bytes a request there may carry: files of evidence come as base64 within the body."""
IMPORT_BODY_LIMIT = 8 * 1024 * 1024
"""A file brought to ``/api/v1/imports``, in base64."""

FORM_BODY_LIMIT = 16 * 1024
"""Bytes a posted form of ours may carry."""

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def page_policy(index_html: Path | None) -> str:
    """The content policy of pages: everything from this server, nothing from elsewhere.

    Scripts are those of this server, plus the inline ones of the framework's own ``index_html`` by their hashes;
    styles must allow inline ones because the framework writes them at run time.
    """
    hashes = ""
    if index_html is not None:
        for script in _INLINE_SCRIPT.findall(index_html.read_text(encoding="utf-8")):
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            hashes += f" 'sha256-{digest}'"
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'wasm-unsafe-eval'{hashes}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "media-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class SecurityHeaders:
    """Adds the security headers to every HTTP answer."""

    def __init__(self, app: ASGIApp, *, policy: str, over_tls: bool) -> None:
        self.app = app
        self.policy = policy
        self.over_tls = over_tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message), path)
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _add(self, headers: MutableHeaders, path: str) -> None:
        # what a route says of its own answer is narrower than the policy of pages, and stands
        headers.setdefault("Content-Security-Policy", self.policy)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "geolocation=(), camera=(), microphone=(), payment=()"
        if self.over_tls:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if not path.startswith("/static/"):
            headers["Cache-Control"] = "no-store"


class BodyLimit:
    """Refuses a body above the limit of its path before anything reads it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = _limit_of(scope)
        if limit is None:
            await self.app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared and (not declared.isdigit() or int(declared) > limit):
            await _too_large(send, limit)
            return
        body = b""
        while True:  # read whole, under the limit: nothing downstream streams these small bodies
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > limit:
                await _too_large(send, limit)
                return
            if not message.get("more_body", False):
                break
        await self.app(scope, _replay(body, receive), send)


def _limit_of(scope: Scope) -> int | None:
    if scope["type"] != "http" or scope["method"] not in {"POST", "PUT", "PATCH", "DELETE"}:
        return None
    if scope["path"].startswith(EVIDENCE_PATHS):
        return EVIDENCE_BODY_LIMIT
    if scope["path"].rstrip("/") == "/api/v1/imports":
        return IMPORT_BODY_LIMIT
    if scope["path"].startswith("/api/"):
        return API_BODY_LIMIT
    return FORM_BODY_LIMIT if scope["path"] in {"/sign-in", "/sign-out"} else None


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _too_large(send: Send, limit: int) -> None:
    problem = {
        "type": "about:blank",
        "title": "Too large",
        "status": 413,
        "detail": f"The request may carry at most {limit} bytes.",
        "detail_zh": f"请求最多 {limit} 字节。",
    }
    await send(
        {
            "type": "http.response.start",
            "status": 413,
            "headers": [(b"content-type", b"application/problem+json"), (b"connection", b"close")],
        }
    )
    await send({"type": "http.response.body", "body": json.dumps(problem, ensure_ascii=False).encode()})
