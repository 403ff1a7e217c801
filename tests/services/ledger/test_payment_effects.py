"""What a payment does to its case at once: contact is held, the balance follows, paid cases close and come back."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from ops_app.domain.casework.cases import CaseMove, CaseState, CloseReason, Custody
from ops_app.domain.casework.flags import Forbidden
from ops_app.domain.casework.personal import PersonalField
from ops_app.domain.contact.holds import HoldCause, HoldEnd
from ops_app.domain.ledger.accounts import OUTSIDE
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.cases import read_case
from ops_app.services.casework.following import note_touches
from ops_app.services.casework.many import SomeRefused
from ops_app.services.casework.moving import move_case
from ops_app.services.casework.unmasking import unmask
from ops_app.services.contact.holding import case_holds, holds_of
from ops_app.store.contact import holds as stored
from ops_app.store.store import Store
from ops_app.store.tables.casework import placements
from ops_app.store.tables.contact import contact_holds
from ops_app.store.tables.organisation import audit_log
from ops_app.store.zone import begin_of
from tests.bench import plans
from tests.services.casework.casebook import (
    AG1,
    DAY,
    NOW,
    SUPERVISOR,
    WHY,
    a_debtor,
    a_spell,
    closing,
    now_is,
    placed,
    some_cases,
    taken_in,
    versions,
)
from tests.services.ledger.paying import came_in, opened, paid, taken_back

LATER = NOW + timedelta(hours=8)
FRIDAY = date(2026, 11, 27)


def one_case(store: Store, tmp_path: Path, **other: int) -> str:
    """A case of loan L1 that owes 1,000.00, placed with an agency, which the journal has taken over."""
    row = a_spell(1, principal_minor=80_000, interest_minor=15_000, penalty_minor=5_000, balance_minor=100_000, **other)
    taken_in(store, tmp_path, row, debtors=[a_debtor(1)])
    placed(store, "AG01", row["case_id"])
    opened(store, row["case_id"])
    found: str = row["case_id"]
    return found


def test_a_part_payment_changes_the_balance_and_holds_contact_until_the_next_business_day(
    store: Store, tmp_path: Path
) -> None:
    case = one_case(store, tmp_path)
    before = now_is(store, case)
    done = came_in(store, (paid("P1", 12_000), case), now=LATER)
    assert (done.held, done.changed, done.closed) == ((case,), (case,), ())
    one = now_is(store, case)
    assert (one.principal_minor, one.interest_minor, one.penalty_minor, one.balance_minor) == (80_000, 8_000, 0, 88_000)
    assert (one.days_past_due, one.bucket, one.state) == (before.days_past_due, before.bucket, CaseState.PLACED)
    (held,) = case_holds(SUPERVISOR, store, now=LATER, case_id=case)
    assert (held.cause, held.because_id, held.until_at) == (HoldCause.RECEIVED, "SIM/P1", begin_of(date(2026, 11, 25)))
    record = read_case(AG1, store, now=LATER, case_id=case)
    assert [it.code for it in record.against_contact] == ["payment_received"]
    assert "2026-11-25" in record.against_contact[0].en
    assert record.events[-1].what == "payment_posted"
    assert record.events[-1].detail["balance_minor"] == 88_000
    assert held.until_at is not None
    assert read_case(AG1, store, now=held.until_at, case_id=case).against_contact == ()


def test_over_a_weekend_and_a_holiday_contact_resumes_when_banks_book_again(store: Store, tmp_path: Path) -> None:
    case = one_case(store, tmp_path)
    friday = begin_of(FRIDAY) + timedelta(hours=15)
    came_in(store, (paid("P1", 1_000, day=FRIDAY), case), now=friday)
    (held,) = case_holds(SUPERVISOR, store, now=friday, case_id=case)
    assert held.until_at == begin_of(date(2026, 11, 30))


def test_while_contact_is_held_nobody_is_called_visited_or_noted_as_tried(store: Store, tmp_path: Path) -> None:
    case = one_case(store, tmp_path)
    came_in(store, (paid("P1", 12_000), case), now=LATER)
    with pytest.raises(SomeRefused) as refused:
        note_touches(AG1, store, now=LATER, wanted=versions(store, case), reason=WHY)
    assert "已收到还款" in refused.value.refused[case].zh
    with pytest.raises(Forbidden, match="payment received"):
        unmask(
            SUPERVISOR,
            store,
            now=LATER,
            case_id=case,
            field=PersonalField.PHONES,
            reason="call back",
            evidence=tmp_path,
        )
    with pytest.raises(Forbidden):
        move_case(
            SUPERVISOR, store, now=LATER, case_id=case, version=now_is(store, case).version, move=CaseMove.VISIT,
            reason=WHY,
        )  # fmt: skip
    unmask(SUPERVISOR, store, now=LATER, case_id=case, field=PersonalField.NAME, reason="check", evidence=tmp_path)
    next_day = begin_of(date(2026, 11, 25))
    assert note_touches(AG1, store, now=next_day, wanted=versions(store, case), reason=WHY).case_ids == (case,)


def test_a_case_that_is_paid_closes_with_its_placement_and_its_contact(store: Store, tmp_path: Path) -> None:
    case = one_case(store, tmp_path)
    done = came_in(store, (paid("P1", 60_000), case), (paid("P2", 45_000), case), now=LATER)
    assert done.closed == (case,)
    one = now_is(store, case)
    assert (one.state, one.custody, one.close_reason) == (CaseState.CLOSED, Custody.ENDED, CloseReason.PAID)
    assert (one.balance_minor, one.agency_code, one.closed_date) == (0, None, date(2026, 11, 24))
    with store.reading() as connection:
        ended = connection.execute(select(placements).where(placements.c.case_id == case)).one()
    assert (ended.end_reason, ended.ended_at) == ("closed", LATER)
    # what goes beyond what was owed is held in the journal, not on the case
    said = select(func.count()).where(audit_log.c.action == "payments.applied", audit_log.c.object_id != "opening")
    with store.reading() as connection:
        assert connection.execute(said).scalar_one() == 1


def test_a_reversal_takes_up_again_what_its_payment_closed_and_ends_the_hold(store: Store, tmp_path: Path) -> None:
    case = one_case(store, tmp_path)
    payment = paid("P1", 100_000)
    came_in(store, (payment, case), now=LATER)
    assert now_is(store, case).closed_date is not None
    done = came_in(store, (taken_back(payment, "R1"), case), now=LATER + timedelta(hours=1))
    assert done.revived == (case,)
    one = now_is(store, case)
    assert (one.state, one.closed_date, one.close_reason) == (CaseState.TO_ASSIGN, None, None)
    assert (one.principal_minor, one.interest_minor, one.penalty_minor) == (80_000, 15_000, 5_000)
    (held,) = case_holds(SUPERVISOR, store, now=LATER, case_id=case)
    assert held.end_kind is HoldEnd.REVERSED


def test_the_feed_of_the_day_that_knows_nothing_of_the_payment_does_not_take_the_case_up_again(
    store: Store, tmp_path: Path
) -> None:
    case = one_case(store, tmp_path)
    came_in(store, (paid("P1", 100_000), case), now=LATER)
    for days, state in ((1, CaseState.CLOSED), (2, CaseState.TO_ASSIGN)):
        day = DAY + timedelta(days=days)
        row = a_spell(1, principal_minor=100_000, balance_minor=100_000, as_of_date=day)
        taken_in(store, tmp_path, row, day=day, now=LATER + timedelta(days=days))
        assert now_is(store, case).state is state, day
    assert now_is(store, case).balance_minor == 100_000


def test_the_feed_that_closes_it_too_makes_the_closing_its_own(store: Store, tmp_path: Path) -> None:
    case = one_case(store, tmp_path)
    came_in(store, (paid("P1", 100_000), case), now=LATER)
    day = DAY + timedelta(days=1)
    row = a_spell(1, **closing("paid", day), principal_minor=0)
    taken_in(store, tmp_path, row, day=day, now=LATER + timedelta(hours=4))
    one = now_is(store, case)
    assert (one.closed_file_id, one.closed_line_no, one.close_reason) == ("e" * 64, 7, CloseReason.PAID)
    assert [it.what for it in read_case(SUPERVISOR, store, now=LATER, case_id=case).events][-2:] == [
        "close",
        "restated",
    ]


def test_a_case_that_the_feed_closed_is_not_taken_up_by_a_reversal(store: Store, tmp_path: Path) -> None:
    case = one_case(store, tmp_path)
    payment = paid("P1", 1_000)
    came_in(store, (payment, case), now=LATER)
    closed = {"is_open": False, "closed_date": DAY + timedelta(days=1), "closed_file_id": "e" * 64, "closed_line_no": 7,
              "close_reason": "cured", "closed_rule_version": 1, "as_of_date": DAY + timedelta(days=1)}  # fmt: skip
    taken_in(store, tmp_path, a_spell(1, **closed), day=DAY + timedelta(days=1), now=LATER)
    done = came_in(store, (taken_back(payment, "R1"), case), now=LATER + timedelta(hours=2))
    assert done.revived == ()
    assert now_is(store, case).close_reason is CloseReason.CURED


def test_when_the_last_payment_is_reversed_the_one_before_it_holds_on(store: Store, tmp_path: Path) -> None:
    case = one_case(store, tmp_path)
    second = paid("P2", 2_000)
    came_in(store, (paid("P1", 1_000), case), now=LATER)
    came_in(store, (second, case), now=LATER + timedelta(hours=1))
    after = LATER + timedelta(hours=2)
    assert [it.because_id for it in holds_of(SYSTEM, store, now=after, ids=[case])[case]] == ["SIM/P2"]
    came_in(store, (taken_back(second, "R2"), case), now=after)
    assert [it.because_id for it in holds_of(SYSTEM, store, now=after, ids=[case])[case]] == ["SIM/P1"]
    assert now_is(store, case).balance_minor == 99_000


def test_a_payment_and_its_reversal_in_one_batch_leave_everything_as_it_was(store: Store, tmp_path: Path) -> None:
    case = one_case(store, tmp_path)
    payment = paid("P1", 100_000)
    done = came_in(store, (payment, case), (taken_back(payment, "R1"), case), now=LATER)
    assert done == type(done)()
    assert now_is(store, case).balance_minor == 100_000


def test_a_payment_in_suspense_holds_the_open_case_of_its_loan_until_somebody_decides(
    store: Store, tmp_path: Path
) -> None:
    case = one_case(store, tmp_path)
    came_in(store, (paid("P1", 5_000), None), now=LATER)
    (held,) = holds_of(SYSTEM, store, now=LATER, ids=[case])[case]
    assert (held.cause, held.until_at, held.due_at) == (HoldCause.UNMATCHED, None, begin_of(date(2026, 11, 27)))
    much_later = LATER + timedelta(days=30)
    assert read_case(SYSTEM, store, now=much_later, case_id=case).against_contact
    assert held.is_late_at(much_later)
    assert now_is(store, case).balance_minor == 100_000


def test_a_payment_from_before_the_case_holds_contact_and_leaves_the_balance(store: Store, tmp_path: Path) -> None:
    case = one_case(store, tmp_path)
    came_in(store, (paid("P1", 5_000, day=DAY - timedelta(days=3)), None), now=LATER, place=OUTSIDE)
    (held,) = holds_of(SYSTEM, store, now=LATER, ids=[case])[case]
    assert held.cause is HoldCause.RECEIVED
    assert now_is(store, case).balance_minor == 100_000


def test_a_payment_of_an_unknown_loan_touches_no_case(store: Store, tmp_path: Path) -> None:
    one_case(store, tmp_path)
    done = came_in(store, (paid("P1", 5_000, loan=99), None), now=LATER)
    assert done == type(done)()


def test_the_balance_never_goes_below_zero_where_the_lender_says_less_than_the_ledger(
    store: Store, tmp_path: Path
) -> None:
    case = one_case(store, tmp_path)
    lower = a_spell(1, principal_minor=10_000, balance_minor=10_000, as_of_date=DAY + timedelta(days=1))
    taken_in(store, tmp_path, lower, day=DAY + timedelta(days=1), now=NOW + timedelta(hours=1))
    came_in(store, (paid("P1", 60_000), case), now=LATER)
    one = now_is(store, case)
    assert (one.balance_minor, one.closed_date) == (0, None)  # the ledger has something owed: it stays open


def test_the_store_has_one_running_hold_a_case_and_cause(store: Store, tmp_path: Path) -> None:
    case = one_case(store, tmp_path)
    came_in(store, (paid("P1", 1_000), case), now=LATER)
    (held,) = case_holds(SUPERVISOR, store, now=LATER, case_id=case)
    with pytest.raises(IntegrityError), store.writing(SYSTEM, LATER) as transaction:
        transaction.audit("payments.applied", "payment_batch", "again")
        stored.add_many(transaction.connection, [type(held)(**vars(held) | {"hold_id": "f" * 32})])


def test_a_hold_that_ran_out_is_ended_as_of_its_time_when_the_next_payment_comes(store: Store, tmp_path: Path) -> None:
    case = one_case(store, tmp_path)
    came_in(store, (paid("P1", 1_000), case), now=LATER)
    (first,) = case_holds(SUPERVISOR, store, now=LATER, case_id=case)
    later = LATER + timedelta(days=5)
    came_in(store, (paid("P2", 1_000), case), now=later)
    newest, oldest = case_holds(SUPERVISOR, store, now=later, case_id=case)
    assert (newest.because_id, newest.ended_at) == ("SIM/P2", None)
    assert (oldest.ended_at, oldest.end_kind) == (first.until_at, HoldEnd.TIME)


def test_many_payments_take_no_more_statements_than_few(sqlite_url: str, tmp_path: Path) -> None:
    store = Store.open(sqlite_url)
    ids = some_cases(store, tmp_path, 40)
    opened(store, *ids)
    counted = []
    for batch, some in (("a", range(1, 3)), ("b", range(3, 41))):
        with plans.asked(store) as selects:
            came_in(store, *((paid(f"{batch}{n}", 500, n), ids[n - 1]) for n in some), now=LATER)
        counted.append(len(selects))
    assert counted[0] == counted[1]
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(contact_holds)).scalar_one() == 40
    store.close()


def test_a_clock_that_is_behind_that_of_who_began_a_hold_stops_no_payment(store: Store, tmp_path: Path) -> None:
    case_id = one_case(store, tmp_path)
    ahead = NOW + timedelta(seconds=2)
    came_in(store, (paid("P1", 100), case_id), now=ahead)
    came_in(store, (paid("P2", 100), case_id), now=NOW)
    c = contact_holds.c
    with store.reading() as connection:
        found = connection.execute(select(c.because_id, c.begun_at, c.ended_at).order_by(c.hold_id)).all()
    assert {tuple(one) for one in found} == {("SIM/P1", ahead, ahead), ("SIM/P2", NOW, None)}
