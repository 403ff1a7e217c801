"""Thousands of honest payments and lines with breaks of every kind planted: all are found, none is invented."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from ops_app.engines.reconciliation import Rules, Tolerance
from tests.engines.sides import DAY, Outcome, a_line, a_payment, later, reconciled

HONEST = 3_000
DAYS = 20
EACH = 12
RULES = Rules(tolerances={"pos": Tolerance(per_mille=6)})


class Book:
    """An honest book of transfers, batches, fees, splits and refunds; then faults, each with the break it must give."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.payments: list[dict[str, Any]] = []
        self.lines: list[dict[str, Any]] = []
        self.expected: set[tuple[str, tuple[str, ...], tuple[str, ...]]] = set()
        self._amounts = self.random.sample(range(10_000, 9_000_000), HONEST + 1_000)
        self._number = 0

    def payment(self, **other: Any) -> dict[str, Any]:
        self._number += 1
        day = other.pop("value_date", DAY + timedelta(days=self.random.randrange(DAYS)))
        one = a_payment(f"P{self._number:06d}", self._amounts.pop(), value_date=day,
                        loan_id=f"L{self.random.randrange(800):04d}", payer_account=f"6222{self._number:08d}",
                        reference=f"TRF{self._number:07d}X") | other  # fmt: skip
        self.payments.append(one)
        return one

    def line(self, payment: dict[str, Any], **other: Any) -> dict[str, Any]:
        one = a_line(f"B{len(self.lines):06d}", payment["amount_minor"], value_date=payment["value_date"],
                     reference=payment["reference"], counterparty_account=payment["payer_account"]) | other  # fmt: skip
        self.lines.append(one)
        return one

    def honest(self) -> None:
        for _ in range(HONEST):
            how = self.random.random()
            payment = self.payment()
            if how < 0.6:
                self.line(payment)
            elif how < 0.75:  # booked after a weekend, the text names the payment
                monday = payment["value_date"] + timedelta(days=3)
                text = f"trf {payment['payment_id']} thanks"
                self.line(payment, value_date=monday, reference=text, counterparty_account=None)
            elif how < 0.85:  # no reference at all, the payer is known
                self.line(payment, reference=None, value_date=payment["value_date"] + timedelta(days=1))
            elif how < 0.92:  # the channel keeps its fee
                payment["channel"] = "pos"
                self.line(payment, amount_minor=payment["amount_minor"] - payment["amount_minor"] * 5 // 1000)
            else:  # the bank shows it in two lines
                part = self.random.randrange(1, payment["amount_minor"])
                self.line(payment, amount_minor=part)
                self.line(payment, amount_minor=payment["amount_minor"] - part)
        for day in range(DAYS):
            self.batch(DAY + timedelta(days=day), f"ALI{day:05d}")

    def batch(self, day: Any, reference: str) -> None:
        batch = [
            self.payment(channel="alipay", reference=reference, value_date=day, payer_account=None) for _ in range(20)
        ]
        self.line(batch[0], amount_minor=sum(one["amount_minor"] for one in batch), counterparty_account=None)

    def plant(self) -> None:
        end = later(DAYS - 1)
        for _ in range(EACH):
            lost = self.payment()
            self.expect("unmatched_lender", lost, None)
            stray = self.line(self.payment_aside())
            self.expect("unmatched_bank", None, stray)
            differs = self.payment()
            self.expect("amount_differs", differs, self.line(differs, amount_minor=differs["amount_minor"] + 77_700))
            apart = self.payment(value_date=DAY, posted_date=later(15), file_date=later(15))
            self.expect("date_out_of_period", apart, self.line(apart, value_date=later(15)))
            unknown = self.payment(loan_id="L9999")
            self.expect("unknown_loan", unknown, self.line(unknown))
            lonely = self.payment(kind="reversal", reverses_payment_id="P-NEVER")
            self.expect("reversal_without_original", lonely, self.line(lonely, direction="out"))
            first = self.payment()
            self.line(first)
            twin = first | {"payment_id": f"{first['payment_id']}-again", "file_date": end}
            self.payments.append(twin)
            self.expect("duplicate", twin, None)
            paid = self.payment()
            self.line(paid)
            self.expect("duplicate", None, self.line(paid, file_date=end))

    def payment_aside(self) -> dict[str, Any]:
        one = self.payment()
        self.payments.pop()
        return one

    def expect(self, kind: str, payment: dict[str, Any] | None, line: dict[str, Any] | None) -> None:
        self.expected.add((kind, (payment["payment_id"],) if payment else (), (line["line_id"],) if line else ()))

    def run(self, **how: Any) -> Outcome:
        loans = {("SIM", f"L{n:04d}") for n in range(800)}
        return reconciled(self.payments, self.lines, rules=RULES, loans=sorted(loans), as_of=later(DAYS + 3), **how)


@pytest.fixture(scope="module")
def book() -> Book:
    made = Book(seed=20260310)
    made.honest()
    made.plant()
    return made


@pytest.fixture(scope="module")
def outcome(book: Book) -> Outcome:
    return book.run()


def test_every_planted_break_is_found_and_none_is_invented(book: Book, outcome: Outcome):
    assert len(book.expected) == 8 * EACH
    assert outcome.broken() == book.expected


def test_each_pass_had_something_to_do(outcome: Outcome):
    passes = {one["pass_name"] for one in outcome.matches}
    assert {"exact", "named_in_text", "amount_date_payer", "amount_tolerance", "grouped_by_reference"} <= passes


def test_the_difference_is_told_to_the_last_cent(book: Book, outcome: Outcome):
    sign = {"payment": 1, "reversal": -1, "refund": -1}
    lender = sum(sign[p["kind"]] * p["amount_minor"] for p in book.payments)
    bank = sum((1 if line["direction"] == "in" else -1) * line["amount_minor"] for line in book.lines)
    (sheet,) = outcome.proof
    assert sheet["difference_minor"] == lender - bank == sheet["explained_minor"] + sheet["unexplained_minor"]
    assert sheet["explained_minor"] == sum(one["difference_minor"] for one in outcome.matches)
    assert sheet["unexplained_minor"] == sum(one["difference_minor"] for one in outcome.breaks)
    assert (sheet["outside_payments"], sheet["outside_lines"]) == (0, 0)


def test_rows_in_another_order_give_the_same_matches_and_breaks(book: Book, outcome: Outcome):
    shuffled = Book(seed=1)
    shuffled.payments = random.Random(5).sample(book.payments, len(book.payments))
    shuffled.lines = random.Random(6).sample(book.lines, len(book.lines))
    again = shuffled.run()
    assert again.matches == outcome.matches
    assert again.breaks == outcome.breaks
