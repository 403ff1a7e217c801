"""Signing in and out at the front door, the gate, and what every answer carries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.gateways.clock import SystemClock
from ops_app.interfaces.gate import safe_next
from ops_app.interfaces.headers import FORM_BODY_LIMIT
from ops_app.server import build_server, streamlit_options
from ops_app.services.organisation import people, sessions
from ops_app.services.organisation.first_administrator import create_first_administrator
from ops_app.services.organisation.sign_in import actor_of
from tests.clock import FixedClock
from tests.consoles.conftest import SignedInAs
from tests.consoles.gate import behind_the_gate

PASSWORD = "violet harbour lantern 42"
PAGE = {"accept": "text/html"}


@pytest.fixture
def clock(app: App) -> FixedClock:
    """A clock that stands at the present until a test moves it."""
    return FixedClock(SystemClock().now())


@pytest.fixture
def door(app: App, clock: FixedClock) -> Iterator[TestClient]:
    """The whole server, with one administrator ``ann`` who knows her password."""
    opened = open_app(app.settings, clock=clock)
    create_first_administrator(
        opened.store, now=clock.now(), sign_in_name="ann", display_name="Ann Ö. 安", password=PASSWORD
    )
    with TestClient(behind_the_gate(opened), base_url="http://testserver", follow_redirects=False) as client:
        yield client
    opened.close()


def token_in(page: str) -> str:
    found = re.search(r'name=token value="([^"]+)"', page)
    assert found
    return found.group(1)


def sign_in(door: TestClient, name: str = "ann", password: str = PASSWORD, next_path: str = "/"):
    page = door.get("/sign-in", params={"next": next_path}, headers=PAGE).text
    return door.post("/sign-in", data={"name": name, "password": password, "token": token_in(page), "next": next_path})


def test_a_page_without_a_session_leads_to_the_form_and_back(door: TestClient) -> None:
    answer = door.get("/repayment_audit?breaks_state=all", headers=PAGE)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Frepayment_audit%3Fbreaks_state%3Dall"
    back = sign_in(door, next_path="/repayment_audit?breaks_state=all")
    assert (back.status_code, back.headers["location"]) == (303, "/repayment_audit?breaks_state=all")
    assert door.get("/repayment_audit", headers=PAGE).status_code == 200


@pytest.mark.parametrize("path", ["/_stcore/host-config", "/media/abc.csv", "/_stcore/upload_file/x/y", "/password"])
def test_files_and_inner_addresses_need_a_session_too(door: TestClient, path: str) -> None:
    assert door.get(path).status_code == 401


def test_a_socket_without_a_session_cookie_is_refused(door: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect) as refused, door.websocket_connect("/_stcore/stream"):
        pass
    assert refused.value.code == 4401
    sign_in(door)
    with door.websocket_connect("/_stcore/stream"):
        pass


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(door: TestClient) -> None:
    cookies = sign_in(door).headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("recoup_session="))
    assert "HttpOnly" in session
    assert "samesite=lax" in session.lower()
    assert "path=/" in session.lower()
    assert "secure" not in session.lower()


def test_behind_tls_the_cookie_is_secure_and_tied_to_the_host(settings: Settings) -> None:
    opened = open_app(settings.model_copy(update={"secure_cookies": True}))
    create_first_administrator(
        opened.store, now=opened.clock.now(), sign_in_name="ann", display_name="Ann", password=PASSWORD
    )
    with TestClient(behind_the_gate(opened), base_url="https://testserver", follow_redirects=False) as client:
        answer = sign_in(client)
        session = next(one for one in answer.headers.get_list("set-cookie") if "recoup_session=" in one)
        assert session.startswith("__Host-recoup_session=")
        assert "Secure" in session
        assert "max-age=31536000" in answer.headers["strict-transport-security"]
    opened.close()


@pytest.mark.parametrize(
    ("name", "password"), [("ann", "wrong password 123"), ("nobody", PASSWORD), ("ANN ", "tiny-guess")]
)
def test_a_failure_says_the_same_whatever_failed_and_keeps_the_name(door: TestClient, name: str, password: str) -> None:
    answer = sign_in(door, name, password)
    assert answer.status_code == 401
    assert "The name and password do not match" in answer.text
    assert "登录名与密码不匹配" in answer.text
    assert f'value="{name.strip()}"' in answer.text
    assert password not in answer.text
    assert not [one for one in answer.headers.get_list("set-cookie") if one.startswith("recoup_session=")]


def test_what_was_typed_is_shown_as_text_and_never_as_markup(door: TestClient) -> None:
    answer = sign_in(door, '"><script>alert(1)</script>', "whatever it is")
    assert "<script>alert(1)" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_empty_fields_are_named_beside_them(door: TestClient) -> None:
    answer = sign_in(door, "", "")
    assert answer.status_code == 422
    assert "Enter your sign-in name." in answer.text
    assert "请填写密码" in answer.text
    assert 'aria-describedby="name-error"' in answer.text


def test_a_form_from_elsewhere_opens_nothing(door: TestClient) -> None:
    door.get("/sign-in", headers=PAGE)
    forged = door.post("/sign-in", data={"name": "ann", "password": PASSWORD, "token": "made-up"})
    assert forged.status_code == 403
    page = door.get("/sign-in", headers=PAGE).text
    foreign = door.post(
        "/sign-in",
        data={"name": "ann", "password": PASSWORD, "token": token_in(page)},
        headers={"origin": "https://elsewhere.example"},
    )
    assert foreign.status_code == 403
    assert "recoup_session" not in door.cookies


@pytest.mark.parametrize(
    "wanted",
    ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "javascript:alert(1)", "", None,
     "/sign-out", "/a\nb", "elsewhere"],
)  # fmt: skip
def test_the_way_back_never_leads_to_another_server(wanted: str | None) -> None:
    assert safe_next(wanted) == "/"


def test_signing_out_is_a_button_and_ends_the_session(door: TestClient, app: App) -> None:
    sign_in(door)
    token = door.cookies["recoup_session"]
    page = door.get("/sign-out", headers=PAGE)
    assert "Ann Ö. 安" in page.text
    assert door.get("/", headers=PAGE).status_code == 200  # looking at the page changed nothing
    out = door.post("/sign-out", data={"token": token_in(page.text), "where": "here"})
    assert out.headers["location"] == "/sign-in?done=signed_out"
    assert actor_of(app.store, token, now=app.clock.now()) is None
    door.cookies.set("recoup_session", token)
    assert door.get("/", headers=PAGE).status_code == 303


def test_signing_out_everywhere_ends_the_sessions_of_other_browsers(door: TestClient, app: App) -> None:
    sign_in(door)
    elsewhere = sessions.sign_in(app.store, now=app.clock.now(), name="ann", password=PASSWORD)
    page = door.get("/sign-out", headers=PAGE)
    door.post("/sign-out", data={"token": token_in(page.text), "where": "everywhere"})
    assert actor_of(app.store, elsewhere.token, now=app.clock.now()) is None


def test_a_forged_sign_out_ends_nothing(door: TestClient) -> None:
    sign_in(door)
    answer = door.post("/sign-out", data={"token": "made-up", "where": "everywhere"})
    assert answer.status_code == 200
    assert door.get("/", headers=PAGE).status_code == 200


def test_a_session_ends_when_idle_and_at_the_latest_after_twelve_hours(door: TestClient, clock: FixedClock) -> None:
    sign_in(door)
    start = clock.now()
    clock.move_to(start + timedelta(minutes=29))
    assert door.get("/", headers=PAGE).status_code == 200
    clock.move_to(start + timedelta(minutes=29 + 31))
    assert door.get("/", headers=PAGE).status_code == 303


def test_a_temporary_password_is_changed_before_anything_else(door: TestClient, app: App) -> None:
    sign_in(door)
    admin = actor_of(app.store, door.cookies["recoup_session"], now=app.clock.now())
    assert admin
    made = people.create_person(
        admin, app.store, now=app.clock.now(), sign_in_name="bob", display_name="Bob", role=Role.ANALYST
    )
    door.cookies.clear()
    answer = sign_in(door, "bob", made.temporary_password)
    assert answer.headers["location"] == "/password"
    page = door.get("/password", headers=PAGE).text
    assert "given to you by somebody else" in page
    fields = {"token": token_in(page), "current": made.temporary_password}
    differ = door.post("/password", data=fields | {"password": "a", "again": "b"})
    assert "The two new passwords differ." in differ.text
    weak = door.post("/password", data=fields | {"password": "short", "again": "short"})
    assert "Use at least 12 characters." in weak.text
    assert 'id="password-error"' in weak.text
    old = door.cookies["recoup_session"]
    done = door.post("/password", data=fields | {"password": PASSWORD, "again": PASSWORD})
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert door.cookies["recoup_session"] != old
    assert actor_of(app.store, old, now=app.clock.now()) is None


def test_every_answer_carries_the_security_headers(door: TestClient) -> None:
    sign_in(door)
    for path in ("/", "/sign-in", "/api/health", "/nothing-here", "/_stcore/health"):
        headers = door.get(path, headers=PAGE).headers
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, path
        assert "'unsafe-eval'" not in policy
        assert not re.search(r"https?:", policy)
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"


def test_the_description_of_the_interface_needs_a_session(door: TestClient) -> None:
    for path in ("/api/openapi.json", "/api/docs", "/api/redoc"):
        assert door.get(path).status_code in {401, 404}, path
        assert "paths" not in door.get(path).text
    assert door.get("/api/openapi.json").status_code == 401
    sign_in(door)
    described = door.get("/api/openapi.json").json()
    assert "/v1/me" in described["paths"]


def test_a_posted_form_has_a_limit(door: TestClient) -> None:
    answer = door.post("/sign-in", data={"name": "x" * (FORM_BODY_LIMIT + 1)})
    assert answer.status_code == 413


def test_the_settings_that_safety_rests_on_are_pinned() -> None:
    options = streamlit_options()
    assert options["client.showErrorDetails"] == "none"
    assert options["client.toolbarMode"] == "viewer"
    assert options["client.disableDataExport"] is True
    assert options["browser.gatherUsageStats"] is False
    assert options["server.enableXsrfProtection"] is True
    assert options["server.enableCORS"] is True
    assert options["server.enableStaticServing"] is False
    assert options.get("server.enableAgentApi", False) is False
    assert not [value for value in options.values() if isinstance(value, str) and "://" in value]


def test_the_settings_of_the_file_are_in_force_wherever_the_server_starts(
    app: App, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from streamlit import config

    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    build_server(app)
    assert config.get_option("client.showErrorDetails") == "none"
    assert config.get_option("theme.primaryColor") == streamlit_options()["theme.primaryColor"]
    assert config.get_option("server.maxUploadSize") == app.settings.max_upload_bytes // 1024**2


def test_the_name_of_a_refused_sign_in_is_not_written_down(door: TestClient, app: App, signed_in: SignedInAs) -> None:
    from ops_app.services.organisation.audit import search_audit

    sign_in(door, "my secret password typed here", "oops")
    _, auditor = signed_in(Role.AUDITOR)
    rows = search_audit(auditor, app.store, now=app.clock.now()).rows
    assert SYSTEM.person_id in {row.actor_id for row in rows}
    assert not [row for row in rows if "my secret password" in repr(row)]
