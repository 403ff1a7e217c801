"""The three cookies of the house: who is signed in, which browser this is, and the token of our own forms."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import compare_digest, token_urlsafe

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

SESSION_HOURS = 12
DEVICE_DAYS = 90


@dataclass(frozen=True)
class Cookies:
    """Names and attributes; behind TLS the names carry ``__Host-``, which a browser ties to this host alone."""

    over_tls: bool

    @property
    def session(self) -> str:
        return self._named("recoup_session")

    @property
    def device(self) -> str:
        return self._named("recoup_device")

    @property
    def form(self) -> str:
        return self._named("recoup_form")

    def _named(self, name: str) -> str:
        return f"__Host-{name}" if self.over_tls else name

    def keep_session(self, response: Response, token: str) -> None:
        self._set(response, self.session, token, SESSION_HOURS * 3600)

    def keep_device(self, response: Response, device: str) -> None:
        self._set(response, self.device, device, DEVICE_DAYS * 86400)

    def forget_session(self, response: Response) -> None:
        response.delete_cookie(self.session, path="/", secure=self.over_tls, httponly=True, samesite="lax")

    def form_token(self, request: Request) -> str:
        """The token our forms carry; made when the browser has none yet."""
        return request.cookies.get(self.form) or token_urlsafe(32)

    def keep_form_token(self, response: Response, token: str) -> None:
        self._set(response, self.form, token, None)

    def is_own_form(self, request: Request, sent: str) -> bool:
        """Whether a post came from a form of ours: the token in it is the one in the cookie, and the browser does not
        say that it comes from elsewhere."""
        known = request.cookies.get(self.form, "")
        return bool(known) and compare_digest(known.encode(), sent.encode()) and is_same_origin(request)

    def _set(self, response: Response, name: str, value: str, seconds: int | None) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", secure=self.over_tls, httponly=True, samesite="lax")


def address_of(request: HTTPConnection) -> str:
    """Where the browser is: the other end of the connection. What it says of itself counts only through a proxy that
    the settings name (``trusted_proxies``), which the server has then read already."""
    return request.client.host if request.client else ""


def is_same_origin(request: Request) -> bool:
    """Whether the browser says that a request was made by a page of this server (or by no page at all)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return True
    return origin.split("://", 1)[-1] == request.headers.get("host", "")
