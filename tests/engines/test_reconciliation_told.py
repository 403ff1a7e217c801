from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops_app.domain.ledger.breaks import SUGGESTED_ACTIONS, SUGGESTION_REASONS, BreakKind, Leg, leg_of
from ops_app.engines import reconciliation_told
from ops_app.engines.reconciliation import Unbalanced
from tests.engines.sides import DAY, a_line, a_payment, later
from tests.engines.told import Told, a_claim, a_report, a_window, told

EARLIER = DAY - timedelta(days=10)


def test_a_report_that_names_the_payment_is_matched_by_its_id():
    done = told([a_payment("P1", 100), a_payment("P2", 100)], [a_report("P2", 100)])
    assert done.matched() == {("report", "payment_id", ("P2",), ("P2",), ())}
    assert done.breaks == []


@pytest.mark.parametrize("days", [-3, -1, 0, 2, 3])
def test_a_report_under_another_id_is_matched_by_loan_and_amount_within_the_days(days: int):
    done = told([a_payment("P1", 100, value_date=later(days))], [a_report("X9", 100)])
    assert done.matched() == {("report", "loan_amount", ("X9",), ("P1",), ())}


def test_of_two_payments_alike_the_nearest_day_is_taken():
    payments = [a_payment("P1", 100, value_date=later(3)), a_payment("P2", 100, value_date=later(1))]
    assert told(payments, [a_report("X", 100)]).matched() == {("report", "loan_amount", ("X",), ("P2",), ())}


def test_a_report_whose_payment_the_lender_misses_is_matched_with_the_bank_line_that_names_the_loan():
    line = a_line("7", 100, reference="还款 L1")
    done = told([], [a_report("X", 100, loan_id="LOAN1")], lines=[line | {"reference": "还款 LOAN1"}])
    assert done.matched() == {("report", "bank_line", ("X",), (), ("7",))}
    assert ("SIM", "CNY", "report", "explained", "bank_line", 1, -100) in done.sheet


@pytest.mark.parametrize(
    ("reports", "claims", "windows", "payments", "expected"),
    [
        ([a_report("X", 100)], [], [], [], ("report_without_payment", ("X",), ())),
        ([a_report("X", 100, paid_date=EARLIER, remitted=False)], [], [], [], ("not_remitted", ("X",), ())),
        ([a_report("P1", 90)], [], [], [a_payment("P1", 100)], ("report_differs", ("P1",), ("P1",))),
        ([a_report("X", 90)], [], [], [a_payment("P1", 100)], ("report_differs", ("X",), ("P1",))),
        ([a_report("P1", 100), a_report("P1B", 100)], [], [], [a_payment("P1", 100)],
         ("reported_twice", ("P1B",), ())),
        ([a_report("Z", 5, loan_id="L2"), a_report("Z2", 5, loan_id="L2", paid_date=later(5))], [], [a_window()],
         [a_payment("P1", 100), a_payment("Z", 5, loan_id="L2"),
          a_payment("Z2", 5, loan_id="L2", value_date=later(5))],
         ("payment_not_reported", (), ("P1",))),
        ([], [a_claim("C1", 100)], [], [], ("claim_without_payment", ("C1",), ())),
        ([], [a_claim("C1", 90)], [], [a_payment("P1", 100)], ("claim_differs", ("C1",), ("P1",))),
        ([], [a_claim("C1", 100), a_claim("C2", 100, collector_id="c2", claimed_at="2026-03-10 11:00:00")], [],
         [a_payment("P1", 100)], ("claimed_twice", ("C2",), ())),
    ],
)  # fmt: skip
def test_each_fault_has_its_kind(
    reports: list[Any], claims: list[Any], windows: list[Any], payments: list[Any], expected: tuple[Any, ...]
):
    done = told(payments, reports, claims, windows=windows)
    assert done.broken() == {expected}
    (one,) = done.breaks
    assert one["suggestion"]["action"] in SUGGESTED_ACTIONS
    assert one["suggestion"]["reason"] in SUGGESTION_REASONS
    assert leg_of(BreakKind(one["kind"])) is (Leg.CLAIM if claims else Leg.REPORT)


def test_a_loan_that_no_feed_ever_named_is_said_so():
    done = told([], [a_report("X", 100, loan_id="NEVER")])
    assert done.suggestion("report_without_payment")["reason"] == "loan_not_in_book"


def test_who_claimed_first_is_confirmed_and_the_other_is_told_so():
    claims = [a_claim("C1", 100, claimed_at="2026-03-10 12:00:00"), a_claim("C2", 100, collector_id="c2")]
    done = told([a_payment("P1", 100)], [], claims)
    assert [(claim, state, by) for claim, state, by, _, _ in done.claims] == [
        ("C1", "broken", None),
        ("C2", "confirmed", "p:P1"),
    ]
    assert done.suggestion("claimed_twice") | {"break_ids": []} == {
        "action": "reject", "reason": "claimed_by_other", "break_ids": [], "items": ["C2"],
    }  # fmt: skip


