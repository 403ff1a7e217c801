"""Refunds (feature 25): asked for, approved by two, in a payout file, paid by the bank's line, sent back, withdrawn."""

from __future__ import annotations

import csv
import hashlib
import io
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from ops_app.domain.errors import DomainError
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.payouts import NAMESPACE
from ops_app.domain.ledger.refunds import (
    NotEnoughHeld,
    RefundGround,
    RefundMoveNotAllowed,
    RefundState,
    ToldByLender,
)
from ops_app.domain.ledger.repayments import RepaymentKind
from ops_app.domain.organisation.approvals import NotCarriedOut, OwnRequest
from ops_app.domain.organisation.people import Role
from ops_app.services.ledger.payouts import payout_file
from ops_app.services.ledger.refund_matching import LineAnswer
from ops_app.services.ledger.refunds import fail_refund, reopen_refund, withdraw_refund
from ops_app.services.ledger.verify_refunds import verify_refunds
from ops_app.services.organisation import approvals
from ops_app.store.ledger import journal, payments
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from ops_app.store.tables.refunds import refunds as table
from ops_app.store.tables.refunds import suspense_items
from tests.services.casework.casebook import NOW, now_is
from tests.services.ledger import refunding as on
from tests.services.organisation.approving import a_person

LATER = NOW + timedelta(days=1)


def test_an_overpayment_is_given_back_from_request_to_bank_line(store: Store, tmp_path: Path) -> None:
    sue, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path)
    assert on.held(store) == (5_000, 0)
    one = on.asked(store, sue, tmp_path)
    assert one == on.asked(store, sue, tmp_path)
    assert on.held(store) == (5_000, 5_000)
    on.approve_all(store, one, fan)
    assert on.state(store, one) is RefundState.IN_APPROVAL
    assert on.balance(store, accounts.REFUNDS_PAYABLE) == 0
    on.approve_all(store, one, mei)
    assert on.state(store, one) is RefundState.APPROVED
    assert on.held(store) == (0, 0)
    assert (on.balance(store, accounts.REFUNDS_PAYABLE), on.balance(store, accounts.SUSPENSE_CASE)) == (5_000, 0)
    file = on.a_file(store, fan, tmp_path)
    assert (file.payouts, file.total_minor) == (1, 5_000)
    assert on.state(store, one) is RefundState.IN_PAYOUT
    (paid,) = on.settled(store, on.a_line("RFD000001A1Z", 5_000))
    assert paid.answer is LineAnswer.PAID
    record = on.now_stands(store, one)
    assert (record.item.state, record.item.paid_date) == (RefundState.PAID, date(2026, 11, 25))
    assert on.balance(store, accounts.REFUNDS_PAYABLE) == 0
    with store.reading() as connection:
        event = journal.events_by_id(connection, [str(record.item.paid_event_id)])[str(record.item.paid_event_id)]
    assert event.value_date == date(2026, 11, 25)
    on.all_holds(store)


def test_two_other_people_approve(store: Store, tmp_path: Path) -> None:
    _, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path)
    one = on.asked(store, fan, tmp_path)
    with pytest.raises(OwnRequest):
        on.approve_all(store, one, fan)
    second = a_person(store, "Fay", Role.FINANCE)
    on.approve_all(store, one, second)
    with pytest.raises(DomainError) as refused:
        on.approve_all(store, one, second)
    assert not isinstance(refused.value, NotCarriedOut)
    assert on.state(store, one) is RefundState.IN_APPROVAL
    on.approve_all(store, one, mei)
    assert on.state(store, one) is RefundState.APPROVED


def test_no_more_is_asked_for_than_is_free(store: Store, tmp_path: Path) -> None:
    sue, *_ = on.a_desk(store)
    on.overpaid(store, tmp_path)
    on.asked(store, sue, tmp_path, 3_000)
    with pytest.raises(NotEnoughHeld, match=r"Only 20\.00"):
        on.asked(store, sue, tmp_path, 2_001, key="k2")
    on.asked(store, sue, tmp_path, 2_000, key="k3")
    assert on.held(store) == (5_000, 5_000)
    on.all_holds(store)


def test_two_requests_at_one_moment_do_not_exceed_what_is_held(store: Store, tmp_path: Path) -> None:
    sue, fan, _ = on.a_desk(store)
    on.overpaid(store, tmp_path)

    def ask(who: Any) -> bool:
        try:
            on.asked(store, who, tmp_path, 3_000, key=f"by {who.person_id}")
        except NotEnoughHeld:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(ask, (sue, fan)))
    assert sorted(done) == [False, True]
    assert on.held(store) == (5_000, 3_000)
    on.all_holds(store)


