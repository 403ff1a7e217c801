"""What comes late changes what has accrued since its value date, as if it had come in time; the journal says why."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import select

from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.events import EventKind, LedgerEvent
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.accruing import accrue
from ops_app.services.ledger.posting import what_is_owed
from ops_app.services.ledger.verify_journal import verify_journal, verify_posted, verify_replayed
from ops_app.store.ledger import journal
from ops_app.store.organisation import audit
from ops_app.store.organisation.audit import AuditFilter
from ops_app.store.store import Store
from ops_app.store.tables.journal import journal_entries, ledger_events
from tests.services.casework.casebook import NOW, SUPERVISOR, some_cases
from tests.services.ledger.entering import an_event, paid, posted, taken_over
from tests.services.ledger.test_accruing import DAY, with_terms

MUCH = 100_000_000
PRINCIPAL, INTEREST, PENALTY = Component.PRINCIPAL, Component.INTEREST, Component.PENALTY
RATES = {INTEREST: Fraction(17, 100), PENALTY: Fraction(5, 100)}


def at(number: int) -> date:
    return DAY + timedelta(days=number)


def book(store: Store, case_id: str) -> dict[Component, int]:
    with store.reading() as connection:
        return journal.positions(connection, [case_id])[case_id].book


def accrued_daily(store: Store, numbers: Iterable[int]) -> None:
    for number in numbers:
        accrue(SYSTEM, store, now=NOW, business_date=at(number))


def test_a_payment_that_comes_late_takes_back_what_accrued_on_what_it_had_paid(store: Store, tmp_path: Path) -> None:
    with_terms(store)
    late, in_time = some_cases(store, tmp_path, 2, in_ledger=False)
    for case_id in (late, in_time):
        taken_over(store, case_id, DAY, principal=MUCH)
    accrued_daily(store, range(1, 6))
    paid(store, in_time, at(5), MUCH // 2)
    accrued_daily(store, range(6, 15))
    over = book(store, late)[INTEREST]
    one = paid(store, late, at(5), MUCH // 2)
    assert book(store, late) == book(store, in_time)
    assert over > book(store, late)[INTEREST]
    with store.reading() as connection:
        again = connection.execute(
            select(ledger_events.c.kind, ledger_events.c.value_date).where(
                ledger_events.c.case_id == late, ledger_events.c.cause == "replay"
            )
        ).all()
        because = connection.execute(
            select(journal_entries.c.because_event_id).where(
                journal_entries.c.case_id == late, journal_entries.c.reverses_entry_id.is_not(None)
            )
        ).scalars()
        said = audit.newest(
            connection, AuditFilter(object_type="ledger_accrual", object_id=late), before=None, limit=1
        )[0]
    assert sorted(again) == sorted((kind, at(n)) for n in range(6, 15) for kind in ("cancellation", "accrual"))
    assert set(because) == {one.event_id}
    assert said.action == "ledger.accrued_again"
    assert said.reason == f"receipt of {at(5)}"


def test_a_reversal_of_it_accrues_again_from_its_own_day_and_a_cancellation_from_the_first(
    store: Store, tmp_path: Path
) -> None:
    with_terms(store)
    never, reversed_one, cancelled = some_cases(store, tmp_path, 3, in_ledger=False)
    for case_id in (never, reversed_one, cancelled):
        taken_over(store, case_id, DAY, principal=MUCH)
    mistaken = {case_id: paid(store, case_id, at(3), MUCH // 2) for case_id in (reversed_one, cancelled)}
    accrued_daily(store, range(1, 11))
    for case_id, kind, day in (
        (reversed_one, EventKind.REVERSAL, at(7)), (cancelled, EventKind.CANCELLATION, at(7)),
    ):  # fmt: skip
        target = mistaken[case_id]
        posted(store, an_event(store, case_id, kind, day, target_id=target.event_id, amount_minor=MUCH // 2))
    assert book(store, cancelled) == book(store, never)
    four_days_on_half = sum(
        (MUCH - (MUCH - _paid_of_principal(3))) * RATES[part] * 4 / 360 for part in (INTEREST, PENALTY)
    )
    less = sum(book(store, never).values()) - sum(book(store, reversed_one).values())
    assert abs(less - four_days_on_half) <= 2


def _paid_of_principal(days: int) -> int:
    """What half of it paid of the principal after so many days: the rest went to what had accrued."""
    return MUCH // 2 - sum(int(MUCH * RATES[part] * days / 360) for part in (INTEREST, PENALTY))


def test_a_payment_of_the_day_ends_interest_from_that_day_on_whether_it_comes_before_the_night_or_after(
    store: Store, tmp_path: Path
) -> None:
    with_terms(store)
    before, after = some_cases(store, tmp_path, 2, in_ledger=False)
    for case_id in (before, after):
        taken_over(store, case_id, DAY, principal=MUCH)
    paid(store, before, at(4), MUCH // 4)
    owed = what_is_owed(SUPERVISOR, store, now=NOW, case_id=before, on_date=at(30))
    accrued_daily(store, range(1, 5))
    paid(store, after, at(4), MUCH // 4)
    accrued_daily(store, range(5, 9))
    assert book(store, before) == book(store, after)
    accrue(SYSTEM, store, now=NOW, business_date=at(30))
    assert {part.value: minor for part, minor in book(store, before).items()} == owed.book_minor


def test_what_a_lender_accrued_is_never_reckoned_anew_and_nights_of_the_lender_are_left_out(
    store: Store, tmp_path: Path
) -> None:
    one = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, one, DAY, principal=MUCH)
    posted(store, an_event(store, one, EventKind.ACCRUAL, at(5), parts={INTEREST: 777}))
    paid(store, one, at(2), MUCH // 2)
    assert book(store, one)[INTEREST] == 777
    with_terms(store, since=at(11))  # the house takes it over
    accrued_daily(store, [12])
    assert book(store, one)[INTEREST] == 777 + int((MUCH // 2) * RATES[INTEREST] * 2 / 360)


@dataclass
class Plain:
    """The same claim, reckoned in the order of value dates with fractions, knowing all from the start."""

    owed: dict[Component, int] = field(default_factory=lambda: {PRINCIPAL: MUCH, INTEREST: 0, PENALTY: 0})
    left: dict[Component, Fraction] = field(default_factory=lambda: {INTEREST: Fraction(0), PENALTY: Fraction(0)})

    def night(self) -> None:
        for part, rate in RATES.items():
            exact = self.left[part] + self.owed[PRINCIPAL] * rate / 360
            self.owed[part] += int(exact)
            self.left[part] = exact - int(exact)

    def pay(self, minor: int) -> dict[Component, int]:
        done = {}
        for part in (PENALTY, INTEREST, PRINCIPAL):
            done[part] = min(minor, self.owed[part])
            self.owed[part] -= done[part]
            minor -= done[part]
        return done

    def take_back(self, done: dict[Component, int]) -> None:
        for part, minor in done.items():
            self.owed[part] += minor


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_order_of_arrival_the_claim_is_what_value_dates_say(
    store: Store, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    with_terms(store)
    case_id = some_cases(store, tmp_path, 1, in_ledger=False)[0]
    taken_over(store, case_id, DAY, principal=MUCH)
    days = 20
    payments: dict[int, tuple[LedgerEvent, int]] = {}  # number → event, value day
    undone: dict[int, int] = {}  # number → value day of the reversal; -1: as if it had never been
    waiting = [(chance.randint(0, days), chance.randint(0, 8), chance.randint(1, MUCH // 10)) for _ in range(6)]
    for today in range(days + 1):
        come = [one for one in waiting if min(days, one[0] + one[1]) == today]
        accrues_first = chance.random() < 0.5
        if accrues_first and chance.random() < 0.8:
            accrued_daily(store, [today])
        for value, _, minor in come:
            payments[len(payments)] = paid(store, case_id, at(value), minor), value
        for number, (event, value) in payments.items():
            if number not in undone and chance.random() < 0.08:
                cancels = chance.random() < 0.5
                undone[number] = -1 if cancels else chance.randint(value, today)
                kind = EventKind.CANCELLATION if cancels else EventKind.REVERSAL
                day = at(max(value, undone[number]))
                minor = event.amount_minor
                posted(store, an_event(store, case_id, kind, day, target_id=event.event_id, amount_minor=minor))
        if not accrues_first and chance.random() < 0.8:
            accrued_daily(store, [today])
    accrued_daily(store, [days])

    plain, splits = Plain(), {}
    for today in range(days + 1):
        if today:
            plain.night()
        for number, (event, value) in payments.items():
            if value == today and undone.get(number) != -1:
                splits[number] = plain.pay(event.amount_minor)
        for number, day in undone.items():
            if day == today:
                plain.take_back(splits[number])
    assert {part: minor for part, minor in book(store, case_id).items() if part in plain.owed} == plain.owed
    assert payments
    for proof in (verify_journal(store), verify_posted(store), verify_replayed(store)):
        assert proof.state == "holds", proof
