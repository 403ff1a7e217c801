"""Whatever the two sides say: every item ends once, the difference is told, and the order of rows does not matter."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ops_app.engines.reconciliation import Rules, Tolerance
from tests.engines.sides import DAY, Outcome, a_line, a_payment, later, reconciled

RULES = Rules(tolerances={"pos": Tolerance(minor=1)}, bank_late_days=5, bank_early_days=2, apart_days=9)
WORLDS = 50
"""Small books in one run: each is its own source, so they cannot meet."""


def a_world(source: str, draw: random.Random) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A few payments and lines out of few values of everything, so that they collide in every way."""

    def day() -> Any:
        return DAY + timedelta(days=draw.randrange(15))

    references = [None, "REF-A", "ref a", "REFB", "BATCH", "L1", "还款 L2", "P3"]
    payments = []
    for n in range(draw.randrange(10)):
        kind = draw.choice(["payment", "payment", "payment", "reversal", "refund"])
        payments.append(
            a_payment(
                f"P{n}",
                draw.choice([100, 101, 200, 201, 300, 1]),
                source_code=source,
                value_date=day(),
                reference=draw.choice(references),
                kind=kind,
                reverses_payment_id=f"P{draw.randrange(10)}" if kind == "reversal" else None,
                loan_id=draw.choice(["L1", "L2", "L3"]),
                payer_account=draw.choice([None, "6222", "6333"]),
                channel=draw.choice([None, "pos", "alipay"]),
                posted_date=day(),
                file_date=day(),
            )
        )
    lines = [
        a_line(
            str(n),
            draw.choice([100, 101, 200, 201, 300, 1]),
            source_code=source,
            value_date=day(),
            reference=draw.choice(references),
            counterparty_account=draw.choice([None, "6222", "6333"]),
            direction=draw.choice(["in", "in", "out"]),
        )
        for n in range(draw.randrange(10))
    ]
    return payments, lines


def worlds(seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    draw = random.Random(seed)
    payments: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for n in range(WORLDS):
        some, others = a_world(f"W{n:02d}", draw)
        payments += some
        lines += others
    return payments, lines


def _ends(outcome: Outcome) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    payments: Counter[tuple[str, str]] = Counter()
    lines: Counter[tuple[str, str]] = Counter()
    for one in [*outcome.matches, *outcome.breaks]:
        payments.update((one["source_code"], item) for item in one["payment_ids"])
        lines.update((one["source_code"], item) for item in one["bank_line_ids"])
    for source, item, _ in outcome.outside:
        (lines if "/" in item else payments).update([(source, item)])
    return payments, lines


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32))
@example(10913)  # two books once shared the name of a channel's group
def test_every_item_ends_exactly_once_and_the_difference_is_told(seed: int):
    payments, lines = worlds(seed)
    loans = [(f"W{n:02d}", loan) for n in range(WORLDS) for loan in ("L1", "L2")]
    outcome = reconciled(payments, lines, rules=RULES, loans=loans, as_of=later(14))
    paid, banked = _ends(outcome)
    assert paid == Counter((one["source_code"], one["payment_id"]) for one in payments)
    assert banked == Counter((one["source_code"], f"99/{one['line_id']}") for one in lines)
    for sheet in outcome.proof:
        assert sheet["explained_minor"] + sheet["unexplained_minor"] == sheet["difference_minor"]
    assert len({one["break_id"] for one in outcome.breaks}) == len(outcome.breaks)
    assert len({one["match_id"] for one in outcome.matches}) == len(outcome.matches)
    for one in outcome.matches:
        assert one["difference_minor"] == 0 or one["pass_name"] == "amount_tolerance"
    order = random.Random(seed)
    order.shuffle(payments)
    order.shuffle(lines)
    again = reconciled(payments, lines, rules=RULES, loans=loans, as_of=later(14))
    assert again.matches == outcome.matches
    assert again.breaks == outcome.breaks
