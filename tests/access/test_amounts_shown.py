"""Amounts withheld from a person: no page, route or file has a digit of them; what needs them says who does it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.asset_company.parts.approval_list import listing
from ops_app.consoles.casework import request_parts
from ops_app.consoles.casework.lists import columns
from ops_app.consoles.casework.record import TABS
from ops_app.consoles.kit.context import Here, use_app
from ops_app.consoles.kit.tables import Wanted
from ops_app.consoles.pages import PAGES
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.permissions import GRANTS
from ops_app.domain.organisation.rights import AMOUNTS, NEED_AMOUNTS, Narrowing
from ops_app.server import SCRIPT
from ops_app.services.casework.cases import list_cases
from ops_app.services.casework.request_reading import list_case_requests
from ops_app.services.organisation.sign_in import actor_of
from ops_app.store.organisation import rights
from tests.access import table
from tests.access.amounts import Planted, blind, planted, shown
from tests.access.test_pages import Holding, session_of
from tests.access.test_routes import NOBODYS, QUESTIONS
from tests.access.world import THEN
from tests.clock import FixedClock
from tests.consoles.conftest import page as page_of
from tests.consoles.conftest import words
from tests.consoles.test_front_door import behind_the_gate

SENTENCE = "Amounts are hidden from you"


@pytest.fixture
def made(app: App) -> Planted:
    """The world with the amount in it, in the installation whose pages are opened; it is the moment after it."""
    object.__setattr__(app, "clock", FixedClock(THEN))
    use_app(app)
    return planted(app.store, app.settings.evidence)


def signed_in_blind(app: App, made: Planted, role: Role) -> str:
    """A session of somebody in ``role`` from whom amounts are withheld."""
    token = session_of(app, made.world, role)
    actor = actor_of(app.store, token, now=THEN)
    assert actor is not None
    with app.store.writing(actor, THEN) as transaction:
        taken = rights.Narrowed(actor.person_id, Narrowing.WITHHELD, AMOUNTS, [], "a good reason", "p-admin", THEN)
        rights.narrow(transaction.connection, taken)
        transaction.audit("test.narrowed", "person", actor.person_id)
    return token


def queries(made: Planted) -> Iterator[tuple[str, dict[str, str]]]:
    """Page and what its address asks: every tab of a record, every view of a list, every thing that is opened."""
    ids, own = made.ids, made.world.cases["own"]
    for page in ("cases", "agency_cases", "my_cases"):
        for tab in TABS:
            yield page, {"case_id": own, "case_tab": tab}
    for view in VIEWS:
        yield "cases", {"cases_view": view}
    yield "cases", {"cases_view": "batches", "batch_id": ids["batch_id"]}
    for page, name in (("cases", "cases_all"), ("agency_cases", "agency_cases"), ("my_cases", "my_cases")):
        yield page, {f"{name}_sort": "balance_minor-", "cases_view": "all"}
    for tab in ("queue", "all", "mine"):
        yield "approvals", {"approvals_tab": tab, f"approvals_{tab}_sort": "amount_minor-"}
        for one in ids["approvals"]:
            yield "approvals", {"approvals_tab": tab, f"approvals_{tab}_id": one, f"approvals_{tab}_state": "all"}
    for one in (ids["case_request_id"], ids["returned"]):
        yield "requests", {"requests_id": one, "requests_sort": "amount_minor-", "requests_state": "all"}
    yield "missing_loans", {"missing_id": f"{DAY_OF_GONE}/SIM/L7001"}


DAY_OF_GONE = "2026-11-24"
VIEWS = ("placed", "to_be_placed", "outsourced", "in_house", "recalled", "ended", "history", "batches", "all")


def opened(at: AppTest, key: str, query: dict[str, str]) -> None:
    at.query_params.clear()
    for name, value in query.items():
        at.query_params[name] = value
    spec = page_of(key)
    at.switch_page(spec.file if spec.url_path else "home.py")
    at.run()
    assert not at.exception, (key, query, [error.value for error in at.exception])


@pytest.mark.parametrize(
    "role",
    [
        Role.ADMINISTRATOR,
        Role.SUPERVISOR,
        Role.FINANCE,
        Role.AGENCY_ADMINISTRATOR,
        Role.AGENCY_SUPERVISOR,
        Role.COLLECTOR,
    ],
    ids=lambda role: role.value,
)
def test_no_page_has_a_digit_of_an_amount_that_is_withheld(
    app: App, made: Planted, holding: Holding, role: Role
) -> None:
    holding(signed_in_blind(app, made, role))
    at = AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    said_hidden = 0
    for key, query in [(spec.key, {}) for spec in PAGES] + list(queries(made)):
        permission = page_of(key).permission
        if role not in GRANTS[permission]:
            continue
        opened(at, key, query)
        text = words(at)
        assert shown(text) == [], (key, query)
        said_hidden += "hidden" in text
        if permission in NEED_AMOUNTS:
            assert any(SENTENCE in error.value for error in at.error), key
    assert said_hidden > 10


def test_the_pages_have_the_amount_for_whoever_may_see_it(app: App, made: Planted, holding: Holding) -> None:
    holding(session_of(app, made.world, Role.SUPERVISOR))
    at = AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    for key, query in (
        ("cases", {"cases_view": "all"}),
        ("cases", {"case_id": made.world.cases["own"], "case_tab": "repayments"}),
        ("approvals", {"approvals_tab": "all"}),
        ("requests", {"requests_id": made.ids["case_request_id"]}),
    ):
        opened(at, key, query)
        assert shown(words(at)), (key, query)


def test_hidden_is_said_in_chinese_too(app: App, made: Planted) -> None:
    actor = blind(Actor("p-sup", "Sun", Role.SUPERVISOR, language="zh"))
    at = Here(app, actor, THEN)
    (balance,) = [one for one in columns(at) if one.key == "balance"]
    rows = list_cases(actor, app.store, now=THEN).rows
    assert rows
    assert {balance.show(one) for one in rows} == {"已隐藏"}


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.AGENCY_SUPERVISOR], ids=lambda role: role.value)
def test_a_file_of_a_list_holds_the_word_and_no_amount(app: App, made: Planted, role: Role) -> None:
    actor = blind(made.world.actor(role))
    at = Here(app, actor, THEN)
    approvals = listing(at, "all")
    lists: list[tuple[Any, Any]] = [
        (columns(at), list_cases(actor, app.store, now=THEN).rows),
        (request_parts.columns(at), list_case_requests(actor, app.store, now=THEN).rows),
    ]
    use_app(app)
    wanted = Wanted({"kind": "", "flag": "", "age": "", "text": "", "state": ""}, "made_at", True, 50, 0)
    lists.append((approvals.columns, approvals.fetch(wanted)[0]))
    for shown_columns, rows in lists:
        cells = [[column.exported(row, at.may) for column in shown_columns] for row in rows]
        assert rows
        assert shown(cells) == []
        assert all("hidden" in row for row in cells)


def test_no_route_has_a_digit_of_an_amount_that_is_withheld(app: App, made: Planted) -> None:
    ids = NOBODYS | {
        "case_id": made.world.cases["own"], "request_id": made.ids["request_id"],
        "case_request_id": made.ids["case_request_id"],
    }  # fmt: skip
    seen, hidden = 0, 0
    with TestClient(behind_the_gate(app), base_url="http://testserver", follow_redirects=False) as client:
        for role in (Role.SUPERVISOR, Role.FINANCE, Role.AGENCY_SUPERVISOR, Role.COLLECTOR):
            client.cookies.set("recoup_session", signed_in_blind(app, made, role))
            for name in table.rows("routes"):
                method, address = name.split(" ", 1)
                if method != "GET" or "sign-out" in address:
                    continue
                places = [ids] + [ids | {"request_id": one} for one in made.ids["approvals"] if "request_id" in address]
                for place in places:
                    answer = client.get(address.format(**place), params=QUESTIONS.get(name))
                    assert answer.status_code < 500, (name, role, answer.text)
                    assert shown(answer.text) == [], (name, role)
                    seen += answer.status_code == 200
                    hidden += '"amount_minor":"hidden"' in answer.text
            for address in ("/api/v1/approvals", "/api/v1/case-requests"):
                answer = client.get(address, params={"sort": "amount_minor"})
                if answer.status_code != 403 or "may be done by" not in answer.text:
                    assert (answer.status_code, SENTENCE in answer.text) == (403, True), (address, role)
    assert seen > 20
    assert hidden > 10


def test_whoever_may_see_amounts_gets_them_by_the_routes(app: App, made: Planted) -> None:
    with TestClient(behind_the_gate(app), base_url="http://testserver", follow_redirects=False) as client:
        client.cookies.set("recoup_session", session_of(app, made.world, Role.SUPERVISOR))
        for address in ("/api/v1/approvals", "/api/v1/case-requests", f"/api/v1/approvals/{made.ids['request_id']}"):
            assert shown(client.get(address).text), address
