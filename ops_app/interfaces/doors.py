"""Signing in, signing out and changing the password: plain forms, because only an HTTP answer can set a cookie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ops_app.bootstrap import App
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.people import Actor
from ops_app.interfaces.cookies import Cookies, address_of
from ops_app.interfaces.gate import safe_next
from ops_app.interfaces.sign_in_page import password_html, sign_in_html, sign_out_html
from ops_app.services.organisation.sessions import (
    SignedIn,
    actor_of,
    change_own_password,
    sign_in,
    sign_out,
    sign_out_everywhere,
)

PASSWORD_PATH = "/password"  # noqa: S105 (an address)


@dataclass(frozen=True)
class Doors:
    """The forms before and beside the pages; each translates, calls one service, translates back."""

    app: App
    cookies: Cookies

    def routes(self) -> list[Route]:
        """The routes of these forms."""
        return [
            Route("/sign-in", self.show_sign_in, methods=["GET"]),
            Route("/sign-in", self.do_sign_in, methods=["POST"]),
            Route("/sign-out", self.show_sign_out, methods=["GET"]),
            Route("/sign-out", self.do_sign_out, methods=["POST"]),
            Route(PASSWORD_PATH, self.show_password, methods=["GET"]),
            Route(PASSWORD_PATH, self.do_password, methods=["POST"]),
        ]

    def is_signed_in(self, token: str, address: str) -> bool:
        """Whether the store knows a living session of ``token``, and its person may use it from ``address``."""
        return self.actor(token, address) is not None

    def actor(self, token: str | None, address: str) -> Actor | None:
        return actor_of(self.app.store, token, now=self.app.clock.now(), address=address)

    async def _present(self, request: Request) -> Actor | None:
        return await run_in_threadpool(self.actor, request.cookies.get(self.cookies.session), address_of(request))

    async def show_sign_in(self, request: Request) -> Response:
        next_path = safe_next(request.query_params.get("next"))
        if await self._present(request) is not None:
            return RedirectResponse(next_path, 303)
        done = "out_done" if request.query_params.get("done") == "signed_out" else None
        return self._sign_in_form(request, next_path=next_path, done=done)

    async def do_sign_in(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=8)
        name, password = _text(form, "name").strip(), _text(form, "password")
        next_path = safe_next(_text(form, "next"))
        if not self.cookies.is_own_form(request, _text(form, "token")):
            return self._sign_in_form(request, next_path=next_path, name=name, notice="stale", status=403)
        missing = frozenset(
            f"{field}_missing" for field, value in (("name", name), ("password", password)) if not value
        )
        if missing:
            return self._sign_in_form(request, next_path=next_path, name=name, errors=missing, status=422)
        try:
            signed_in = await run_in_threadpool(self._sign_in, request, name, password)
        except DomainError:
            # one answer for every cause: nothing can be learnt from it
            return self._sign_in_form(request, next_path=next_path, name=name, notice="failed", status=401)
        must_change = signed_in.actor.must_change_password
        response = RedirectResponse(PASSWORD_PATH if must_change else next_path, 303)
        self.cookies.keep_session(response, signed_in.token)
        self.cookies.keep_device(response, signed_in.device)
        return response

    def _sign_in(self, request: Request, name: str, password: str) -> SignedIn:
        return sign_in(
            self.app.store,
            now=self.app.clock.now(),
            name=name,
            password=password,
            user_agent=request.headers.get("user-agent", ""),
            device=request.cookies.get(self.cookies.device),
            previous_token=request.cookies.get(self.cookies.session),
            address=address_of(request),
        )

    def _sign_in_form(
        self,
        request: Request,
        *,
        next_path: str,
        name: str = "",
        notice: str | None = None,
        done: str | None = None,
        errors: frozenset[str] = frozenset(),
        status: int = 200,
    ) -> Response:
        token = self.cookies.form_token(request)
        page = sign_in_html(
            token=token,
            next_path=next_path,
            name=name,
            notice=notice,
            done=done,
            errors=errors,
            demo=self.app.settings.demo,
        )
        return self._with_token(HTMLResponse(page, status), token)

    async def show_sign_out(self, request: Request) -> Response:
        actor = await self._present(request)
        if actor is None:
            return RedirectResponse("/sign-in", 303)
        token = self.cookies.form_token(request)
        return self._with_token(HTMLResponse(sign_out_html(token=token, name=actor.name)), token)

    async def do_sign_out(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=4)
        actor = await self._present(request)
        if actor is not None:
            if not self.cookies.is_own_form(request, _text(form, "token")):
                return await self.show_sign_out(request)
            leave = sign_out_everywhere if _text(form, "where") == "everywhere" else sign_out
            await run_in_threadpool(leave, actor, self.app.store, now=self.app.clock.now())
        response = RedirectResponse("/sign-in?done=signed_out", 303)
        self.cookies.forget_session(response)
        return response

    async def show_password(self, request: Request) -> Response:
        actor = await self._present(request)
        if actor is None:
            return RedirectResponse("/sign-in", 303)
        return self._password_form(request, actor, {})

    async def do_password(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=8)
        actor = await self._present(request)
        if actor is None:
            return RedirectResponse("/sign-in", 303)
        if not self.cookies.is_own_form(request, _text(form, "token")):
            return self._password_form(request, actor, {"": "stale"}, status=403)
        current, new, again = (_text(form, field) for field in ("current", "password", "again"))
        if new != again:
            return self._password_form(request, actor, {"again": "again_differs"}, status=422)
        try:
            signed_in = await run_in_threadpool(self._change_password, request, actor, current, new)
        except DomainError as error:
            return self._password_form(request, actor, {error.field or "": error}, status=422)
        response = RedirectResponse("/", 303)
        self.cookies.keep_session(response, signed_in.token)
        self.cookies.keep_device(response, signed_in.device)
        return response

    def _change_password(self, request: Request, actor: Actor, current: str, new: str) -> SignedIn:
        return change_own_password(
            actor,
            self.app.store,
            now=self.app.clock.now(),
            current=current,
            new=new,
            user_agent=request.headers.get("user-agent", ""),
        )

    def _password_form(
        self, request: Request, actor: Actor, errors: Mapping[str, str | DomainError], *, status: int = 200
    ) -> Response:
        token = self.cookies.form_token(request)
        page = password_html(token=token, name=actor.name, must=actor.must_change_password, errors=errors)
        return self._with_token(HTMLResponse(page, status), token)

    def _with_token(self, response: Response, token: str) -> Response:
        self.cookies.keep_form_token(response, token)
        return response


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return "" if isinstance(value, UploadFile) else str(value)[:2000]
