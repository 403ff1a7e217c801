from __future__ import annotations

from datetime import date, timedelta

import pytest

from ops_app.domain.ledger.breaks import SUGGESTED_ACTIONS, SUGGESTION_REASONS, BreakKind, break_id
from ops_app.engines.reconciliation import Outside, Rules, Tolerance
from tests.engines.sides import DAY, a_line, a_payment, later, reconciled


def test_reference_amount_and_day_make_an_exact_match():
    done = reconciled([a_payment("P1", 100)], [a_line("1", 100, reference="REF-P1")])
    assert done.matched() == {("exact", ("P1",), ("1",))}
    assert done.breaks == []


def test_a_reference_that_returns_every_month_is_paired_by_day_even_if_one_line_is_missing():
    days = [DAY + timedelta(days=30 * month) for month in range(4)]
    payments = [a_payment(f"P{n}", 500, reference="LOAN-77", value_date=day) for n, day in enumerate(days)]
    lines = [a_line(str(n), 500, reference="LOAN-77", value_date=day + timedelta(days=2)) for n, day in enumerate(days)]
    done = reconciled(payments, [line for line in lines if line["line_id"] != "1"], as_of=days[-1] + timedelta(days=3))
    assert done.matched() == {("exact", (f"P{n}",), (str(n),)) for n in (0, 2, 3)}
    assert done.broken() == {("unmatched_lender", ("P1",), ())}


def test_several_payments_of_one_reference_and_amount_meet_as_many_lines():
    payments = [a_payment(f"P{n}", 100, reference="SAME") for n in range(5)]
    lines = [a_line(str(n), 100, reference="SAME") for n in range(5)]
    done = reconciled(payments, lines)
    assert done.matched() == {("exact", (f"P{n}",), (str(n),)) for n in range(5)}


@pytest.mark.parametrize(
    ("pass_name", "payment", "line"),
    [
        ("payment_id", {}, {"reference": "PAY 1001"}),
        ("reference_normalised", {"reference": "inv 2026/7788"}, {"reference": "INV-2026-7788"}),
        ("amount_date_payer", {"payer_account": "6222"}, {"counterparty_account": "6222", "value_date": later(3)}),
        ("amount_date_payer", {"payer_name": "张 三"}, {"counterparty_name": "张三", "value_date": later(1)}),
        ("named_in_text", {"loan_id": "L000777"}, {"reference": "还款 L000777 谢谢"}),
    ],
)
def test_each_tolerant_pass_finds_its_pair(pass_name: str, payment: dict[str, object], line: dict[str, object]):
    done = reconciled(
        [a_payment("PAY1001", 321, **payment), a_payment("P9", 5)],
        [a_line("1", 321, **line), a_line("9", 5, reference="REF-P9", value_date=later(3))],
        as_of=later(3),
    )
    assert (pass_name, ("PAY1001",), ("1",)) in done.matched()
    assert done.breaks == []


def test_a_channel_may_keep_its_fee_and_no_more():
    rules = Rules(tolerances={"pos": Tolerance(per_mille=6)})
    payments = [a_payment("P1", 10_000, channel="pos"), a_payment("P2", 10_000, channel="pos")]
    lines = [a_line("1", 9_940, reference="REF-P1"), a_line("2", 9_939, reference="REF-P2")]
    done = reconciled(payments, lines, rules=rules)
    assert done.matched() == {("amount_tolerance", ("P1",), ("1",))}
    assert done.matches[0]["difference_minor"] == 60
    assert done.broken() == {("amount_differs", ("P2",), ("2",))}


def test_one_line_for_a_batch_of_payments_with_one_reference():
    payments = [a_payment(f"P{n}", 100 + n, reference="BATCH-0310", channel="alipay") for n in range(7)]
    done = reconciled(payments, [a_line("1", sum(range(100, 107)), reference="BATCH-0310")])
    assert done.matched() == {("grouped_by_reference", tuple(f"P{n}" for n in range(7)), ("1",))}


def test_one_payment_that_the_bank_shows_in_several_lines():
    lines = [a_line("1", 60, reference="REF-P1"), a_line("2", 40, reference="REF-P1", value_date=later(1))]
    done = reconciled([a_payment("P1", 100)], lines, as_of=later(1))
    assert done.matched() == {("grouped_by_reference", ("P1",), ("1", "2"))}


