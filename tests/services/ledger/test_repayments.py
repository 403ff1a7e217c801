from __future__ import annotations

import threading
from datetime import date, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.ledger.breaks import BreakKind, BreakState
from ops_app.domain.ledger.repayments import RepaymentKind, SameIdOtherContent
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.ledger.reconciliation import list_breaks
from ops_app.services.ledger.repayments import PaymentFilter, list_payments, push_payment, record_payments
from ops_app.services.ledger.verify import verify_money, verify_once
from ops_app.store.store import Store
from ops_app.store.tables.ledger import payments
from ops_app.store.tables.organisation import audit_log, inbox
from tests.services.ledger.people import COLLECTOR, DAY, NOW, a_repayment, rows_of


def record(store: Store, *rows: object):
    return record_payments(SYSTEM, store, now=NOW, rows=rows, business_date=DAY)


def test_a_payment_delivered_again_changes_nothing_and_leaves_no_trace(store: Store):
    first = record(store, a_repayment("P1"), a_repayment("P2"))
    audited = rows_of(store, audit_log)
    again = record(store, a_repayment("P2"), a_repayment("P1"))
    assert (first.recorded, first.repeated, first.conflicting) == (2, 0, 0)
    assert (again.recorded, again.repeated, again.conflicting) == (0, 2, 0)
    assert (rows_of(store, payments), rows_of(store, audit_log), audited) == (2, 1, 1)


def test_the_same_payment_twice_in_one_batch_is_recorded_once(store: Store):
    done = record(store, a_repayment("P1"), a_repayment("P1"), a_repayment("P1"))
    assert (done.recorded, done.repeated) == (1, 2)


def test_one_id_in_two_sources_is_two_payments(store: Store):
    assert record(store, a_repayment("P1"), a_repayment("P1", source_code="XJC")).recorded == 2


@pytest.mark.parametrize(
    "other",
    [
        {"amount_minor": 10_001},
        {"currency": "USD"},
        {"value_date": date(2026, 3, 9)},
        {"loan_id": "L2"},
        {"kind": RepaymentKind.REFUND},
        {"reference": None},
    ],
)
def test_other_content_under_a_known_id_is_a_break_and_changes_no_record(store: Store, other: dict[str, object]):
    record(store, a_repayment("P1"))
    done = record(store, a_repayment("P1", **other))
    again = record(store, a_repayment("P1", **other))
    assert (done.recorded, done.conflicting, again.conflicting) == (0, 1, 1)
    assert done.break_ids == again.break_ids
    page = list_breaks(SYSTEM, store, now=NOW)
    (one,) = page.rows
    assert (one.kind, one.state, one.payment_ids) == (BreakKind.CONFLICTING_CONTENT, BreakState.OPEN, ("P1",))
    assert one.suggestion["fields"] == list(other)
    assert one.recorded_minor == 10_000
    (kept,) = list_payments(SYSTEM, store, now=NOW).rows
    assert kept.content == a_repayment("P1")
    assert rows_of(store, audit_log) == 2


def test_two_other_contents_of_one_id_are_two_breaks(store: Store):
    record(store, a_repayment("P1"), a_repayment("P1", 5), a_repayment("P1", 6))
    assert list_breaks(SYSTEM, store, now=NOW).total == 2


def test_a_pushed_payment_with_other_content_is_refused_by_name_and_waits_at_the_desk(store: Store):
    push_payment(SYSTEM, store, now=NOW, payment=a_repayment("P1"), business_date=DAY)
    assert push_payment(SYSTEM, store, now=NOW, payment=a_repayment("P1"), business_date=DAY).repeated == 1
    with pytest.raises(SameIdOtherContent) as refused:
        push_payment(SYSTEM, store, now=NOW, payment=a_repayment("P1", 7, loan_id="L2"), business_date=DAY)
    assert refused.value.differs == ("loan_id", "amount_minor")
    assert list_breaks(SYSTEM, store, now=NOW).total == 1


def test_the_batch_is_audited_with_counts_sums_and_the_hash_of_its_contents(store: Store):
    record(store, a_repayment("P1"), a_repayment("R1", 4_000, kind=RepaymentKind.REVERSAL, reverses_payment_id="P1"))
    with store.reading() as connection:
        row = connection.execute(select(audit_log)).one()
    assert (row.action, row.actor_id) == ("payments.recorded", "system")
    assert '"sums_minor":{"CNY":[2,6000]}' in row.after_json
    assert "张三丰" not in row.after_json


