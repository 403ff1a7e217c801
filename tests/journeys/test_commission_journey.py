"""A collector's claim with its voucher, decided by audit, on its case, on a line of commission, disputed by the agency,
approved by a second person of finance, locked and paid: to the cent on every page and in the store."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ops_app.bootstrap import App
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.breaks import BreakKind
from ops_app.domain.ledger.claims import ClaimState, Finding
from ops_app.domain.ledger.settlements import SettlementState
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.casework.request_reading import CaseRequestFilter, list_case_requests
from ops_app.services.ledger.claims import claim_standings
from ops_app.services.ledger.reconciliation_runs import apply_run
from ops_app.services.ledger.repayments import record_payments
from ops_app.services.organisation.demo_people import demo_password
from ops_app.services.organisation.hashing import hash_password
from ops_app.services.organisation.people import enter_person, new_person
from ops_app.store.ledger import commissions, journal
from ops_app.store.ledger.commissions import CommissionLine, Settlement
from ops_app.store.organisation import agency_people
from ops_app.store.zone import day_of
from tests.journeys.conftest import Visitor, see
from tests.journeys.test_placement_journey import pick
from tests.journeys.test_requests_journey import actor_of, choose
from tests.services.casework.casebook import SUPERVISOR, an_agency, assigned, now_is
from tests.services.ledger.commissioning import House, a_house, green
from tests.services.ledger.people import a_break, a_repayment, data_is_current

pytestmark = pytest.mark.browser

PAID = date(2026, 11, 25)
CLAIMED, CAME = 36_000, 36_050
"""What the collector was told, and what the lender got: the debtor rounded."""
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def house(installation: App) -> House:
    """Two cases with the agency under a contract of a fifth, one of them its collector's; finance has two persons."""
    app, now = installation, installation.clock.now()
    second = replace(new_person(now, "finance_2", "Tang Yi 唐仪", Role.FINANCE, None, "en"), must_change_password=False)
    caller = actor_of(app, "agency_collector")
    an_agency(app.store, "AG01")
    with app.store.writing(SYSTEM, now) as transaction:
        enter_person(transaction, second, hash_password(demo_password("finance_2")))
        expires = day_of(now) + timedelta(days=900)
        agency_people.add_certificate(transaction, "AG01", caller.person_id, "collector", "AG01-CALLER", expires)
        transaction.audit("agency.certificate_recorded", "agency", "AG01")
    made = a_house(app.store, app.settings.evidence, cases=2)
    assigned(app.store, actor_of(app, "agency_supervisor"), caller, made.ids[0], now=now)
    return made


def visit(browser: Browser, address: str, name: str, path: str) -> Visitor:
    made = Visitor(browser, address)
    made.sign_in(name, path)
    return made


def type_day(page: Page, label: str, day: date) -> None:
    page.get_by_role("spinbutton", name=re.compile(rf"^(year|年), {label}$")).first.click()
    page.keyboard.type(f"{day:%Y%m%d}")
    page.keyboard.press("Escape")  # the calendar lies over what comes next


def press(page: Page, name: str) -> None:
    """Once: where the form goes with the act, a second press draws the page anew and the sentence is gone."""
    page.get_by_role("button", name=name, exact=True).first.click()


def the_claim(app: App, case_id: str) -> str:
    wanted = CaseRequestFilter(kinds=frozenset({CaseRequestKind.PAYMENT_CONFIRMATION}), case_id=case_id)
    (one,) = list_case_requests(SUPERVISOR, app.store, now=app.clock.now(), wanted=wanted).rows
    assert (one.amount_minor, one.currency) == (CLAIMED, "CNY")
    return one.case_request_id


def the_settlement(app: App) -> tuple[Settlement, list[CommissionLine]]:
    with app.store.reading() as connection:
        one = commissions.last_settlement(connection, "AG01", "CNY")
        assert one is not None
        return one, commissions.lines_of(connection, one.settlement_id)


