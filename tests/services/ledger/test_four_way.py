"""What a run leaves of four sides: claims that follow from it, proof sheets, ages, merging, reversals."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.ledger.breaks import BreakKind, BreakMove, BreakState, Leg, SidesDisagree, WrongCounterpart
from ops_app.domain.ledger.claims import ClaimState, Finding, Standing
from ops_app.domain.ledger.proof import SheetRow, facts_of
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.ledger.ageing import LIMIT, aged_breaks
from ops_app.services.ledger.claims import claim_standings
from ops_app.services.ledger.proof_sheets import list_proof_days, read_proof
from ops_app.services.ledger.reconciliation import (
    BreakFilter,
    list_breaks,
    match_break,
    merge_breaks,
    read_break,
    reject_break,
    reopen_break,
)
from ops_app.services.ledger.reconciliation_runs import FoundBreak, apply_run, standing_decisions
from ops_app.services.ledger.repayments import record_payments
from ops_app.services.ledger.reversing import KIND, request_reversal
from ops_app.services.organisation.approvals import approve, read_request
from ops_app.store.ledger import proof_sheets, reversals
from ops_app.store.store import Store
from ops_app.store.tables import casework, four_way
from ops_app.store.tables.approvals import approval_requests
from ops_app.store.tables.organisation import audit_log
from tests.services.casework import casebook
from tests.services.casework.asking import House, ask, decide
from tests.services.ledger.people import (
    BANK,
    BANK_PART,
    BANK_REST,
    DAY,
    LENDER,
    NOW,
    a_break,
    a_repayment,
    applied,
    rows_of,
)
from tests.services.organisation.approving import a_person

WHY = "the agency said so by phone"
TOLD = replace(
    a_break(BreakKind.REPORT_WITHOUT_PAYMENT, -10_000), break_id="a" * 64, reported_minor=10_000, report_ids=("A1/X",)
)
SILENT = a_break(BreakKind.PAYMENT_NOT_REPORTED, 10_000, payments=("P7",))


def a_sheet(unexplained: int, lender: int = 100) -> dict[tuple[str, str], list[SheetRow]]:
    return {
        ("SIM", "CNY"): [
            SheetRow(Leg.BANK, "lender", "", 1, lender),
            SheetRow(Leg.BANK, "side", "", 1, lender - unexplained),
            SheetRow(Leg.BANK, "unexplained", "unmatched_lender", 1, unexplained),
        ]
    }


def run(store: Store, *found: FoundBreak, day: date = DAY, **more: object) -> object:
    return apply_run(SYSTEM, store, now=NOW, business_date=day, found=found, **more)  # type: ignore[arg-type]


# --- breaks of what was told ----------------------------------------------------------------------------------------


def test_a_report_is_matched_with_the_payment_that_was_left_out_and_the_engine_is_told(store: Store):
    applied(store, TOLD, SILENT)
    sun = a_person(store, "Sun")
    done = match_break(sun, store, now=NOW, break_id=TOLD.break_id, expected_version=1,
                       counterparts={SILENT.break_id: 1}, reason=WHY, key="k")  # fmt: skip
    assert set(done.moved) == {TOLD.break_id, SILENT.break_id}
    told = {one.break_id: one for one in standing_decisions(SYSTEM, store, now=NOW)}
    assert told[TOLD.break_id].report_ids == ("A1/X",)
    assert told[SILENT.break_id].payment_ids == ("P7",)
    assert len({one.decision_group for one in told.values()}) == 1
    assert not any(one.shared for one in told.values())


def test_sides_of_different_legs_are_not_put_together(store: Store):
    applied(store, TOLD, LENDER)
    sun = a_person(store, "Sun")
    with pytest.raises(WrongCounterpart, match="by themselves"):
        match_break(sun, store, now=NOW, break_id=TOLD.break_id, expected_version=1,
                    counterparts={LENDER.break_id: 1}, reason=WHY, key="k")  # fmt: skip


def test_several_breaks_become_one_decision_and_come_back_together(store: Store):
    applied(store, LENDER, BANK_PART, BANK_REST)
    sun = a_person(store, "Sun")
    items = {LENDER.break_id: 1, BANK_PART.break_id: 1, BANK_REST.break_id: 1}
    done = merge_breaks(sun, store, now=NOW, items=items, reason=WHY, key="k")
    assert merge_breaks(sun, store, now=NOW, items=items, reason=WHY, key="k") == done
    assert (done.state, set(done.moved)) == (BreakState.MATCHED, set(items))
    standing = standing_decisions(SYSTEM, store, now=NOW)
    assert {one.decision for one in standing} == {BreakMove.MATCH}
    assert len({one.decision_group for one in standing}) == 1
    reopen_break(sun, store, now=NOW, break_id=BANK_REST.break_id, expected_version=2, reason=WHY, key="k2")
    assert standing_decisions(SYSTEM, store, now=NOW) == []


def test_what_is_merged_adds_up_or_the_rest_is_accepted(store: Store):
    applied(store, LENDER, BANK_PART)
    sun = a_person(store, "Sun")
    items = {LENDER.break_id: 1, BANK_PART.break_id: 1}
    with pytest.raises(SidesDisagree):
        merge_breaks(sun, store, now=NOW, items=items, reason=WHY, key="k")
    assert merge_breaks(sun, store, now=NOW, items=items, reason=WHY, key="k", accept_difference=True).moved
    with pytest.raises(WrongCounterpart):
        merge_breaks(sun, store, now=NOW, items={BANK_PART.break_id: 2}, reason=WHY, key="k3")


# --- ages -----------------------------------------------------------------------------------------------------------


def test_what_stands_longer_than_its_limit_is_escalated_once_and_changes_hands(store: Store):
    applied(store, LENDER, TOLD)
    friday, monday = date(2026, 3, 13), date(2026, 3, 16)
    assert run(store, LENDER, TOLD, day=friday).escalated == 0  # type: ignore[attr-defined]
    assert run(store, LENDER, TOLD, day=monday).escalated == 2  # type: ignore[attr-defined]
    assert run(store, LENDER, TOLD, day=monday).escalated == 0  # type: ignore[attr-defined]
    one = read_break(SYSTEM, store, now=NOW, break_id=LENDER.break_id)
    assert (one.age_days, one.owner, one.item.escalated_date) == (4, Role.MANAGER, monday)
    late = list_breaks(SYSTEM, store, now=NOW, wanted=BreakFilter(escalated=True))
    assert late.total == 2


def test_each_break_is_on_a_desk_until_a_person_takes_it(store: Store):
    applied(store, LENDER, TOLD)
    assert read_break(SYSTEM, store, now=NOW, break_id=LENDER.break_id).owner is Role.FINANCE
    assert read_break(SYSTEM, store, now=NOW, break_id=TOLD.break_id).owner is Role.SUPERVISOR


def test_the_table_of_ages_counts_by_kind_and_band_in_business_days(store: Store):
    applied(store, LENDER, day=DAY - timedelta(days=6))  # Wednesday to Tuesday: four business days
    applied(store, LENDER, BANK, BANK_PART)
    found = aged_breaks(SYSTEM, store, now=NOW)
    assert [(row.kind, row.band, row.count, row.total_minor, row.escalated) for row in found.rows] == [
        (BreakKind.UNMATCHED_BANK, 0, 2, 14_000, 0),
        (BreakKind.UNMATCHED_LENDER, 2, 1, 10_000, 1),
    ]
    assert found.totals() == {(0, "CNY"): (2, 14_000), (2, "CNY"): (1, 10_000)}
    assert (found.as_of_date, found.limit_days) == (DAY, 3)
    assert LIMIT == "ledger.break_age_limit_days"


def test_a_break_that_comes_back_begins_its_age_limit_anew(store: Store):
    applied(store, LENDER)
    late = DAY + timedelta(days=8)
    run(store, LENDER, day=late)
    run(store, day=late)
    run(store, LENDER, day=late)
    assert read_break(SYSTEM, store, now=NOW, break_id=LENDER.break_id).item.state is BreakState.OPEN


# --- proof sheets ---------------------------------------------------------------------------------------------------


def test_a_day_that_is_run_again_with_the_same_figures_keeps_its_sheet_to_the_byte(store: Store):
    run(store, sheets=a_sheet(10))
    first = kept(store)
    audited = rows_of(store, audit_log)
    run(store, sheets={key: list(reversed(rows)) for key, rows in a_sheet(10).items()})
    assert kept(store) == first
    assert rows_of(store, audit_log) == audited


def test_other_figures_of_the_open_day_are_a_further_revision_and_a_closed_day_stays(store: Store):
    run(store, sheets=a_sheet(10))
    run(store, sheets=a_sheet(7))
    assert [row[3] for row in kept(store)] == [1, 2]
    (sheet,) = read_proof(SYSTEM, store, now=NOW, business_date=DAY).sheets
    assert (sheet.revision, sheet.legs()[0].unexplained_minor) == (2, 7)
    later = DAY + timedelta(days=1)
    run(store, sheets=a_sheet(3), day=later)
    proof = read_proof(SYSTEM, store, now=NOW, business_date=DAY)
    assert (proof.is_closed, proof.sheets) == (True, (sheet,))
    newest = read_proof(SYSTEM, store, now=NOW, business_date=later)
    assert (newest.is_closed, newest.moved("SIM", "CNY", Leg.BANK)) == (False, -4)
    assert list_proof_days(SYSTEM, store, now=NOW) == [later, DAY]


def test_a_book_that_has_nothing_any_more_is_shown_as_empty(store: Store):
    run(store, sheets=a_sheet(10))
    run(store, sheets={})
    (sheet,) = read_proof(SYSTEM, store, now=NOW, business_date=DAY).sheets
    assert (sheet.revision, sheet.rows) == (2, ())


def test_nobody_changes_or_removes_a_sheet(store: Store):
    run(store, sheets=a_sheet(10))
    for statement in (
        update(four_way.proof_sheets).values(rows_json="[]"),
        delete(four_way.proof_sheets),
    ):
        with pytest.raises(DBAPIError), store.writing(SYSTEM, NOW) as transaction:
            transaction.connection.execute(statement)


def kept(store: Store) -> list[tuple[object, ...]]:
    with store.reading() as connection:
        table = four_way.proof_sheets
        rows = connection.execute(select(table).order_by(table.c.business_date, table.c.revision))
        return [tuple(row)[:-1] for row in rows]


# --- claims -------------------------------------------------------------------------------------------------------


def claimed(store: Store, tmp_path: Path) -> tuple[str, Actor, House]:
    """A claim of an agency's collector on a case of theirs; its id, who made it, the house."""
    for code in ("AG01", "AG02"):
        casebook.an_agency(store, code)
    house = House(store)
    case = casebook.some_cases(store, tmp_path, 1)[0]
    casebook.placed(store, "AG01", case)
    casebook.assigned(store, house.agency, house.caller, case)
    claim = ask(store, tmp_path, house.caller, case, CaseRequestKind.PAYMENT_CONFIRMATION)
    return claim, house.caller, house


