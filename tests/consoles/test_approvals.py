"""The approvals desk and its REST routes: what they show, what they decide, and how they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.interfaces.cookies import Cookies
from ops_app.interfaces.rest.api import build_api
from ops_app.services.organisation import approvals
from ops_app.services.organisation.approvals import ApprovalRequest
from ops_app.store.organisation.people import by_name
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.services.organisation.approving import LIMIT, ask, decide, kinds_of_the_tests, seen, with_rules


@pytest.fixture(autouse=True)
def _kinds(app: App) -> Iterator[None]:
    with_rules(app.store)
    with kinds_of_the_tests():
        yield


@pytest.fixture
def maker(signed_in: SignedInAs) -> Actor:
    return signed_in(Role.FINANCE, name="maker")[1]


def asked(app: App, maker: Actor, amount: int = 100, loan: str = "L1", **other: Any) -> ApprovalRequest:
    return ask(app.store, maker, amount, loan, now=app.clock.now(), **other)


def submit(at: AppTest, reason: str) -> None:
    at.text_area[0].set_value(reason)
    at.form_submit_button[0].click().run()
    assert not at.exception, [error.value for error in at.exception]


def choose_decision(at: AppTest, code: str) -> None:
    next(one for one in at.segmented_control if (one.key or "").startswith("decision_")).set_value(code).run()
    assert not at.exception


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_desk_is_calm_when_nothing_waits(open_page: OpenPage, language: str) -> None:
    at = open_page("approvals", Role.SUPERVISOR, language=language)
    assert not at.exception
    assert {"en": "Nothing waits for your decision", "zh": "没有待您审批的申请"}[language] in words(at)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_request_is_read_in_words_and_approved(app: App, open_page: OpenPage, maker: Actor, language: str) -> None:
    one = asked(app, maker, flags=["large"])
    at = open_page("approvals", Role.SUPERVISOR, language=language, query={"approvals_queue_id": one.request_id})
    text = words(at)
    for said in {"en": ("test waiver", "unusually large", "loan"), "zh": ("测试减免", "金额异常偏大", "借据号")}[
        language
    ]:
        assert said in text
    submit(at, "within the budget")
    assert {"en": "approved and carried out", "zh": "已通过并执行"}[language] in at.success[0].value
    assert seen(app.store, maker, one.request_id).state is RequestState.APPROVED


def test_rejecting_needs_a_reason_and_nothing_typed_is_lost(app: App, open_page: OpenPage, maker: Actor) -> None:
    one = asked(app, maker)
    at = open_page("approvals", Role.SUPERVISOR, query={"approvals_queue_id": one.request_id})
    choose_decision(at, "reject")
    submit(at, "no")
    assert "Please give a reason" in at.error[0].value
    assert at.text_area[0].value == "no"
    submit(at, "not this time")
    assert seen(app.store, maker, one.request_id).state is RequestState.REJECTED


def test_what_a_command_refuses_is_told_to_the_approver(app: App, open_page: OpenPage, maker: Actor) -> None:
    one = asked(app, maker, arguments={"loan_id": "L1", "refuse": True})
    at = open_page("approvals", Role.SUPERVISOR, query={"approvals_queue_id": one.request_id})
    submit(at, "looks fine")
    assert "The balance changed." in at.warning[0].value
    assert seen(app.store, maker, one.request_id).state is RequestState.WAITING


def test_the_maker_is_offered_no_decision_on_an_own_request(app: App, open_page: OpenPage) -> None:
    at = open_page("approvals", Role.SUPERVISOR)
    actor = Actor(_person_id(app, "supervisor-en"), "Test supervisor", Role.SUPERVISOR)
    one = asked(app, actor)
    at.query_params["approvals_tab"] = "all"
    at.query_params["approvals_all_id"] = one.request_id
    at.run()
    assert not at.exception
    assert "somebody else decides on it" in words(at)
    assert not at.form_submit_button


def _person_id(app: App, name: str) -> str:
    with app.store.reading() as connection:
        found = by_name(connection, name)
    assert found is not None
    return found.person_id


def test_a_request_that_was_decided_meanwhile_is_not_decided_again(
    app: App, open_page: OpenPage, signed_in: SignedInAs, maker: Actor
) -> None:
    one = asked(app, maker)
    at = open_page("approvals", Role.SUPERVISOR, query={"approvals_queue_id": one.request_id})
    at.text_area[0].set_value("mine")
    _, other = signed_in(Role.SUPERVISOR, name="other")
    decide(app.store, other, one, "reject", now=app.clock.now())
    at.form_submit_button[0].click().run()
    assert not at.exception
    assert seen(app.store, maker, one.request_id).state is RequestState.REJECTED


def test_filters_in_the_address_narrow_the_queue_and_nonsense_is_ignored(
    app: App, open_page: OpenPage, maker: Actor
) -> None:
    for number in range(3):
        asked(app, maker, 100_000 * (number + 1), f"L{number}")
    at = open_page("approvals", Role.SUPERVISOR, query={"approvals_queue_amount": "1000"})
    assert "1–3 of 3" in words(at)
    at = open_page("approvals", Role.SUPERVISOR, language="zh", query={"approvals_queue_flag": "any"})
    assert "没有符合筛选条件的记录" in words(at)
    odd = {"approvals_queue_kind": "drop table", "approvals_queue_sort": "x", "approvals_queue_page": "-5"}
    at = open_page("approvals", Role.COMPLIANCE, query=odd | {"approvals_tab": "all"})
    assert not at.exception
    assert "1–3 of 3" in words(at)


def test_an_own_request_is_withdrawn_or_changed_and_submitted_again(
    app: App, open_page: OpenPage, signed_in: SignedInAs
) -> None:
    at = open_page("approvals", Role.SUPERVISOR, query={"approvals_tab": "mine"})
    assert "You have asked for nothing yet" in words(at)
    me = Actor(_person_id(app, "supervisor-en"), "Test supervisor", Role.SUPERVISOR)
    one = asked(app, me, LIMIT, arguments={"loan_id": "L1", "amount_minor": LIMIT})
    _, other = signed_in(Role.SUPERVISOR, name="other")
    decide(app.store, other, one, "return", reason="too much", now=app.clock.now())
    at.query_params["approvals_mine_id"] = one.request_id
    at.run()
    assert "too much" in words(at)
    next(field for field in at.text_input if "Amount in CNY" in field.label).set_value("12.x")
    submit(at, "less of it")
    assert "no amount" in at.error[0].value
    next(field for field in at.text_input if "Amount in CNY" in field.label).set_value("49.99")
    at.form_submit_button[0].click().run()
    assert not at.exception
    again = seen(app.store, me, one.request_id)
    assert (again.state, again.amount_minor, again.arguments["amount_minor"]) == (RequestState.WAITING, 4_999, 4_999)
    submit(at, "not needed any more")
    assert seen(app.store, me, one.request_id).state is RequestState.WITHDRAWN


def test_approvals_are_delegated_and_taken_back(app: App, open_page: OpenPage, signed_in: SignedInAs) -> None:
    signed_in(Role.MANAGER, name="boss")
    at = open_page("approvals", Role.SUPERVISOR, query={"approvals_tab": "delegation"})
    assert "You delegated nothing" in words(at)
    submit(at, "on leave")
    assert "Please fill this in." in words(at)
    box = next(one for one in at.selectbox if one.label == "Who decides for you")
    box.set_value(box.options[0])
    submit(at, "on leave")
    assert "Delegated." in at.success[0].value
    next(one for one in at.button if "End the delegation" in one.label).click().run()
    assert "The delegation ended." in at.success[0].value


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    served = Starlette(routes=[Mount("/api", app=build_api(app, Cookies(over_tls=False)))])
    with TestClient(served, base_url="http://testserver", raise_server_exceptions=False) as opened:
        yield opened


def post(client: TestClient, one: ApprovalRequest, key: str = "k", **changes: object) -> Any:
    body = {"decision": "approve", "version": one.version, "content_hash": one.content_hash, **changes}
    return client.post(f"/api/v1/approvals/{one.request_id}/decisions", json=body, headers={"Idempotency-Key": key})


def test_the_rest_route_decides_once_and_refuses_a_self_approval(
    app: App, client: TestClient, signed_in: SignedInAs, maker: Actor
) -> None:
    one = asked(app, maker)
    assert client.get("/api/v1/approvals").status_code == 401
    token, actor = signed_in(Role.SUPERVISOR)
    client.cookies.set("recoup_session", token)
    assert client.get("/api/v1/approvals?mine=true").json()["total"] == 1
    assert client.get(f"/api/v1/approvals/{one.request_id}").json()["content_hash"] == one.content_hash
    own = asked(app, actor, loan="own")
    refusal = post(client, own, "own")
    assert refusal.status_code == 403
    assert "须由他人审批" in refusal.json()["detail_zh"]
    assert post(client, one, content_hash="0" * 64).status_code == 409
    assert post(client, one, decision="withdraw").status_code == 422
    done = post(client, one)
    assert (done.status_code, done.json()["state"]) == (201, "approved")
    assert post(client, one).json() == done.json()
    assert post(client, one, "k2").status_code == 409
    assert client.get(f"/api/v1/approvals/{one.request_id}").json()["history"][0]["decided_by"] == actor.person_id
    missing = client.get(f"/api/v1/approvals/r-{'0' * 32}")
    assert missing.status_code == 404


@pytest.mark.parametrize("role", [Role.ANALYST, Role.AUDITOR, Role.COLLECTOR, Role.AGENCY_SUPERVISOR])
def test_the_rest_route_refuses_those_who_may_not(
    app: App, client: TestClient, signed_in: SignedInAs, maker: Actor, role: Role
) -> None:
    one = asked(app, maker)
    client.cookies.set("recoup_session", signed_in(role)[0])
    # an agency's supervisor decides on what her own agency asks for: this is not hers, as if there were none
    assert post(client, one).status_code == (404 if role is Role.AGENCY_SUPERVISOR else 403)
    listed = client.get("/api/v1/approvals")
    assert listed.status_code == (403 if role is Role.COLLECTOR else 200)
    if role is Role.AGENCY_SUPERVISOR:
        assert listed.json()["total"] == 0


def test_an_expired_request_is_not_in_the_queue(app: App, open_page: OpenPage, maker: Actor) -> None:
    past = app.clock.now() - timedelta(days=20)
    ask(app.store, maker, now=past)
    assert "Nothing waits for your decision" in words(open_page("approvals", Role.SUPERVISOR))
    assert approvals.expire_requests(SYSTEM, app.store, now=app.clock.now()) == 1