def reconciled(app: App, claim_id: str) -> str:
    """The lender's payment comes in and is posted, and the run finds that the claim says less; the break."""
    now = app.clock.now()
    moment = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
    came = a_repayment("P360", CAME, loan_id="L1", value_date=PAID, paid_at=moment, reference="TRF-360")
    record_payments(SYSTEM, app.store, now=now, rows=[came], business_date=day_of(now))
    data_is_current(app.store, day=PAID, now=now)
    one = replace(
        a_break(BreakKind.CLAIM_DIFFERS, CAME - CLAIMED, payments=("P360",), value_date=PAID),
        loan_id="L1", lender_minor=CAME, claimed_minor=CLAIMED, claim_ids=(claim_id,),
        sides={
            "lender": [{"payment_id": "P360", "loan_id": "L1", "amount_minor": CAME, "currency": "CNY"}],
            "claim": [{"claim_id": claim_id, "loan_id": "L1", "amount_minor": CLAIMED, "currency": "CNY"}],
        },
    )  # fmt: skip
    finding = Finding(claim_id, "broken", None, one.break_id, "amount_of_claim", PAID)
    apply_run(SYSTEM, app.store, now=now, business_date=PAID, found=[one], claims=[finding])
    return one.break_id


def claims_it(browser: Browser, address: str, case_id: str, voucher: Path) -> None:
    """The collector asks, in her language, for the confirmation of a payment, with its picture."""
    caller = visit(browser, address, "agency_collector", f"/my_cases?case_id={case_id}&case_tab=requests")
    page = caller.page
    page.get_by_text("提交申请", exact=True).first.click()
    page.wait_for_timeout(800)  # it opens slowly, and a list that opened meanwhile would close again
    choose(page, "申请类型", "还款确认")
    caller.settle()
    page.get_by_label("还款金额（CNY）").fill("360.00")
    type_day(page, "还款日期", PAID)
    choose(page, "还款渠道", "银行转账")
    page.get_by_label("凭证号").fill("TRF-360")
    page.get_by_role("textbox", name="理由").last.fill("债务人已转账，见凭证")
    page.locator("input[type=file]").set_input_files(str(voucher))
    see(page.get_by_text(voucher.name))
    press(page, "提交申请")
    see(page.get_by_text("已提交，可在此跟进"))
    assert caller.outside == []
    caller.context.close()


def audits_it(browser: Browser, address: str, break_id: str) -> None:
    """The supervisor looks at both sides and the picture, and puts them together with the half unit."""
    supervisor = visit(browser, address, "supervisor", f"/repayment_audit?breaks_id={break_id}")
    page = supervisor.page
    for amount in ("360.00", "360.50", "0.50"):
        see(page.get_by_text(amount))
    link = page.get_by_role("link", name="转账凭证.png")
    see(link)
    assert supervisor.context.request.get(address + str(link.get_attribute("href"))).body() == PICTURE
    supervisor.mark("match")
    page.get_by_text("Accept the remaining difference").click()
    page.get_by_label("Reason", exact=True).fill("the voucher says 360.50; the collector rounded")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").first.dblclick()
    see(page.get_by_text("Decided. The break is now: matched"))
    supervisor.context.close()


def settles_it(browser: Browser, address: str, app: App) -> Visitor:
    """Finance opens the period, sees the line with its cash and fee, and presents it."""
    finance = visit(browser, address, "finance", "/commission")
    page = finance.page
    page.get_by_text("Open the next period").click()
    pick(page, "Agency", "AG01")
    type_day(page, "From", PAID.replace(day=1))
    type_day(page, "To", PAID)
    press(page, "Open and reckon")
    see(page.get_by_text("Opened with 1 lines."))
    one, _ = the_settlement(app)
    finance.go(f"/commission?settlements_id={one.settlement_id}")
    for amount in ("72.10 CNY", "4.33 CNY", "76.43 CNY"):  # a fifth of 360.50, its tax of 6 %, both
        see(page.get_by_role("definition").filter(has_text=amount))
    press(page, "Present to the agency")
    see(page.get_by_text("The agency has it to confirm."))
    return finance


def disputes_it(browser: Browser, address: str, settlement_id: str) -> Visitor:
    """The agency finds its statement among its to-dos and disputes the line."""
    agency = visit(browser, address, "agency_supervisor", "/todo")
    page = agency.page
    see(page.get_by_role("link", name=re.compile("待确认")))
    page.get_by_role("link", name=re.compile("待确认")).first.click()
    agency.settle()
    assert settlement_id in page.url
    see(page.get_by_role("definition").filter(has_text="72.10"))
    page.get_by_text("提出异议", exact=True).first.click()
    pick(page, "行号", "1")
    page.get_by_label("理由", exact=True).first.fill("约定费率为 20.3%")
    page.get_by_role("button", name="提出异议", exact=True).click()
    see(page.get_by_text("异议已登记"))
    return agency


