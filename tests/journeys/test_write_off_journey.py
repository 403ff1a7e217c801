"""A supervisor asks for a write-off, finance and a manager approve it, a recovery comes in, and its reversal by two
people makes it a repayment."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from ops_app.bootstrap import App
from ops_app.domain.casework.cases import CaseState
from ops_app.domain.ledger.write_offs import WriteOffState
from ops_app.store.ledger import write_offs
from ops_app.store.ledger.write_offs import WriteOff
from ops_app.store.zone import day_of
from tests.journeys.conftest import Visitor, see
from tests.journeys.test_placement_journey import pick
from tests.services.casework.casebook import now_is
from tests.services.ledger.writing_off import on_the_books, paid, stands

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def planted(installation: App) -> str:
    """A case that may be written off, with its documents."""
    return on_the_books(installation.store, installation.settings.evidence)


def the_write_off(app: App, case_id: str) -> WriteOff:
    with app.store.reading() as connection:
        (one,) = write_offs.of_case(connection, case_id)
    return one


def decide(browser: Browser, address: str, name: str, kind: str) -> None:
    """Approve the one request of this kind that waits for somebody."""
    person = Visitor(browser, address)
    person.sign_in(name, "/approvals")
    page = person.page
    expect(page.get_by_text(kind).first).to_be_attached()
    pick(page, "Open a request", kind)
    person.settle()
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").first.dblclick()  # twice is once
    see(page.get_by_text("The request is now"))
    assert person.outside == []
    person.context.close()


def test_a_claim_is_written_off_recovered_and_taken_back_by_the_people_it_needs(
    browser: Browser, address: str, installation: App, planted: str
) -> None:
    store = installation.store
    supervisor = Visitor(browser, address)
    supervisor.sign_in("supervisor", f"/write_offs?write_off_case_id={planted}")
    page = supervisor.page
    see(page.get_by_role("heading", name="Write-offs"))
    page.get_by_label("Approval document").fill("HX-2026-021")
    pick(page, "record of recourse", "recourse_done.pdf")
    pick(page, "judgment or end of enforcement", "legal_steps.pdf")
    page.get_by_label("Reason", exact=True).fill("enforcement ended without result")
    page.get_by_role("button", name="Ask for the write-off").dblclick()  # twice is once
    see(page.get_by_text("Finance and a manager decide on it"))
    assert the_write_off(installation, planted).state is WriteOffState.REQUESTED

    decide(browser, address, "finance", "write off a claim")
    assert the_write_off(installation, planted).state is WriteOffState.IN_APPROVAL
    assert sum(stands(store, planted).book.values()) == 100_000
    decide(browser, address, "manager", "write off a claim")
    one = the_write_off(installation, planted)
    assert (one.state, one.booked_minor) == (WriteOffState.BOOKED, 100_000)
    assert now_is(store, planted).state is CaseState.WRITTEN_OFF

    paid(store, planted, 25_000, day_of(installation.clock.now()))
    supervisor.go(f"/write_offs?write_offs_tab=ledger&write_off_id={one.write_off_id}")
    see(page.get_by_role("heading", name="partly recovered"))
    see(page.get_by_role("definition").filter(has_text="750.00 CNY"))
    page.get_by_text("Reverse the write-off").click()
    page.get_by_label("Reason", exact=True).fill("the debtor's heirs pay after all")
    page.get_by_role("button", name="Ask for the reversal").click()
    see(page.get_by_text("A manager decides on it"))
    assert the_write_off(installation, planted).state is WriteOffState.PARTLY_RECOVERED

    decide(browser, address, "manager", "reverse a write-off")
    state = stands(store, planted)
    assert the_write_off(installation, planted).state is WriteOffState.REVERSED
    assert (sum(state.book.values()), sum(state.memo.values())) == (75_000, 0)
    assert now_is(store, planted).state is CaseState.TO_ASSIGN
    supervisor.go(f"/write_offs?write_offs_tab=ledger&write_off_id={one.write_off_id}")
    see(page.get_by_role("heading", name="reversed"))
    assert supervisor.outside == []
    assert supervisor.blocked == []