@pytest.mark.parametrize("how", ["reject", "withdraw"])
def test_what_is_not_approved_is_free_again(store: Store, tmp_path: Path, how: str) -> None:
    sue, fan, _ = on.a_desk(store)
    on.overpaid(store, tmp_path)
    one = on.asked(store, sue, tmp_path)
    request = on.request_of(store, one)
    read = approvals.read_request(fan, store, now=NOW, request_id=request).item
    if how == "reject":
        approvals.reject(fan, store, now=NOW, request_id=request, expected_version=read.version,
                         content_hash=read.content_hash, reason="not so", key="x")  # fmt: skip
    else:
        approvals.withdraw(
            sue, store, now=NOW, request_id=request, expected_version=read.version, reason="not so", key="x"
        )
    assert on.state(store, one) is {"reject": RefundState.REJECTED, "withdraw": RefundState.WITHDRAWN}[how]
    assert on.held(store) == (5_000, 0)
    on.asked(store, sue, tmp_path, key="again")
    on.all_holds(store)


def test_a_wrong_deduction_is_taken_back_from_what_it_paid(store: Store, tmp_path: Path) -> None:
    sue, fan, mei = on.a_desk(store)
    (case_id,) = on.overpaid(store, tmp_path, 5_000)
    before = now_is(store, case_id)
    assert before.closed_date is not None
    with pytest.raises(NotEnoughHeld):
        on.asked(store, sue, tmp_path, 8_000)
    one = on.asked(store, sue, tmp_path, 8_000, ground=RefundGround.WRONG_DEDUCTION)
    assert on.held(store) == (5_000, 5_000)
    on.approve_all(store, one, fan, mei)
    after = now_is(store, case_id)
    assert (after.balance_minor, after.closed_date) == (3_000, None)
    assert on.held(store) == (0, 0)
    with store.reading() as connection:
        assert sum(journal.positions(connection, [case_id])[case_id].owed.values()) == 3_000
    on.all_holds(store)
    stands = on.now_stands(store, one).item
    withdraw_refund(sue, store, now=LATER, refund_id=one, version=stands.version, reason="asked by mistake")
    again = now_is(store, case_id)
    assert again.balance_minor == 0
    assert on.held(store) == (5_000, 0)
    assert on.balance(store, accounts.REFUNDS_PAYABLE) == 0
    on.all_holds(store)


def test_a_payment_that_is_taken_back_later_leaves_the_refund_for_somebody_to_stop(
    store: Store, tmp_path: Path
) -> None:
    sue, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path)
    one = on.asked(store, sue, tmp_path)
    on.approve_all(store, one, fan, mei)
    with store.reading() as connection:
        paid = payments.read_many(connection, "SIM", ["P1"])["P1"].content
    on.recorded(store, replace(paid, payment_id="R1", kind=RepaymentKind.REVERSAL, reverses_payment_id="P1"))
    assert on.held(store) == (-5_000, 0)
    on.all_holds(store)
    stands = on.now_stands(store, one).item
    withdraw_refund(sue, store, now=LATER, refund_id=one, version=stands.version, reason="the cheque came back")
    assert on.held(store) == (0, 0)
    on.all_holds(store)


def test_a_returned_payout_opens_the_refund_again_and_another_payout_closes_it(store: Store, tmp_path: Path) -> None:
    sue, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path)
    one = on.asked(store, sue, tmp_path)
    on.approve_all(store, one, fan, mei)
    on.a_file(store, fan, tmp_path)
    out = on.a_line("RFD000001A1Z", 5_000)
    back = on.a_line("RFD000001A1Z", 5_000, out=False, line_id="B2", day=date(2026, 11, 26))
    assert [it.answer for it in on.settled(store, back, out)] == [LineAnswer.PAID, LineAnswer.RETURNED]
    assert [it.answer for it in on.settled(store, out, back)] == [LineAnswer.PAID, LineAnswer.RETURNED]
    stands = on.now_stands(store, one).item
    assert (stands.state, stands.paid_event_id) == (RefundState.FAILED, None)
    assert on.balance(store, accounts.REFUNDS_PAYABLE) == 5_000
    on.all_holds(store)
    reopen_refund(fan, store, now=LATER, refund_id=one, version=stands.version, reason="account is open again")
    on.a_file(store, fan, tmp_path, key="f2", template="bank_csv")
    (again,) = on.settled(store, on.a_line("RFD000001A2Z", 5_000, line_id="B3", day=date(2026, 11, 27)))
    assert again.answer is LineAnswer.PAID
    assert on.state(store, one) is RefundState.PAID
    assert on.balance(store, accounts.REFUNDS_PAYABLE) == 0
    on.all_holds(store)


