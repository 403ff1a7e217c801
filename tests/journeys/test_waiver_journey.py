"""A waiver that lapses, in real browsers: tried out, asked for, granted at the desk of audit, not paid, shown."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ops_app.bootstrap import App
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.agreements import AgreementState, LapseReason
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.request_reading import CaseRequestFilter, list_case_requests
from ops_app.services.ledger.agreement_judging import judge_agreements
from ops_app.services.ledger.agreement_reading import agreements_of_case
from ops_app.services.ledger.journal import post
from tests.journeys.conftest import Visitor, see
from tests.journeys.test_requests_journey import choose
from tests.services.casework.casebook import SUPERVISOR, a_collector, now_is, placed, some_cases

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def case_id(installation: App) -> str:
    """A case with the agency whose money the ledger holds."""
    app, now = installation, installation.clock.now()
    (one,) = some_cases(app.store, app.settings.evidence, 1, in_ledger=False)
    a_collector(app.store, "certified", "AG01")
    placed(app.store, "AG01", one, now=now, due_at=now + timedelta(days=30))
    case = now_is(app.store, one)
    opening = LedgerEvent(
        EventKind.OPENING, "SIM", case.loan_id, "CNY", case.as_of_date, Cause.FEED, "opening", case_id=one,
        parts={Component.PRINCIPAL: case.principal_minor},
    )  # fmt: skip
    with app.store.writing(SYSTEM, now) as transaction:
        post(transaction, [opening])
        transaction.audit("ledger.opened", "case", one)
    return one


def test_a_waiver_that_is_not_paid_by_its_day_lapses_and_everybody_sees_why(
    visitor: Visitor, browser: Browser, address: str, installation: App, case_id: str, tmp_path: Path
) -> None:
    app = installation
    proof = tmp_path / "收入证明.pdf"
    proof.write_bytes(b"%PDF-1.7 proof of income")
    page = visitor.page
    visitor.sign_in("agency_supervisor", f"/agency_cases?case_id={case_id}&case_tab=requests")
    page.get_by_text("提交申请", exact=True).first.click()
    page.wait_for_timeout(800)  # it opens slowly, and a list that opened meanwhile would close again
    choose(page, "申请类型", "减免")
    visitor.settle()
    choose(page, "减免原因", "经济困难")
    page.get_by_label("减免本金（CNY）").fill("600.00")
    page.get_by_label("债务人还款金额（CNY）").fill("400.00")
    day = (app.clock.now() + timedelta(days=5)).date()
    page.get_by_role("spinbutton", name=re.compile("年, 还款期限|year, 还款期限")).first.click()
    page.keyboard.type(f"{day:%Y%m%d}")
    page.get_by_role("textbox", name="理由").last.fill("债务人失业，愿一次性还款")
    page.locator("input[type=file]").set_input_files(str(proof))
    see(page.get_by_text("收入证明.pdf"))
    page.get_by_role("button", name="试算").click()
    see(page.get_by_text("剩余应还"))
    page.get_by_role("button", name="提交申请", exact=True).click()
    see(page.get_by_text("已提交，可在此跟进"))
    wanted = CaseRequestFilter(kinds=frozenset({CaseRequestKind.WAIVER}), case_id=case_id)
    (one,) = list_case_requests(SUPERVISOR, app.store, now=app.clock.now(), wanted=wanted).rows

    auditor = Visitor(browser, address)
    auditor.sign_in("supervisor", f"/waiver_audit?waiver_audit_id={one.case_request_id}")
    warned = auditor.page.get_by_role("alert").filter(has_text="principal would be waived")
    see(warned)
    see(auditor.page.get_by_text("Limits", exact=True))
    auditor.page.get_by_role("textbox", name="Reason").first.fill("Proof is good")
    auditor.page.get_by_role("button", name="Approve and carry out", exact=True).click()
    see(auditor.page.get_by_text("approved and carried out"))

    over = day + timedelta(days=4)  # the grace of three days is over
    assert judge_agreements(SYSTEM, app.store, now=app.clock.now(), as_of=over).lapsed == 1
    (agreed,) = agreements_of_case(SUPERVISOR, app.store, now=app.clock.now(), case_id=case_id)
    assert (agreed.state, agreed.lapse_reason) == (AgreementState.LAPSED, LapseReason.BROKEN)

    visitor.go("/todo")
    see(page.get_by_text("未按约还款，已失效"))
    visitor.go(f"/agency_cases?case_id={case_id}&case_tab=agreements")
    kept = page.locator("[data-testid=stExpander]").filter(has_text="失效：未按约还款")
    see(kept)
    auditor.go(f"/agreements?agreements_id={one.case_request_id}")
    shown = auditor.page.locator("[data-testid=stHeading]").filter(has_text="lapsed: not paid as agreed")
    see(shown)
    assert (visitor.outside, visitor.blocked, auditor.outside, auditor.blocked) == ([], [], [], [])
    auditor.context.close()