def test_a_payment_that_two_agencies_name_is_that_of_the_first_and_told_twice_by_the_other():
    reports = [a_report("P1", 100, file_date=later(1)), a_report("P1", 100, agency_code="A2", feed_source="AG-A2")]
    done = told([a_payment("P1", 100)], reports)
    assert done.matched() == {("report", "payment_id", ("A2/P1",), ("P1",), ())}
    assert done.broken() == {("reported_twice", ("P1",), ())}


def test_one_payment_may_be_reported_and_claimed():
    done = told([a_payment("P1", 100)], [a_report("P1", 100)], [a_claim("C1", 100)])
    assert {(side, pass_name) for side, pass_name, *_ in done.matched()} == {
        ("report", "payment_id"), ("claim", "loan_amount"),
    }  # fmt: skip
    assert done.breaks == []


def test_a_claim_of_a_day_that_the_lender_has_not_told_waits():
    done = told([], [], [a_claim("C1", 100)], as_of=DAY, lender_until=DAY)
    assert done.waiting == [("claim", "C1", None, "lender_not_yet")]
    assert done.claims == [("C1", "waiting", None, None, "lender_not_yet")]


def test_a_lender_that_stays_silent_hides_no_claim_for_ever():
    claim = a_claim("C1", 100)
    assert told([], [], [claim], as_of=later(11), lender_until=DAY).breaks == []
    assert told([], [], [claim], as_of=later(12), lender_until=DAY).broken() == {("claim_without_payment", ("C1",), ())}


def test_cash_that_an_agency_holds_waits_until_the_remittance_is_due():
    report = a_report("X", 100, remitted=False)
    assert told([], [report], as_of=later(5)).waiting == [("report", "A1/X", None, "remittance_not_due")]
    assert told([], [report], as_of=later(6), lender_until=later(6)).broken() == {("not_remitted", ("X",), ())}


@pytest.mark.parametrize(
    ("payment", "window"),
    [
        ({"value_date": later(4)}, {}),  # the agency's last report is of the day before
        ({"value_date": EARLIER}, {}),  # before the agency's first report
        ({}, {"until_date": DAY - timedelta(days=1)}),
        ({}, {"from_date": later(1)}),
        ({}, {"agency_code": "A2"}),  # an agency that sends no reports is expected to send none
        ({"kind": "reversal", "reverses_payment_id": "P0"}, {}),
    ],
)
def test_nothing_is_expected_outside_the_days_and_windows_of_an_agency(payment: dict[str, Any], window: dict[str, Any]):
    speaking = [a_report("Z", 5, loan_id="L2", file_date=DAY), a_report("Z2", 5, loan_id="L2", file_date=later(4))]
    payments = [a_payment("P1", 100, **payment), a_payment("Z", 5, loan_id="L2")]
    payments.append(a_payment("Z2", 5, loan_id="L2"))
    assert told(payments, speaking, windows=[a_window(**window)]).breaks == []


def test_a_payment_that_was_reversed_need_not_be_reported():
    speaking = [a_report("Z", 5, loan_id="L2"), a_report("Z2", 5, loan_id="L2", file_date=later(4))]
    payments = [a_payment("P1", 100), a_payment("Z", 5, loan_id="L2"), a_payment("Z2", 5, loan_id="L2")]
    undone = a_payment("R1", 100, kind="reversal", reverses_payment_id="P1")
    assert told(payments, speaking, windows=[a_window()]).broken() == {("payment_not_reported", (), ("P1",))}
    assert told([*payments, undone], speaking, windows=[a_window()]).breaks == []


def test_a_report_of_the_wrong_loan_suggests_the_payment_that_was_left_out():
    reports = [a_report("X", 100, loan_id="L2"), a_report("Z", 7, loan_id="L2", file_date=later(4))]
    done = told([a_payment("P1", 100), a_payment("Z", 7, loan_id="L2")], reports, windows=[a_window()])
    ids = {one["kind"]: one["break_id"] for one in done.breaks}
    assert set(ids) == {"report_without_payment", "payment_not_reported"}
    assert done.suggestion("report_without_payment")["break_ids"] == [ids["payment_not_reported"]]
    assert done.suggestion("payment_not_reported")["action"] == "match"


def test_what_people_put_together_is_a_match_and_what_they_rejected_keeps_its_break():
    first = told([], [a_report("X", 100)], [a_claim("C1", 50)])
    ids = {one["kind"]: one["break_id"] for one in first.breaks}
    common = {"source_code": "SIM", "payment_ids": []}
    decided = [
        {"break_id": ids["report_without_payment"], "decision_group": "g1", "kind": "report_without_payment",
         "decision": "match", "report_ids": ["A1/X"], "claim_ids": [], **common},
        {"break_id": ids["claim_without_payment"], "decision_group": "g2", "kind": "claim_without_payment",
         "decision": "reject", "report_ids": [], "claim_ids": ["C1"], **common},
    ]  # fmt: skip
    later_paid = [a_payment("P9", 50)]
    done = told(later_paid, [a_report("X", 100)], [a_claim("C1", 50)], decided=decided)
    assert done.matched() == {("report", "manual", ("X",), (), ())}
    assert [one["break_id"] for one in done.breaks] == [ids["claim_without_payment"]]