def stands(store: Store, who: Actor, claim: str) -> Standing:
    return claim_standings(who, store, now=casebook.NOW, claim_ids=[claim])[claim]


def a_finding(claim: str, state: str, **other: str | None) -> Finding:
    known: dict[str, str | None] = {"confirmed_by": None, "break_id": None, "reason": None}
    return Finding(claim, state, as_of_date=DAY, **known | other)  # type: ignore[arg-type]


def test_what_becomes_of_a_claim_follows_from_reconciliation_and_moves_no_balance(store: Store, tmp_path: Path):
    claim, caller, house = claimed(store, tmp_path)
    before = balances(store)
    assert stands(store, caller, claim) == Standing(ClaimState.WAITING, reason="not_reconciled")
    broken = replace(a_break(BreakKind.CLAIM_WITHOUT_PAYMENT, -12_345), break_id="c" * 64, claimed_minor=12_345,
                     claim_ids=(claim,))  # fmt: skip
    finding = a_finding(claim, "broken", break_id=broken.break_id, reason="no_payment_of_claim")
    applied(store)
    run(store, broken, claims=[finding])
    assert stands(store, caller, claim).reason == "no_payment_of_claim"
    assert stands(store, caller, claim).break_id is None  # a collector may not look at breaks
    assert stands(store, house.finance, claim).break_id == broken.break_id
    reject_break(house.finance, store, now=NOW, break_id=broken.break_id, expected_version=1, reason=WHY, key="k")
    told = stands(store, caller, claim)
    assert (told.state, told.said) == (ClaimState.REJECTED, WHY)
    run(store, broken, claims=[a_finding(claim, "confirmed", confirmed_by="p:P9")])
    assert stands(store, caller, claim) == Standing(ClaimState.CONFIRMED, "p:P9", as_of_date=DAY)
    assert balances(store) == before


