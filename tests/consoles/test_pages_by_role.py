"""Pages of people who may not, or no longer: in words, in their language (each page × role: ``tests/access``)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.kit.context import use_app
from ops_app.domain.organisation.people import Role
from ops_app.server import SCRIPT
from ops_app.services.organisation import sessions
from tests.consoles.conftest import OpenPage, SignedInAs, words


def test_a_refusal_is_in_the_language_of_the_person(open_page: OpenPage) -> None:
    at = open_page("people", Role.COLLECTOR, language="zh")
    assert "可由以下角色办理" in at.error[0].value
    assert "系统管理员" in at.error[0].value


def test_a_page_without_a_session_says_so_and_shows_nothing_else(
    app: App, holding: Callable[[str | None], None]
) -> None:
    use_app(app)
    holding(None)
    at = AppTest.from_file(str(SCRIPT), default_timeout=30).run()
    assert not at.exception
    assert "You are signed out" in words(at)
    assert "/sign-in" in words(at)
    assert not at.title


def test_a_session_ended_elsewhere_ends_this_page_at_its_next_run(
    app: App, signed_in: SignedInAs, holding: Callable[[str | None], None]
) -> None:
    use_app(app)
    token, actor = signed_in(Role.ADMINISTRATOR)
    holding(token)
    at = AppTest.from_file(str(SCRIPT), default_timeout=30).run()
    at.switch_page("asset_company/people.py").run()
    assert at.title[0].value == "People"
    sessions.sign_out_everywhere(actor, app.store, now=app.clock.now())
    at.run()
    assert not at.exception
    assert not at.title
    assert not at.dataframe
    assert "You are signed out" in words(at)


def test_an_idle_session_has_ended(app: App, signed_in: SignedInAs, holding: Callable[[str | None], None]) -> None:
    use_app(app)
    token, _ = signed_in(Role.ADMINISTRATOR, now=app.clock.now() - timedelta(minutes=31))
    holding(token)
    at = AppTest.from_file(str(SCRIPT), default_timeout=30).run()
    assert "You are signed out" in words(at)


def test_the_language_switch_is_remembered_and_changes_the_page(open_page: OpenPage, app: App) -> None:
    at = open_page("people", Role.ADMINISTRATOR)
    assert at.title[0].value == "People"
    at.segmented_control[0].set_value("zh").run()
    assert not at.exception
    assert at.title[0].value == "人员管理"
    at.run()
    assert at.title[0].value == "人员管理"
