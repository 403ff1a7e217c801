"""People of every role with a session each, and pages opened as one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from secrets import token_urlsafe

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.kit import session, sitting
from ops_app.consoles.kit.context import use_app
from ops_app.consoles.pages import PAGES, PageSpec
from ops_app.domain.organisation.people import AGENCY_ROLES, SYSTEM, Actor, Role
from ops_app.server import SCRIPT
from ops_app.services.organisation.people import enter_person, new_person
from ops_app.services.organisation.sign_in import actor_from, begin_session, token_hash

ROLES = tuple(role for role in Role if role is not Role.SYSTEM)

KINDS = (
    *("title", "header", "subheader", "caption", "markdown", "html", "info", "warning", "error", "success", "button"),
    *("text_input", "text_area", "selectbox", "multiselect", "metric", "date_input", "expander", "download_button"),
    "segmented_control",
)
"""Kinds of elements that hold words."""
CHOICES = {"selectbox", "multiselect", "segmented_control"}
"""Kinds whose value is a code; a person reads their options."""

SignedInAs = Callable[..., tuple[str, Actor]]
OpenPage = Callable[..., AppTest]


def page(key: str) -> PageSpec:
    """The page of ``key``."""
    return next(spec for spec in PAGES if spec.key == key)


@pytest.fixture(autouse=True)
def a_reader_who_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was said of one act is gone with the next, as it is for a person who takes longer than a double click."""
    monkeypatch.setattr(sitting, "STAYS_SECONDS", 0.0)


@pytest.fixture
def signed_in(app: App) -> SignedInAs:
    """A person of a role with a session: ``signed_in(Role.SUPERVISOR, language="zh")`` gives token and actor."""

    def make(role: Role, *, language: str = "en", name: str = "", now: datetime | None = None) -> tuple[str, Actor]:
        moment = now or app.clock.now()
        sign_in_name = name or f"{role.value.replace('_', '-')}-{language}"
        shown = {"en": f"Test {role.value}", "zh": "测试人员"}[language]
        agency = "A01" if role in AGENCY_ROLES else None
        person = replace(new_person(moment, sign_in_name, shown, role, agency, language), must_change_password=False)
        token = token_urlsafe(32)
        with app.store.writing(SYSTEM, moment) as transaction:
            enter_person(transaction, person, "no-password-opens-this")
            begin_session(transaction, person, token, "test")
        return token, actor_from(person, token_hash(token))

    return make


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Let the browser of the page under test hold a session token."""

    def hold(token: str | None) -> None:
        monkeypatch.setattr(session, "cookie_token", lambda: token)

    return hold


@pytest.fixture
def open_page(app: App, signed_in: SignedInAs, holding: Callable[[str | None], None]) -> OpenPage:
    """A page as a person of a role sees it: ``open_page("people", Role.ADMINISTRATOR, language="zh")``."""
    use_app(app)

    def make(key: str, role: Role, *, language: str = "en", query: dict[str, str] | None = None) -> AppTest:
        token, _ = signed_in(role, language=language)
        holding(token)
        at = AppTest.from_file(str(SCRIPT), default_timeout=30)
        at.run()
        for name, value in (query or {}).items():
            at.query_params[name] = value
        if page(key).url_path:
            at.switch_page(page(key).file)
        at.run()
        return at

    return make


def words(at: AppTest) -> str:
    """Everything a person reads on the page, in one text."""
    found: list[str] = []
    for kind in KINDS:
        for element in at.get(kind):
            read = ("label", "placeholder") if kind in CHOICES else ("label", "value", "body", "placeholder")
            for attribute in read:
                text = getattr(element, attribute, None)
                if isinstance(text, str):
                    found.append(text)
            found += [str(option) for option in getattr(element, "options", None) or ()]
    for frame in at.dataframe:
        found += [str(cell) for row in frame.value.itertuples(index=False) for cell in row]
    return "\n".join(found)