def test_an_item_that_gets_lost_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reconciliation_told, "_name_breaks", lambda con, *_: con.execute("delete from rec_told_ends"))
    with pytest.raises(Unbalanced):
        told([a_payment("P1", 100)], [a_report("P1", 100)])


def test_without_the_further_sides_nothing_of_them_is_made():
    from tests.engines.sides import reconciled

    done = reconciled([a_payment("P1", 100)], [a_line("1", 100, reference="REF-P1")])
    assert done.breaks == []  # the relations of reports and claims do not even exist there


# --- whatever is told ----------------------------------------------------------------------------------------------


def a_world(seed: int) -> dict[str, list[dict[str, Any]]]:
    """Forty small books of few values, so that told items and payments collide in every way."""
    draw = random.Random(seed)
    world: dict[str, list[dict[str, Any]]] = {"payments": [], "reports": [], "claims": [], "windows": [], "lines": []}
    for n in range(40):
        source = f"W{n:02d}"

        def of(**other: Any) -> dict[str, Any]:
            loan = draw.choice(["LOAN1", "LOAN2"])
            return {"source_code": source, "loan_id": loan, **other}  # noqa: B023

        def day() -> Any:
            return DAY + timedelta(days=draw.randrange(9))

        for i in range(draw.randrange(7)):
            kind = draw.choice(["payment", "payment", "payment", "reversal"])
            reverses = f"P{draw.randrange(7)}" if kind == "reversal" else None
            world["payments"].append(
                a_payment(f"P{i}", draw.choice([100, 101, 200]),
                          **of(value_date=day(), kind=kind, reverses_payment_id=reverses))
            )  # fmt: skip
        for i in range(draw.randrange(6)):
            # an agency names a payment once, two agencies may name the same one
            number = draw.choice([f"P{draw.randrange(4)}", f"X{n}-{i}"])
            one = a_report(number, draw.choice([100, 101, 200]), **of(paid_date=day()))
            one |= {"remitted": draw.choice([True, False, None]), "agency_code": f"{draw.choice(['A1', 'A2'])}-{n}"}
            if any((o["agency_code"], o["payment_id"]) == (one["agency_code"], number) for o in world["reports"]):
                continue
            world["reports"].append(one)
        for i in range(draw.randrange(6)):
            world["claims"].append(
                a_claim(f"C{n}-{i}", draw.choice([100, 101, 200]),
                        **of(paid_date=day(), collector_id=draw.choice(["c1", "c2"])))
            )  # fmt: skip
        for loan in ("LOAN1", "LOAN2"):
            world["windows"].append(a_window(loan, source_code=source, agency_code=f"A1-{n}"))
        for i in range(draw.randrange(3)):
            line = a_line(str(i), draw.choice([100, 101, 200]), source_code=source, value_date=day())
            world["lines"].append(line | {"reference": draw.choice([None, "还款 LOAN1", "还款 LOAN2"])})
    return world


def _run(world: dict[str, list[dict[str, Any]]]) -> Told:
    return told(
        world["payments"], world["reports"], world["claims"], windows=world["windows"], lines=world["lines"],
        as_of=later(12), lender_until=None,
    )  # fmt: skip


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32))
def test_every_told_item_ends_exactly_once_each_leg_adds_up_and_the_order_of_rows_does_not_matter(seed: int):
    world = a_world(seed)
    outcome = _run(world)
    ends: Counter[str] = Counter()
    for one in outcome.matches:
        ends.update(one["told_ids"] or ())
    for one in outcome.breaks:
        ends.update([*one["report_ids"], *one["claim_ids"]])
    ends.update(told_id for _, told_id, _, _ in outcome.waiting if told_id)
    given_in = Counter(f"{one['agency_code']}/{one['payment_id']}" for one in world["reports"])
    assert ends == given_in + Counter(one["claim_id"] for one in world["claims"])
    assert {claim for claim, *_ in outcome.claims} == {one["claim_id"] for one in world["claims"]}
    assert len({one["break_id"] for one in outcome.breaks}) == len(outcome.breaks)
    paid = Counter(
        (one["side"], one["source_code"], payment) for one in outcome.matches for payment in one["payment_ids"] or ()
    )
    assert max(paid.values(), default=1) == 1
    legs: Counter[tuple[str, str, str]] = Counter()
    for book, currency, leg, part, _, _, minor in outcome.sheet:
        legs[(book, currency, leg)] += minor if part == "lender" else -minor
    assert set(legs.values()) <= {0}
    order = random.Random(seed)
    for rows in world.values():
        order.shuffle(rows)
    again = _run(world)
    assert (again.breaks, again.claims, again.sheet) == (outcome.breaks, outcome.claims, outcome.sheet)
    assert again.matches == outcome.matches
