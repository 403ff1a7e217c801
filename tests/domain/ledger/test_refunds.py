"""Refunds: their life as a table, what may be asked for, references on bank lines, payees, payout templates."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.errors import DomainError, Invalid
from ops_app.domain.ledger.payouts import FileHead, PayoutLayout, Transfer, file_of, payout_template
from ops_app.domain.ledger.refunds import (
    LIFE,
    PAYABLE,
    PENDING,
    POSTED,
    REFUND_MOVE_NAMES,
    REFUND_STATE_NAMES,
    NotEnoughHeld,
    RefundGround,
    RefundMove,
    RefundMoveNotAllowed,
    RefundState,
    Room,
    next_state,
    payee_of,
    reference_of,
    references_in,
    taken_of,
)
from ops_app.domain.ledger.suspense import SuspenseReason, due_date, reason_of

S, M = RefundState, RefundMove
BEFORE = {M.APPROVE: S.IN_APPROVAL, M.BOOK: S.APPROVED, M.RETURN: S.RETURNED, M.REJECT: S.REJECTED,
          M.WITHDRAW: S.WITHDRAWN, M.LAPSE: S.LAPSED}  # fmt: skip
EXPECTED = {
    **{(one, what): to for one in (S.REQUESTED, S.IN_APPROVAL) for what, to in BEFORE.items()},
    (S.RETURNED, M.RESUBMIT): S.REQUESTED, (S.RETURNED, M.WITHDRAW): S.WITHDRAWN, (S.RETURNED, M.LAPSE): S.LAPSED,
    (S.APPROVED, M.PAY_OUT): S.IN_PAYOUT, (S.APPROVED, M.WITHDRAW): S.WITHDRAWN,
    (S.IN_PAYOUT, M.SETTLE): S.PAID, (S.IN_PAYOUT, M.FAIL): S.FAILED,
    (S.PAID, M.COME_BACK): S.FAILED,
    (S.FAILED, M.REOPEN): S.APPROVED, (S.FAILED, M.WITHDRAW): S.WITHDRAWN, (S.FAILED, M.SETTLE): S.PAID,
}  # fmt: skip


@pytest.mark.parametrize("state", RefundState)
@pytest.mark.parametrize("what", RefundMove)
def test_every_pair_of_state_and_move_is_allowed_or_refused(state: RefundState, what: RefundMove) -> None:
    if (state, what) in EXPECTED:
        assert next_state(state, what) is EXPECTED[state, what]
    else:
        with pytest.raises(RefundMoveNotAllowed):
            next_state(state, what)


def test_every_state_and_move_has_a_name_and_money_is_in_one_place() -> None:
    assert set(REFUND_STATE_NAMES) == set(RefundState) == set(LIFE)
    assert set(REFUND_MOVE_NAMES) == set(RefundMove)
    assert not PENDING & POSTED
    assert {S.PAID} == POSTED - PAYABLE


AMOUNTS = st.integers(0, 1_000)
STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "end", "book"]), st.sampled_from(RefundGround), st.integers(-5, 800),
              st.integers(0, 20)),
    max_size=40,
)  # fmt: skip


@given(AMOUNTS, AMOUNTS, STEPS)
def test_held_is_requested_and_free_at_all_times(
    held: int, applied: int, steps: list[tuple[str, RefundGround, int, int]]
) -> None:
    room, open_ones, paid = Room(held, applied), [], 0
    for what, ground, amount, which in steps:
        if what == "ask":
            try:
                parts = taken_of(ground, amount, room, "CNY")
            except (NotEnoughHeld, Invalid):
                most = room.free_minor + (room.applied_free_minor if ground is RefundGround.WRONG_DEDUCTION else 0)
                assert amount <= 0 or amount > most
                continue
            assert sum(parts) == amount
            assert ground is RefundGround.WRONG_DEDUCTION or parts[1] == 0
            open_ones.append(parts)
        elif open_ones:
            parts = open_ones.pop(which % len(open_ones))
            if what == "book":
                room = Room(room.held_minor - parts[0], room.applied_minor - parts[1])
                paid += sum(parts)
        asked = tuple(sum(one[at] for one in open_ones) for at in (0, 1))
        room = Room(room.held_minor, room.applied_minor, *asked)
        assert room.held_minor == room.held_requested_minor + room.free_minor
        assert room.free_minor >= 0
        assert room.applied_free_minor >= 0
        assert paid + room.held_minor + room.applied_minor == held + applied


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Refund RFD000012A1Z 20261128", ("RFD000012A1Z",)),
        ("退款ＲＦＤ０００012a1z/20261128", ("RFD000012A1Z",)),
        ("RFD 000012 A1 Z9", ("RFD000012A1Z",)),
        ("/ROC/RFD0000-12A10Z//RFD000013A1Z", ("RFD000012A10Z", "RFD000013A1Z")),
        ("RFD12A1Z", ()),
        ("RFD000012A1", ()),
        (None, ()),
    ],
)
def test_a_reference_is_found_whatever_a_bank_writes_around_it(text: str | None, found: tuple[str, ...]) -> None:
    assert references_in(text) == found


@given(st.integers(1, 10**9), st.integers(1, 99), st.text("09 AZ/-", max_size=8))
def test_every_reference_is_found_again(number: int, attempt: int, around: str) -> None:
    one = reference_of(number, attempt)
    assert one in references_in(f"{around} {one} {around}")


def test_a_payee_is_folded_masked_and_refused_by_field() -> None:
    one = payee_of(" 张 三 ", "6222 0200-１２３４ 5678", "工商银行")
    assert (one.account, one.masked_name, one.masked_account) == ("6222020012345678", "张**", "****5678")
    for wrong, field in (
        (("", "622202001234", "B"), "payee_name"), (("A\x07", "622202001234", "B"), "payee_name"),
        (("A", "=1+1", "B"), "payee_account"), (("A", "12345", "B"), "payee_account"),
        (("A", "622202001234", ""), "payee_bank"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            payee_of(*wrong)
        assert refused.value.field == field


BASE = {"version": 1, "layout": "csv", "payer": {"name": "Payer", "account": "110900000000001", "bank": "ICBC"},
        "fields": ["reference", "name", "account", "amount", "currency"], "text": "R {reference}"}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [{"layout": "pdf"}, {"fields": ["reference"]}, {"fields": [*BASE["fields"], "phone"]}, {"text": "refund"},
     {"payer": {"name": "P", "account": "x", "bank": "I"}}, {"fields": [*BASE["fields"], "name"]}],
)  # fmt: skip
def test_a_template_from_which_no_bank_could_pay_is_refused(wrong: dict[str, object]) -> None:
    assert payout_template("t", BASE).layout is PayoutLayout.CSV
    with pytest.raises(DomainError):
        payout_template("t", BASE | wrong)


def test_whole_unit_currencies_have_no_decimals_and_an_iban_is_told_from_a_number() -> None:
    head = FileHead(1, "JPY", date(2026, 11, 25), datetime(2026, 11, 24, tzinfo=UTC))
    rows = [Transfer("RFD000001A1Z", payee_of("A & <B>", "DE89370400440532013000", "Bank"), 500),
            Transfer("RFD000002A1Z", payee_of("C", "DE00370400440532013000", "Bank"), 1)]  # fmt: skip
    said = file_of(payout_template("t", BASE | {"layout": "pain.001.001.09"}), head, rows).decode()
    assert '<InstdAmt Ccy="JPY">500</InstdAmt>' in said
    assert "<CtrlSum>501</CtrlSum>" in said
    assert said.count("<IBAN>") == 1
    assert "A &amp; &lt;B&gt;" in said


def test_suspense_says_why_and_until_when() -> None:
    assert reason_of("suspense_unmatched", 1) is SuspenseReason.UNMATCHED
    assert reason_of("suspense_case", 1) is SuspenseReason.OVERPAID
    assert reason_of("suspense_case", -1) is SuspenseReason.OVERDRAWN
    friday = date(2026, 11, 20)
    assert due_date(friday, 1, lambda day: day.weekday() < 5) == date(2026, 11, 23)
    assert due_date(friday, 0, lambda day: day.weekday() < 5) == friday