def test_many_senders_of_one_payment_at_once_record_it_once(store: Store):
    rows = [a_repayment(f"P{n}") for n in range(40)]
    outcomes = []

    def send(turn: int) -> None:
        outcomes.append(record(store, *(rows[turn:] + rows[:turn])))

    threads = [threading.Thread(target=send, args=(turn * 10,)) for turn in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sum(one.recorded for one in outcomes) == 40
    assert sum(one.repeated for one in outcomes) == 120
    assert rows_of(store, payments) == rows_of(store, inbox) == 40


def test_payments_cannot_be_changed_nor_removed(store: Store):
    record(store, a_repayment("P1"))
    for statement in ("update payments set amount_minor = 1", "delete from payments"):
        with pytest.raises(DBAPIError, match="append-only"), store.writing(SYSTEM, NOW) as transaction:
            transaction.connection.execute(text(statement))


@pytest.mark.parametrize("sort", ["value_date", "amount_minor", "recorded_at", "payment_id"])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_go_through_all_payments_once_in_order(store: Store, sort: str, descending: bool):
    rows = [a_repayment(f"P{n}", 100 + n % 3, value_date=DAY - timedelta(days=n % 4)) for n in range(11)]
    record(store, *rows)
    seen, after = [], None
    while True:
        page = list_payments(SYSTEM, store, now=NOW, sort=sort, descending=descending, after=after, limit=3)
        seen += [one.content for one in page.rows]
        after = page.next_after
        if after is None:
            break
    assert sorted(one.payment_id for one in seen) == sorted(one.payment_id for one in rows)
    if sort != "recorded_at":
        values = [getattr(one, sort) for one in seen]
        assert all(a >= b if descending else a <= b for a, b in pairwise(values))


def test_a_list_is_narrowed_and_totalled_with_reversals_counting_down(store: Store):
    record(
        store,
        a_repayment("P1"),
        a_repayment("P2", 500, loan_id="L2", value_date=DAY - timedelta(days=3)),
        a_repayment("R1", 500, kind=RepaymentKind.REVERSAL, reverses_payment_id="P2"),
        a_repayment("U1", 9, currency="USD", reference="50%_off"),
    )

    def ids(**wanted: object) -> set[str]:
        page = list_payments(SYSTEM, store, now=NOW, wanted=PaymentFilter(**wanted))
        return {one.content.payment_id for one in page.rows}

    assert ids(loan_id="L2") == {"P2"}
    assert ids(kind=RepaymentKind.REVERSAL) == {"R1"}
    assert ids(since=DAY - timedelta(days=3), until=DAY) == {"P2"}
    assert ids(least_minor=500, most_minor=500) == {"P2", "R1"}
    assert ids(text="50%_") == {"U1"}
    assert ids(text="5") == {"U1"}
    assert ids(text="%") == set()
    totals = list_payments(SYSTEM, store, now=NOW).totals
    assert totals == {"CNY": (3, 10_000), "USD": (1, 9)}


@pytest.mark.parametrize("after", ["", "x", "[]", "[1,2,3]", '["2026-03-10"]', "null"])
def test_a_page_mark_that_is_none_is_refused(store: Store, after: str):
    with pytest.raises(Invalid):
        list_payments(SYSTEM, store, now=NOW, after=after)


def test_who_may_not_record_is_refused(store: Store):
    with pytest.raises(Refused):
        record_payments(COLLECTOR, store, now=NOW, rows=[], business_date=DAY)


def test_verification_holds_and_names_a_payment_whose_content_was_changed_beneath(store: Store):
    record(store, a_repayment("P1"), a_repayment("P2"))
    assert (verify_money(store).state, verify_once(store).state) == ("holds", "holds")
    assert verify_money(store).checked == 2
    _without_guards(store, "update payments set amount_minor = 10001 where payment_id = 'P2'")
    assert verify_money(store).state == "broken"
    assert "P2" in verify_money(store).detail


def test_verification_finds_a_payment_nobody_claimed_and_a_claim_without_a_payment(store: Store):
    record(store, a_repayment("P1"), a_repayment("P2"))
    _without_guards(store, "delete from payments where payment_id = 'P1'")
    assert "P1 was claimed but is not recorded" in verify_once(store).detail
    _without_guards(store, "delete from inbox where key in ('P1', 'P2')")
    assert "P2 was never claimed" in verify_once(store).detail


def _without_guards(store: Store, statement: str) -> None:
    """Change a table as nobody may, past the triggers: what an intruder with the database's password could do."""
    with store._writers.begin() as connection:
        if store.dialect == "postgresql":
            connection.execute(text("set local session_replication_role = replica"))
            connection.execute(text(statement))
            return
        for verb in ("update", "delete"):
            connection.execute(text(f"drop trigger if exists payments_no_{verb}"))
        connection.execute(text(statement))
