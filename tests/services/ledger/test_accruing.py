"""Accrual by Recoup: days add up, a day is accrued once, and lenders that do it themselves are left alone."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import select

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import EventKind
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger import accruing
from ops_app.services.ledger.accruing import accrue
from ops_app.store.ledger import journal
from ops_app.store.store import Store
from ops_app.store.tables.journal import ledger_differences, ledger_events
from tests.services.casework import casebook
from tests.services.casework.casebook import NOW, some_cases
from tests.services.ledger.entering import an_event, paid, posted, taken_over
from tests.services.organisation.parameters import set_to
from tests.services.organisation.planting import plant

ALWAYS, DAY = date(2000, 1, 1), date(2026, 11, 2)
RATE = Fraction(17, 100)


def with_terms(store: Store, *, since: date = ALWAYS, **other: object) -> None:
    values = {"accrual": "recoup_accrues", "interest_rate": "0.17", "penalty_rate": "0.05"} | other
    for name, value in values.items():
        plant(store, set_to(f"ledger.{name}", value, since))


def interest(store: Store, case_id: str) -> int:
    with store.reading() as connection:
        return journal.positions(connection, [case_id])[case_id].book[Component.INTEREST]


def test_days_come_to_what_their_span_comes_to(store: Store, tmp_path: Path) -> None:
    with_terms(store)
    one, two = some_cases(store, tmp_path, 2, in_ledger=False)
    for case_id in (one, two):
        taken_over(store, case_id, DAY, principal=123_457)
    for number in range(1, 12):
        done = accrue(SYSTEM, store, now=NOW, business_date=DAY + timedelta(days=number))
        assert done.cases == 2
    exact = 123_457 * RATE * 11 / 360
    assert interest(store, one) == interest(store, two) == exact.numerator // exact.denominator
    with store.reading() as connection:
        state = journal.positions(connection, [one])[one]
    exact = 123_457 * Fraction(5, 100) * 11 / 360
    assert state.book[Component.PENALTY] == exact.numerator // exact.denominator


def test_days_that_were_not_run_are_made_up_for(store: Store, tmp_path: Path) -> None:
    with_terms(store)
    one, two = some_cases(store, tmp_path, 2, in_ledger=False)
    taken_over(store, one, DAY, principal=123_457)
    for number in (1, 2, 3):
        accrue(SYSTEM, store, now=NOW, business_date=DAY + timedelta(days=number))
    taken_over(store, two, DAY, principal=123_457)
    accrue(SYSTEM, store, now=NOW, business_date=DAY + timedelta(days=20))
    assert interest(store, one) == interest(store, two)


def test_a_day_is_accrued_once_and_an_earlier_one_not_at_all(store: Store, tmp_path: Path) -> None:
    with_terms(store)
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY, principal=1_000_000)
    first = accrue(SYSTEM, store, now=NOW, business_date=DAY + timedelta(days=5))
    assert (first.events, first.totals) == (1, {"CNY": 2_361 + 694})
    stands = interest(store, one)
    for day in (DAY + timedelta(days=5), DAY + timedelta(days=3), DAY):
        assert accrue(SYSTEM, store, now=NOW, business_date=day).events == 0
    assert interest(store, one) == stands


def test_many_cases_are_accrued_so_many_at_a_time(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accruing, "AT_ONCE", 2)
    with_terms(store)
    for case_id in some_cases(store, tmp_path, 5, in_ledger=False):
        taken_over(store, case_id, DAY, principal=1_000_000)
    done = accrue(SYSTEM, store, now=NOW, business_date=DAY + timedelta(days=1))
    assert (done.cases, done.events) == (5, 5)


def test_a_lender_that_accrues_is_left_alone_and_so_is_what_is_written_off_or_closed(
    store: Store, tmp_path: Path
) -> None:
    ids = some_cases(store, tmp_path, 3, in_ledger=False)
    for case_id in ids:
        taken_over(store, case_id, DAY)
    day = DAY + timedelta(days=3)
    assert accrue(SYSTEM, store, now=NOW, business_date=day).events == 0
    with_terms(store)
    posted(
        store, an_event(store, ids[0], EventKind.WRITE_OFF, DAY, terms={"method": "direct"},
                        parts={Component.PRINCIPAL: 100_000, Component.INTEREST: 10_000}),
    )  # fmt: skip
    posted(store, an_event(store, ids[1], EventKind.CLOSING, DAY))
    accrue(SYSTEM, store, now=NOW, business_date=day)
    with store.reading() as connection:
        found = connection.execute(
            select(ledger_events.c.case_id).where(ledger_events.c.kind == "accrual")
        ).scalars()  # fmt: skip
        assert set(found) == {ids[2]}


def test_a_payment_lowers_what_accrues_afterwards(store: Store, tmp_path: Path) -> None:
    with_terms(store, penalty_rate="0")
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY, principal=1_000_000)
    accrue(SYSTEM, store, now=NOW, business_date=DAY + timedelta(days=10))
    paid(store, one, DAY + timedelta(days=10), 500_000 + interest(store, one))
    accrue(SYSTEM, store, now=NOW, business_date=DAY + timedelta(days=20))
    exact = 500_000 * RATE * 10 / 360
    assert interest(store, one) in (exact.numerator // exact.denominator, exact.numerator // exact.denominator + 1)


def test_the_caps_hold_from_day_to_day(store: Store, tmp_path: Path) -> None:
    with_terms(store, interest_rate="0.9", penalty_rate="0.9", annual_rate_cap="1", accrual_cap_share="0.01")
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY, principal=1_000_000)
    for number in range(1, 10):
        accrue(SYSTEM, store, now=NOW, business_date=DAY + timedelta(days=number))
    with store.reading() as connection:
        book = journal.positions(connection, [one])[one].book
    assert book[Component.INTEREST] + book[Component.PENALTY] == 10_000


def test_terms_that_change_count_from_their_own_day(store: Store, tmp_path: Path) -> None:
    with_terms(store, penalty_rate="0")
    plant(store, set_to("ledger.interest_rate", "0.34", DAY + timedelta(days=6)))
    plant(store, set_to("ledger.annual_rate_cap", "0.5", ALWAYS))
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY, principal=3_600_000)
    accrue(SYSTEM, store, now=NOW, business_date=DAY + timedelta(days=10))
    assert interest(store, one) == 1_700 * 5 + 3_400 * 5


@pytest.mark.parametrize("by", ["recoup_accrues", "lender_accrues"])
def test_what_the_feed_says_beyond_the_houses_own_accrual_is_a_difference_and_no_second_accrual(
    store: Store, tmp_path: Path, by: str
) -> None:
    with_terms(store, accrual=by)
    first, then = casebook.DAY, casebook.DAY + timedelta(days=1)
    parts = {"principal_minor": 100_000, "fees_minor": 0, "penalty_minor": 0}
    for day, owed in ((first, 500), (then, 900)):
        spell = casebook.a_spell(
            1, as_of_date=day, opened_date=first, interest_minor=owed, balance_minor=100_000 + owed, **parts
        )
        casebook.taken_in(store, tmp_path, spell, day=day, now=NOW + timedelta(days=(day - first).days))
    with store.reading() as connection:
        found = connection.execute(select(ledger_differences.c.ledger_minor, ledger_differences.c.feed_minor)).all()
    own = by == "recoup_accrues"
    assert interest(store, str(spell["case_id"])) == (500 if own else 900)
    assert [tuple(row) for row in found] == ([(500, 900)] if own else [])
