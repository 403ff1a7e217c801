"""Days past due after allocation, oldest instalment first; what each payment paid of which instalment."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.ledger.instalments import (
    Instalment,
    Paid,
    days_past_due,
    money_by,
    recomputed,
    split,
)

DAY = date(2026, 3, 1)


def schedule(*dues: int, paid: int = 0, known: date = DAY - timedelta(days=100)) -> list[Instalment]:
    """Instalments due every 30 days up to 30 days before ``DAY``, of which the lender tells ``paid`` as paid."""
    made = []
    for number, due in enumerate(dues, start=1):
        share = min(paid, due)
        paid -= share
        made.append(Instalment(number, DAY - timedelta(days=30 * (len(dues) - number + 1)), due, share, known))
    return made


@pytest.mark.parametrize(
    ("money", "days"),
    [(0, 90), (99, 90), (100, 60), (199, 60), (200, 30), (299, 30), (300, 0), (1_000, 0), (-50, 90)],
)
def test_days_run_from_the_oldest_instalment_that_is_not_covered(money: int, days: int) -> None:
    assert days_past_due(schedule(100, 100, 100), money, DAY) == days


def test_an_instalment_is_not_past_due_on_its_own_day() -> None:
    one = [Instalment(1, DAY, 100, 0, DAY)]
    assert days_past_due(one, 0, DAY) == 0
    assert days_past_due(one, 0, DAY + timedelta(days=1)) == 1


def test_what_the_lender_told_and_what_came_since_count_together_and_once() -> None:
    known = DAY - timedelta(days=10)
    book = schedule(100, 100, paid=100, known=known)
    told = Paid("told", known, 100)
    new = Paid("new", DAY - timedelta(days=1), 100)
    assert money_by(book, [told, new], DAY) == 200
    assert money_by(book, [told, new], DAY - timedelta(days=2)) == 100
    found = recomputed(book, [told, new], lenders_days=28, lenders_date=DAY - timedelta(days=2), today=DAY)
    assert found is not None
    assert (found.then, found.now, found.days_apart) == (28, 0, 0)


def test_what_was_back_dated_counts_from_the_day_it_was_booked_and_is_not_in_what_the_lender_told_before() -> None:
    known = DAY - timedelta(days=10)
    book = schedule(100, 100, known=known)
    late = Paid("late", known - timedelta(days=5), 100, posted_date=DAY - timedelta(days=1))
    in_it = Paid("in it", known - timedelta(days=5), 100, posted_date=known)
    assert money_by(book, [late, in_it], DAY) == 100
    assert money_by(book, [late, in_it], DAY, told_on=known) == 0
    found = recomputed(book, [late, in_it], lenders_days=50, lenders_date=known, today=DAY)
    assert found is not None
    assert (found.then, found.now, found.days_apart) == (50, 30, 0)


def test_without_a_schedule_there_is_nothing_to_recompute() -> None:
    assert recomputed([], [], lenders_days=3, lenders_date=DAY, today=DAY) is None
    assert split([], [Paid("a", DAY, 5)]) == {}


def test_a_payment_is_split_over_the_oldest_instalments_and_its_reversal_takes_the_same_back() -> None:
    book = schedule(100, 100, 100)
    paid = [Paid("a", DAY - timedelta(days=20), 150), Paid("b", DAY - timedelta(days=10), 100)]
    assert split(book, paid) == {"a": ((1, 100), (2, 50)), "b": ((2, 50), (3, 50))}
    back = [*paid, Paid("r", DAY, -100)]
    assert split(book, back)["r"] == ((2, -50), (3, -50))


dues = st.lists(st.integers(0, 500), min_size=1, max_size=8)
moves = st.lists(st.tuples(st.integers(0, 90), st.integers(-600, 600)), max_size=8)


def paid_of(rows: list[tuple[int, int]]) -> list[Paid]:
    return [Paid(f"p{n}", DAY - timedelta(days=ago), minor) for n, (ago, minor) in enumerate(rows)]


@given(dues, st.integers(0, 2_000), st.integers(0, 2_000))
def test_more_money_never_makes_more_days(amounts: list[int], money: int, more: int) -> None:
    book = schedule(*amounts)
    assert days_past_due(book, money + more, DAY) <= days_past_due(book, money, DAY)


@given(dues, moves, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(amounts: list[int], rows: list[tuple[int, int]], dice) -> None:
    book, paid = schedule(*amounts), paid_of(rows)
    mixed = list(paid)
    dice.shuffle(mixed)  # back-dated: what counts earlier is told later
    assert money_by(book, mixed, DAY) == money_by(book, paid, DAY)
    assert split(book, mixed) == split(book, paid)


@given(dues, moves, st.integers(1, 500), st.integers(0, 90))
def test_a_payment_that_is_reversed_the_same_day_leaves_the_days_as_they_were(
    amounts: list[int], rows: list[tuple[int, int]], minor: int, ago: int
) -> None:
    book, paid, day = schedule(*amounts), paid_of(rows), DAY - timedelta(days=ago)
    more = [*paid, Paid("x", day, minor), Paid("y", day, -minor)]
    for on in (day, DAY):
        assert days_past_due(book, money_by(book, more, on), on) == days_past_due(book, money_by(book, paid, on), on)


@given(dues, moves)
def test_the_shares_of_all_payments_are_what_the_money_covers(amounts: list[int], rows: list[tuple[int, int]]) -> None:
    book, paid = schedule(*amounts), paid_of([(ago, abs(minor)) for ago, minor in rows])
    shares = split(book, paid)
    total = sum(minor for parts in shares.values() for _, minor in parts)
    assert total == min(sum(amounts), sum(it.signed_minor for it in paid))
    for it in paid:
        assert sum(minor for _, minor in shares[it.key]) <= it.signed_minor
    covered: dict[int, int] = {}
    for parts in shares.values():
        for number, minor in parts:
            covered[number] = covered.get(number, 0) + minor
    unpaid = [one.number for one in book if covered.get(one.number, 0) < one.due_minor]
    oldest = [one for one in book if one.number in unpaid]
    days = days_past_due(book, money_by(book, paid, DAY), DAY)
    assert days == max(((DAY - one.due_date).days for one in oldest), default=0)
