"""Day by day from what was kept, or everything anew: the same matches, breaks, items outside and proof, to the row."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ops_app.engines import reconciliation as engine
from ops_app.engines.reconciliation import Rules, Tolerance
from tests.engines.sides import (
    BANK,
    DAY,
    DECIDED,
    LENDER,
    RECORDED,
    Outcome,
    a_line,
    a_payment,
    add,
    fill,
    later,
    outcome_of,
)  # fmt: skip
from tests.engines.test_reconciliation_always import a_world

LOANS = {"source_code": "varchar", "loan_id": "varchar"}
RULES = Rules(
    tolerances={"pos": Tolerance(minor=1)}, bank_late_days=5, bank_early_days=2, apart_days=9,
    books={"W01": "SHARED", "W02": "SHARED"},
)  # fmt: skip
BOOKS_ONLY = replace(RULES, reversal_needs_bank_line=False)
WORLDS = 40
DAYS = 5
CHANGED = 2
"""The day on which contents change, so that it is a full run."""


class Ledger:
    """Rows that arrive day by day in one connection, where each day is run both ways."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.con = duckdb.connect(config={"threads": 1})
        self.refunds: list[tuple[str, str, str, str, bool]] = []
        for table, columns in (
            ("lender", LENDER), ("bank", BANK), ("recorded", RECORDED), ("decided", DECIDED), ("loans", LOANS),
        ):  # fmt: skip
            fill(self.con, table, columns, [])

    def arrive(
        self, payments: Sequence[dict[str, Any]] = (), lines: Sequence[dict[str, Any]] = (),
        **more: list[dict[str, Any]],
    ) -> None:  # fmt: skip
        """New rows; one of a known name takes the place of the row before it."""
        for table, columns, rows, key in (
            ("lender", LENDER, payments, ("source_code", "payment_id")),
            ("bank", BANK, lines, ("source_code", "account", "line_id")),
            ("recorded", RECORDED, more.get("recorded", []), ("source_code", "payment_id")),
        ):
            for row in rows:
                named = " and ".join(f"{name} = '{row[name]}'" for name in key)
                if self.con.execute(f"select 1 from {table} where {named}").fetchall():
                    self.con.execute(f"create or replace table {table} as from {table} where not ({named})")
                    engine.forget(self.con)
            add(self.con, table, columns, rows)
        add(self.con, "loans", LOANS, more.get("loans", []))
        if "decided" in more:
            self.con.execute("drop table decided")
            fill(self.con, "decided", DECIDED, more["decided"])

    def run(self, as_of: date, *, since_kept: bool) -> tuple[Outcome, list[Any], engine.Reconciled]:
        engine.lay_out_refunds(self.con, self.refunds)
        done = engine.reconcile(self.con, self.rules, as_of, with_sheet=True, since_kept=since_kept)
        outcome = outcome_of(self.con)
        sheet = engine.sheet(self.con)
        if since_kept:
            engine.keep(self.con, self.rules, as_of, done)
        engine.close(self.con)
        return outcome, sheet, done

    def day(self, as_of: date) -> tuple[Outcome, bool]:
        """Both runs of a day agree: what they made of it, and whether the first was a part."""
        ours, our_sheet, done = self.run(as_of, since_kept=True)
        theirs, their_sheet, whole = self.run(as_of, since_kept=False)
        assert ours.matches == theirs.matches
        assert ours.breaks == theirs.breaks
        assert ours.outside == theirs.outside
        assert ours.proof == theirs.proof
        assert our_sheet == their_sheet
        assert (done.matches, done.breaks) == (whole.matches, whole.breaks)
        return theirs, done.part


def _decisions(draw: random.Random, outcome: Outcome) -> list[dict[str, Any]]:
    """Some breaks are decided, alone or two of one source together, and now and then an exact match is shared."""
    taken = []
    for one in outcome.breaks:
        if draw.random() < 0.1:
            decision = draw.choice(["match", "split", "reject"])
            group = one["source_code"] if draw.random() < 0.3 else one["break_id"]
            taken.append(
                {name: one[name] for name in ("break_id", "kind", "source_code", "payment_ids", "bank_line_ids")}
                | {"decision": decision, "decision_group": group, "shared": draw.random() < 0.2}
            )
    return taken


