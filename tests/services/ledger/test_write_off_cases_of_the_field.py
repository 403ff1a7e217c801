"""Write-off and charge-off as the field's systems got them wrong (domain (f)), by the number of each report."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops_app.domain.casework.cases import CaseState
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import EventKind
from ops_app.domain.ledger.write_offs import WriteOffState
from ops_app.services.ledger.verify_write_offs import verify_write_offs
from ops_app.store.store import Store
from ops_app.store.tables.journal import journal_entries
from tests.services.casework.casebook import a_spell, now_is, taken_in
from tests.services.ledger.people import rows_of
from tests.services.ledger.writing_off import (
    DAY,
    FEES,
    FINANCE,
    INTEREST,
    MANAGER,
    PRINCIPAL,
    TODAY,
    approved,
    asked,
    balance_of,
    booked,
    happens,
    of,
    on_the_books,
    paid,
    reversed_,
    stands,
)


def test_frappe_1365_a_repost_never_changes_that_a_claim_is_written_off_and_the_next_recovery_is_taken(
    store: Store, tmp_path: Path
) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = booked(store, case_id)
    late = paid(store, case_id, 5_000, TODAY - 3 * DAY)  # reposts the write-off
    happens(store, case_id, EventKind.CANCELLATION, TODAY, target=late)  # and reposts it again
    case = now_is(store, case_id)
    assert (case.state, case.written_off_date) == (CaseState.WRITTEN_OFF, TODAY)
    assert (of(store, write_off_id).state, of(store, write_off_id).booked_minor) == (WriteOffState.BOOKED, 100_000)
    paid(store, case_id, 4_000, TODAY + DAY)
    assert of(store, write_off_id).recovered_minor == 4_000
    assert balance_of(store, accounts.ALLOWANCE, case_id) == 96_000


def test_frappe_1365_the_feed_of_the_next_day_does_not_take_the_mark_off_the_case(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    booked(store, case_id)
    case = now_is(store, case_id)
    number = int(case.loan_id.removeprefix("L"))
    taken_in(store, tmp_path, a_spell(number, days_past_due=401, balance_minor=100_000, as_of_date=TODAY), day=TODAY)
    assert (now_is(store, case_id).state, now_is(store, case_id).written_off_date) == (CaseState.WRITTEN_OFF, TODAY)


def test_frappe_997_interest_that_the_lender_computes_otherwise_does_not_block_the_write_off(
    store: Store, tmp_path: Path
) -> None:
    case_id = on_the_books(store, tmp_path, {PRINCIPAL: 70_000, INTEREST: 20_000})
    happens(store, case_id, EventKind.ACCRUAL, TODAY - DAY, parts={INTEREST: 33})
    assert now_is(store, case_id).balance_minor == 90_000  # the lender's figure has not moved
    write_off_id = asked(store, case_id)
    happens(store, case_id, EventKind.ACCRUAL, TODAY, parts={INTEREST: 11})  # the interest of the day, in the evening
    approved(store, write_off_id, FINANCE, MANAGER)
    one = of(store, write_off_id)
    assert (one.booked_minor, one.later_minor, one.remaining_minor) == (90_033, 11, 90_044)
    assert sum(stands(store, case_id).book.values()) == 0


@pytest.mark.parametrize(("method", "account"), [("direct", accounts.RECOVERED), ("allowance", accounts.ALLOWANCE)])
def test_frappe_309_a_recovery_goes_to_the_account_of_the_method_and_to_no_claim(
    store: Store, tmp_path: Path, method: str, account: str
) -> None:
    case_id = on_the_books(store, tmp_path)
    # a cent that the lender charged off says by which method this claim is booked
    happens(store, case_id, EventKind.WRITE_OFF, TODAY - DAY, parts={FEES: 1}, terms={"method": method})
    booked(store, case_id)
    before = {name: balance_of(store, name, case_id) for name in (account, *map(accounts.claims, Component))}
    paid(store, case_id, 2_500, TODAY)
    after = {name: balance_of(store, name, case_id) for name in before}
    assert after == before | {account: before[account] - 2_500}


def test_frappe_919_what_comes_in_beyond_the_claim_is_held_and_is_no_recovery(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = booked(store, case_id)
    paid(store, case_id, 150_000, TODAY)
    one = of(store, write_off_id)
    assert (one.recovered_minor, one.remaining_minor) == (100_000, 0)
    assert stands(store, case_id).held_minor == 50_000


def test_frappe_725_a_recovery_that_is_cancelled_is_owed_again_and_leaves_no_trace_in_the_balances(
    store: Store, tmp_path: Path
) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = booked(store, case_id)
    before = stands(store, case_id)
    recovery = paid(store, case_id, 40_000, TODAY)
    happens(store, case_id, EventKind.CANCELLATION, TODAY, target=recovery)
    after = stands(store, case_id)
    assert (after.book, after.memo, after.held_minor) == (before.book, before.memo, before.held_minor)
    one = of(store, write_off_id)
    assert (one.state, one.recovered_minor, one.remaining_minor) == (WriteOffState.BOOKED, 0, 100_000)


def test_fineract_2356_a_write_off_after_a_charge_off_succeeds_and_posts_only_what_is_on_the_books(
    store: Store, tmp_path: Path
) -> None:
    case_id = on_the_books(store, tmp_path)
    happens(
        store, case_id, EventKind.WRITE_OFF, TODAY - 10 * DAY, parts={PRINCIPAL: 70_000}, terms={"method": "direct"}
    )
    write_off_id = booked(store, case_id)
    one = of(store, write_off_id)
    assert (one.claim_minor, one.approved_minor, one.booked_minor) == (100_000, 30_000, 30_000)
    borne = {part: balance_of(store, accounts.charge_off(part), case_id) for part in (PRINCIPAL, INTEREST, FEES)}
    assert borne == {PRINCIPAL: 70_000, INTEREST: 20_000, FEES: 10_000}  # the principal once
    assert (one.remaining_minor, balance_of(store, accounts.WRITTEN_OFF_CLAIMS, case_id)) == (100_000, 100_000)


def test_fineract_2356_a_claim_that_was_taken_over_written_off_is_registered_and_posts_nothing(
    store: Store, tmp_path: Path
) -> None:
    case_id = on_the_books(store, tmp_path, memo=True)
    entries = rows_of(store, journal_entries)
    write_off_id = booked(store, case_id)
    one = of(store, write_off_id)
    assert (one.claim_minor, one.booked_minor, one.remaining_minor) == (100_000, 0, 100_000)
    assert rows_of(store, journal_entries) == entries
    paid(store, case_id, 1_000, TODAY)
    assert of(store, write_off_id).recovered_minor == 1_000
    assert verify_write_offs(store).state == "holds"


def test_fineract_4768_the_mark_goes_with_the_reversal_and_with_nothing_else(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = booked(store, case_id)
    recovery = paid(store, case_id, 10_000, TODAY)
    happens(store, case_id, EventKind.REVERSAL, TODAY, target=recovery, amount_minor=10_000)
    assert now_is(store, case_id).written_off_date == TODAY  # the reversal of a payment is none of the write-off
    reversed_(store, write_off_id)
    assert (now_is(store, case_id).state, now_is(store, case_id).written_off_date) == (CaseState.TO_ASSIGN, None)
    assert stands(store, case_id).method is None


def test_fineract_5031_a_write_off_is_reversed_after_the_claim_was_paid_in_full(store: Store, tmp_path: Path) -> None:
    case_id = on_the_books(store, tmp_path)
    write_off_id = booked(store, case_id)
    paid(store, case_id, 60_000, TODAY)
    paid(store, case_id, 55_000, TODAY + DAY)
    assert of(store, write_off_id).state is WriteOffState.RECOVERED
    reversed_(store, write_off_id)
    state = stands(store, case_id)
    assert (sum(state.book.values()), sum(state.memo.values()), state.held_minor) == (0, 0, 15_000)
    assert balance_of(store, accounts.ALLOWANCE, case_id) == 0
    assert balance_of(store, accounts.CASH, case_id) == 115_000


def test_fineract_4334_an_accrual_stands_once_however_often_back_dated_payments_replay_the_case(
    store: Store, tmp_path: Path
) -> None:
    case_id = on_the_books(store, tmp_path)
    happens(store, case_id, EventKind.ACCRUAL, TODAY - 5 * DAY, parts={INTEREST: 500})
    booked(store, case_id)
    for days in (9, 8, 7, 4):
        paid(store, case_id, 1_000, TODAY - days * DAY)
    assert balance_of(store, accounts.accrued(INTEREST), case_id) == -500
    assert balance_of(store, accounts.WRITTEN_OFF_CLAIMS, case_id) == 96_500
    assert verify_write_offs(store).state == "holds"
