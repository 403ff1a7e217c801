"""Journey (d): an export of many cases needs approval, arrives watermarked and masked, and its link dies."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from ops_app.bootstrap import App
from ops_app.domain.organisation.exports import MOST_FETCHES
from tests.journeys.conftest import Visitor
from tests.services.casework.casebook import a_debtor, a_spell, taken_in

pytestmark = pytest.mark.browser
ROWS_WITHOUT_APPROVAL = 1_000
NUMBER = r"X\d{8}-[0-9A-F]{8}"
CASES = ROWS_WITHOUT_APPROVAL + 50
LIST = "/cases?cases_view=in_house&lang=en"
REASON = "figures for the monthly review"
FORMULA = "=cmd|'/C calc'!A0"


@pytest.fixture(scope="module")
def many_cases(installation: App) -> None:
    """More cases than leave at a press; one product is called as a formula."""
    numbers = range(1, CASES + 1)
    taken_in(
        installation.store,
        installation.settings.evidence,
        *(a_spell(n, product_code=FORMULA if n == 1 else "p2p_loan") for n in numbers),
        debtors=[a_debtor(n) for n in numbers],
        now=datetime.now(UTC),
    )


def press_in_export(visitor: Visitor, label: str) -> None:
    """Open the list's export box, say why, press."""
    visitor.go(LIST)
    page = visitor.page
    page.get_by_role("button", name="Export").first.click()
    reason = page.get_by_label("What the rows are for (kept in the log)")
    if reason.is_visible():
        reason.fill(REASON)
        reason.press("Enter")
        visitor.settle()
    if not page.get_by_role("button", name=label).is_visible():
        page.get_by_role("button", name="Export").first.click()
    page.get_by_role("button", name=label).click()
    visitor.settle()


@pytest.mark.usefixtures("many_cases")
def test_many_cases_leave_approved_watermarked_masked_and_by_a_link_that_dies(
    visitor: Visitor, browser: Browser, address: str
) -> None:
    page = visitor.page
    visitor.sign_in("supervisor", LIST)
    press_in_export(visitor, "Ask for a CSV file")
    expect(page.get_by_text("Asked. Once somebody else has approved it")).to_be_visible()
    visitor.go("/exports?lang=en")
    expect(page.locator("body")).to_contain_text(re.compile(NUMBER), timeout=30_000)
    number = re.search(NUMBER, page.content())
    assert number
    assert "/api/v1/exports/" not in page.content()  # no link before the approval

    manager = Visitor(browser, address)
    manager.sign_in("manager", "/approvals?lang=en")
    box = manager.page.get_by_role("combobox", name="Open a request").first
    box.click()
    manager.page.get_by_role("option").nth(1).click()
    manager.settle()
    expect(manager.page.get_by_text(number[0]).filter(visible=True).first).to_be_visible()
    assert REASON in manager.text()
    manager.page.get_by_role("button", name="Approve and carry out").click()
    manager.settle()

    press_in_export(visitor, "Make the approved CSV file")
    expect(page.get_by_text("The file was made.")).to_be_visible()
    visitor.go("/exports?lang=en")
    with page.expect_download() as begun:
        page.get_by_role("link", name=re.compile("^Fetch ")).click()
    assert number[0] in begun.value.suggested_filename
    data = begun.value.path().read_bytes()
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert len(rows) == CASES + 1
    names = rows[0]
    for row in rows[1:]:
        assert number[0] in row[-1]
        assert "Chen Jing" in row[-1]
        assert row[names.index("Debtor")] == "王**"
    assert sum("'" + FORMULA in row for row in rows) == 1
    assert not any(cell == FORMULA for row in rows for cell in row)

    link = str(page.get_by_role("link", name=re.compile("^Fetch ")).get_attribute("href"))
    foreign = manager.context.request.get(address + link)
    missing = visitor.context.request.get(f"{address}/api/v1/exports/{'0' * 32}/file")
    assert (foreign.status, foreign.body()) == (missing.status, missing.body()) == (404, missing.body())
    for _ in range(MOST_FETCHES - 1):
        assert visitor.context.request.get(address + link).status == 200
    dead = visitor.context.request.get(address + link)
    assert (dead.status, dead.body()) == (404, missing.body())
    visitor.go("/exports?lang=en")
    assert link not in page.content()
    manager.context.close()
