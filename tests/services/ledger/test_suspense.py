"""Suspense (feature 25): listed by payment, tied to the ledger, owned, moved to a case."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.refunds import NotEnoughHeld
from ops_app.domain.ledger.repayments import RepaymentKind
from ops_app.domain.ledger.suspense import NoCaseTakesIt, NoOwner, SuspenseChanged, SuspenseReason
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.suspense import (
    SuspenseFilter,
    hand_over_suspense,
    list_suspense,
    move_suspense,
    read_suspense,
    take_suspense,
    tie_suspense,
)
from ops_app.services.organisation.todo import list_todos
from ops_app.store.store import Store
from tests.services.casework.casebook import NOW, now_is, some_cases
from tests.services.ledger import refunding as on

ZONE = ZoneInfo("Asia/Shanghai")


def test_what_stands_is_listed_aged_masked_and_tied_to_the_cent(store: Store, tmp_path: Path) -> None:
    on.overpaid(store, tmp_path, 5_000, count=3)
    later = NOW + timedelta(days=30)
    page = list_suspense(SYSTEM, store, now=later, limit=2)
    assert (len(page.rows), page.next_after is not None) == (2, True)
    rest = list_suspense(SYSTEM, store, now=later, limit=2, after=page.next_after)
    assert {one.payment_id for one in (*page.rows, *rest.rows)} == {"P1", "P2", "P3"}
    assert [(one.count, one.held_minor, one.free_minor) for one in page.sums] == [(3, 15_000, 15_000)]
    assert page.is_late(page.rows[0])
    assert page.rows[0].payer_name == "张**"
    (tie,) = tie_suspense(SYSTEM, store, now=later)
    assert (tie.items_minor, tie.ledger_minor, tie.difference_minor) == (15_000, 15_000, 0)
    unmatched = SuspenseFilter(reason=SuspenseReason.UNMATCHED)
    assert list_suspense(SYSTEM, store, now=later, wanted=unmatched).rows == ()
    assert list_suspense(SYSTEM, store, now=NOW, overdue=True).rows == ()
    assert len(list_suspense(SYSTEM, store, now=later, overdue=True).rows) == 3


def test_who_takes_an_item_has_it_among_their_to_dos_and_may_hand_it_over(store: Store, tmp_path: Path) -> None:
    sue, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path)
    (item,) = on.items(store)
    assert list_todos(fan, store, now=NOW, zone=ZONE).counts["suspense"] == 1
    taken = take_suspense(sue, store, now=NOW, item_id=item.item_id, version=item.version)
    assert list_todos(fan, store, now=NOW, zone=ZONE).counts["suspense"] == 0
    with pytest.raises(SuspenseChanged):
        take_suspense(fan, store, now=NOW, item_id=item.item_id, version=item.version)
    given = {"now": NOW, "item_id": item.item_id, "version": taken.version, "reason": "on leave"}
    with pytest.raises(NoOwner):
        hand_over_suspense(sue, store, owner_id=mei.person_id, **given)
    hand_over_suspense(sue, store, owner_id=fan.person_id, **given)
    assert list_todos(fan, store, now=NOW, zone=ZONE).counts["suspense"] == 1
    later = NOW + timedelta(days=30)
    assert list_todos(mei, store, now=later, zone=ZONE).counts["late_suspense"] == 1


def test_held_money_pays_another_case_and_comes_back_with_its_payment(store: Store, tmp_path: Path) -> None:
    sue, *_ = on.a_desk(store)
    first, second = some_cases(store, tmp_path, 2)
    owed = now_is(store, first).balance_minor
    paid = on.paid("P1", owed + 5_000)
    on.recorded(store, paid)
    (item,) = on.items(store)
    before = now_is(store, second).balance_minor
    given = {
        "now": NOW,
        "item_id": item.item_id,
        "version": item.version,
        "into_case_id": second,
        "reason": "other loan",
    }
    with pytest.raises(NotEnoughHeld):
        move_suspense(sue, store, amount_minor=5_001, key="x", **given)
    one = move_suspense(sue, store, amount_minor=3_000, key="m", **given)
    assert one == move_suspense(sue, store, amount_minor=3_000, key="m", **given)
    assert (now_is(store, second).balance_minor, on.held(store)) == (before - 3_000, (2_000, 0))
    on.all_holds(store)
    on.recorded(store, replace(paid, payment_id="R1", kind=RepaymentKind.REVERSAL, reverses_payment_id="P1"))
    assert on.held(store) == (0, 0)
    assert on.balance(store, accounts.SUSPENSE_UNMATCHED) == 0
    on.all_holds(store)


def test_money_in_another_currency_waits_and_no_case_of_another_takes_it(store: Store, tmp_path: Path) -> None:
    sue, fan, mei = on.a_desk(store)
    (case_id,) = some_cases(store, tmp_path, 1)
    on.recorded(store, on.paid("U1", 700, currency="USD"))
    (item,) = on.items(store)
    assert (item.account, item.held_minor, item.case_id) == (accounts.SUSPENSE_UNMATCHED, 700, None)
    with pytest.raises(NoCaseTakesIt):
        move_suspense(sue, store, now=NOW, item_id=item.item_id, version=item.version, into_case_id=case_id,
                      amount_minor=700, reason="his loan", key="m")  # fmt: skip
    one = on.asked(store, sue, tmp_path, 700, "U1", item_id=item.item_id)
    on.approve_all(store, one, fan, mei)
    assert on.held(store, "U1") == (0, 0)
    assert on.balance(store, accounts.REFUNDS_PAYABLE) == 700
    assert read_suspense(SYSTEM, store, now=NOW, item_id=item.item_id).refunds[0].refund_id == one
    on.all_holds(store)