def test_a_line_that_does_not_fit_moves_nothing(store: Store, tmp_path: Path) -> None:
    sue, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path)
    one = on.asked(store, sue, tmp_path)
    on.approve_all(store, one, fan, mei)
    on.a_file(store, fan, tmp_path)
    reference = "RFD000001A1Z"
    wrong = [
        (on.a_line(reference, 4_999), LineAnswer.DIFFERS),
        (on.a_line(reference, 5_000, currency="USD"), LineAnswer.DIFFERS),
        (on.a_line(reference, 5_000, out=False), LineAnswer.UNEXPECTED),
    ]
    for line, answer in wrong:
        assert [it.answer for it in on.settled(store, line)] == [answer]
    assert on.settled(store, on.a_line("RFD000009A1Z", 5_000), replace(on.a_line("", 1), reference=None)) == ()
    assert on.state(store, one) is RefundState.IN_PAYOUT
    on.settled(store, on.a_line(reference, 5_000))
    (twice,) = on.settled(store, on.a_line(reference, 5_000, line_id="B9"))
    assert twice.answer is LineAnswer.UNEXPECTED
    on.all_holds(store)


def test_a_refund_is_in_one_file_and_only_the_banks_answer_moves_it_from_there(store: Store, tmp_path: Path) -> None:
    sue, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path)
    one = on.asked(store, sue, tmp_path)
    on.approve_all(store, one, fan, mei)
    file = on.a_file(store, fan, tmp_path)
    assert on.a_file(store, fan, tmp_path).file_id == file.file_id
    with pytest.raises(DomainError, match="No approved refund"):
        on.a_file(store, fan, tmp_path, key="another")
    stands = on.now_stands(store, one).item
    with pytest.raises(RefundMoveNotAllowed):
        withdraw_refund(sue, store, now=LATER, refund_id=one, version=stands.version, reason="too late")
    failed = fail_refund(fan, store, now=LATER, refund_id=one, version=stands.version, reason="unknown account")
    withdraw_refund(sue, store, now=LATER, refund_id=one, version=failed.version, reason="ask anew")
    assert on.held(store) == (5_000, 0)
    on.all_holds(store)


@pytest.mark.parametrize("template", ["iso_20022", "bank_csv"])
def test_a_payout_file_is_the_same_bytes_and_says_to_whom_and_how_much(
    store: Store, tmp_path: Path, template: str
) -> None:
    sue, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path, count=2)
    for number in (1, 2):
        one = on.asked(store, sue, tmp_path, 5_000 - number, f"P{number}", key=f"k{number}", payee_name="=cmd()")
        on.approve_all(store, one, fan, mei)
    made = on.a_file(store, fan, tmp_path, template=template)
    name, data = payout_file(fan, store, now=LATER, file_id=made.file_id, evidence=tmp_path)
    assert (name, data) == payout_file(fan, store, now=LATER, file_id=made.file_id, evidence=tmp_path)
    assert hashlib.sha256(data).hexdigest() == made.file_hash
    if template == "bank_csv":
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
        assert [(row["客户业务编号"], row["金额"], row["收款账号"]) for row in rows] == [
            ("RFD000001A1Z", "49.99", "6222020012345678"), ("RFD000002A1Z", "49.98", "6222020012345678"),
        ]  # fmt: skip
        assert {row["收款人名称"] for row in rows} == {"'=cmd()"}
        return
    ns = {"p": NAMESPACE}
    root = xml.fromstring(data)  # noqa: S314
    assert root.findtext(".//p:GrpHdr/p:NbOfTxs", namespaces=ns) == "2"
    assert root.findtext(".//p:PmtInf/p:CtrlSum", namespaces=ns) == "99.97"
    assert [one.text for one in root.findall(".//p:EndToEndId", ns)] == ["RFD000001A1Z", "RFD000002A1Z"]
    assert [(one.text, one.get("Ccy")) for one in root.findall(".//p:InstdAmt", ns)] == [
        ("49.99", "CNY"), ("49.98", "CNY"),
    ]  # fmt: skip
    with store.reading() as connection:
        taken = connection.execute(
            select(audit_log.c.action).where(audit_log.c.action == "payout_file.taken")
        ).all()  # fmt: skip
    assert len(taken) == 2


def test_no_payee_is_in_the_store_in_the_open(store: Store, tmp_path: Path) -> None:
    sue, *_ = on.a_desk(store)
    on.overpaid(store, tmp_path)
    on.asked(store, sue, tmp_path, payee_name="令狐冲", payee_account="9988776655443322")
    with store.reading() as connection:
        for one in connection.execute(select(table)).mappings():
            assert not any("9988776655" in str(value) or "令狐冲" in str(value) for value in one.values())
        for row in connection.execute(select(audit_log)).mappings():
            assert "9988776655" not in str(dict(row))
            assert "令狐冲" not in str(dict(row))


