"""The list and record of payments: narrowed, paged by keys, an agency within its windows, stornos with their cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import select

from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.accounts import OUTSIDE, Component
from ops_app.domain.ledger.breaks import BreakKind
from ops_app.domain.ledger.places import NoSuchPayment, Place
from ops_app.domain.ledger.repayments import RepaymentKind
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.rights import AMOUNTS, AmountsHidden, Rights
from ops_app.services.casework.viewing import case_payments
from ops_app.services.ledger.payment_lists import (
    LONGEST_DAYS,
    SORTS,
    RepaymentFilter,
    list_repayments,
    read_repayment,
)
from ops_app.store.store import Store
from ops_app.store.tables.casework import placements
from ops_app.store.zone import begin_of
from tests.bench import plans
from tests.services.casework.casebook import (
    AG1,
    AG2,
    DAY,
    NOW,
    SUPERVISOR,
    a_collector,
    assigned,
    placed,
    recalled,
    some_cases,
)
from tests.services.ledger.paying import came_in, opened, paid, recorded_only, taken_back
from tests.services.ledger.people import a_break, applied

NEXT = DAY + timedelta(days=1)
LATER = NOW + timedelta(hours=8)
ALL = RepaymentFilter(DAY - timedelta(days=20), DAY + timedelta(days=42))
LONG = replace(ALL, until=DAY + timedelta(days=90))


def ids(rows) -> list[str]:
    return [row.payment.content.payment_id for row in rows]


@pytest.fixture
def book(store: Store, tmp_path: Path) -> Store:
    """Payments on cases, outside, in suspense and not posted, one of them reversed."""
    cases = some_cases(store, tmp_path, 3)
    opened(store, *cases)
    first = paid("P1", 1_000, 1)
    came_in(store, (first, cases[0]), (paid("P2", 2_000, 2, channel="alipay"), cases[1]), now=LATER)
    came_in(store, (paid("P3", 3_000, 3, day=DAY - timedelta(days=5)), None), now=LATER, place=OUTSIDE)
    came_in(store, (paid("P4", 4_000, 77), None), now=LATER)
    recorded_only(store, [paid("P5", 5_000, 3, day=NEXT + timedelta(days=1))])
    came_in(store, (taken_back(first, "R1"), cases[0]), now=LATER + timedelta(hours=1))
    return store


def test_every_filter_narrows_and_totals_count_reversals_down(book: Store) -> None:
    def found(**other: object) -> list[str]:
        return sorted(ids(list_repayments(SUPERVISOR, book, now=LATER, wanted=replace(ALL, **other)).rows))

    assert found() == ["P1", "P2", "P3", "P4", "P5", "R1"]
    assert found(place=Place.CASE) == ["P1", "P2", "R1"]
    assert found(place=Place.OUTSIDE) == ["P3"]
    assert found(place=Place.SUSPENSE) == ["P4"]
    assert found(place=Place.PENDING) == ["P5"]
    assert found(kind=RepaymentKind.REVERSAL) == ["R1"]
    assert found(channel="alipay") == ["P2"]
    assert found(text="L3") == ["P3", "P5"]
    assert found(text="P4") == ["P4"]
    assert found(least_minor=3_000, most_minor=4_000) == ["P3", "P4"]
    assert found(since=NEXT, until=NEXT + timedelta(days=1)) == ["P1", "P2", "P4", "R1"]
    assert found(source_code="XJC") == []
    assert found(currency="USD") == []
    page = list_repayments(SUPERVISOR, book, now=LATER, wanted=ALL)
    assert (page.counts, page.sums_minor) == ({"CNY": 6}, {"CNY": 14_000})


@pytest.mark.parametrize(("sort", "descending"), list(product(SORTS, (True, False))))
def test_pages_follow_one_another_without_a_gap_or_a_repetition(book: Store, sort: str, descending: bool) -> None:
    whole = ids(list_repayments(SUPERVISOR, book, now=LATER, wanted=ALL, sort=sort, descending=descending).rows)
    seen: list[str] = []
    after = None
    while True:
        page = list_repayments(
            SUPERVISOR, book, now=LATER, wanted=ALL, sort=sort, descending=descending, after=after, limit=2
        )
        seen += ids(page.rows)
        after = page.next_after
        if after is None:
            break
    assert seen == whole
    assert len(set(seen)) == 6


def test_pages_of_one_place_follow_one_another(book: Store) -> None:
    wanted = replace(ALL, place=Place.CASE)
    first = list_repayments(SUPERVISOR, book, now=LATER, wanted=wanted, limit=2)
    second = list_repayments(SUPERVISOR, book, now=LATER, wanted=wanted, limit=2, after=first.next_after)
    assert sorted(ids(first.rows) + ids(second.rows)) == ["P1", "P2", "R1"]


def test_a_range_that_is_none_too_long_or_unserved_is_refused(book: Store) -> None:
    for wanted, sort, field in (
        (replace(ALL, until=ALL.since), "value_date", "until"),
        (replace(ALL, until=ALL.since + timedelta(days=LONGEST_DAYS + 1)), "value_date", "until"),
        (replace(ALL, place=Place.CASE), "amount_minor", "sort"),
        (ALL, "payer_name", "sort"),
        (LONG, "amount_minor", "sort"),
    ):
        with pytest.raises(Invalid) as refused:
            list_repayments(SUPERVISOR, book, now=LATER, wanted=wanted, sort=sort)
        assert refused.value.field == field
    with pytest.raises(Invalid):
        list_repayments(SUPERVISOR, book, now=LATER, wanted=ALL, after="[1]")


def test_who_sees_no_amounts_neither_sorts_nor_narrows_by_one(book: Store) -> None:
    blind = Actor("p-b", "Blind", Role.SUPERVISOR, rights=Rights(withheld=frozenset({AMOUNTS})))
    for given in ({"sort": "amount_minor"}, {"wanted": replace(ALL, least_minor=1)}):
        with pytest.raises(AmountsHidden):
            list_repayments(blind, book, now=LATER, **given)
    page = list_repayments(blind, book, now=LATER, wanted=ALL)
    assert "1000" not in str(page.rows[0].payment.content.amount_minor)


def test_no_list_of_payments_reads_a_table_whole(book: Store) -> None:
    asked = [replace(ALL, **it) for it in ({}, {"source_code": "SIM"}, {"channel": "alipay"}, {"text": "L3"})]
    with plans.asked(book) as selects:
        for wanted, descending in product(asked, (True, False)):
            list_repayments(SUPERVISOR, book, now=LATER, wanted=wanted, descending=descending)
        for place in Place:
            list_repayments(SUPERVISOR, book, now=LATER, wanted=replace(ALL, place=place))
        list_repayments(AG1, book, now=LATER, wanted=ALL)
    with plans.asked(book) as sorted_by_hand:
        for sort in SORTS:
            list_repayments(SUPERVISOR, book, now=LATER, wanted=ALL, sort=sort)
    if book.dialect == "sqlite":  # PostgreSQL reads so small a table whole, whatever its indexes
        found = [one for one in selects if " in (select found." not in " ".join(one[0].lower().split())]
        for one in found:
            assert plans.read_whole(book, [one]) == [], plans.plan_of(book, one)
        assert plans.read_whole(book, [one for one in selects if one not in found] + sorted_by_hand, by_key=True) == []


def test_an_agency_reads_its_windows_and_what_is_not_confirmed_is_marked(store: Store, tmp_path: Path) -> None:
    one, two, three = some_cases(store, tmp_path, 3)
    opened(store, one, two, three)
    placed(store, "AG01", one, two)
    placed(store, "AG02", three)
    day = NOW.astimezone().date()
    came_in(
        store, (paid("BEFORE", 10, 1, day=DAY), None), (paid("IN", 20, 1, day=day), one),
        (paid("OTHER", 30, 3, day=day), three), now=LATER,
    )  # fmt: skip
    recorded_only(store, [paid("PENDING", 40, 2, day=day)])
    page = list_repayments(AG1, store, now=LATER, wanted=ALL)
    assert {row.payment.content.payment_id: row.place for row in page.rows} == {
        "IN": Place.CASE, "PENDING": Place.PENDING,
    }  # fmt: skip
    assert (page.counts, page.sums_minor) == ({"CNY": 2}, {"CNY": 60})
    assert ids(list_repayments(AG2, store, now=LATER, wanted=ALL).rows) == ["OTHER"]
    for foreign in ("OTHER", "BEFORE", "NONE"):
        with pytest.raises(NoSuchPayment):
            read_repayment(AG1, store, now=LATER, source_code="SIM", payment_id=foreign)
    found = read_repayment(AG1, store, now=LATER, source_code="SIM", payment_id="IN")
    assert found.paid.repaid_minor[Component.PRINCIPAL] == 20
    assert (found.entries, found.breaks, found.holds) == ((), (), ())


def test_after_a_recall_payments_count_until_the_tail_ends_and_the_case_is_not_shown(
    store: Store, tmp_path: Path
) -> None:
    (one,) = some_cases(store, tmp_path, 1)
    opened(store, one)
    placed(store, "AG01", one)
    recalled(store, one, now=LATER)
    recorded_only(
        store, [paid(f"D{n}", 100 + n, 1, day=NEXT + timedelta(days=n)) for n in range(60)]
    )  # fmt: skip
    seen = list_repayments(AG1, store, now=LATER, wanted=LONG, limit=100).rows
    last = max(row.payment.content.value_date for row in seen)
    with store.reading() as connection:
        tail = connection.execute(select(placements.c.tail_until_date)).scalar_one()
    assert last == tail - timedelta(days=1)
    assert {row.case_id for row in seen} == {None}


def test_a_window_begins_with_the_day_of_placing_in_the_house_zone(store: Store, tmp_path: Path) -> None:
    (one,) = some_cases(store, tmp_path, 1)
    late: datetime = begin_of(date(2026, 11, 26)) + timedelta(minutes=1)  # the 25th in UTC
    placed(store, "AG01", one, now=late)
    recorded_only(store, [paid("D25", 1, 1, day=date(2026, 11, 25)), paid("D26", 2, 1, day=date(2026, 11, 26))])
    assert ids(list_repayments(AG1, store, now=late + timedelta(hours=1), wanted=ALL).rows) == ["D26"]


def test_a_collector_reads_those_of_their_case_with_where_they_stand(store: Store, tmp_path: Path) -> None:
    (one,) = some_cases(store, tmp_path, 1)
    opened(store, one)
    placed(store, "AG01", one)
    mine = a_collector(store, "mine", "AG01")
    assigned(store, AG1, mine, one)
    came_in(store, (paid("IN", 20, 1, day=NEXT), one), now=LATER)
    recorded_only(store, [paid("PENDING", 40, 1, day=NEXT)])
    rows = case_payments(mine, store, now=LATER, case_id=one)
    assert {row.payment.content.payment_id: row.place for row in rows} == {"IN": Place.CASE, "PENDING": Place.PENDING}
    assert rows[0].payment.content.payer_name == "张**"


def test_the_record_tells_every_storno_and_because_of_what(store: Store, tmp_path: Path) -> None:
    (one,) = some_cases(store, tmp_path, 1)
    opened(store, one)
    first = paid("P1", 1_000, 1, day=NEXT + timedelta(days=3))
    came_in(store, (first, one), now=LATER)
    came_in(
        store, (paid("P0", 100_000, 1, day=NEXT), one), now=LATER + timedelta(hours=1)
    )  # back-dated: P1 is replayed
    applied(store, a_break(BreakKind.UNMATCHED_LENDER, 1_000, payments=("P1",)), day=NOW.date(), now=LATER)
    found = read_repayment(SUPERVISOR, store, now=LATER, source_code="SIM", payment_id="P1")
    assert (found.entries[0].nth, found.entries[0].reverses) == (1, None)
    assert any(it.reverses for it in found.entries)
    assert {it.cause_id for it in found.because} == {"SIM/P0"}
    assert (found.paid.repaid_minor[Component.PRINCIPAL], found.paid.held_minor) == (1, 999)
    assert [it.kind for it in found.breaks] == [BreakKind.UNMATCHED_LENDER]
    assert [it.because_id for it in found.holds] == ["SIM/P1"]


def test_the_chain_of_reversals_is_told_from_both_ends(book: Store) -> None:
    of_payment = read_repayment(SUPERVISOR, book, now=LATER, source_code="SIM", payment_id="P1")
    assert ids(of_payment.chain) == ["R1"]
    of_reversal = read_repayment(SUPERVISOR, book, now=LATER, source_code="SIM", payment_id="R1")
    assert ids(of_reversal.chain) == ["P1"]
    assert of_reversal.paid.repaid_minor[Component.PRINCIPAL] == -1_000
