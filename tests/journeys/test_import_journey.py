"""Journey (c): a dirty GB18030 spreadsheet is previewed, corrected, applied, corrected once more, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from ops_app.bootstrap import App
from pipelines.warehouse import Warehouse
from tests.journeys.conftest import Visitor
from tests.pipelines.importing import dirty_sheet, write_template

pytestmark = pytest.mark.browser


def choose(visitor: Visitor, label: str, option: str) -> None:
    """One option of a box, by typing it, as a person at a keyboard does."""
    box = visitor.page.get_by_role("combobox", name=label).first
    box.click()
    box.fill(option)
    visitor.page.get_by_role("option").filter(has_text=option).first.click()
    visitor.settle()


WORK_MS = 240_000
"""How long the work on an import may take in its own process on a machine that does other things too."""


def submit(visitor: Visitor, label: str, said: str) -> None:
    """Press a button and wait for what it says in the end."""
    visitor.page.get_by_role("button", name=label, exact=True).click()
    expect(visitor.page.get_by_text(said).first).to_be_visible(timeout=WORK_MS)
    visitor.settle()


def rows(app: App, sql: str) -> list[tuple[object, ...]]:
    return Warehouse(app.settings.warehouse_path).query(sql)


def test_a_dirty_sheet_is_previewed_corrected_applied_replayed_and_taken_back(
    visitor: Visitor, installation: App, tmp_path: Path
) -> None:
    write_template(installation)
    sheet = tmp_path / "还款_2026-03-06.csv"
    sheet.write_bytes(dirty_sheet())
    page = visitor.page
    visitor.sign_in("operator", "/imports?lang=en")
    choose(visitor, "Template", "dirty_bank")
    expect(page.get_by_role("combobox", name="Feed").first).to_have_value("repayments")
    page.set_input_files("input[type=file]", sheet)
    expect(page.get_by_test_id("stFileUploader").get_by_text(sheet.name)).to_be_visible()
    visitor.settle()
    read = f"{sheet.name} is now: waiting for a decision"
    submit(visitor, "Upload and preview", read)

    expect(page.get_by_text("CSV GB18030")).to_be_visible()
    assert not installation.settings.warehouse_path.exists()  # a preview loads nothing
    choose(visitor, "Open a refused row", "Line 11")
    expect(page.get_by_text("Line 11:").first).to_be_visible()
    amount = page.get_by_label("amount", exact=True)
    expect(amount).to_have_value("一千二")

    amount.fill("1200.00")
    submit(visitor, "Correct and replay", "Say why, in 3 to 300 characters.")
    expect(amount).to_have_value("1200.00")  # nothing typed is lost
    page.get_by_label("Reason").first.fill("told by telephone")
    submit(visitor, "Correct and replay", read)
    applied = f"{sheet.name} is now: applied"
    submit(visitor, "Apply 9 rows", applied)
    assert rows(installation, "select count(*) from raw.repayments") == [(9,)]

    choose(visitor, "Open a refused row", "Line 12")
    expect(page.get_by_text("Line 12:").first).to_be_visible()
    page.get_by_label("value date", exact=True).fill("2026-03-05")
    page.get_by_label("Reason").first.fill("another form of date")
    submit(visitor, "Correct and replay", applied)
    assert rows(installation, "select rows_in, rows_accepted from raw.files") == [(12, 10)]

    page.get_by_text("Take this import back").first.click()
    page.get_by_label("Reason").last.fill("the wrong month was sent")
    submit(visitor, "Take this import back", f"{sheet.name} is now: reversed")
    for table in ("repayments", "files", "quarantine"):
        assert rows(installation, f"select count(*) from raw.{table}") == [(0,)]
    assert visitor.outside == []
    assert visitor.blocked == []