def test_a_claim_becomes_a_payment_a_line_a_disputed_statement_and_a_paid_invoice(
    browser: Browser, address: str, installation: App, house: House, tmp_path: Path
) -> None:
    app, case_id = installation, house.ids[0]
    voucher = tmp_path / "转账凭证.png"
    voucher.write_bytes(PICTURE)
    claims_it(browser, address, case_id, voucher)
    claim_id = the_claim(app, case_id)
    audits_it(browser, address, reconciled(app, claim_id))
    standing = claim_standings(SUPERVISOR, app.store, now=app.clock.now(), claim_ids=[claim_id])[claim_id]
    assert standing.state is ClaimState.CONFIRMED
    assert now_is(app.store, case_id).balance_minor == 100_001 - CAME
    with app.store.reading() as connection:
        assert journal.positions(connection, [case_id])[case_id].book[Component.PRINCIPAL] == 100_000 - CAME

    finance = settles_it(browser, address, app)
    one, lines = the_settlement(app)
    assert [(it.payment_id, it.base_minor, it.fee_minor, it.rate_ppm) for it in lines] == [
        ("P360", CAME, 7_210, 200_000)
    ]
    assert one.state is SettlementState.PRESENTED

    other = visit(browser, address, "agency_supervisor_2", f"/agency_commission?settlements_id={one.settlement_id}")
    see(other.page.get_by_text("尚无提交本机构的结算单"))
    assert not any(said in other.page.content() for said in ("72.10", "360.50", one.number, "P360"))
    other.context.close()

    agency = disputes_it(browser, address, one.settlement_id)
    finance.go(f"/commission?settlements_id={one.settlement_id}")
    page = finance.page
    see(page.get_by_text("约定费率为 20.3%"))
    pick(page, "Decision", "accepted")
    page.get_by_label("Correction of the fee (with its sign)").fill("1.08")
    page.get_by_label("Answer", exact=True).first.fill("the rate is 20.3 %")
    press(page, "Answer the dispute")
    see(page.get_by_text("The dispute is answered."))
    see(page.get_by_text("Every dispute is answered."))
    page.get_by_text("Take back to the draft").first.click()
    page.get_by_label("Reason", exact=True).first.fill("the fee of line 1 is corrected")
    press(page, "Take back to the draft")
    see(page.get_by_text("It is a draft again."))
    press(page, "Present to the agency")
    see(page.get_by_text("The agency has it to confirm."))
    agency.go(f"/agency_commission?settlements_id={one.settlement_id}")
    see(agency.page.get_by_role("definition").filter(has_text="73.18"))
    agency.page.get_by_role("button", name="确认结算单", exact=True).click()
    see(agency.page.get_by_role("definition").filter(has_text="机构已确认"))
    assert [it.fee_minor for it in the_settlement(app)[1]] == [7_210, 108]

    green(house, now=app.clock.now())
    finance.go(f"/commission?settlements_id={one.settlement_id}")
    page.get_by_label("Reason", exact=True).last.fill("November is complete")
    press(page, "Ask for approval and lock")
    see(page.get_by_text("The request waits for approval."))
    assert the_settlement(app)[0].state is SettlementState.CONFIRMED
    second = visit(browser, address, "finance_2", "/approvals")
    expect(second.page.get_by_text("lock a commission statement").first).to_be_attached()
    pick(second.page, "Open a request", "lock a commission statement")
    second.settle()
    second.page.get_by_test_id("stFormSubmitButton").get_by_role("button").first.dblclick()
    see(second.page.get_by_text("The request is now"))
    locked = the_settlement(app)[0]
    assert (locked.state, locked.due_minor) == (SettlementState.LOCKED, 7_757)  # 73.18 and 4.39 of tax

    finance.go(f"/commission?settlements_id={one.settlement_id}")
    page.get_by_label("Invoice number").fill("FP-2026-0011")
    page.get_by_label("Invoice amount with tax").fill("77.56")
    press(page, "Enter the payment")
    see(page.get_by_text("The invoice must be of exactly 77.57 CNY, tax included."))
    assert the_settlement(app)[0].state is SettlementState.LOCKED
    page.get_by_label("Invoice amount with tax").fill("77.57")
    press(page, "Enter the payment")
    see(page.get_by_text("The payment is entered."))
    done = the_settlement(app)[0]
    assert (done.state, done.invoice_number, done.invoice_minor) == (SettlementState.PAID, "FP-2026-0011", 7_757)
    agency.go(f"/agency_commission?settlements_id={one.settlement_id}")
    see(agency.page.get_by_role("definition").filter(has_text="FP-2026-0011"))
    for person in (finance, agency, second):
        assert (person.outside, person.blocked) == ([], [])
        person.context.close()
