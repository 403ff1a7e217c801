"""Promises as of now: kept, part paid, broken and taken back as payments become known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from ops_app.domain.contact.promises import Came, Promise, as_of_now

MADE = datetime(2026, 11, 1, 2, 0, tzinfo=UTC).replace(tzinfo=None)  # as it is published: UTC, without saying so
DUE = date(2026, 11, 5)
ONE = Promise("p1", MADE, date(2026, 11, 1), DUE, DUE + timedelta(days=3), "CNY", 10_000, 0, "open")


def came(minor: int, day: int = 4, *, gone: bool = False) -> Came:
    return Came(datetime(2026, 11, day, 12, 0, tzinfo=UTC), date(2026, 11, day), minor, gone)


def judged(*money: Came, one: Promise = ONE, today: date = DUE, share: str = "1") -> tuple[str, int]:
    (found,) = as_of_now([one], money, kept_share=Decimal(share), today=today)
    return found.state, found.paid_minor


@pytest.mark.parametrize(
    ("money", "today", "said"),
    [
        ([], DUE, ("open", 0)),
        ([came(10_000)], DUE, ("kept", 10_000)),
        ([came(4_000)], DUE, ("open", 4_000)),
        ([came(4_000), came(6_000, 8)], date(2026, 11, 9), ("kept", 10_000)),  # within its grace
        ([came(4_000), came(6_000, 9)], date(2026, 11, 9), ("broken", 4_000)),  # a day too late
        ([came(10_000, gone=True)], DUE, ("open", 0)),
        ([came(10_000, gone=True)], date(2026, 11, 9), ("broken", 0)),
    ],
)
def test_a_promise_is_judged_by_what_is_known_now(money: list[Came], today: date, said: tuple[str, int]) -> None:
    assert judged(*money, today=today) == said


def test_what_came_before_the_promise_or_is_valued_before_it_counts_for_none() -> None:
    before = Came(datetime(2026, 11, 1, 1, 59, tzinfo=UTC), date(2026, 11, 1), 10_000, False)
    valued = replace(came(10_000), value_date=date(2026, 10, 31))
    assert judged(before, valued) == ("open", 0)


def test_the_share_that_must_come_is_the_houses() -> None:
    assert judged(came(9_500), share="0.95") == ("kept", 9_500)
    assert judged(came(9_499), share="0.95") == ("open", 9_499)


def test_a_later_promise_takes_the_place_of_an_earlier_and_of_its_money() -> None:
    later = replace(ONE, promise_id="p2", promised_at=MADE + timedelta(days=2), promised_date=date(2026, 11, 3))
    found = as_of_now([later, ONE], [came(10_000)], kept_share=Decimal(1), today=DUE)
    assert [(it.promise_id, it.state, it.paid_minor) for it in found] == [
        ("p2", "kept", 10_000),
        ("p1", "superseded", 0),
    ]


def test_a_cancelled_promise_stays_cancelled_and_what_was_published_beyond_the_books_still_counts() -> None:
    assert judged(came(10_000), one=replace(ONE, state="cancelled")) == ("cancelled", 10_000)
    assert judged(one=replace(ONE, state="kept", paid_minor=10_000)) == ("kept", 10_000)
    assert judged(came(10_000, gone=True), one=replace(ONE, state="kept", paid_minor=10_000)) == ("open", 0)
