"""Schedules of loans: taken in once, days past due beside the lender's, and a case that a payment cures."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import func, select

from ops_app.domain.casework.cases import CaseState, CloseReason
from ops_app.domain.ledger.instalments import Instalment, RecomputedDays
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.cases import read_case
from ops_app.services.ledger.payment_lists import read_repayment
from ops_app.services.ledger.schedules import InstalmentRow, known_schedules, take_in_schedules
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from tests.services.casework.casebook import DAY, NOW, SUPERVISOR, a_debtor, a_spell, now_is, placed, taken_in
from tests.services.ledger.paying import came_in, opened, paid, taken_back

LATER = NOW + timedelta(hours=8)
TODAY = DAY + timedelta(days=1)


def a_case(store: Store, tmp_path: Path, days: int = 40, **other: object) -> str:
    """A case of loan L1 that owes 900.00 and is so many days late by the lender, with an agency."""
    row = a_spell(1, balance_minor=90_000, days_past_due=days, **other)
    taken_in(store, tmp_path, row, debtors=[a_debtor(1)])
    placed(store, "AG01", row["case_id"])
    opened(store, row["case_id"])
    found: str = row["case_id"]
    return found


def instalments(store: Store, *rows: tuple[date, int, int], known: date = DAY) -> int:
    """(due date, due, paid) of loan L1."""
    made = [
        InstalmentRow("SIM", "L1", "CNY", Instalment(number, due_date, due, told, known))
        for number, (due_date, due, told) in enumerate(rows, start=1)
    ]
    return take_in_schedules(SYSTEM, store, now=NOW, business_date=known, rows=made)


def late(store: Store) -> None:
    """Two instalments of 100.00 past due since 40 and 10 days, one to come."""
    instalments(store, (DAY - timedelta(days=40), 10_000, 0), (DAY - timedelta(days=10), 10_000, 0),
                (DAY + timedelta(days=20), 10_000, 0))  # fmt: skip


def test_both_days_past_due_stand_beside_each_other_and_move_with_payments(store: Store, tmp_path: Path) -> None:
    case = a_case(store, tmp_path)
    assert read_case(SUPERVISOR, store, now=NOW, case_id=case).by_schedule is None
    late(store)
    assert read_case(SUPERVISOR, store, now=NOW, case_id=case).by_schedule == RecomputedDays(40, 41, 0, DAY, "M2")
    came_in(store, (paid("P1", 10_000, day=TODAY), case), now=LATER)
    record = read_case(SUPERVISOR, store, now=LATER, case_id=case)
    assert record.by_schedule == RecomputedDays(40, 11, 0, DAY, "M1")
    assert record.case.days_past_due == 40


def test_the_record_of_a_payment_tells_its_shares_of_instalments(store: Store, tmp_path: Path) -> None:
    case = a_case(store, tmp_path)
    late(store)
    first = paid("P1", 15_000, day=TODAY)
    came_in(store, (first, case), now=LATER)
    came_in(store, (taken_back(first, "R1"), case), now=LATER + timedelta(hours=1))
    for payment_id, sign in (("P1", 1), ("R1", -1)):
        record = read_repayment(SUPERVISOR, store, now=LATER, source_code="SIM", payment_id=payment_id)
        assert [(one.number, one.share_minor) for one in record.instalments] == [(1, 10_000 * sign), (2, 5_000 * sign)]


def test_a_difference_from_the_lender_is_shown(store: Store, tmp_path: Path) -> None:
    case = a_case(store, tmp_path, days=33)
    late(store)
    found = read_case(SUPERVISOR, store, now=NOW, case_id=case).by_schedule
    assert found is not None
    assert found.days_apart == 7


def test_a_payment_of_all_that_is_past_due_closes_the_case_as_cured(store: Store, tmp_path: Path) -> None:
    case = a_case(store, tmp_path)
    late(store)
    done = came_in(store, (paid("P1", 20_000, day=TODAY), case), now=LATER)
    assert done.closed == (case,)
    one = now_is(store, case)
    assert (one.state, one.close_reason, one.balance_minor) == (CaseState.CLOSED, CloseReason.CURED, 70_000)


def test_a_reversal_of_what_cured_it_takes_it_up_again(store: Store, tmp_path: Path) -> None:
    case = a_case(store, tmp_path)
    late(store)
    payment = paid("P1", 20_000, day=TODAY)
    came_in(store, (payment, case), now=LATER)
    done = came_in(store, (taken_back(payment, "R1"), case), now=LATER + timedelta(hours=1))
    assert done.revived == (case,)
    assert now_is(store, case).balance_minor == 90_000


def test_where_the_schedule_and_the_lender_disagree_or_the_claim_is_written_off_nothing_is_cured(
    store: Store, tmp_path: Path
) -> None:
    case = a_case(store, tmp_path, days=33)
    late(store)
    assert came_in(store, (paid("P1", 20_000, day=TODAY), case), now=LATER).closed == ()
    assert now_is(store, case).closed_date is None


def test_a_written_off_claim_is_not_cured(store: Store, tmp_path: Path) -> None:
    case = a_case(store, tmp_path, written_off_date=DAY)
    late(store)
    assert came_in(store, (paid("P1", 20_000, day=TODAY), case), now=LATER).closed == ()


def test_a_later_day_of_a_schedule_replaces_the_earlier_and_each_run_is_audited_once(
    store: Store, tmp_path: Path
) -> None:
    a_case(store, tmp_path)
    late(store)
    instalments(store, (DAY - timedelta(days=40), 10_000, 10_000), known=TODAY)
    known = known_schedules(SYSTEM, store, now=NOW)
    assert known.loans == (("SIM", "L1"),)
    assert known.days == (("SIM", "L1", TODAY),)
    assert take_in_schedules(SYSTEM, store, now=NOW, business_date=DAY, rows=[]) == 0
    with store.reading() as connection:
        query = select(func.count()).where(audit_log.c.action == "schedules.taken_in")
        assert connection.execute(query).scalar_one() == 2
