"""Five hundred cases are placed: asked for by one, approved by another, assigned by the agency, worked by her who has
them, and taken away from an open page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from ops_app.bootstrap import App
from ops_app.domain.casework.scope import Reach, Scope
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.placing import queue_cases
from ops_app.store.casework import cases as stored
from ops_app.store.casework import open_cases
from ops_app.store.organisation import agency_people, people
from ops_app.store.zone import day_of
from tests.journeys.conftest import Visitor, see
from tests.services.casework.casebook import CERTIFIED_UNTIL, SUPERVISOR, WHY, an_agency, some_cases

pytestmark = pytest.mark.browser

COUNT = 500
HERS = 300
ELSEWHERE = 20
"""Cases that stay in house: nobody at the agency may see them."""


@pytest.fixture(scope="module", autouse=True)
def planted(installation: App) -> list[str]:
    """Cases that wait to be placed, some that do not, and an agency with a collector who holds a certificate."""
    app, now = installation, installation.clock.now()
    an_agency(app.store, "AG01", day=day_of(now))
    ids = some_cases(app.store, app.settings.evidence, COUNT + ELSEWHERE)
    wanted = dict.fromkeys(ids[:COUNT], 1)
    queue_cases(SUPERVISOR, app.store, now=now, wanted=wanted, reason=WHY)
    with app.store.writing(SYSTEM, now) as transaction:
        hers = people.by_name(transaction.connection, "agency_collector")
        assert hers is not None
        agency_people.add_certificate(transaction, "AG01", hers.person_id, "collector", "C-1", CERTIFIED_UNTIL)
        transaction.audit("agency.certificate_added", "agency", "AG01")
    return ids


def pick(page: Page, label: str, option: str) -> None:
    """Choose in a box by its label; a run of the page that ends meanwhile closes the box, which is then opened anew."""
    box, wanted = page.get_by_role("combobox", name=label).first, page.get_by_role("option", name=option).first
    for _ in range(10):
        box.click()
        page.wait_for_timeout(500)
        if wanted.is_visible():
            break
        page.keyboard.press("Escape")
    wanted.click()


def take_from_the_top(visitor: Visitor, count: int) -> None:
    field = visitor.page.get_by_role("spinbutton").first
    field.fill(str(count))
    field.press("Enter")
    visitor.settle()


def placed_now(app: App) -> int:
    with app.store.reading() as connection:
        return open_cases.with_agency(connection, "AG01")


def test_five_hundred_cases_go_out_and_one_comes_back_from_an_open_page(
    browser: Browser, address: str, installation: App, planted: list[str]
) -> None:
    supervisor = Visitor(browser, address)
    supervisor.sign_in("supervisor", "/cases")
    page = supervisor.page
    take_from_the_top(supervisor, COUNT)
    see(page.get_by_text(f"{COUNT} cases selected"))
    pick(page, "Agency", "AG01")
    page.get_by_label("Reason", exact=True).fill("the agency works in this region")
    page.get_by_role("button", name="Preview").click()
    see(page.get_by_text(f"{COUNT} of {COUNT} cases can be asked for"))
    assert placed_now(installation) == 0
    page.get_by_role("button", name="Ask for approval").dblclick()  # twice is once
    see(page.get_by_text(f": {COUNT} cases, "))
    assert placed_now(installation) == 0

    manager = Visitor(browser, address)
    manager.sign_in("manager", "/approvals")
    page = manager.page
    expect(page.get_by_text("place cases with an agency").first).to_be_attached()
    pick(page, "Open a request", "place cases with an agency")
    manager.settle()
    see(page.get_by_text("the agency works in this region"))
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").first.click()
    see(page.get_by_text("The request is now: approved"))
    assert placed_now(installation) == COUNT
    manager.context.close()

    agency = Visitor(browser, address)
    agency.sign_in("agency_supervisor", "/agency_cases")
    assert f"{COUNT} 条" in agency.text()
    agency.go(f"/agency_cases?case_id={planted[-1]}")  # in house
    see(agency.page.get_by_text("没有该案件。"))
    agency.go("/agency_cases")
    take_from_the_top(agency, HERS)
    pick(agency.page, "催收员", "张燕")
    agency.page.get_by_label("理由", exact=True).fill("她熟悉该地区")
    agency.page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="分派或转派").click()
    see(agency.page.get_by_text(f"已办理 {HERS} 件案件"))
    agency.context.close()

    collector = Visitor(browser, address)
    collector.sign_in("agency_collector", "/my_cases")
    assert f"{HERS} 条" in collector.text()
    collector.go(f"/my_cases?case_id={planted[COUNT - 1]}")
    see(collector.page.get_by_role("heading", name=f"借据 L{COUNT}"))
    other = planted[0]  # placed with her agency, and not hers
    foreign = Visitor(browser, address)
    foreign.sign_in("agency_collector", f"/my_cases?case_id={other}")
    see(foreign.page.get_by_text("没有该案件。"))
    foreign.context.close()

    supervisor.go("/cases?cases_view=placed")
    take_from_the_top(supervisor, 1)
    page = supervisor.page
    supervisor.mark("Recall at once")
    pick(page, "Ground", "misconduct")
    page.get_by_label("Reason", exact=True).fill("data of this debtor leaked")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Recall at once").click()
    see(page.get_by_text("1 cases changed."))
    assert placed_now(installation) == COUNT - 1

    # her page was open all the while, and says it without being touched
    see(collector.page.get_by_text("没有该案件。"))
    assert f"L{COUNT}" not in collector.page.inner_text("[data-testid=stMain]")
    with installation.store.reading() as connection:
        one = stored.read_many(connection, [planted[COUNT - 1]], Scope(Reach.ALL), installation.clock.now())
    assert one[planted[COUNT - 1]].agency_code is None
    assert supervisor.outside == collector.outside == []
    assert supervisor.blocked == collector.blocked == []
    collector.context.close()
    supervisor.context.close()