def balances(store: Store) -> list[tuple[object, ...]]:
    with store.reading() as connection:
        table = casework.cases
        query = select(table.c.case_id, table.c.balance_minor, table.c.version).order_by(table.c.case_id)
        return [tuple(row) for row in connection.execute(query)]


def test_a_claim_is_told_to_nobody_beyond_its_reach(store: Store, tmp_path: Path):
    claim, _, house = claimed(store, tmp_path)
    assert claim_standings(house.other, store, now=casebook.NOW, claim_ids=[claim]) == {}


def test_a_claim_whose_request_was_refused_is_not_recognised(store: Store, tmp_path: Path):
    claim, caller, house = claimed(store, tmp_path)
    decide(store, house.agency, claim, "reject")
    assert stands(store, caller, claim) == Standing(ClaimState.REJECTED, reason="request_ended")


def test_findings_that_read_as_before_are_not_written_again(store: Store, tmp_path: Path):
    claim, _, _ = claimed(store, tmp_path)
    finding = a_finding(claim, "waiting", reason="lender_not_yet")
    assert run(store, claims=[finding]).claims == 1  # type: ignore[attr-defined]
    assert run(store, claims=[replace(finding, as_of_date=DAY)]).claims == 0  # type: ignore[attr-defined]
    assert run(store).claims == 0  # type: ignore[attr-defined]
    assert run(store, claims=[]).claims == 1  # type: ignore[attr-defined]
    with pytest.raises(DBAPIError), store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(
            four_way.claim_findings.insert().values(claim_id=claim, state="confirmed", as_of_date=DAY)
        )


