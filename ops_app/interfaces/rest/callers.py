"""Who calls the REST interface, and that a browser's cookie is not used by somebody else's page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from fastapi import Request
from starlette.exceptions import HTTPException

from ops_app.bootstrap import App
from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.people import Actor
from ops_app.interfaces.cookies import Cookies, address_of, is_same_origin
from ops_app.interfaces.problems import InProgress, SignedOut
from ops_app.services.organisation.announcement_reading import list_unacknowledged
from ops_app.services.organisation.sessions import actor_of


class ForeignPage(Refused):
    """A page of another site used this browser's session."""

    def __init__(self) -> None:
        super().__init__("This request came from a page of another site.", "该请求来自其他网站的页面。")


class AcknowledgeFirst(Refused):
    """A change of rules stands before this person."""

    def __init__(self) -> None:
        super().__init__(
            "A change of rules waits for you. Sign in to the pages, read and acknowledge it first.",
            "有规则变更公告待您确认，请先登录页面阅读并确认。",
        )


def required_key(key: str | None) -> str:
    """The ``Idempotency-Key`` of a request; raises ``Invalid`` where none was sent."""
    if key is None:
        raise Invalid("Send an Idempotency-Key.", "请提供 Idempotency-Key。", field="Idempotency-Key")
    return key


@dataclass
class Callers:
    """The caller of a request, by the session cookie that the pages use too."""

    app: App
    cookies: Cookies
    _working: set[tuple[str, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, request: Request) -> Actor:
        """The actor of the session, to whom the house is open; raises ``SignedOut``, ``ForeignPage``, or
        ``AcknowledgeFirst`` while a change of rules waits to be acknowledged, which stops a person here as on pages."""
        actor = self.anyone(request)
        if list_unacknowledged(actor, self.app.store, now=self.app.clock.now()):
            raise AcknowledgeFirst
        return actor

    def anyone(self, request: Request) -> Actor:
        """The actor of the session, whatever waits before them; raises ``SignedOut`` or ``ForeignPage``."""
        token = request.cookies.get(self.cookies.session)
        now = self.app.clock.now()
        actor = actor_of(self.app.store, token, now=now, address=address_of(request))
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
