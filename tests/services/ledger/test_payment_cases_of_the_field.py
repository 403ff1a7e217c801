"""What users of other systems reported of back-dated, cancelled and reversed payments (domain f), by number."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ops_app.domain.casework.cases import CaseState, CloseReason
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.instalments import Instalment
from ops_app.domain.ledger.repayments import RepaymentKind
from ops_app.domain.ledger.replay import State
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.cases import read_case
from ops_app.services.ledger.receipts import event_of_payment
from ops_app.services.ledger.repayments import record_payments
from ops_app.services.ledger.schedules import InstalmentRow, take_in_schedules
from ops_app.services.ledger.verify_journal import verify_journal, verify_posted, verify_replayed
from ops_app.store.ledger import journal
from ops_app.store.store import Store
from tests.services.casework.casebook import a_spell, taken_in
from tests.services.ledger.people import a_repayment
from tests.services.ledger.storms import NOW

FIRST = date(2026, 3, 1)


def a_claim(store: Store, evidence: Path, days: int = 43, **owed: int) -> str:
    """A case of loan L1 taken over on the first of March, past due so many days by its lender."""
    parts = {"principal": 1_000, "interest": 0, "fees": 0, "penalty": 0} | owed
    spell = a_spell(
        1, as_of_date=FIRST, opened_date=FIRST, balance_minor=sum(parts.values()), days_past_due=days,
        **{f"{part}_minor": minor for part, minor in parts.items()},
    )  # fmt: skip
    taken_in(store, evidence, spell, day=FIRST, now=NOW - timedelta(days=9))
    return str(spell["case_id"])


def told(store: Store, payment_id: str, minor: int, day: int, **other: Any) -> None:
    """A payment, reversal or refund of loan L1, valued on a day of March."""
    one = a_repayment(payment_id, minor, value_date=date(2026, 3, day), paid_at=NOW, **other)
    record_payments(SYSTEM, store, now=NOW, rows=[one], business_date=NOW.date())


def taken_back(store: Store, payment_id: str, of: str, minor: int, day: int) -> None:
    told(store, payment_id, minor, day, kind=RepaymentKind.REVERSAL, reverses_payment_id=of)


def stands(store: Store, case_id: str) -> State:
    with store.reading() as connection:
        return journal.positions(connection, [case_id])[case_id]


def paid(store: Store, case_id: str, payment_id: str) -> dict[str, int]:
    """What a payment paid by component, as it stands."""
    with store.reading() as connection:
        found = journal.standing(connection, case_ids=[case_id])[event_of_payment("SIM", payment_id)]
    return {str(one.component or "held"): one.amount_minor for one in found.transfers}


def sound(store: Store) -> bool:
    return all(one.state == "holds" for one in (verify_posted(store), verify_journal(store), verify_replayed(store)))


def test_frappe_878_a_payment_of_the_16th_is_posted_before_that_of_the_20th_which_came_first(
    store: Store, tmp_path: Path
) -> None:
    case_id = a_claim(store, tmp_path, interest=100, penalty=50)
    told(store, "P20", 120, 20)
    assert paid(store, case_id, "P20") == {"penalty": 50, "interest": 70}
    told(store, "P16", 120, 16)
    assert paid(store, case_id, "P16") == {"penalty": 50, "interest": 70}
    assert paid(store, case_id, "P20") == {"interest": 30, "principal": 90}
    assert sound(store)


def test_frappe_352_a_back_dated_payment_is_taken_and_not_forbidden(store: Store, tmp_path: Path) -> None:
    case_id = a_claim(store, tmp_path)
    for number, day in enumerate((9, 8, 7, 6, 5, 4, 3, 2)):
        told(store, f"P{number}", 10, day)
    assert stands(store, case_id).book[Component.PRINCIPAL] == 920
    assert sound(store)


def test_frappe_587_a_payment_that_is_cancelled_leaves_what_came_after_it_as_if_it_had_come_alone(
    store: Store, tmp_path: Path
) -> None:
    case_id = a_claim(store, tmp_path, interest=100)
    told(store, "P1", 100, 5)
    told(store, "P2", 60, 7)
    taken_back(store, "R1", "P1", 100, 5)
    assert paid(store, case_id, "P2") == {"interest": 60}
    assert stands(store, case_id).owed[Component.INTEREST] == 40
    assert sound(store)


def test_frappe_607_a_cancelled_payment_in_the_middle_does_not_take_back_more_than_it_paid(
    store: Store, tmp_path: Path
) -> None:
    case_id = a_claim(store, tmp_path, fees=30)
    for payment_id, minor, day in (("P1", 20, 3), ("P2", 25, 4), ("P3", 500, 6)):
        told(store, payment_id, minor, day)
    taken_back(store, "R2", "P2", 25, 8)
    assert sum(stands(store, case_id).owed.values()) == 1_030 - 520
    taken_back(store, "R2-again", "P2", 25, 9)
    assert sum(stands(store, case_id).owed.values()) == 1_030 - 520
    assert sound(store)


def instalments_of(store: Store, *due: tuple[int, int], known: date = FIRST) -> None:
    """Instalments of loan L1: days before the first of March, and the amount."""
    rows = [
        InstalmentRow("SIM", "L1", "CNY", Instalment(number, FIRST - timedelta(days=days), minor, 0, known))
        for number, (days, minor) in enumerate(due, start=1)
    ]
    take_in_schedules(SYSTEM, store, now=NOW, business_date=known, rows=rows)


def standing(store: Store, case_id: str) -> tuple[int, str]:
    """Days past due and bucket by the schedule on the tenth of March, as the record of the case has them."""
    found = read_case(SYSTEM, store, now=NOW, case_id=case_id).by_schedule
    assert found is not None
    return found.now, found.bucket


def late_by_two(store: Store, evidence: Path) -> str:
    """A case of which 300 are due since 52 and 300 since 12 days by the tenth of March."""
    case_id = a_claim(store, evidence)
    instalments_of(store, (43, 300), (3, 300), (-60, 400))
    assert standing(store, case_id) == (52, "M2")
    return case_id


def test_fineract_2566_days_and_bucket_follow_a_payment_at_once_and_not_with_the_next_feed(
    store: Store, tmp_path: Path
) -> None:
    case_id = late_by_two(store, tmp_path)
    told(store, "P1", 300, 9)
    assert standing(store, case_id) == (12, "M1")
    case = read_case(SYSTEM, store, now=NOW, case_id=case_id)
    said = [one.detail for one in case.events if one.what == "payment_posted"]
    assert [(it["days_by_schedule"], it["bucket_by_schedule"]) for it in said] == [(12, "M1")]
    assert (case.case.days_past_due, case.case.balance_minor) == (43, 700)  # the lender's, as it said last


def test_fineract_2566_a_payment_that_is_back_dated_behind_the_lenders_day_moves_them_too(
    store: Store, tmp_path: Path
) -> None:
    case_id = late_by_two(store, tmp_path)
    told(store, "P1", 300, 1, posted_at=NOW)  # booked on the tenth, in no figure of the first of March
    assert standing(store, case_id) == (12, "M1")
    told(store, "P2", 300, 1, posted_at=NOW - timedelta(days=9))  # booked on the first: in its figures already
    assert standing(store, case_id) == (12, "M1")


def test_fineract_2668_a_charge_back_takes_days_and_bucket_back_to_the_instalment_it_uncovers(
    store: Store, tmp_path: Path
) -> None:
    case_id = late_by_two(store, tmp_path)
    told(store, "P1", 300, 3)
    told(store, "P2", 100, 5)
    assert standing(store, case_id) == (12, "M1")
    taken_back(store, "R1", "P1", 300, 9)
    assert standing(store, case_id) == (52, "M2")
    assert stands(store, case_id).book[Component.PRINCIPAL] == 900


def test_fineract_2739_a_payment_after_a_charge_back_pays_the_uncovered_instalment_and_moves_them_again(
    store: Store, tmp_path: Path
) -> None:
    case_id = late_by_two(store, tmp_path)
    told(store, "P1", 300, 3)
    taken_back(store, "R1", "P1", 300, 6)
    told(store, "P2", 299, 8)
    assert standing(store, case_id) == (52, "M2")  # a cent is missing
    told(store, "P3", 1, 9)
    assert standing(store, case_id) == (12, "M1")
    assert sound(store)


def test_fineract_2739_a_charge_back_of_what_cured_a_case_takes_it_up_again_where_it_was(
    store: Store, tmp_path: Path
) -> None:
    case_id = a_claim(store, tmp_path, days=40)
    instalments_of(store, (40, 300), (3, 300), (-60, 400))  # the schedule says what the lender says
    told(store, "P1", 600, 8)
    closed = read_case(SYSTEM, store, now=NOW, case_id=case_id).case
    assert (closed.state, closed.close_reason) == (CaseState.CLOSED, CloseReason.CURED)
    assert standing(store, case_id) == (0, "C")
    taken_back(store, "R1", "P1", 600, 9)
    assert read_case(SYSTEM, store, now=NOW, case_id=case_id).case.closed_date is None
    assert standing(store, case_id) == (49, "M2")


def test_fineract_2739_a_payment_that_is_charged_back_is_owed_again_from_its_own_day_on(
    store: Store, tmp_path: Path
) -> None:
    case_id = a_claim(store, tmp_path)
    told(store, "P1", 400, 3)
    told(store, "P2", 100, 5)
    taken_back(store, "R1", "P1", 400, 9)
    assert stands(store, case_id).book[Component.PRINCIPAL] == 900
    with store.reading() as connection:
        events = journal.events_of(connection, [case_id])[case_id]
    assert [one.value_date.day for one in events if one.kind.value == "reversal"] == [9]
    assert sound(store)