def _fed(payment_id: str, amount: int, **other: Any) -> Any:
    return replace(on.paid(payment_id, amount), kind=RepaymentKind.REFUND, reverses_payment_id="P1", **other)


def test_a_refund_that_the_lender_tells_of_is_one_with_ours(store: Store, tmp_path: Path) -> None:
    sue, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path)
    one = on.asked(store, sue, tmp_path)
    on.approve_all(store, one, fan, mei)
    on.recorded(store, _fed("F1", 5_000))
    assert on.held(store) == (0, 0)
    assert (on.balance(store, accounts.REFUNDS_PAYABLE), on.balance(store, accounts.SUSPENSE_CASE)) == (5_000, 0)
    record = on.now_stands(store, one)
    assert record.report is not None
    assert (record.report.payment_id, record.report.is_same) == ("F1", True)
    with pytest.raises(ToldByLender):
        withdraw_refund(sue, store, now=LATER, refund_id=one, version=record.item.version, reason="stop")
    on.all_holds(store)
    # another of the same payment and amount is another refund
    on.recorded(store, _fed("F2", 5_000))
    assert on.balance(store, accounts.REFUNDS_PAYABLE) == 5_000
    on.all_holds(store)


def test_the_lenders_word_taken_back_lets_the_refund_be_withdrawn(store: Store, tmp_path: Path) -> None:
    sue, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path)
    one = on.asked(store, sue, tmp_path)
    on.approve_all(store, one, fan, mei)
    fed = _fed("F1", 5_000)
    on.recorded(store, fed)
    on.recorded(store, replace(fed, payment_id="F9", kind=RepaymentKind.REVERSAL, reverses_payment_id="F1"))
    assert on.held(store) == (0, 0)
    on.all_holds(store)
    version = on.now_stands(store, one).item.version
    withdraw_refund(sue, store, now=LATER, refund_id=one, version=version, reason="the lender took it back")
    assert on.held(store) == (5_000, 0)
    on.all_holds(store)


def test_a_refund_by_its_payouts_reference_is_ours_though_it_names_no_payment(store: Store, tmp_path: Path) -> None:
    sue, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path)
    one = on.asked(store, sue, tmp_path)
    on.approve_all(store, one, fan, mei)
    on.a_file(store, fan, tmp_path)
    on.recorded(store, replace(_fed("F1", 5_000), reverses_payment_id=None, reference="Refund RFD000001A1Z"))
    assert on.now_stands(store, one).report is not None
    assert on.held(store) == (0, 0)
    on.all_holds(store)


def test_what_the_lender_gave_back_while_ours_was_asked_for_is_not_given_back_twice(
    store: Store, tmp_path: Path
) -> None:
    sue, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path)
    one = on.asked(store, sue, tmp_path, 5_000, ground=RefundGround.WRONG_DEDUCTION)
    on.recorded(store, _fed("F1", 5_000))
    assert on.held(store) == (0, 5_000)
    on.approve_all(store, one, fan)
    with pytest.raises(NotCarriedOut, match="F1"):
        on.approve_all(store, one, mei)
    assert on.balance(store, accounts.REFUNDS_PAYABLE) == 0
    on.all_holds(store)


@pytest.mark.parametrize(
    ("of", "values"),
    [
        ("item", {"held_minor": 4_999}),
        ("item", {"requested_minor": 1}),
        ("refund", {"state": "rejected"}),
        ("refund", {"state": "in_payout"}),
    ],
)
def test_each_planted_fault_is_found(store: Store, tmp_path: Path, of: str, values: dict[str, Any]) -> None:
    sue, fan, mei = on.a_desk(store)
    on.overpaid(store, tmp_path, count=2)
    one = on.asked(store, sue, tmp_path)
    on.approve_all(store, one, fan, mei)
    on.all_holds(store)
    query = update(table) if of == "refund" else update(suspense_items).where(suspense_items.c.payment_id == "P2")
    with store._writers.begin() as connection:
        connection.execute(query.values(values))
    assert verify_refunds(store).state == "broken"


@pytest.mark.parametrize(
    "values", [{"state": "approved", "event_id": None}, {"amount_minor": 1}, {"payee_digest": "x"}, {"state": "paid"}]
)
def test_the_store_refuses_what_may_not_be(store: Store, tmp_path: Path, values: dict[str, Any]) -> None:
    sue, *_ = on.a_desk(store)
    on.overpaid(store, tmp_path)
    on.asked(store, sue, tmp_path)
    with pytest.raises(IntegrityError), store._writers.begin() as connection:
        connection.execute(update(table).values(values))
