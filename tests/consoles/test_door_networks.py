"""The sign-in form of a real server: people of an agency come in from its networks only."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from ops_app import server
from ops_app.bootstrap import App
from ops_app.domain.organisation.people import Role
from ops_app.services.organisation import agency_access, people
from ops_app.services.organisation.agencies import AgencyDetails, add_agency
from tests.consoles.conftest import SignedInAs
from tests.consoles.gate import behind_the_gate
from tests.consoles.test_front_door import sign_in

At = Callable[[str], TestClient]


@pytest.fixture
def from_address(app: App) -> Iterator[At]:
    """A browser at an address."""
    opened: list[TestClient] = []

    def make(address: str) -> TestClient:
        client = TestClient(
            behind_the_gate(app), base_url="http://testserver", follow_redirects=False, client=(address, 40000)
        )
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.close()


def test_the_address_of_the_browser_decides_and_the_answer_says_nothing(
    app: App, from_address: At, signed_in: SignedInAs
) -> None:
    _, admin = signed_in(Role.ADMINISTRATOR)
    now = app.clock.now()
    add_agency(admin, app.store, now=now, agency_code="A01", details=AgencyDetails("Agency One", "One"))
    agency_access.allow_network(admin, app.store, now=now, agency_code="A01", network="203.0.113.0/24")
    made = people.create_person(
        admin, app.store, now=now, sign_in_name="wang", display_name="Wang", role=Role.COLLECTOR, agency_code="A01"
    )
    word = made.temporary_password
    outside = sign_in(from_address("198.51.100.9"), "wang", word)
    wrong = sign_in(from_address("203.0.113.9"), "wang", "not the password")
    assert (outside.status_code, wrong.status_code) == (401, 401)
    notice = [answer.text[answer.text.index("<p class=notice") :].split("</p>")[0] for answer in (outside, wrong)]
    assert notice[0] == notice[1]
    assert sign_in(from_address("203.0.113.9"), "wang", word).status_code == 303


def test_a_session_taken_elsewhere_opens_no_page_and_no_route(
    app: App, from_address: At, signed_in: SignedInAs
) -> None:
    _, admin = signed_in(Role.ADMINISTRATOR)
    token, _ = signed_in(Role.AGENCY_SUPERVISOR)
    now = app.clock.now()
    add_agency(admin, app.store, now=now, agency_code="A01", details=AgencyDetails("Agency One", "One"))
    agency_access.allow_network(admin, app.store, now=now, agency_code="A01", network="203.0.113.0/24")
    for address, page, route in (("203.0.113.9", 200, 200), ("198.51.100.9", 303, 401)):
        client = from_address(address)
        client.cookies.set("recoup_session", token)
        forged = {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9", "x-real-ip": "203.0.113.9"}
        for headers in ({}, forged):
            assert client.get("/cases", headers={"accept": "text/html", **headers}).status_code == page
            assert client.get("/api/v1/me", headers=headers).status_code == route


def test_nobody_is_believed_about_where_a_browser_is_unless_the_settings_name_them(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, object]] = []
    monkeypatch.setattr(server.uvicorn, "run", lambda _app, **options: told.append(options))
    monkeypatch.setattr(server, "build_server", lambda _app: None)
    server.run_server(app.settings)
    server.run_server(app.settings.model_copy(update={"trusted_proxies": "10.0.0.1"}))
    assert [(one["proxy_headers"], one["forwarded_allow_ips"]) for one in told] == [(False, None), (True, "10.0.0.1")]
