"""A case that stands open on a page says by itself that a payment came: the balance, and that contact is held."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.repayments import record_payments
from ops_app.store.zone import day_of
from tests.journeys.conftest import Visitor
from tests.services.casework.casebook import now_is, some_cases
from tests.services.ledger.people import a_repayment

pytestmark = pytest.mark.browser
TYPED = "half a sentence that must not"


def test_a_payment_is_seen_on_an_open_page_and_nothing_typed_is_lost(visitor: Visitor, installation: App) -> None:
    app, now = installation, installation.clock.now()
    case_id, _ = some_cases(app.store, app.settings.evidence, 2)
    visitor.sign_in("supervisor", f"/cases?case_id={case_id}")
    page = visitor.page
    owed = now_is(app.store, case_id).balance_minor
    expect(page.get_by_role("definition").filter(has_text=f"{owed / 100:,.2f} CNY").first).to_be_visible()
    expect(page.get_by_text(re.compile("held because", re.IGNORECASE))).to_have_count(0)
    page.get_by_text("Act", exact=True).first.click()
    field = page.get_by_label("Reason", exact=True).first
    field.fill(TYPED)

    came = a_repayment("P1", 12_300, loan_id="L1", value_date=day_of(now) - timedelta(days=1), paid_at=now)
    record_payments(SYSTEM, app.store, now=app.clock.now(), rows=[came], business_date=day_of(now))
    expect(page.get_by_role("definition").filter(has_text=f"{(owed - 12_300) / 100:,.2f} CNY").first).to_be_visible()
    assert field.input_value() == TYPED
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"  # where the person was typing
    page.keyboard.press("End")
    page.keyboard.type(" be lost")
    assert field.input_value() == TYPED + " be lost"
    expect(page.get_by_text("payment received, contact resumes").first).to_be_visible()
    visitor.settle()
    assert (visitor.outside, visitor.blocked) == ([], [])
