"""The REST interface: who may, what it refuses and how, one effect per key."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.testclient import TestClient

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.interfaces.cookies import Cookies
from ops_app.interfaces.headers import API_BODY_LIMIT, BodyLimit, SecurityHeaders, page_policy
from ops_app.interfaces.rest import callers
from ops_app.interfaces.rest import payments as payments_route
from ops_app.interfaces.rest.api import build_api
from ops_app.services.ledger.repayments import list_payments
from ops_app.services.organisation import sessions
from tests.consoles.conftest import SignedInAs
from tests.consoles.planted import plant_breaks

JSON = {"content-type": "application/json"}


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    """The API behind its limits and headers, as the server mounts it."""
    cookies = Cookies(over_tls=False)
    served = Starlette(
        routes=[Mount("/api", app=build_api(app, cookies))],
        middleware=[
            Middleware(SecurityHeaders, policy=page_policy(None), over_tls=False),
            Middleware(BodyLimit),
        ],
    )
    with TestClient(served, base_url="http://testserver", raise_server_exceptions=False) as opened:
        yield opened


def as_role(client: TestClient, signed_in: SignedInAs, role: Role) -> Any:
    token, actor = signed_in(role)
    client.cookies.set("recoup_session", token)
    return actor


def payment(**changes: object) -> dict[str, object]:
    return {
        "source_code": "SIM",
        "payment_id": "P-1",
        "loan_id": "L-1",
        "paid_at": "2026-11-20T10:00:00+08:00",
        "value_date": "2026-11-20",
        "amount_minor": 12_345,
        "currency": "CNY",
        **changes,
    }


def post(client: TestClient, body: dict[str, object], key: str = "k-1", **headers: str) -> Any:
    return client.post("/api/v1/payments", json=body, headers={"Idempotency-Key": key, **headers})


def recorded(app: App) -> int:
    return sum(count for count, _ in list_payments(SYSTEM, app.store, now=app.clock.now()).totals.values())


def test_health_needs_no_session_and_everything_else_does(client: TestClient) -> None:
    assert client.get("/api/health").json()["status"] == "ok"
    for method, path in (("GET", "/v1/me"), ("GET", "/v1/breaks"), ("GET", f"/v1/breaks/{'a' * 64}")):
        answer = client.request(method, f"/api{path}")
        assert answer.status_code == 401, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert "请先登录" in answer.json()["detail_zh"]
    assert post(client, payment()).status_code == 401


def test_me_names_the_holder_of_the_session(client: TestClient, signed_in: SignedInAs) -> None:
    actor = as_role(client, signed_in, Role.AGENCY_SUPERVISOR)
    me = client.get("/api/v1/me").json()
    assert me["person_id"] == actor.person_id
    assert (me["role"], me["agency_code"]) == ("agency_supervisor", "A01")


def test_a_session_that_ended_is_refused_within_one_request(
    client: TestClient, app: App, signed_in: SignedInAs
) -> None:
    actor = as_role(client, signed_in, Role.FINANCE)
    assert client.get("/api/v1/me").status_code == 200
    sessions.sign_out_everywhere(actor, app.store, now=app.clock.now())
    assert client.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM])
def test_only_those_who_may_record_and_look(client: TestClient, signed_in: SignedInAs, role: Role) -> None:
    as_role(client, signed_in, role)
    may_record = role is Role.FINANCE
    may_look = role in {Role.SUPERVISOR, Role.FINANCE, Role.MANAGER, Role.AUDITOR}
    assert post(client, payment()).status_code == (201 if may_record else 403)
    answer = client.get("/api/v1/breaks")
    assert answer.status_code == (200 if may_look else 403)
    if not may_look:
        assert "It may be done by" in answer.json()["detail"]


def test_a_repeated_payment_has_one_effect_and_the_first_answer(
    client: TestClient, app: App, signed_in: SignedInAs
) -> None:
    as_role(client, signed_in, Role.FINANCE)
    first, second = post(client, payment()), post(client, payment())
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "x-served-from-cache" not in first.headers
    assert second.headers["x-served-from-cache"] == "true"
    assert post(client, payment(), key="SIM/P-1").headers["x-served-from-cache"] == "true"
    assert recorded(app) == 1


def test_a_key_with_another_payment_names_what_differs_and_changes_nothing(
    client: TestClient, app: App, signed_in: SignedInAs
) -> None:
    as_role(client, signed_in, Role.FINANCE)
    assert post(client, payment()).status_code == 201
    other = post(client, payment(payment_id="P-2", amount_minor=999))
    assert other.status_code == 422
    assert {error["field"] for error in other.json()["errors"]} == {"payment_id", "amount_minor"}
    assert recorded(app) == 1


def test_a_payment_id_with_other_content_is_refused_and_becomes_a_break(
    client: TestClient, app: App, signed_in: SignedInAs
) -> None:
    as_role(client, signed_in, Role.FINANCE)
    assert post(client, payment()).status_code == 201
    other = post(client, payment(amount_minor=99), key="k-2")
    assert other.status_code == 422
    assert [error["field"] for error in other.json()["errors"]] == ["amount_minor"]
    found = client.get("/api/v1/breaks").json()
    assert [row["kind"] for row in found["rows"]] == ["conflicting_content"]


def test_a_key_that_is_being_worked_on_is_told_to_come_back(
    client: TestClient, signed_in: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_role(client, signed_in, Role.FINANCE)
    inside, go_on = threading.Event(), threading.Event()
    really_push = payments_route.push_under_key

    def slowly(*args: Any, **kwargs: Any) -> Any:
        inside.set()
        assert go_on.wait(10)
        return really_push(*args, **kwargs)

    monkeypatch.setattr(payments_route, "push_under_key", slowly)
    answers: list[Any] = []
    worker = threading.Thread(target=lambda: answers.append(post(client, payment())))
    worker.start()
    assert inside.wait(10)
    second = post(client, payment())
    go_on.set()
    worker.join(10)
    assert second.status_code == 409
    assert second.headers["retry-after"] == "1"
    assert answers[0].status_code == 201


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount_minor": "12345"}, "amount_minor"),
        ({"amount_minor": 123.45}, "amount_minor"),
        ({"amount_minor": True}, "amount_minor"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": 10**20}, "amount_minor"),
        ({"currency": "cny"}, "currency"),
        ({"currency": "KWD"}, "currency"),
        ({"paid_at": "2026-11-20T10:00:00"}, "paid_at"),
        ({"value_date": "20.11.2026"}, "value_date"),
        ({"kind": "gift"}, "kind"),
        ({"kind": "reversal"}, "reverses_payment_id"),
        ({"payment_id": ""}, "payment_id"),
        ({"payment_id": "x" * 201}, "payment_id"),
        ({"recorded_by": "me"}, "recorded_by"),
        ({"principal_minor": 1, "interest_minor": 1, "fees_minor": 1, "penalty_minor": 1}, "amount_minor"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_recorded(
    client: TestClient, app: App, signed_in: SignedInAs, changes: dict[str, object], field: str
) -> None:
    as_role(client, signed_in, Role.FINANCE)
    answer = post(client, payment(**changes))
    assert answer.status_code == 422, answer.text
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert recorded(app) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"[]", 422),
        (b"nul", 400),
        (b'{"amount_minor": 1, "amount_minor": 2}', 400),
        (b'{"amount_minor": NaN}', 400),
        (b'{"loan_id": "\xff"}', 400),
        (b"[" * 200_000, 400),
        (b"x" * (API_BODY_LIMIT + 1), 413),
    ],
    ids=["empty", "cut", "list", "word", "name-twice", "not-a-number", "not-utf8", "deep", "large"],
)
def test_what_is_no_payment_is_refused_without_a_trace_of_our_insides(
    client: TestClient, signed_in: SignedInAs, body: bytes, status: int
) -> None:
    as_role(client, signed_in, Role.FINANCE)
    answer = client.post("/api/v1/payments", content=body, headers={**JSON, "Idempotency-Key": "k"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_missing_key_and_a_wrong_content_type_are_refused(client: TestClient, signed_in: SignedInAs) -> None:
    as_role(client, signed_in, Role.FINANCE)
    without = client.post("/api/v1/payments", json=payment())
    assert without.status_code == 422
    assert without.json()["errors"][0]["field"] == "Idempotency-Key"
    form = client.post(
        "/api/v1/payments",
        content=json.dumps(payment()),
        headers={"content-type": "text/plain", "Idempotency-Key": "k"},
    )
    assert form.status_code in {415, 422}


@pytest.mark.parametrize(
    "headers", [{"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}]
)
def test_a_page_of_another_site_cannot_use_the_session(
    client: TestClient, app: App, signed_in: SignedInAs, headers: dict[str, str]
) -> None:
    as_role(client, signed_in, Role.FINANCE)
    assert post(client, payment(), **headers).status_code == 403
    assert recorded(app) == 0


def test_breaks_are_listed_page_by_page_and_decided_once(client: TestClient, app: App, signed_in: SignedInAs) -> None:
    plant_breaks(app, 3, now=app.clock.now())
    as_role(client, signed_in, Role.SUPERVISOR)
    page = client.get("/api/v1/breaks", params={"page_size": 2, "sort": "value_date"}).json()
    assert (len(page["rows"]), page["total"]) == (2, 3)
    one = page["rows"][0]
    assert one["sides"]["lender"][0]["payer_name"] == "张**"
    asked = {"decision": "park", "version": one["version"], "reason": "waits for the bank"}
    place = f"/api/v1/breaks/{one['break_id']}/decisions"
    first = client.post(place, json=asked, headers={"Idempotency-Key": "d-1"})
    again = client.post(place, json=asked, headers={"Idempotency-Key": "d-1"})
    assert (first.status_code, first.json()["state"]) == (201, "parked")
    assert first.json() == again.json()
    stale = client.post(place, json=asked | {"decision": "reject"}, headers={"Idempotency-Key": "d-2"})
    assert stale.status_code == 409
    assert "Test supervisor" in stale.json()["detail"]


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page_size=1000000000", "sort=name;drop", "state=none", "page=x", "kind=drop"]
)
def test_a_list_is_asked_for_within_bounds(client: TestClient, signed_in: SignedInAs, query: str) -> None:
    as_role(client, signed_in, Role.SUPERVISOR)
    assert client.get(f"/api/v1/breaks?{query}").status_code == 422


def test_a_missing_break_and_an_unknown_address_are_not_there(client: TestClient, signed_in: SignedInAs) -> None:
    as_role(client, signed_in, Role.SUPERVISOR)
    assert client.get(f"/api/v1/breaks/{'a' * 64}").status_code == 404
    assert client.get("/api/v1/nothing").json()["status"] == 404
    assert client.delete("/api/v1/breaks").status_code == 405


def test_a_fault_of_ours_tells_nothing_of_its_insides(
    client: TestClient, signed_in: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_role(client, signed_in, Role.FINANCE)

    def broken(*_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(payments_route, "push_under_key", broken)
    answer = post(client, payment())
    assert answer.status_code == 500
    assert "secret inside" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_change_of_rules_that_waits_stops_a_person_here_as_on_the_pages(
    client: TestClient, signed_in: SignedInAs, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_role(client, signed_in, Role.FINANCE)
    assert client.get("/api/v1/breaks").status_code == 200
    monkeypatch.setattr(callers, "list_unacknowledged", lambda *_, **__: ["one"])
    for method, address in (("get", "/api/v1/breaks"), ("get", "/api/v1/approvals"), ("get", "/api/v1/exports/x/file")):
        answer = client.request(method, address)
        assert answer.status_code == 403, address
        assert "acknowledge it first" in answer.json()["detail"]
    assert client.post("/api/v1/payments", json=payment(), headers={"Idempotency-Key": "k"}).status_code == 403
    assert client.get("/api/v1/me").status_code == 200


LOAN = {
    "source_code": "SIM", "loan_id": "L-9", "as_of_date": "2026-11-20", "customer_id": "C-9", "currency": "CNY",
    "outstanding_principal_minor": 50_000, "days_past_due": 12, "status": "overdue", "lender_code": "HYB",
}  # fmt: skip


def test_a_pushed_loan_opens_its_case_once_and_a_wrong_one_names_its_field(
    client: TestClient, signed_in: SignedInAs
) -> None:
    as_role(client, signed_in, Role.OPERATOR)

    def push(body: dict[str, object], key: str = "k-1") -> Any:
        return client.post("/api/v1/loans", json=body, headers={"Idempotency-Key": key})

    first, second = push(LOAN), push(LOAN)
    assert (first.status_code, first.json()["did"]) == (201, "opened")
    assert second.json() == first.json()
    assert push({**LOAN, "days_past_due": 13}).status_code in (409, 422)
    for field, value in (("status", "late"), ("days_past_due", -1), ("outstanding_principal_minor", 1.5), ("x", 1)):
        refused = push({**LOAN, field: value}, "k-2")
        assert refused.status_code == 422, field
        assert field in refused.text
    assert client.post("/api/v1/loans", json=LOAN).status_code == 422
    case = first.json()["case_id"]
    posting = client.get(f"/api/v1/cases/{case}/posting", params={"amount_minor": 60_000})
    assert posting.json()["parts"] == {"principal": 50_000, "interest": 0, "fees": 0, "penalty": 0}
    assert (posting.json()["order"], posting.json()["rest_minor"]) == ("costs_first", 10_000)
    assert client.get("/api/v1/cases/nothing/posting", params={"amount_minor": 1}).status_code == 404


def test_who_may_not_push_a_loan_is_refused(client: TestClient, signed_in: SignedInAs) -> None:
    assert client.post("/api/v1/loans", json=LOAN, headers={"Idempotency-Key": "k"}).status_code == 401
    as_role(client, signed_in, Role.SUPERVISOR)
    assert client.post("/api/v1/loans", json=LOAN, headers={"Idempotency-Key": "k"}).status_code == 403