def _arrivals(draw: random.Random, ledger: Ledger) -> Iterator[date]:
    """Days of arriving rows: late ones, changed contents, pushes, payouts, loans that become known."""
    payments: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for n in range(WORLDS):
        some, others = a_world(f"W{n:02d}", draw)
        # most of a healthy book: pairs that agree in everything
        for i in range(4):
            day = DAY + timedelta(days=draw.randrange(15))
            payer, loan = draw.choice([None, "6222", "6333"]), draw.choice(["L1", "L2", "L3"])
            amount, reference = draw.choice([100, 200, 300]), draw.choice(["REF-A", "REFB", f"OWN-{i}"])
            some.append(
                a_payment(f"E{i}", amount, source_code=f"W{n:02d}", value_date=day, reference=reference, loan_id=loan,
                          payer_account=payer, channel=draw.choice([None, "pos"]))
            )  # fmt: skip
            others.append(
                a_line(f"E{i}", amount, source_code=f"W{n:02d}", value_date=day, reference=reference,
                       counterparty_account=payer)
            )  # fmt: skip
        payments += some
        lines += others
    turn = {id(row): draw.randrange(DAYS) for row in [*payments, *lines]}
    loans = [{"source_code": f"W{n:02d}", "loan_id": loan} for n in range(WORLDS) for loan in ("L1", "L2")]
    ledger.arrive(loans=loans)
    for number in range(DAYS):
        today = [row for row in payments if turn[id(row)] == number]
        banked = [row for row in lines if turn[id(row)] == number]
        if number == CHANGED:
            for rows, into in ((payments, today), (lines, banked)):
                known = [row for row in rows if turn[id(row)] < number]
                for row in draw.sample(known, len(known) // 30):
                    other = row | {"amount_minor": draw.choice([100, 200, 300]), "file_date": later(number)}
                    into.append(other | {"reference": draw.choice([row["reference"], "REF-A", None])})
        pushed = [row for row in payments if turn[id(row)] == number + 1 and draw.random() < 0.2]
        known = set(ledger.con.execute("select source_code, payment_id from recorded").fetchall())
        noted = [*pushed, *(row for row in draw.sample(today, len(today) // 3) if id(row) in turn)]
        unknown = [row for row in noted if (row["source_code"], row["payment_id"]) not in known]
        ledger.arrive(today, banked, recorded=unknown)
        for row in draw.sample(lines, 2):
            what = draw.choice(["refund_paid", "refund_differs"])
            ledger.refunds.append((row["source_code"], "99", row["line_id"], what, draw.random() < 0.5))
        ledger.refunds = list({one[:3]: one for one in ledger.refunds}.values())[-6:]
        if number == 3:
            ledger.arrive(loans=[{"source_code": f"W{n:02d}", "loan_id": "L3"} for n in range(0, WORLDS, 3)])
        yield later(6 + 3 * number)


@pytest.mark.slow  # each day is run twice
@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
@example(1, True)
def test_days_one_by_one_end_as_all_in_one_go(seed: int, in_books: bool):
    draw = random.Random(seed)
    ledger = Ledger(BOOKS_ONLY if in_books else RULES)
    parts = []
    for as_of in _arrivals(draw, ledger):
        outcome, part = ledger.day(as_of)
        parts.append(part)
        ledger.arrive(decided=_decisions(draw, outcome))
    assert parts == [number not in (0, CHANGED) for number in range(DAYS)]
    assert ledger.con.execute("select count(*) > 0 from kept_pairs").fetchall() == [(True,)]


def _settled(ledger: Ledger) -> list[tuple[str]]:
    return ledger.con.execute(
        "select payment_id from kept_pairs anti join kept_gone using (pid) join lender on lender.rowid = pid order by 1"
    ).fetchall()


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger()
    made.arrive(
        [a_payment("P1", 100), a_payment("P2", 200, payer_account="6222"), a_payment("P3", 300)],
        [a_line(str(n), 100 * n, reference=f"REF-P{n}") for n in (1, 2, 3)],
        loans=[{"source_code": "SIM", "loan_id": "L1"}],
    )
    outcome, part = made.day(DAY)
    assert len(outcome.matches) == 3
    assert not part
    assert _settled(made) == [("P1",), ("P2",), ("P3",)]
    return made


def test_a_late_line_of_the_same_key_opens_a_settled_pair_again(ledger: Ledger):
    ledger.arrive(lines=[a_line("9", 100, reference="REF-P1")])
    outcome, part = ledger.day(later(1))
    assert part
    assert outcome.broken() == {("duplicate", (), ("9",))}
    assert _settled(ledger) == [("P2",), ("P3",)]


def test_a_reversal_finds_the_settled_payment_it_reverses(ledger: Ledger):
    reversal = a_payment("R1", 100, kind="reversal", reverses_payment_id="P1", value_date=later(1))
    ledger.arrive([reversal], [a_line("9", 100, direction="out", reference="REF-R1", value_date=later(1))])
    outcome, part = ledger.day(later(1))
    assert part
    assert outcome.breaks == []
    ledger.arrive([reversal | {"payment_id": "R2"}])
    outcome, _ = ledger.day(later(2))
    assert outcome.broken() == {("duplicate", ("R2",), ())}


def test_the_same_payment_under_another_id_is_told_from_the_settled_one(ledger: Ledger):
    ledger.arrive([a_payment("P1-AGAIN", 100, file_date=later(1))])
    outcome, part = ledger.day(later(1))
    assert part
    assert outcome.suggestion("duplicate")["items"] == ["P1"]


def test_another_content_of_a_settled_line_breaks_its_match(ledger: Ledger):
    ledger.arrive(lines=[a_line("1", 150, reference="REF-P1", file_date=later(1))])
    outcome, part = ledger.day(later(1))
    assert not part
    assert outcome.broken() == {("amount_differs", ("P1",), ("1",))}


def test_a_stray_line_is_suggested_the_loan_of_a_settled_payer(ledger: Ledger):
    ledger.arrive(lines=[a_line("9", 7, counterparty_account="6222")])
    outcome, part = ledger.day(later(1))
    assert part
    assert outcome.suggestion("unmatched_bank")["items"] == ["L1"]


def test_a_decision_on_settled_items_is_obeyed_and_taken_back(ledger: Ledger):
    decided = {"break_id": "b1", "decision_group": "g1", "kind": "amount_differs", "decision": "match",
               "source_code": "SIM", "payment_ids": ["P1"], "bank_line_ids": ["99/2"], "shared": False}  # fmt: skip
    ledger.arrive(decided=[decided])
    outcome, part = ledger.day(later(1))
    assert part
    assert ("manual", ("P1",), ("2",)) in outcome.matched()
    ledger.arrive(decided=[])
    outcome, _ = ledger.day(later(2))
    assert outcome.breaks == []


@pytest.mark.parametrize("change", ["rules", "day before", "row gone", "source named", "forgotten"])
def test_what_only_a_full_run_can_answer_is_a_full_run(ledger: Ledger, change: str):
    as_of = later(1)
    if change == "rules":
        ledger.rules = replace(RULES, bank_late_days=4)
    elif change == "day before":
        as_of = DAY - timedelta(days=1)
    elif change == "row gone":
        ledger.con.execute("create or replace table bank as from bank where line_id <> '3'")
    elif change == "source named":
        ledger.arrive(loans=[{"source_code": "OTHER", "loan_id": "L1"}])
    else:
        engine.forget(ledger.con)
    _, part = ledger.day(as_of)
    assert not part
    ledger.arrive([a_payment("P4", 5)])
    assert ledger.day(max(as_of, DAY))[1]


def test_what_was_told_needs_every_payment(ledger: Ledger):
    with pytest.raises(ValueError, match="full run"):
        engine.reconcile(ledger.con, RULES, DAY, told=True, since_kept=True)


def test_the_sibling_of_a_reversed_payment_is_asked_for_when_that_one_loses_its_line(ledger: Ledger):
    reversal = a_payment("R1", 100, kind="reversal", reverses_payment_id="P1")
    twin = a_payment("P1B", 100)  # loan, moment and amount of P1, and a line of its own
    ledger.arrive(
        [reversal, twin],
        [a_line("7", 100, direction="out", reference="REF-R1"), a_line("8", 100, reference="REF-P1B")],
    )
    ledger.day(DAY)
    first = a_payment("P0", 100, reference="REF-P1", loan_id="L2")
    ledger.arrive([first], loans=[{"source_code": "SIM", "loan_id": "L2"}])
    outcome, part = ledger.day(later(1))
    assert part
    assert ("duplicate", ("P1",), ()) in outcome.broken()


def test_a_reversal_that_was_settled_with_its_payment_finds_it_again_the_next_day(ledger: Ledger):
    reversal = a_payment("R1", 100, kind="reversal", reverses_payment_id="P1")
    ledger.arrive([reversal], [a_line("7", 100, direction="out", reference="REF-R1")])
    engine.forget(ledger.con)
    assert not ledger.day(DAY)[1]
    outcome, part = ledger.day(later(1))
    assert part
    assert outcome.breaks == []