def test_a_weekend_of_a_channel_in_one_line_without_a_reference():
    friday = date(2026, 3, 13)
    payments = [
        a_payment(f"P{n}", 1_000 + 7 * n, channel="wechat", value_date=friday + timedelta(days=n % 3)) for n in range(9)
    ]
    total = sum(p["amount_minor"] for p in payments)
    done = reconciled(
        payments, [a_line("1", total, value_date=friday + timedelta(days=3))], as_of=friday + timedelta(days=3)
    )
    assert done.matched() == {("channel_days", tuple(f"P{n}" for n in range(9)), ("1",))}


def test_a_batch_with_one_payment_too_many_is_matched_without_it():
    payments = [a_payment(f"P{n}", 100 + n, reference="BATCH-1", channel="alipay") for n in range(5)]
    done = reconciled(payments, [a_line("1", 100 + 101 + 102 + 104, reference="BATCH-1")])
    assert done.matched() == {("grouped_but_one", ("P0", "P1", "P2", "P4"), ("1",))}
    assert done.broken() == {("unmatched_lender", ("P3",), ())}


def test_a_batch_that_does_not_add_up_is_one_break_with_both_sides():
    payments = [a_payment(f"P{n}", 100 + n, reference="BATCH-1", channel="alipay") for n in range(3)]
    done = reconciled(payments, [a_line("1", 290, reference="BATCH-1")])
    assert done.broken() == {("amount_differs", ("P0", "P1", "P2"), ("1",))}
    assert done.breaks[0]["difference_minor"] == 13
    assert done.suggestion("amount_differs")["reason"] == "sum_differs"


def test_a_payment_that_never_came_and_its_reversal_cancel_out():
    payments = [a_payment("P1", 100), a_payment("R1", 100, kind="reversal", reverses_payment_id="P1")]
    done = reconciled([*payments, a_payment("P2", 5)], [a_line("2", 5, reference="REF-P2")])
    assert ("cancelled", ("P1", "R1"), ()) in done.matched()
    assert done.breaks == []


def test_payments_that_were_pushed_and_cancel_out_are_matched_on_a_day_though_no_file_has_them():
    payments = [
        a_payment("P1", 100, file_date=None),
        a_payment("R1", 100, kind="reversal", reverses_payment_id="P1", file_date=None),
    ]
    done = reconciled([*payments, a_payment("P2", 5)], [a_line("2", 5, reference="REF-P2")])
    assert ("cancelled", ("P1", "R1"), ()) in done.matched()
    assert all(row["matched_date"] is not None for row in done.matches)


def test_a_reversal_is_matched_with_money_that_went_out():
    payments = [a_payment("P1", 100), a_payment("R1", 100, kind="reversal", reverses_payment_id="P1")]
    lines = [a_line("1", 100, reference="REF-P1"), a_line("2", 100, reference="REF-R1", direction="out")]
    assert reconciled(payments, lines).matched() == {("exact", ("P1",), ("1",)), ("exact", ("R1",), ("2",))}


def test_a_reversal_in_the_books_only_is_a_break_unless_the_rules_say_that_the_lender_does_so():
    payments = [a_payment("P1", 100), a_payment("R1", 100, kind="reversal", reverses_payment_id="P1")]
    lines = [a_line("1", 100, reference="REF-P1")]
    assert reconciled(payments, lines).broken() == {("unmatched_lender", ("R1",), ())}
    done = reconciled(payments, lines, rules=Rules(reversal_needs_bank_line=False))
    assert ("reversed_in_books", ("R1",), ()) in done.matched()
    assert done.proof[0]["explained_minor"] == -100


def test_a_second_reversal_of_one_payment_is_a_duplicate():
    payments = [
        a_payment("P1", 100),
        a_payment("R1", 100, kind="reversal", reverses_payment_id="P1"),
        a_payment("R2", 100, kind="reversal", reverses_payment_id="P1", file_date=later(1)),
    ]
    lines = [a_line("1", 100, reference="REF-P1"), a_line("2", 100, reference="REF-R1", direction="out")]
    done = reconciled(payments, lines, as_of=later(1))
    assert done.broken() == {("duplicate", ("R2",), ())}
    assert done.suggestion("duplicate")["reason"] == "already_reversed"


