"""Reports of agencies and claims of collectors through a whole run: from the raw feed and the store to the desk."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.ledger.breaks import BreakKind, BreakState, Leg
from ops_app.domain.ledger.claims import ClaimState
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.claims import claim_standings
from ops_app.services.ledger.proof_sheets import read_proof
from ops_app.services.ledger.reconciliation import Break, list_breaks, read_break, reject_break
from pipelines.reconcile import reconcile
from pipelines.warehouse import Warehouse
from tests.pipelines.raw_rows import DAY, Raw
from tests.services.casework import casebook
from tests.services.casework.asking import ask
from tests.services.ledger.people import NOW, data_is_current
from tests.services.organisation.approving import a_person

LATER = DAY + timedelta(days=3)


@pytest.fixture
def told(raw: Raw) -> Raw:
    """A lender that speaks from before ``DAY`` up to ``LATER``."""
    raw.loan("L1")
    raw.payment("FIRST", 1, loan_id="OTHER", day=DAY - timedelta(days=9), file="f0")
    raw.payment("LAST", 1, loan_id="OTHER", day=LATER, file="f9")
    return raw


def a_report(raw: Raw, payment_id: str, amount: int, **other: Any) -> None:
    day = other.pop("day", DAY)
    raw.add("agency_payments", other.pop("file", f"a{day}"), **{
        "agency_code": "AG01", "payment_id": payment_id, "loan_id": "L1", "paid_at": f"{day} 04:00:00",
        "amount_minor": amount, "currency": "CNY", "remitted": True, "file_date": day,
    } | other)  # fmt: skip


def found(house: App, kind: BreakKind) -> Break:
    (one,) = [one for one in list_breaks(SYSTEM, house.store, now=NOW).rows if one.kind is kind]
    return one


def test_reports_are_held_against_payments_and_the_desk_shows_what_each_side_says(
    house: App, warehouse: Warehouse, told: Raw
):
    told.payment("P1", 100)
    a_report(told, "P1", 100)
    a_report(told, "GHOST", 700, remitted=True)
    done = reconcile(warehouse, house, LATER)
    assert done.balanced
    one = found(house, BreakKind.REPORT_WITHOUT_PAYMENT)
    assert (one.reported_minor, one.report_ids, one.loan_id) == (700, ("AG01/GHOST",), "L1")
    (shown,) = read_break(SYSTEM, house.store, now=NOW, break_id=one.break_id).item.sides["report"]
    assert (shown["payment_id"], shown["remitted"]) == ("GHOST", True)


def test_a_run_again_leaves_the_same_sheet_and_the_next_day_does_not_touch_it(
    house: App, warehouse: Warehouse, told: Raw
):
    told.payment("P1", 100, loan_id="L2")
    a_report(told, "GHOST", 700)
    reconcile(warehouse, house, LATER)
    (sheet,) = read_proof(SYSTEM, house.store, now=NOW, business_date=LATER).sheets
    assert all(leg.is_proven for leg in sheet.legs())
    assert {leg.leg: leg.unexplained_minor for leg in sheet.legs()}[Leg.REPORT] == -700
    reconcile(warehouse, house, LATER)
    told.payment("P2", 50, day=LATER + timedelta(days=1), file="f10")
    reconcile(warehouse, house, LATER + timedelta(days=1))
    proof = read_proof(SYSTEM, house.store, now=NOW, business_date=LATER)
    assert (proof.sheets, proof.is_closed) == ((sheet,), True)


def test_two_installations_that_are_given_the_same_make_the_same_bytes(tmp_path: Path, house: App, told: Raw):
    told.payment("P1", 100, loan_id="L2")
    a_report(told, "GHOST", 700)
    reconcile(told.warehouse, house, LATER)
    (sheet,) = read_proof(SYSTEM, house.store, now=NOW, business_date=LATER).sheets
    other = open_app(Settings.load(home=tmp_path / "other", ops_url=""))
    try:
        reconcile(told.warehouse, other, LATER)
        (again,) = read_proof(SYSTEM, other.store, now=NOW, business_date=LATER).sheets
    finally:
        other.close()
    assert (again.content_hash, again.rows) == (sheet.content_hash, sheet.rows)


def test_a_lender_that_tells_of_placements_and_reports_is_asked_for_what_was_left_out(
    house: App, warehouse: Warehouse, told: Raw
):
    told.payment("P1", 100)
    told.add("placements", "p1", placement_id="X1", loan_id="L1", agency_code="AG01",
             placed_date=DAY - timedelta(days=5), currency="CNY")  # fmt: skip
    for day in (DAY, LATER):
        a_report(told, f"Z{day}", 1, loan_id="OTHER", day=day)
    reconcile(warehouse, house, LATER)
    assert found(house, BreakKind.PAYMENT_NOT_REPORTED).payment_ids == ("P1",)
    a_report(told, "P1", 100, day=DAY, file="late", file_date=LATER + timedelta(days=1))
    told.payment("LAST2", 1, loan_id="OTHER", day=LATER + timedelta(days=1), file="f11")
    reconcile(warehouse, house, LATER + timedelta(days=1))
    kinds = {one.kind for one in list_breaks(SYSTEM, house.store, now=NOW).rows}
    assert BreakKind.PAYMENT_NOT_REPORTED not in kinds


def test_a_claim_is_confirmed_by_the_payment_and_a_rejected_one_stays_rejected(
    house: App, warehouse: Warehouse, raw: Raw
):
    now = casebook.NOW
    day = now.date()
    cases = casebook.some_cases(house.store, house.settings.evidence, 2)
    one = casebook.now_is(house.store, cases[0])
    caller = casebook.a_collector(house.store, "mei", None, casebook.Role.ALLOCATION)
    paid = day - timedelta(days=4)
    asked = [
        ask(house.store, house.settings.evidence, caller, case, CaseRequestKind.PAYMENT_CONFIRMATION,
            paid_date=paid.isoformat(), paid_minor=minor)
        for case, minor in zip(cases, (12_345, 67_890), strict=True)
    ]  # fmt: skip
    for case in cases:
        raw.loan(casebook.now_is(house.store, case).loan_id)
    raw.payment("P1", 12_345, loan_id=one.loan_id, day=paid, file="f1")
    raw.payment("LAST", 1, loan_id="OTHER", day=day, file="f2")
    raw.payment("FIRST", 1, loan_id="OTHER", day=paid - timedelta(days=9), file="f3")
    assert one.source_code == "SIM"
    reconcile(warehouse, house, day)
    stands = claim_standings(caller, house.store, now=now, claim_ids=asked)
    assert (stands[asked[0]].state, stands[asked[0]].confirmed_by) == (ClaimState.CONFIRMED, "p:P1")
    assert stands[asked[1]].reason == "no_payment_of_claim"
    broken = found(house, BreakKind.CLAIM_WITHOUT_PAYMENT)
    data_is_current(house.store, day=day, now=now)
    reject_break(a_person(house.store, "Sun"), house.store, now=now, break_id=broken.break_id, expected_version=1,
                 reason="the receipt is of another loan", key="k")  # fmt: skip
    reconcile(warehouse, house, day)
    after = claim_standings(caller, house.store, now=now, claim_ids=asked)[asked[1]]
    assert (after.state, after.said) == (ClaimState.REJECTED, "the receipt is of another loan")
    assert read_break(SYSTEM, house.store, now=now, break_id=broken.break_id).item.state is BreakState.REJECTED
