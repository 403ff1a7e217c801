"""The repayment-audit desk of four sides: ages, proof sheet, breaks of reports and claims, merging, reversal."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.ledger.breaks import BreakKind, BreakMove, BreakState, Leg
from ops_app.domain.ledger.claims import Finding
from ops_app.domain.ledger.proof import SheetRow
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.ledger import reconciliation as desk
from ops_app.services.ledger.reconciliation_runs import FoundBreak, apply_run
from ops_app.services.ledger.repayments import record_payments
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.consoles.planted import DAY, found_break
from tests.services.casework import casebook
from tests.services.casework.asking import PDF, ask
from tests.services.ledger.people import a_repayment, data_is_current


def told(kind: BreakKind, amount: int, **other: Any) -> FoundBreak:
    report = {"agency_code": "AG01", "payment_id": "R-77", "amount_minor": amount, "currency": "CNY", "remitted": False}
    values: dict[str, Any] = {
        "break_id": kind.value.ljust(64, "0"), "kind": kind, "lender_minor": None, "bank_minor": None,
        "recorded_minor": None, "difference_minor": -amount, "payment_ids": (), "bank_line_ids": (),
        "reported_minor": amount, "report_ids": ("AG01/R-77",), "loan_id": "L0000009",
        "suggestion": {"action": "ask", "reason": "cash_not_remitted", "break_ids": [], "items": []},
        "sides": {"lender": [], "report": [report], "claim": []},
    }  # fmt: skip
    return replace(found_break(9), **values | other)


def run(app: App, *found: FoundBreak, day: date = DAY, **more: Any) -> None:
    data_is_current(app.store, day=day, now=app.clock.now())
    apply_run(SYSTEM, app.store, now=app.clock.now(), business_date=day, found=found, **more)


def a_sheet(unexplained: int) -> dict[tuple[str, str], list[SheetRow]]:
    return {
        ("SIM", "CNY"): [
            SheetRow(Leg.BANK, "lender", "", 3, 100_000),
            SheetRow(Leg.BANK, "side", "", 2, 100_000 - unexplained),
            SheetRow(Leg.BANK, "explained", "exact", 2, 0),
            SheetRow(Leg.BANK, "unexplained", "unmatched_lender", 1, unexplained),
            SheetRow(Leg.REPORT, "side", "", 1, 4_321),
            SheetRow(Leg.REPORT, "unexplained", "not_remitted", 1, -4_321),
        ]
    }


def shown(at: AppTest) -> str:
    assert not at.exception, [error.value for error in at.exception]
    cells = [str(value) for frame in at.dataframe for row in frame.value.values.tolist() for value in row]
    return " ".join([words(at), *cells])


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["agency holds the cash", "unexplained", "432.10", "explained", "Explained and unexplained add up"]),
        ("zh", ["机构代收未划付", "未说明", "已说明", "已说明与未说明之和等于全部差额"]),
    ],
)
def test_the_proof_sheet_shows_four_sides_and_how_every_difference_is_explained(
    app: App, open_page: OpenPage, language: str, said: list[str]
) -> None:
    run(app, sheets=a_sheet(43_210))
    text = shown(open_page("repayment_audit", Role.FINANCE, query={"audit_tab": "proof"}, language=language))
    for one in said:
        assert one in text


def test_an_earlier_day_is_chosen_by_its_date_and_said_to_be_closed(app: App, open_page: OpenPage) -> None:
    run(app, sheets=a_sheet(43_210))
    run(app, sheets=a_sheet(1_100), day=DAY + timedelta(days=1))
    query = {"audit_tab": "proof", "proof_day": DAY.isoformat()}
    text = shown(open_page("repayment_audit", Role.AUDITOR, query=query))
    assert "432.10" in text
    assert "is closed" in text
    newest = shown(open_page("repayment_audit", Role.MANAGER, query={"audit_tab": "proof"}))
    assert "11.00" in newest
    assert "-421.10" in newest.replace("−", "-")
    query["proof_day"] = "2020-01-01"
    assert "There is no sheet for" in words(open_page("repayment_audit", Role.SUPERVISOR, query=query))


def test_before_any_run_the_proof_and_the_ages_say_so(open_page: OpenPage) -> None:
    at = open_page("repayment_audit", Role.FINANCE, query={"audit_tab": "proof"})
    assert "No day has been reconciled yet" in words(at)
    at = open_page("repayment_audit", Role.SUPERVISOR, query={"audit_tab": "ages"})
    assert "No difference is waiting" in words(at)


@pytest.mark.parametrize(("language", "total"), [("en", "Total"), ("zh", "合计")])
def test_ages_stand_by_kind_and_band_with_totals_and_owners(
    app: App, open_page: OpenPage, language: str, total: str
) -> None:
    run(app, found_break(1), day=DAY - timedelta(days=7))
    run(app, found_break(1), told(BreakKind.NOT_REMITTED, 4_321))
    at = open_page("repayment_audit", Role.FINANCE, query={"audit_tab": "ages"}, language=language)
    text = shown(at)
    assert "1 · 1,500.00" in text
    assert "2 · 1,543.21" in text
    assert total in text
    pivot = at.dataframe[0].value
    assert list(pivot["currency"]) == ["CNY"] * 3


def test_a_break_of_a_report_shows_its_two_sides_and_that_the_cash_was_kept(app: App, open_page: OpenPage) -> None:
    one = told(BreakKind.NOT_REMITTED, 4_321)
    run(app, one)
    text = shown(open_page("repayment_audit", Role.SUPERVISOR, query={"breaks_id": one.break_id}))
    for said in ("R-77", "AG01", "Agency's report", "The lender reports no payment.", "passed on"):
        assert said in text
    assert "There is no bank line." not in text
    assert "supervisor" in text.lower()


def test_the_voucher_of_a_claim_is_opened_from_its_break_and_the_claim_says_how_it_stands(
    app: App, open_page: OpenPage
) -> None:
    now = app.clock.now()
    case = casebook.some_cases(app.store, app.settings.evidence, 1)[0]
    caller = casebook.a_collector(app.store, "mei", None, Role.ALLOCATION)
    paid = (now - timedelta(days=2)).date().isoformat()
    claim = ask(app.store, app.settings.evidence, caller, case, CaseRequestKind.PAYMENT_CONFIRMATION, now=now,
                files=(PDF,), paid_date=paid)  # fmt: skip
    one = told(BreakKind.CLAIM_WITHOUT_PAYMENT, 12_345, reported_minor=None, report_ids=(), claimed_minor=12_345,
               claim_ids=(claim,), sides={"lender": [], "report": [], "claim": []})  # fmt: skip
    run(app, one, claims=[Finding(claim, "broken", None, one.break_id, "no_payment_of_claim", DAY)])
    at = open_page("repayment_audit", Role.FINANCE, query={"breaks_id": one.break_id})
    text = shown(at)
    assert f"/api/v1/case-requests/{claim}/files/" in text
    assert "income proof.pdf" in text
    at = open_page("requests", Role.SUPERVISOR, query={"requests_id": claim})
    text = shown(at)
    assert "waiting for the payment" in text
    assert "No payment of this loan and amount came near the day." in text


def test_a_reversal_is_asked_for_on_the_page_and_the_break_is_parked(
    app: App, open_page: OpenPage, signed_in: SignedInAs
) -> None:
    one = found_break(1)
    run(app, one)
    payment = a_repayment(one.payment_ids[0], 150_000)
    record_payments(SYSTEM, app.store, now=app.clock.now(), rows=[payment], business_date=DAY, origin="file")
    at = open_page("repayment_audit", Role.SUPERVISOR, query={"breaks_id": one.break_id})
    move = next(it for it in at.segmented_control if (it.key or "").startswith("move_"))
    move.set_value(BreakMove.REVERSE.value).run()
    at.text_area[0].set_value("entered for the wrong loan")
    at.form_submit_button[0].click().run()
    assert not at.exception
    assert "Asked for" in at.success[0].value
    _, auditor = signed_in(Role.AUDITOR)
    found = desk.read_break(auditor, app.store, now=app.clock.now(), break_id=one.break_id)
    assert found.item.state is BreakState.PARKED


def test_a_difference_past_its_limit_waits_for_the_manager(app: App, open_page: OpenPage) -> None:
    run(app, found_break(1), day=DAY - timedelta(days=10))
    run(app, found_break(1))
    at = open_page("todo", Role.MANAGER)
    assert "Break past its limit" in words(at)
    late = open_page("repayment_audit", Role.AUDITOR, query={"breaks_late": "late"})
    assert "1–1 of 1" in words(late)