def test_a_payment_of_an_unknown_loan_takes_its_line_into_the_break():
    done = reconciled(
        [a_payment("P1", 100, loan_id="L9")], [a_line("1", 100, reference="REF-P1")], loans=[("SIM", "L1")]
    )
    assert done.broken() == {("unknown_loan", ("P1",), ("1",))}
    assert (done.breaks[0]["lender_minor"], done.breaks[0]["bank_minor"], done.breaks[0]["difference_minor"]) == (
        100,
        100,
        0,
    )


def test_a_source_without_a_loans_feed_has_no_unknown_loans():
    done = reconciled([a_payment("P1", 100)], [a_line("1", 100, reference="REF-P1")], loans=[])
    assert done.breaks == []


def test_a_payment_of_an_unknown_loan_within_a_batch_leaves_the_batch_matched():
    payments = [a_payment(f"P{n}", 100, reference="BATCH-1", channel="alipay") for n in range(3)]
    payments[1]["loan_id"] = "L9"
    done = reconciled(payments, [a_line("1", 300, reference="BATCH-1")], loans=[("SIM", "L1")])
    assert done.matched() == {("grouped_by_reference", ("P0", "P2"), ("1",))}
    assert (done.matches[0]["lender_minor"], done.matches[0]["bank_minor"]) == (200, 200)
    assert done.broken() == {("unknown_loan", ("P1",), ())}
    assert (done.breaks[0]["bank_minor"], done.breaks[0]["difference_minor"]) == (100, 0)
    assert done.suggestion("unknown_loan")["items"] == ["99/1"]


def test_a_payment_accepted_by_a_person_rejoins_its_batch():
    payments = [a_payment(f"P{n}", 100, reference="BATCH-1", channel="alipay") for n in range(3)]
    payments[1]["loan_id"] = "L9"
    lines = [a_line("1", 300, reference="BATCH-1")]
    ident = break_id(BreakKind.UNKNOWN_LOAN, "SIM", ["P1"], [])
    said = {"break_id": ident, "decision_group": "g", "kind": "unknown_loan", "source_code": "SIM",
            "payment_ids": ["P1"], "bank_line_ids": [], "shared": True}  # fmt: skip
    accepted = reconciled(payments, lines, loans=[("SIM", "L1")], decided=[said | {"decision": "match"}])
    assert accepted.matched() == {("grouped_by_reference", ("P0", "P1", "P2"), ("1",))}
    assert accepted.breaks == []
    rejected = reconciled(payments, lines, loans=[("SIM", "L1")], decided=[said | {"decision": "reject"}])
    assert [b["break_id"] for b in rejected.breaks] == [ident]


@pytest.mark.parametrize(
    ("payment", "reason"),
    [
        ({"value_date": DAY - timedelta(days=12)}, "dates_apart"),
        ({"value_date": DAY - timedelta(days=45)}, "booked_back"),
    ],
)
def test_dates_out_of_period_are_named_with_both_sides(payment: dict[str, object], reason: str):
    payments = [a_payment("P1", 100, posted_date=DAY, file_date=DAY, **payment), a_payment("P2", 7)]
    lines = [a_line("1", 100, reference="REF-P1"), a_line("2", 7, reference="REF-P2")]
    done = reconciled(payments, lines)
    assert done.broken() == {("date_out_of_period", ("P1",), ("1",))}
    assert done.suggestion("date_out_of_period")["reason"] == reason


def test_a_payment_dated_after_the_business_date_is_out_of_period():
    done = reconciled([a_payment("P1", 100, value_date=later(4), file_date=DAY)],
                      [a_line("1", 100, reference="REF-P1", value_date=later(4))])  # fmt: skip
    assert done.broken() == {("date_out_of_period", ("P1",), ("1",))}


def test_the_same_line_twice_leaves_one_of_them_a_duplicate():
    lines = [a_line("1", 100, reference="REF-P1"), a_line("2", 100, reference="REF-P1", file_date=later(1))]
    done = reconciled([a_payment("P1", 100)], lines, as_of=later(1))
    assert done.matched() == {("exact", ("P1",), ("1",))}
    assert done.broken() == {("duplicate", (), ("2",))}
    assert done.suggestion("duplicate") == {
        "action": "reject", "reason": "repeats_line", "break_ids": [], "items": ["99/1"],
    }  # fmt: skip