# --- reversals ------------------------------------------------------------------------------------------------------


@pytest.fixture
def paid(store: Store) -> Store:
    applied(store, LENDER)
    record_payments(SYSTEM, store, now=NOW, rows=[a_repayment("P1", 10_000)], business_date=DAY, origin="file")
    return store


def asked(store: Store, who: Actor, key: str = "k", payment: str = "P1", version: int = 1) -> object:
    return request_reversal(
        who, store, now=NOW, break_id=LENDER.break_id, expected_version=version, payment_id=payment, reason=WHY, key=key
    )


def the_request(store: Store) -> str:
    with store.reading() as connection:
        query = select(approval_requests.c.request_id).where(approval_requests.c.kind == KIND)
        return str(connection.execute(query).scalar_one())


def test_a_reversal_is_asked_for_approved_by_two_others_and_then_ordered_without_moving_a_balance(paid: Store):
    sun = a_person(paid, "Sun")
    first = asked(paid, sun)
    assert asked(paid, sun) == first
    one = read_break(sun, paid, now=NOW, break_id=LENDER.break_id)
    assert (one.item.state, one.item.owner_id, one.reversals) == (BreakState.PARKED, sun.person_id, ())
    assert one.history[-1].decision is BreakMove.REVERSE
    request_id = the_request(paid)
    for name, role in (("Fin", Role.FINANCE), ("Man", Role.MANAGER)):
        who = a_person(paid, name, role)
        seen = read_request(who, paid, now=NOW, request_id=request_id).item
        done = approve(who, paid, now=NOW, request_id=request_id, expected_version=seen.version,
                       content_hash=seen.content_hash, key=f"a-{name}")  # fmt: skip
    assert done.state is RequestState.APPROVED
    with paid.reading() as connection:
        order = reversals.read(connection, "SIM", "P1")
    assert order is not None
    assert (order.amount_minor, order.currency, order.break_id) == (10_000, "CNY", LENDER.break_id)
    assert read_break(sun, paid, now=NOW, break_id=LENDER.break_id).reversals == (order,)
    with pytest.raises(Conflict, match="already"):
        asked(paid, sun, key="again", version=2)


def test_only_a_payment_of_the_break_that_is_recorded_can_be_reversed(store: Store):
    applied(store, LENDER)
    sun = a_person(store, "Sun")
    with pytest.raises(Invalid, match="recorded here"):
        asked(store, sun)
    with pytest.raises(Invalid, match="of this break"):
        asked(store, sun, payment="P2")


def test_the_order_of_a_sheet_is_one_order(store: Store):
    rows = a_sheet(10)["SIM", "CNY"]
    assert facts_of(rows) == facts_of(list(reversed(rows)))
    with store.reading() as connection:
        assert proof_sheets.days(connection, 5) == []
