"""Who calls the REST interface, and that a browser's cookie is not used by somebody else's page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from fastapi import Request
from starlette.exceptions import HTTPException

from ops_app.bootstrap import App
from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import Actor
from ops_app.interfaces.cookies import Cookies, is_same_origin
from ops_app.interfaces.problems import InProgress, SignedOut
from ops_app.services.organisation.sessions import actor_of


class ForeignPage(Refused):
    """A page of another site used this browser's session."""

    def __init__(self) -> None:
        super().__init__("This request came from a page of another site.", "该请求来自其他网站的页面。")


@dataclass
class Callers:
    """The caller of a request, by the session cookie that the pages use too."""

    app: App
    cookies: Cookies
    _working: set[tuple[str, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, request: Request) -> Actor:
        """The actor of the session; raises ``SignedOut`` or ``ForeignPage``."""
        token = request.cookies.get(self.cookies.session)
        actor = actor_of(self.app.store, token, now=self.app.clock.now())
        if actor is None:
            raise SignedOut
        if request.method not in {"GET", "HEAD"}:
            if not is_same_origin(request):
                raise ForeignPage
            # a form of another site cannot send this content type without asking first
            if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
                raise HTTPException(415)
        return actor

    @contextmanager
    def alone(self, scope: str, key: str) -> Iterator[None]:
        """Hold ``key`` while its request is worked on; a second one meanwhile raises ``InProgress``.

        This is a courtesy to the caller. That a key has one effect is held by the inbox, in the effect's transaction.
        """
        mark = (scope, key)
        with self._lock:
            if mark in self._working:
                raise InProgress
            self._working.add(mark)
        try:
            yield
        finally:
            with self._lock:
                self._working.discard(mark)
