"""Pages and REST routes of requests and to-dos: asked for on a case, climbing, answered, told, and refused."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.requests import CaseRequestKind, Outcome
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.interfaces.cookies import Cookies
from ops_app.interfaces.headers import BodyLimit
from ops_app.interfaces.rest.api import build_api
from ops_app.services.casework.request_escalation import escalate_late_requests
from ops_app.services.casework.request_reading import CaseRequestFilter, list_case_requests
from ops_app.store.organisation.people import by_name
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.consoles.planted import plant_breaks
from tests.services.casework.asking import PDF, ask, decide, seen
from tests.services.casework.casebook import a_collector, assigned, now_is, placed, some_cases

K = CaseRequestKind


@pytest.fixture
def ids(app: App) -> list[str]:
    """Four cases, the first two placed with A01, the third with A02."""
    made = some_cases(app.store, app.settings.evidence, 4)
    now = app.clock.now()
    placed(app.store, "A01", *made[:2], now=now, due_at=now + timedelta(days=30))
    placed(app.store, "A02", made[2], now=now, due_at=now + timedelta(days=30))
    return made


def person(app: App, name: str, role: Role, agency: str | None = None) -> Actor:
    """Somebody whose page was opened, as an actor."""
    with app.store.reading() as connection:
        found = by_name(connection, name)
    assert found is not None
    return Actor(found.person_id, found.display_name, role, agency)


def asked(app: App, by: Actor, case_id: str, kind: CaseRequestKind, **other: Any) -> str:
    later = {"first_date": (app.clock.now() + timedelta(days=30)).date().isoformat()}
    form = later if kind is K.INSTALMENT else {}
    if kind is K.WAIVER:
        form = {"pay_by_date": later["first_date"]}
    return ask(app.store, app.settings.evidence, by, case_id, kind, now=app.clock.now(), **form | other)


def fill(at: AppTest, label: str, value: str, form: str = "") -> None:
    fields = [one for one in [*at.text_input, *at.text_area] if (one.key or "").startswith(form)]
    next(one for one in fields if one.label.startswith(label)).set_value(value)


def press(at: AppTest, label: str) -> None:
    next(one for one in at.button if one.label == label).click()
    at.run()
    assert not at.exception, [error.value for error in at.exception]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_request_is_asked_for_on_its_case_and_followed_there(
    app: App, open_page: OpenPage, ids: list[str], language: str
) -> None:
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR, language=language,
                   query={"case_id": ids[0], "case_tab": "requests"})  # fmt: skip
    assert not at.exception, [error.value for error in at.exception]
    assert {"en": "Nothing was asked for on this case yet", "zh": "该案件尚无申请"}[language] in words(at)
    kind = next(one for one in at.selectbox if one.key == f"ask_{ids[0]}")
    kind.set_value("dispute").run()
    assert {"en": "stops all contact", "zh": "立即停止联系"}[language] in words(at)
    about = next(one for one in at.selectbox if (one.key or "").split(".")[1:2] == ["about"])
    about.set_value("amount")
    fill(at, {"en": "What the debtor says", "zh": "债务人陈述"}[language], "paid half in June")
    fill(at, {"en": "Amount in dispute", "zh": "争议金额"}[language], "1.234")
    fill(at, {"en": "Reason", "zh": "理由"}[language], "he called", "ask_")
    send = {"en": "Send the request", "zh": "提交申请"}[language]
    press(at, send)
    assert any("1.234" in error.value for error in at.error)  # beside its field, and nothing typed is lost
    assert any(one.value == "paid half in June" for one in at.text_area)
    assert Flag.DISPUTE not in now_is(app.store, ids[0]).flags
    fill(at, {"en": "Amount in dispute", "zh": "争议金额"}[language], "200.00")
    press(at, send)
    assert Flag.DISPUTE in now_is(app.store, ids[0]).flags
    assert {"en": "waiting", "zh": "待审批"}[language] in words(at)
    assert "/requests?requests_id=cq-" in words(at)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_of_requests_shows_each_their_own_and_says_so_when_there_are_none(
    app: App, open_page: OpenPage, ids: list[str], language: str
) -> None:
    at = open_page("requests", Role.COLLECTOR, language=language)
    assert {"en": "Nothing is waiting", "zh": "没有办理中的申请"}[language] in words(at)
    other = a_collector(app.store, "guo", "A02", Role.AGENCY_SUPERVISOR)
    foreign = asked(app, other, ids[2], K.INSTALMENT)
    at = open_page("requests", Role.AGENCY_SUPERVISOR, language=language, query={"requests_id": foreign})
    assert [error.value for error in at.error] == [{"en": "There is no such request.", "zh": "没有该申请。"}[language]]
    assert "L3" not in words(at)
    at = open_page("requests", Role.AGENCY_ADMINISTRATOR, language=language, query={"requests_tab": "rules"})
    assert not at.exception
    assert {"en": "above the amount", "zh": "超过金额上报"}[language] in words(at)


def test_an_approval_climbs_and_the_maker_is_refused_and_told(
    app: App, open_page: OpenPage, signed_in: SignedInAs, ids: list[str]
) -> None:
    caller = a_collector(app.store, "cai", "A01")
    boss = signed_in(Role.AGENCY_SUPERVISOR, name="boss")[1]
    assigned(app.store, boss, caller, ids[0], now=app.clock.now())
    one = asked(app, caller, ids[0], K.WAIVER)
    at = open_page("requests", Role.AGENCY_SUPERVISOR, query={"requests_id": one})
    assert "income proof.pdf" in words(at)
    assert "hardship" in words(at)
    assert "principal would be waived" in words(at)
    fill(at, "Reason", "the proof is good")
    press(at, "Approve")
    assert seen(app.store, boss, one).item.awaited_role == "supervisor"
    at = open_page("requests", Role.SUPERVISOR, query={"requests_id": one})
    fill(at, "Reason", "within the budget")
    press(at, "Approve and carry out")
    assert seen(app.store, boss, one).item.outcome is Outcome.GRANTED
    supervisor = person(app, "supervisor-en", Role.SUPERVISOR)
    own = asked(app, supervisor, ids[3], K.WAIVER)
    at.query_params["requests_id"] = own
    at.run()
    assert "somebody else decides on it" in words(at)
    assert not any(one.label.startswith("Approve") for one in at.button)


def test_a_dispute_is_answered_with_evidence_on_its_page(app: App, open_page: OpenPage, ids: list[str]) -> None:
    caller = a_collector(app.store, "hua")
    assigned(app.store, Actor("p-sup", "Sun", Role.SUPERVISOR), caller, ids[3], now=app.clock.now())
    one = asked(app, caller, ids[3], K.DISPUTE)
    at = open_page("requests", Role.SUPERVISOR, query={"requests_id": one})
    assert not any(box.label == "approve and carry out" for box in at.button)
    outcome = next(box for box in at.selectbox if (box.key or "").startswith(f"answer_{one}"))
    outcome.set_value("debt_confirmed")
    fill(at, "Reply", "the contract is attached")
    press(at, "Answer")
    assert any("with a file" in error.value for error in at.error)
    assert Flag.DISPUTE in now_is(app.store, ids[3]).flags
    uploader = next(box for box in at.get("file_uploader") if (box.key or "").startswith(f"answer_{one}"))
    uploader.upload("contract.pdf", b"%PDF-1.7 contract", "application/pdf")
    press(at, "Answer")
    assert Flag.DISPUTE not in now_is(app.store, ids[3]).flags
    assert seen(app.store, caller, one).item.outcome is Outcome.DEBT_CONFIRMED


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_to_dos_of_a_supervisor_are_sorted_by_due_time_and_lead_to_the_act(
    app: App, open_page: OpenPage, ids: list[str], language: str
) -> None:
    at = open_page("todo", Role.ANALYST, language=language)
    assert {"en": "Nothing waits for you", "zh": "没有待办事项"}[language] in words(at)
    plant_breaks(app, 2, now=app.clock.now())
    manager = a_collector(app.store, "mei", None, Role.ALLOCATION)
    one = asked(app, manager, ids[3], K.INSTALMENT)
    at = open_page("todo", Role.SUPERVISOR, language=language)
    assert not at.exception, [error.value for error in at.exception]
    text = words(at)
    assert f"/requests?requests_id={one}" in text
    assert "/repayment_audit?breaks_id=" in text
    (frame,) = at.dataframe
    assert [*sorted(frame.value["subject"][:2]), *frame.value["subject"][2:]] == ["L0000000", "L0000001", "L4"]
    at = open_page("todo", Role.AGENCY_SUPERVISOR, language=language)
    assert "/agency_cases?case_id=" in words(at)


def test_results_are_told_read_and_gone(app: App, open_page: OpenPage, ids: list[str]) -> None:
    at = open_page("todo", Role.ALLOCATION)
    assert "You were told of no results yet" in words(at)
    maker = person(app, "allocation-en", Role.ALLOCATION)
    one = asked(app, maker, ids[3], K.INSTALMENT)
    sun = a_collector(app.store, "sun", None, Role.SUPERVISOR)
    decide(app.store, sun, one, "return", reason="<b>which</b> months?", now=app.clock.now())
    at.run()
    assert "Results (1 unread)" in words(at)
    assert "&lt;b&gt;which" in words(at)
    assert "Returned to me" in words(at)
    press(at, "Mark all as read")
    assert "Results (0 unread)" in words(at)
    late = app.clock.now() + timedelta(days=9)
    assert escalate_late_requests(SYSTEM, app.store, now=late, today=late.date()) == 1
    at.run()
    assert "past its due time" in words(at)


def test_another_rule_is_asked_for_and_holds_once_approved(app: App, open_page: OpenPage, ids: list[str]) -> None:
    at = open_page("requests", Role.COMPLIANCE, query={"requests_tab": "rules"})
    chosen = {"kind": "return_case", "asset": "above"}
    for box in at.selectbox:
        field = (box.key or "").split(".")[1:2]
        if (box.key or "").startswith("request_rule.") and field[0] in chosen:
            box.set_value(chosen[field[0]])
    fill(at, "Reason", "small cases come back fast")
    press(at, "Ask for this rule")
    assert any("Name an amount" in error.value for error in at.error)
    fill(at, "Above this amount", "5,000.00")
    press(at, "Ask for this rule")
    assert [error.value for error in at.error] == ["Name the currency of the amount."]
    fill(at, "Currency", "CNY")
    press(at, "Ask for this rule")
    assert "It holds once somebody else has approved it" in at.success[0].value
    at = open_page("approvals", Role.MANAGER)
    assert "change of what goes up" in words(at)


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    served = Starlette(
        routes=[Mount("/api", app=build_api(app, Cookies(over_tls=False)))], middleware=[Middleware(BodyLimit)]
    )
    with TestClient(served, base_url="http://testserver", raise_server_exceptions=False) as opened:
        yield opened


def signed(client: TestClient, signed_in: SignedInAs, role: Role, name: str = "") -> Actor:
    token, actor = signed_in(role, name=name)
    client.cookies.set("recoup_session", token)
    return actor


def post(client: TestClient, path: str, body: dict[str, Any], key: str) -> Any:
    return client.post(f"/api/v1{path}", json=body, headers={"Idempotency-Key": key})


def test_the_rest_routes_do_what_the_pages_do_and_refuse_a_self_approval(
    app: App, client: TestClient, signed_in: SignedInAs, ids: list[str]
) -> None:
    assert client.get("/api/v1/case-requests").status_code == 401
    maker = signed(client, signed_in, Role.SUPERVISOR)
    later = (app.clock.now() + timedelta(days=20)).date().isoformat()
    body = {
        "kind": "waiver", "case_version": now_is(app.store, ids[3]).version, "reason": "illness in the family",
        "form": {"ground": "illness", "waived_principal_minor": 20_000, "to_pay_minor": 50_000, "pay_by_date": later},
        "files": [{"name": "proof.pdf", "base64": base64.b64encode(PDF.data).decode()}],
    }  # fmt: skip
    wrong = body | {"form": body["form"] | {"to_pay_minor": 0}}
    refused = post(client, f"/cases/{ids[3]}/requests", wrong, "k0")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "to_pay_minor")
    made = post(client, f"/cases/{ids[3]}/requests", body, "k1")
    assert made.status_code == 201, made.text
    assert post(client, f"/cases/{ids[3]}/requests", body, "k1").json() == made.json()
    one = made.json()["case_request_id"]
    record = client.get(f"/api/v1/case-requests/{one}").json()
    decision = {"decision": "approve", "version": record["version"], "content_hash": record["content_hash"],
                "reason": "fine"}  # fmt: skip
    own = post(client, f"/approvals/{record['approval_id']}/decisions", decision, "d1")
    assert own.status_code == 403
    assert "须由他人审批" in own.json()["detail_zh"]
    file = record["files"][0]
    path = f"/api/v1/case-requests/{one}/files/{file['evidence_id']}"
    fetched = client.get(path)
    assert (fetched.content, fetched.headers["x-content-type-options"]) == (PDF.data, "nosniff")
    assert "attachment" in fetched.headers["content-disposition"]
    other = signed(client, signed_in, Role.SUPERVISOR, name="other")
    assert client.get("/api/v1/todos").json()["counts"]["approval"] == 1
    done = post(client, f"/approvals/{record['approval_id']}/decisions", decision, "d2")
    assert (done.status_code, done.json()["state"]) == (201, "approved")
    listed = client.get("/api/v1/case-requests?state=approved").json()
    assert [(row["case_request_id"], row["outcome"]) for row in listed["rows"]] == [(one, "granted")]
    signed(client, signed_in, Role.AGENCY_SUPERVISOR)
    for foreign in (one, "cq-0"):
        assert client.get(f"/api/v1/case-requests/{foreign}").status_code == 404
        assert client.get(f"/api/v1/case-requests/{foreign}/files/{file['evidence_id']}").status_code == 404
    assert client.get("/api/v1/case-requests?state=approved").json()["total"] == 0
    missing, foreign = (post(client, f"/cases/{case}/requests", body, f"f{case}") for case in ("0" * 32, ids[2]))
    assert (missing.status_code, missing.json()) == (foreign.status_code, foreign.json()) == (404, missing.json())
    client.cookies.set("recoup_session", signed_in(Role.ALLOCATION)[0])
    assert maker.person_id != other.person_id
    assert client.get("/api/v1/notices").json()["total"] == 0


def test_returned_withdrawn_and_answered_by_rest(
    app: App, client: TestClient, signed_in: SignedInAs, ids: list[str]
) -> None:
    maker = signed(client, signed_in, Role.ALLOCATION)
    one = asked(app, maker, ids[3], K.INSTALMENT)
    papers = asked(app, maker, ids[3], K.DOCUMENTS)
    sun = a_collector(app.store, "sun", None, Role.SUPERVISOR)
    decide(app.store, sun, one, "return", now=app.clock.now(), reason="fewer months")
    notice = client.get("/api/v1/notices?unread=true").json()
    assert [(row["event"], row["reason"]) for row in notice["rows"]] == [("return", "fewer months")]
    ids_read = {"ids": [notice["rows"][0]["notice_id"], "somebody-elses"]}
    assert post(client, "/notices/read", ids_read, "r").json() == {"marked": 1}
    record = client.get(f"/api/v1/case-requests/{one}").json()
    form = {name: value for name, value in record["form"].items() if name != "plan"} | {"instalments": 2}
    again = post(client, f"/case-requests/{one}/resubmissions",
                 {"version": record["version"], "form": form, "reason": "two months"}, "a1")  # fmt: skip
    assert (again.status_code, again.json()["state"]) == (201, "waiting")
    gone = post(client, f"/case-requests/{one}/withdrawals",
                {"version": again.json()["version"], "reason": "paid meanwhile"}, "w1")  # fmt: skip
    assert gone.json()["state"] == "withdrawn"
    signed(client, signed_in, Role.SUPERVISOR)
    record = client.get(f"/api/v1/case-requests/{papers}").json()
    body = {
        "version": record["version"], "content_hash": record["content_hash"], "outcome": "provided",
        "reply": "here it is", "files": [{"name": "contract.pdf", "base64": "not base64!"}],
    }  # fmt: skip
    assert post(client, f"/case-requests/{papers}/answers", body, "n1").status_code == 422
    body["files"] = [{"name": "contract.pdf", "base64": base64.b64encode(PDF.data).decode()}]
    answered = post(client, f"/case-requests/{papers}/answers", body, "n1")
    assert (answered.status_code, answered.json()["state"]) == (201, "approved")
    rows = list_case_requests(
        SYSTEM_VIEW, app.store, now=app.clock.now(), wanted=CaseRequestFilter(states=frozenset())
    ).rows
    assert {row.case_request_id: row.state for row in rows} == {
        one: RequestState.WITHDRAWN, papers: RequestState.APPROVED,
    }  # fmt: skip


SYSTEM_VIEW = Actor("p-aud", "Ma", Role.AUDITOR)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM])
def test_only_those_who_may_list_ask_and_change_rules_by_rest(
    app: App, client: TestClient, signed_in: SignedInAs, role: Role
) -> None:
    from ops_app.domain.organisation.permissions import GRANTS

    signed(client, signed_in, role)
    rule = {"kind": "waiver", "asset": "never", "due_hours": 24, "reason": "as agreed"}
    ask_for = {"kind": "dispute", "case_version": 1, "form": {}, "reason": "why"}
    for path, permission in (("case-requests", "requests.view"), ("case-request-rules", "requests.view")):
        assert client.get(f"/api/v1/{path}").status_code == (200 if role in GRANTS[permission] else 403)
    assert post(client, "/case-request-rules", rule, "k").status_code == (
        201 if role in GRANTS["requests.rules"] else 403
    )
    assert post(client, f"/cases/{'0' * 32}/requests", ask_for, "k2").status_code == (
        404 if role in GRANTS["requests.raise"] else 403
    )
    assert client.get("/api/v1/todos").status_code == 200
