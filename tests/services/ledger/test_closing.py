"""Closing accounting periods: every check made to fail in turn, two people, overrides that expire, and no way back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import DBAPIError

from ops_app.domain.errors import DomainError, Invalid, NotReady, Refused
from ops_app.domain.ledger.breaks import BreakKind
from ops_app.domain.ledger.events import EventKind
from ops_app.domain.ledger.periods import CLOSE_CHECK_NAMES, NEVER_OVERRIDDEN, PeriodState, Span, month_of
from ops_app.domain.ledger.repayments import CONTENT, body_hash
from ops_app.domain.ledger.replay import Transfer
from ops_app.domain.organisation.approvals import NotCarriedOut
from ops_app.domain.organisation.people import SYSTEM, Actor
from ops_app.domain.organisation.readiness import NEEDS, Check, CheckState
from ops_app.services.ledger.books import trial_balance
from ops_app.services.ledger.closing import ask_close, ask_override, list_periods, read_open_period
from ops_app.services.ledger.journal import post
from ops_app.services.organisation import approvals, closed_periods, readiness
from ops_app.store.ledger import journal
from ops_app.store.ledger.journal import Entry
from ops_app.store.store import Store
from ops_app.store.tables.journal import ledger_differences, ledger_positions
from ops_app.store.tables.ledger import breaks, payments
from ops_app.store.tables.organisation import outbox
from tests.services.ledger import messages
from tests.services.ledger.closed import (
    END,
    FIRST,
    LAST,
    NOW,
    all_green,
    all_sent,
    approved,
    closed,
    november,
    two_people,
)
from tests.services.ledger.entering import an_event, paid
from tests.services.ledger.people import a_break, a_repayment, applied


def a_red(name: str) -> Callable[[Store], None]:
    def make(store: Store) -> None:
        red = Check(name, CheckState.RED, LAST, NOW, "something is wrong")
        readiness.report_checks(SYSTEM, store, now=NOW, checks=[red])

    return make


def an_old_break(store: Store) -> None:
    applied(store, a_break(BreakKind.UNMATCHED_LENDER, 10_000, payments=("P1",)), day=date(2026, 11, 10), now=NOW)
    all_green(store)


def a_parked_break(store: Store) -> None:
    an_old_break(store)
    with store._writers.begin() as connection:
        connection.execute(update(breaks).values(state="parked", owner_id=None))


def a_difference(store: Store) -> None:
    with store.reading() as connection:
        case_id = connection.execute(text("select min(case_id) from ledger_positions")).scalar_one()
    values = {
        "difference_id": "d" * 32, "case_id": case_id, "component": "principal", "currency": "CNY",
        "ledger_minor": 1, "feed_minor": 2, "as_of_date": LAST, "opened_date": LAST, "state": "open", "version": 1,
    }  # fmt: skip
    with store._writers.begin() as connection:
        connection.execute(insert(ledger_differences).values(values))


def a_wrong_total(store: Store) -> None:
    with store._writers.begin() as connection:
        if store.dialect == "sqlite":
            connection.execute(text("drop trigger journal_entries_no_update"))
        else:
            connection.execute(text("alter table journal_entries disable trigger user"))
        connection.execute(text("update journal_entries set total_minor = total_minor + 1 where entry_no = 1"))


def a_wrong_position(store: Store) -> None:
    with store._writers.begin() as connection:
        connection.execute(update(ledger_positions).values(fees_minor=7))


def a_payment_aside(store: Store) -> None:
    one = a_repayment("P9", 500, value_date=date(2026, 11, 20))
    values = {name: getattr(one, name) for name in CONTENT} | {"body_hash": body_hash(one), "recorded_at": NOW}
    with store._writers.begin() as connection:
        connection.execute(insert(payments).values(values))


def something_unsent(store: Store) -> None:
    values = {"topic": "t", "key": "k", "payload_json": "{}", "created_at": NOW - timedelta(hours=2)}
    with store._writers.begin() as connection:
        connection.execute(insert(outbox).values(values))


def a_message_unhandled(store: Store) -> None:
    messages.taken(store, messages.raw("m1", messages.a_payment()), now=NOW - timedelta(hours=2))


FAULTS: dict[str, Callable[[Store], None]] = {
    **{name: a_red(name) for name in NEEDS["ledger_close"]},
    "breaks_settled": an_old_break,
    "differences_settled": a_difference,
    "suspense_owned": a_parked_break,
    "trial_balance_zero": a_wrong_total,
    "sub_ledger_agrees": a_wrong_position,
    "payments_posted": a_payment_aside,
    "messages_handled": a_message_unhandled,
    "outbox_sent": something_unsent,
}


def failing(store: Store, finance: Actor) -> list[str]:
    found = read_open_period(finance, store, now=NOW)
    assert found is not None
    return [one.name for one in found.checks if not one.passed]


def test_there_is_a_fault_for_every_check() -> None:
    assert set(FAULTS) == set(CLOSE_CHECK_NAMES)


@pytest.mark.parametrize("name", list(FAULTS))
def test_a_close_is_refused_and_the_failed_check_named(store: Store, tmp_path: Path, name: str) -> None:
    finance, _ = two_people(store)
    november(store, tmp_path)
    assert failing(store, finance) == []
    FAULTS[name](store)
    assert failing(store, finance) == [name]
    with pytest.raises(NotReady) as refused:
        ask_close(finance, store, now=NOW, first_date=FIRST, reason="month end", key="k")
    assert CLOSE_CHECK_NAMES[name][0] in refused.value.en
    assert CLOSE_CHECK_NAMES[name][1] in refused.value.zh


@pytest.mark.parametrize("name", ["breaks_settled", "sub_ledger_agrees"])
def test_what_fails_between_asking_and_approving_refuses_the_close(store: Store, tmp_path: Path, name: str) -> None:
    finance, manager = two_people(store)
    november(store, tmp_path)
    asked = ask_close(finance, store, now=NOW, first_date=FIRST, reason="month end", key="k")
    assert ask_close(finance, store, now=NOW, first_date=FIRST, reason="month end", key="k") == asked
    all_sent(store)
    assert read_open_period(finance, store, now=NOW).state is PeriodState.ASKED  # type: ignore[union-attr]
    FAULTS[name](store)
    with pytest.raises(NotCarriedOut, match="cannot be closed"):
        approved(store, manager, asked)
    assert list_periods(finance, store, now=NOW) == ()


def test_a_check_that_is_older_than_the_period_is_not_enough(store: Store, tmp_path: Path) -> None:
    finance, _ = two_people(store)
    november(store, tmp_path)
    with store._writers.begin() as connection:
        connection.execute(text("update readiness set business_date = '2026-11-29'"))
    assert failing(store, finance) == list(NEEDS["ledger_close"])


def test_who_asks_does_not_approve_and_a_closed_period_takes_nothing(store: Store, tmp_path: Path) -> None:
    finance, manager = two_people(store)
    ids = november(store, tmp_path)
    before = trial_balance(finance, store, now=NOW, as_of_date=LAST, first_date=FIRST)
    asked = ask_close(finance, store, now=NOW, first_date=FIRST, reason="month end", key="k")
    with pytest.raises(DomainError):
        approved(store, finance, asked)
    approved(store, manager, asked)
    (period,) = list_periods(finance, store, now=NOW)
    assert (period.span, period.state, period.closed_by) == (Span(FIRST, END), PeriodState.CLOSED, "Mei")
    late = paid(store, ids[0], date(2026, 11, 20), 500, now=NOW)  # goes into the first open period
    with store.reading() as connection:
        days = connection.execute(
            text("select accounting_date from journal_entries where event_id = :of"), {"of": late.event_id}
        ).scalars()
        assert {str(day) for day in days} == {"2026-12-01"}
    after = trial_balance(finance, store, now=NOW, as_of_date=LAST, first_date=FIRST)
    assert after.rows == tuple(one for one in before.rows)
    december = trial_balance(finance, store, now=NOW, as_of_date=END)
    assert {one.account.code: one.opening_minor for one in december.rows if one.opening_minor} == {
        one.account.code: one.closing_minor for one in before.rows if one.closing_minor
    }
    assert all(total.balances for total in december.totals_by)
    assert not [one for one in december.rows if one.difference_minor]


def straight(store: Store, case_id: str, day: date) -> None:
    """An entry put into the store past the service, on an accounting day of its own."""
    event = an_event(store, case_id, EventKind.CORRECTION, day)
    entry = Entry(event, 1, (Transfer("claims_fees", "adjustments", None, 5),), day)
    with store.writing(SYSTEM, NOW) as transaction:
        journal.add_events(transaction.connection, [event], None, "test", NOW)
        journal.add_entries(transaction.connection, [entry], NOW)
        transaction.audit("test.posted", "case", case_id)


def test_the_store_itself_takes_no_entry_into_a_closed_period(store: Store, tmp_path: Path) -> None:
    finance, manager = two_people(store)
    ids = november(store, tmp_path)
    closed(store, finance, manager)
    straight(store, ids[0], END)
    with pytest.raises(DBAPIError, match="closed period"):
        straight(store, ids[0], LAST)


def test_without_its_triggers_the_store_would_take_it(store: Store, tmp_path: Path) -> None:
    finance, manager = two_people(store)
    ids = november(store, tmp_path)
    closed(store, finance, manager)
    with store._writers.begin() as connection:
        for table in ("journal_entries", "journal_lines"):
            of = f" on {table}" if store.dialect == "postgresql" else ""
            connection.execute(text(f"drop trigger {table}_open_days{of}"))
    straight(store, ids[0], LAST)


def test_periods_are_closed_one_after_another_once_they_are_over(store: Store, tmp_path: Path) -> None:
    finance, manager = two_people(store)
    november(store, tmp_path)
    for first in (date(2026, 10, 1), END):
        with pytest.raises(Invalid, match="one after another"):
            ask_close(finance, store, now=NOW, first_date=first, reason="month end", key=uuid4().hex)
    early = NOW - timedelta(days=3)
    all_green(store, now=early)
    with pytest.raises(Invalid, match="once it is over"):
        ask_close(finance, store, now=early, first_date=FIRST, reason="month end", key="early")
    closed(store, finance, manager)
    with pytest.raises(Invalid, match="one after another"):
        ask_close(finance, store, now=NOW, first_date=FIRST, reason="month end", key="again")


def test_an_override_needs_a_second_person_holds_for_its_time_and_is_kept(store: Store, tmp_path: Path) -> None:
    finance, manager = two_people(store)
    november(store, tmp_path)
    FAULTS["differences_settled"](store)
    asked = ask_override(
        finance, store, now=NOW, first_date=FIRST, check_name="differences_settled", reason="known", key="o"
    )
    with pytest.raises(DomainError):
        approved(store, finance, asked)
    assert failing(store, finance) == ["differences_settled"]
    approved(store, manager, asked)
    all_sent(store)
    assert failing(store, finance) == []
    expired = NOW + timedelta(hours=24)
    all_green(store, now=expired)
    with pytest.raises(NotReady):
        ask_close(finance, store, now=expired, first_date=FIRST, reason="month end", key="late")
    in_time = NOW + timedelta(hours=23)
    closed(store, finance, manager, now=in_time)
    (period,) = list_periods(finance, store, now=in_time)
    assert "set aside: differences_settled" in str(period.reason)


@pytest.mark.parametrize("name", sorted(NEVER_OVERRIDDEN))
def test_books_that_are_wrong_are_set_aside_by_nobody(store: Store, tmp_path: Path, name: str) -> None:
    finance, _ = two_people(store)
    november(store, tmp_path)
    FAULTS[name](store)
    with pytest.raises(Refused):
        ask_override(finance, store, now=NOW, first_date=FIRST, check_name=name, reason="known", key="o")


@pytest.mark.parametrize("name", ["no_such_check", "payments_posted"])
def test_what_holds_or_is_no_check_is_not_set_aside(store: Store, tmp_path: Path, name: str) -> None:
    finance, _ = two_people(store)
    november(store, tmp_path)
    with pytest.raises(Invalid):
        ask_override(finance, store, now=NOW, first_date=FIRST, check_name=name, reason="known", key="o")


def test_an_override_in_somebody_elses_name_is_refused(store: Store, tmp_path: Path) -> None:
    finance, manager = two_people(store)
    november(store, tmp_path)
    FAULTS["differences_settled"](store)
    said = {"first_date": "2026-11-01", "last_date": "2026-11-30", "check_name": "differences_settled",
            "found": "1 open", "asked_by": manager.person_id, "why": "known"}  # fmt: skip
    with pytest.raises(Invalid):
        approvals.request_approval(
            finance, store, now=NOW, kind="ledger.override_close", object_type="ledger_period",
            object_id="2026-11-01/differences_settled", arguments=said, reason="known", key="k",
        )  # fmt: skip


def test_one_person_alone_does_not_close_the_ledger_by_another_door(store: Store, tmp_path: Path) -> None:
    finance, _ = two_people(store)
    with pytest.raises(Invalid, match="two people"):
        closed_periods.close_period(
            finance, store, now=NOW, zone=ZoneInfo("Asia/Shanghai"), area="ledger", first_date=FIRST, end_date=END,
            reason="month end",
        )  # fmt: skip


def test_nothing_is_open_before_anything_was_posted(store: Store) -> None:
    finance, _ = two_people(store)
    assert read_open_period(finance, store, now=NOW) is None


@pytest.mark.parametrize(
    ("first", "end"), [(date(2026, 12, 1), date(2027, 1, 1)), (date(2024, 2, 10), date(2024, 3, 1))]
)
def test_a_period_ends_with_its_month(first: date, end: date) -> None:
    assert month_of(first) == Span(first, end)


def test_an_override_is_of_two_people_in_the_store_too(store: Store) -> None:
    with pytest.raises(DBAPIError), store._writers.begin() as connection:
        connection.execute(
            text(
                "insert into closing_overrides (override_id, first_date, check_name, found, reason, asked_by,"
                " approved_by, approved_at, until_at) values ('x', '2026-11-01', 'n', 'f', 'r', 'p', 'p',"
                " '2026-11-01 00:00:00', '2026-11-02 00:00:00')"
            )
        )


def test_a_close_waits_for_a_posting_that_found_the_period_open(store: Store, tmp_path: Path) -> None:
    finance, manager = two_people(store)
    ids = november(store, tmp_path)
    asked = ask_close(finance, store, now=NOW, first_date=FIRST, reason="month end", key="k")
    all_sent(store)
    late = an_event(store, ids[0], EventKind.RECEIPT, LAST, amount_minor=700)
    with ThreadPoolExecutor(1) as other:
        with store.writing(SYSTEM, NOW) as transaction:
            assert journal.first_open_date(transaction.connection) == date.min
            closing = other.submit(approved, store, manager, asked)
            with pytest.raises(TimeoutError):
                closing.result(timeout=0.5)
            post(transaction, [late])
            transaction.audit("test.posted", "case", ids[0])
        closing.result(timeout=30)
    with store.reading() as connection:
        day = connection.execute(
            text("select accounting_date from journal_entries where event_id = :of"), {"of": late.event_id}
        ).scalar_one()  # fmt: skip
        kept = connection.execute(text("select balance_minor from closed_balances where account = 'cash'")).scalar_one()
    assert (str(day), kept) == (LAST.isoformat(), 1_000 + 2_000 + 700)
