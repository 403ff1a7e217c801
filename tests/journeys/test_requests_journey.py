"""A request above its limit climbs two levels in real browsers; a self-approval is refused in page, API and service."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, TimeoutError

from ops_app.bootstrap import App
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.requests import CaseRequestKind, Outcome
from ops_app.domain.organisation.approvals import OwnRequest
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.casework.request_reading import CaseRequestFilter, list_case_requests
from ops_app.services.organisation import approvals
from ops_app.services.organisation.demo_people import demo_password
from ops_app.services.organisation.hashing import hash_password
from ops_app.services.organisation.people import enter_person, new_person
from ops_app.store.organisation import agency_people
from ops_app.store.organisation.people import by_name
from ops_app.store.zone import day_of
from tests.journeys.conftest import Visitor, see
from tests.services.casework.asking import ask, seen
from tests.services.casework.casebook import SUPERVISOR, an_agency, assigned, now_is, placed, some_cases

pytestmark = pytest.mark.browser

CALLER = "agency_caller"


@pytest.fixture(scope="module")
def ids(installation: App) -> list[str]:
    """Two cases with the agency, both of its caller, and one in house."""
    app, now = installation, installation.clock.now()
    made = some_cases(app.store, app.settings.evidence, 3)
    an_agency(app.store, "AG01", day=day_of(now))
    person = replace(new_person(now, CALLER, "Cai Yun 蔡云", Role.COLLECTOR, "AG01", "en"), must_change_password=False)
    with app.store.writing(SYSTEM, now) as transaction:
        enter_person(transaction, person, hash_password(demo_password(CALLER)))
        expires = day_of(now) + timedelta(days=900)
        agency_people.add_certificate(transaction, "AG01", person.person_id, "collector", "AG01-CALLER", expires)
        transaction.audit("agency.certificate_recorded", "agency", "AG01")
    placed(app.store, "AG01", *made[:2], now=now, due_at=now + timedelta(days=30))
    caller = Actor(person.person_id, person.display_name, Role.COLLECTOR, "AG01")
    assigned(app.store, actor_of(app, "agency_supervisor"), caller, *made[:2], now=now)
    return made


def actor_of(app: App, name: str) -> Actor:
    """A person of the demo, as an actor."""
    with app.store.reading() as connection:
        found = by_name(connection, name)
    assert found is not None
    return Actor(found.person_id, found.display_name, found.role, found.agency_code)


def choose(page: Page, box: str, option: str) -> None:
    """One option of a select box; a list that a redraw of the page closed is opened again."""
    found = page.get_by_role("option", name=option)
    for _ in range(10):
        page.get_by_role("combobox", name=box).click()
        try:
            found.click(timeout=3_000)
        except TimeoutError:
            page.keyboard.press("Escape")
            continue
        return
    pytest.fail(f"{box} never offered {option}")


def the_request(app: App, case_id: str) -> str:
    wanted = CaseRequestFilter(states=frozenset(), case_id=case_id)
    (one,) = list_case_requests(SUPERVISOR, app.store, now=app.clock.now(), wanted=wanted).rows
    return one.case_request_id


def test_a_request_above_its_limit_climbs_two_levels(
    visitor: Visitor, browser: Browser, address: str, installation: App, ids: list[str], tmp_path: Path
) -> None:
    proof = tmp_path / "收入证明.pdf"
    proof.write_bytes(b"%PDF-1.7 proof of income")
    page = visitor.page
    visitor.sign_in(CALLER, f"/my_cases?case_id={ids[0]}&case_tab=requests")
    page.get_by_text("Ask for something", exact=True).click()
    page.wait_for_timeout(800)  # it opens slowly, and a list that opened meanwhile would close again
    choose(page, "Kind of request", "waiver")
    visitor.settle()
    choose(page, "Ground", "hardship")
    page.get_by_label("Principal to waive (CNY)").fill("600.00")
    page.get_by_label("What the debtor pays (CNY)").fill("300.00")
    day = (installation.clock.now() + timedelta(days=20)).date()
    page.get_by_role("spinbutton", name="year, To be paid by").click()
    page.keyboard.type(f"{day:%Y%m%d}")
    page.get_by_role("textbox", name="Reason").last.fill("Lost her work in October")
    page.locator("input[type=file]").set_input_files(str(proof))
    see(page.get_by_text("收入证明.pdf"))
    page.get_by_role("button", name="Send the request").click()
    see(page.get_by_text("Sent. You can follow it here"))
    one = the_request(installation, ids[0])

    for name, step, button, said in (
        ("agency_supervisor", "supervisor", "通过", "已办理"),
        ("supervisor", None, "Approve and carry out", "approved and carried out"),
    ):
        decider = Visitor(browser, address)
        decider.sign_in(name, "/todo")
        decider.page.locator(f'a[href="/requests?requests_id={one}"]').first.click()
        decider.settle()
        see(decider.page.get_by_text("收入证明.pdf"))
        decider.page.get_by_role("textbox", name="Reason" if name == "supervisor" else "理由").first.fill(
            "Proof is good"
        )
        decider.page.get_by_role("button", name=button, exact=True).click()
        see(decider.page.get_by_text(said, exact=False))
        assert seen(installation.store, SUPERVISOR, one, now=installation.clock.now()).item.awaited_role == step
        assert (decider.outside, decider.blocked) == ([], [])
        decider.context.close()
    done = seen(installation.store, SUPERVISOR, one, now=installation.clock.now())
    assert done.item.outcome is Outcome.GRANTED
    assert [said.role for said in done.history] == [Role.AGENCY_SUPERVISOR, Role.SUPERVISOR]
    visitor.go("/todo")
    see(page.get_by_text("Results (2 unread)"))
    see(page.get_by_text("waiver: approved and carried out"))
    visitor.go(f"/my_cases?case_id={ids[0]}&case_tab=requests")
    page.locator(f'a[href="/requests?requests_id={one}"]').click()
    visitor.settle()
    see(page.get_by_text("Proof is good"))
    with page.expect_download() as fetched:
        page.get_by_role("link", name="收入证明.pdf").click()
    assert fetched.value.path().read_bytes() == proof.read_bytes()
    assert (visitor.outside, visitor.blocked) == ([], [])


def test_a_self_approval_is_refused_in_page_api_and_service(
    visitor: Visitor, installation: App, address: str, ids: list[str]
) -> None:
    app, now = installation, installation.clock.now()
    maker = actor_of(app, "supervisor")
    later = (now + timedelta(days=20)).date().isoformat()
    one = ask(app.store, app.settings.evidence, maker, ids[2], CaseRequestKind.WAIVER, now=now, pay_by_date=later)
    visitor.sign_in("supervisor", f"/requests?requests_id={one}")
    page = visitor.page
    see(page.get_by_text("You made this request: somebody else decides on it."))
    assert page.get_by_role("button", name="Approve").count() == 0

    approval = seen(app.store, maker, one, now=now).approval
    answer = page.request.post(
        f"{address}/api/v1/approvals/{approval.request_id}/decisions",
        data=json.dumps({"decision": "approve", "version": approval.version, "content_hash": approval.content_hash,
                         "reason": "my own"}),
        headers={"Content-Type": "application/json", "Idempotency-Key": uuid4().hex, "Origin": address},
    )  # fmt: skip
    assert answer.status == 403
    assert "须由他人审批" in answer.json()["detail_zh"]

    with pytest.raises(OwnRequest):
        approvals.approve(
            maker, app.store, now=now, request_id=approval.request_id, expected_version=approval.version,
            content_hash=approval.content_hash, reason="my own", key=uuid4().hex,
        )  # fmt: skip
    assert seen(app.store, maker, one, now=now).item.outcome is None


def test_a_dispute_that_a_caller_enters_stops_contact_on_the_open_case(
    visitor: Visitor, installation: App, ids: list[str]
) -> None:
    page = visitor.page
    visitor.sign_in(CALLER, f"/my_cases?case_id={ids[1]}&case_tab=requests")
    page.get_by_text("Ask for something", exact=True).click()
    page.wait_for_timeout(800)  # it opens slowly, and a list that opened meanwhile would close again
    choose(page, "Kind of request", "dispute")
    visitor.settle()
    see(page.get_by_text("stops all contact with the debtor at once"))
    choose(page, "What is disputed", "paid already")
    page.get_by_label("What the debtor says").fill("She paid all of it in June")
    page.get_by_role("textbox", name="Reason").last.fill("Said so on the telephone")
    page.get_by_role("button", name="Send the request").click()
    see(page.get_by_text("No: flagged: dispute"))
    assert Flag.DISPUTE in now_is(installation.store, ids[1]).flags