def test_the_same_payment_under_two_ids_leaves_the_later_a_duplicate():
    payments = [a_payment("P2", 100, reference="T"), a_payment("P1", 100, reference="T", file_date=later(1))]
    done = reconciled(payments, [a_line("1", 100, reference="T")], as_of=later(1))
    assert done.matched() == {("exact", ("P2",), ("1",))}
    assert done.broken() == {("duplicate", ("P1",), ())}


def test_a_duplicate_of_something_broken_is_named_after_it():
    payments = [a_payment("P1", 100, reference="T"), a_payment("P2", 100, reference="T"), a_payment("P3", 9)]
    done = reconciled(payments, [a_line("3", 9, reference="REF-P3")])
    assert done.broken() == {("unmatched_lender", ("P1",), ()), ("duplicate", ("P2",), ())}
    assert done.suggestion("duplicate")["reason"] == "repeats_open_item"


def test_leftovers_with_the_same_amount_within_days_suggest_each_other():
    payments = [a_payment("P1", 777), a_payment("P2", 1, value_date=later(12)), a_payment("P0", 2)]
    lines = [a_line("1", 777, value_date=later(8)), a_line("2", 1, reference="REF-P2", value_date=later(12))]
    lines.append(a_line("0", 2, reference="REF-P0"))
    done = reconciled(payments, lines, as_of=later(12), rules=Rules(bank_late_days=5))
    lender, bank = done.suggestion("unmatched_lender"), done.suggestion("unmatched_bank")
    assert (
        (lender["action"], lender["reason"]) == ("match", "same_amount_near_date") == (bank["action"], bank["reason"])
    )
    ids = {one["kind"]: one["break_id"] for one in done.breaks}
    assert (lender["break_ids"], bank["break_ids"]) == ([ids["unmatched_bank"]], [ids["unmatched_lender"]])


def test_a_line_of_a_known_payer_suggests_the_loan_he_paid_before():
    payments = [a_payment("P1", 100, payer_account="6222"), a_payment("P2", 9)]
    lines = [a_line("1", 100, reference="REF-P1"), a_line("2", 55, counterparty_account="6222"),
             a_line("3", 9, reference="REF-P2")]  # fmt: skip
    done = reconciled(payments, lines)
    assert done.suggestion("unmatched_bank") == {
        "action": "park",
        "reason": "payer_known",
        "break_ids": [],
        "items": ["L1"],
    }


def test_every_suggestion_has_a_sentence():
    payments = [a_payment("P1", 100), a_payment("P2", 200, loan_id="L9"), a_payment("P3", 9)]
    lines = [a_line("1", 55), a_line("2", 210, reference="REF-P2"), a_line("3", 9, reference="REF-P3")]
    for one in reconciled(payments, lines, loans=[("SIM", "L1")]).breaks:
        assert one["suggestion"]["action"] in SUGGESTED_ACTIONS
        assert one["suggestion"]["reason"] in SUGGESTION_REASONS


def test_money_out_fees_and_one_sided_books_are_outside_with_a_reason():
    rules = Rules(outside=(Outside("interest", "^结息"),))
    payments = [a_payment("P1", 100), a_payment("Q1", 100, source_code="OTHER")]
    lines = [
        a_line("1", 100, reference="REF-P1"),
        a_line("2", 3, reference="结息 2026Q1"),
        a_line("3", 50, direction="out", reference="房租"),
        a_line("4", 8, source_code="BANKONLY"),
    ]
    done = reconciled(payments, lines, rules=rules)
    assert done.breaks == []
    assert {item: reason for _, item, reason in done.outside} == {
        "99/2": "rule:interest", "99/3": "money_out", "99/4": "no_lender_feed", "Q1": "no_bank_feed",
    }  # fmt: skip


