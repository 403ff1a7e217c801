"""A supervisor decides a break; the audit log names her; an agency supervisor at the same address is refused."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from ops_app.bootstrap import App
from ops_app.domain.ledger.breaks import BreakKind, BreakState, break_id
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.ledger.reconciliation import read_break
from ops_app.services.organisation import people
from tests.consoles.planted import plant_breaks, plant_operations_file, plant_runs, plant_snapshot
from tests.journeys.conftest import Visitor

pytestmark = pytest.mark.browser

LENDER = break_id(BreakKind.UNMATCHED_LENDER, "SIM", ["PAY-0000001"], [])
OTHER = break_id(BreakKind.UNMATCHED_LENDER, "SIM", ["PAY-0000002"], [])
AUDITOR = Actor("test", "test", Role.AUDITOR)


@pytest.fixture(scope="module", autouse=True)
def planted(installation: App) -> None:
    """Payments of which the bank knows nothing, and something on the operations pages."""
    now = installation.clock.now()
    plant_breaks(installation, 5, now=now)
    plant_runs(installation, now)
    plant_operations_file(installation.settings)
    plant_snapshot(installation.settings)


def state_of(app: App, identity: str) -> BreakState:
    return read_break(AUDITOR, app.store, now=app.clock.now(), break_id=identity).item.state


def test_a_supervisor_resolves_a_break_and_the_audit_log_names_her(
    visitor: Visitor, installation: App, browser, address: str
) -> None:
    link = f"/repayment_audit?breaks_id={LENDER}"
    visitor.sign_in("supervisor", link)
    assert visitor.page.url == address + link
    page = visitor.page
    expect(page.get_by_role("heading", name="Repayment audit")).to_be_visible()
    expect(page.get_by_text("There is no bank line.")).to_be_visible()
    visitor.mark("reject")
    page.get_by_label("Reason").fill("The bank confirmed: this never arrived")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").first.dblclick()  # twice is once
    expect(page.get_by_text("Decided. The break is now: rejected")).to_be_visible()
    assert state_of(installation, LENDER) is BreakState.REJECTED
    decided = read_break(AUDITOR, installation.store, now=installation.clock.now(), break_id=LENDER)
    assert [said.decided_by_name for said in decided.history] == ["Chen Jing 陈静"]
    assert visitor.outside == []
    assert visitor.blocked == []

    auditor = Visitor(browser, address)
    auditor.sign_in("auditor", f"/audit?audit_object={LENDER}")
    auditor.page.get_by_role("combobox", name="Open a row").click()
    auditor.page.get_by_role("option", name="break rejected").click()
    auditor.settle()
    row = auditor.page.get_by_text("The bank confirmed: this never arrived")
    expect(row.first).to_be_visible()
    assert "Chen Jing 陈静" in auditor.text()
    auditor.context.close()


def test_an_agency_supervisor_at_the_same_address_is_refused(visitor: Visitor) -> None:
    visitor.sign_in("agency_supervisor", f"/repayment_audit?breaks_id={OTHER}")
    text = visitor.text()
    assert "您无权打开此页面" in text
    assert "主管、财务" in text or "财务" in text
    assert "PAY-0000002" not in visitor.page.content()
    assert "还款审核" not in visitor.page.get_by_test_id("stSidebarNav").inner_text()


def test_many_are_parked_at_once_after_a_preview(visitor: Visitor, installation: App) -> None:
    visitor.sign_in("finance", "/repayment_audit")
    page = visitor.page
    open_ones = 5 - (state_of(installation, LENDER) is BreakState.REJECTED)
    visitor.take_all_rows(f"{open_ones} breaks selected")
    expect(page.get_by_text(f"park: {open_ones} breaks")).to_have_count(2)  # what would happen, and the button
    page.get_by_label("Reason").fill("month-end suspense")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").first.click()
    expect(page.get_by_text(f"{open_ones} breaks decided.")).to_be_visible()
    assert state_of(installation, OTHER) is BreakState.PARKED


def test_an_open_page_says_so_once_its_session_was_ended_elsewhere(visitor: Visitor, installation: App) -> None:
    visitor.sign_in("finance", "/repayment_audit")
    administrator = Actor("test", "test", Role.ADMINISTRATOR)
    now = installation.clock.now()
    found = people.list_people(
        administrator, installation.store, now=now, wanted=people.PeopleFilter(text="finance")
    ).rows[0]
    people.deactivate_person(
        administrator,
        installation.store,
        now=now,
        person_id=found.person_id,
        version=found.version,
        reason="left the company",
    )
    visitor.page.get_by_role("radio", name="中文").click()
    expect(visitor.page.get_by_text("You are signed out", exact=False).first).to_be_visible()
    assert "PAY-" not in visitor.text()
    visitor.page.get_by_role("link", name="Sign in again").click()
    expect(visitor.page.locator("#password")).to_be_visible()


def test_a_collector_is_at_home_in_her_language_and_nothing_is_fetched_from_outside(visitor: Visitor) -> None:
    visitor.sign_in("collector")
    text = visitor.text()
    assert "李娜" in text
    assert "催收员" in text
    assert "今天没有等待您处理的事项" in text
    for path in ("/account", "/operations", "/people"):
        visitor.go(path)
        assert visitor.page.get_by_test_id("stException").count() == 0
    assert visitor.outside == []
    assert visitor.blocked == []
