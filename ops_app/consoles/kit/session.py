"""Who is on this page: asked of the store on every run, because an open socket outlives a session."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import streamlit as st

from ops_app.bootstrap import App
from ops_app.consoles.kit.context import Here, the_app
from ops_app.domain.organisation.people import Actor
from ops_app.services.organisation import sessions

MARK = Path(__file__).parent / "mark.svg"
WORDMARK = Path(__file__).parent / "wordmark.svg"
PLAIN_COOKIE = "recoup_session"
TLS_COOKIE = f"__Host-{PLAIN_COOKIE}"


def cookie_token() -> str | None:
    """The session token the browser sent when it opened this socket."""
    name = TLS_COOKIE if the_app().settings.secure_cookies else PLAIN_COOKIE
    token: str | None = st.context.cookies.to_dict().get(name)
    return token


def present_actor(app: App, now: datetime) -> Actor | None:
    """The person of this run, with the role they have at this moment; ``None`` once the session has ended."""
    return actor_of_token(app, cookie_token(), now)


def actor_of_token(app: App, token: str | None, now: datetime) -> Actor | None:
    """The person who holds ``token`` at ``now``."""
    # the framework says nothing of a browser on this very machine
    return sessions.actor_of(app.store, token, now=now, address=st.context.ip_address or "127.0.0.1")


def choose_language(here: Here, language: str) -> None:
    """Remember the person's language; every page speaks it from the next run on."""
    sessions.choose_language(here.actor, here.app.store, now=here.now, language=language)


def present_path() -> str:
    """The address of this page within the server, to come back to after signing in."""
    path = urlsplit(st.context.url or "/").path or "/"
    query = urlencode(st.query_params.to_dict())
    return f"{path}?{query}" if query else path