def test_sources_that_share_a_bank_account_are_one_book():
    rules = Rules(books={"HYB": "pool", "XJC": "pool", "BANK": "pool"})
    payments = [a_payment("P1", 100, source_code="HYB"), a_payment("P1", 70, source_code="XJC", reference="X")]
    lines = [
        a_line("1", 100, source_code="BANK", reference="REF-P1"),
        a_line("2", 70, source_code="BANK", reference="X"),
    ]
    done = reconciled(payments, lines, rules=rules)
    assert {(m["source_code"], m["payment_ids"][0]) for m in done.matches} == {("HYB", "P1"), ("XJC", "P1")}
    assert done.breaks == []


def test_a_payment_waits_for_the_statement_of_its_day_but_not_for_ever():
    payments = [a_payment("P0", 5), a_payment("P1", 100, value_date=later(1))]
    lines = [a_line("0", 5, reference="REF-P0")]
    waiting = reconciled(payments, lines, as_of=later(2))
    assert waiting.breaks == []
    assert waiting.outside == [("SIM", "P1", "bank_not_yet")]
    assert reconciled(payments, lines, as_of=later(12)).broken() == {("unmatched_lender", ("P1",), ())}
    next_statement = [*lines, a_line("9", 1, value_date=later(1), direction="out")]
    assert reconciled(payments, next_statement, as_of=later(2)).broken() == {("unmatched_lender", ("P1",), ())}


def test_a_payment_that_was_only_pushed_is_matched_like_any_other():
    pushed = [a_payment("P2", 70), a_payment("P3", 30)]
    lines = [a_line("1", 100, reference="REF-P1"), a_line("2", 70, reference="REF-P2")]
    done = reconciled([a_payment("P1", 100)], lines, recorded=pushed)
    assert ("exact", ("P2",), ("2",)) in done.matched()
    assert done.broken() == {("unmatched_lender", ("P3",), ())}
    assert done.breaks[0]["lender_minor"] is None
    assert done.breaks[0]["recorded_minor"] == 30
    assert done.suggestion("unmatched_lender")["reason"] == "only_pushed"


def test_what_a_person_matched_wins_over_every_pass():
    payments = [a_payment("P1", 100), a_payment("P2", 100)]
    lines = [a_line("1", 100, reference="REF-P1"), a_line("2", 90)]
    said = {"decision": "match", "decision_group": "g", "source_code": "SIM", "shared": False}
    decided = [
        said | {"break_id": "a", "kind": "unmatched_lender", "payment_ids": ["P1"], "bank_line_ids": []},
        said | {"break_id": "b", "kind": "unmatched_bank", "payment_ids": [], "bank_line_ids": ["99/2"]},
    ]
    done = reconciled(payments, lines, decided=decided)
    assert ("manual", ("P1",), ("2",)) in done.matched()
    assert {m["difference_minor"] for m in done.matches if m["pass_name"] == "manual"} == {10}
    assert ("P1",) not in {m[1] for m in done.matched() if m[0] == "exact"}


def test_what_a_person_rejected_stays_broken_under_its_id_even_when_a_line_arrives():
    payments = [a_payment("P1", 100), a_payment("P2", 5)]
    decided = [{"break_id": "x" * 64, "decision_group": "g", "kind": "unmatched_lender", "decision": "reject",
                "source_code": "SIM", "payment_ids": ["P1"], "bank_line_ids": [], "shared": False}]  # fmt: skip
    lines = [a_line("1", 100, reference="REF-P1"), a_line("2", 5, reference="REF-P2")]
    done = reconciled(payments, lines, decided=decided)
    assert [b["break_id"] for b in done.breaks if b["kind"] == "unmatched_lender"] == ["x" * 64]
    assert ("unmatched_bank", (), ("1",)) in done.broken()


def test_rules_are_read_from_data_and_checked():
    rules = Rules.from_mapping({"bank_late_days": 4, "tolerances": {"pos": {"per_mille": 6}}, "books": None,
                                "outside": [{"code": "fee", "pattern": "x"}]})  # fmt: skip
    assert rules.offsets == (0, 1, -1, 2, -2, 3, 4)
    assert rules.tolerances["pos"] == Tolerance(0, 6)
    with pytest.raises(ValueError, match="days"):
        Rules(bank_late_days=-1)
    with pytest.raises(TypeError):
        Rules.from_mapping({"no_such_rule": 1})
