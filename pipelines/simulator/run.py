"""Live the days of the window one by one and write each day's feed files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from ops_app.domain.errors import Invalid
from pipelines.simulator import feeds, people
from pipelines.simulator.agency_reports import AgencyReports
from pipelines.simulator.answer_key import AnswerKey, write_answer_key
from pipelines.simulator.bank import Bank
from pipelines.simulator.behaviour import (
    Payments,
    Pending,
    Plans,
    pay_day,
    plan_cycle,
    plan_opening,
    write_off_at_month_end,
)
from pipelines.simulator.complaints import Complaints
from pipelines.simulator.contacts import Calls, Promises, call_day
from pipelines.simulator.days import is_month_end, number_of
from pipelines.simulator.faults import FEWEST_DAYS, FEWEST_LOANS, Faults
from pipelines.simulator.files import TEMPLATE, FeedWriter, Table, clear_earlier
from pipelines.simulator.history import open_book
from pipelines.simulator.portfolio import make_portfolio, make_staff
from pipelines.simulator.streams import stream
from pipelines.simulator.truth import Truth

Progress = Callable[[int, int, str], None]
DAILY = ("loans", "repayments", "bank_lines", "calls")
"""Sent every day, if need be without a row; other feeds only when they have something to tell."""
CSV_DAYS = 3
"""The loans snapshots of the last days are CSV as small lenders send it; those before are Parquet."""


def simulate(
    out: Path,
    loans: int,
    days: int,
    seed: int,
    faults: bool = False,
    *,
    end_date: date,
    progress: Progress | None = None,
    truth: Path | None = None,
) -> AnswerKey:
    """Write ``days`` days of standard feed files of a portfolio of ``loans`` loans, ending on ``end_date``.

    Files go to ``out``/standard; hidden truth, ``answer_key.json`` and the files that come late (see ``deliver_due``)
    to ``truth`` (default: ``simulated`` beside ``out``, never inside it). What an earlier call wrote there
    is replaced. The same arguments give the same bytes. Raises ``Invalid`` when the portfolio is too small for what is
    asked, ``Conflict`` when ``out``/standard holds files of another origin.
    """
    check_size(loans, days, faults=faults)
    hidden = truth if truth is not None else out.parent / "simulated"
    clear_earlier(out, hidden)
    for folder in (out / TEMPLATE, hidden):
        folder.mkdir(parents=True, exist_ok=True)
    world = _World(out, loans, days, seed, end_date, hidden, Faults(seed, end_date) if faults else None)
    for done in range(days):
        world.live(world.first_date + timedelta(days=done))
        if progress is not None:
            progress(done + 1, days, "simulate")
    world.truth.close()
    key = world.answer_key()
    write_answer_key(key, hidden)
    return key


def check_size(loans: int, days: int, *, faults: bool) -> None:
    """Raises ``Invalid`` when the portfolio is too small for what is asked."""
    if loans < 1 or days < 1:
        raise Invalid("A portfolio needs at least one loan and one day.", "至少需要一笔借款和一天。", field="loans")
    if faults and (loans < FEWEST_LOANS or days < FEWEST_DAYS):
        raise Invalid(
            f"Planted faults need at least {FEWEST_LOANS} loans and {FEWEST_DAYS} days.",
            f"植入差错至少需要 {FEWEST_LOANS} 笔借款和 {FEWEST_DAYS} 天。",
            field="faults",
        )


class _World:
    """The book, the people and the bank between two days."""

    def __init__(
        self, out: Path, loans: int, days: int, seed: int, end_date: date, hidden: Path, faults: Faults | None
    ) -> None:
        self.seed, self.end_date, self.days, self.faults = seed, end_date, days, faults
        self.first_date = end_date - timedelta(days=days - 1)
        self.loans = make_portfolio(loans, end_date, seed)
        self.staff = make_staff(loans, seed)
        self.people = people.make_people(self.loans, seed, end_date)
        self.book = open_book(self.loans, number_of(self.first_date) - 1, seed)
        self.plans = Plans.none(loans)
        eve = number_of(self.first_date) - 1
        plan_opening(self.book, self.plans, self.book.days_past_due(eve), eve, seed)
        self.pending = Pending()
        self.known_dead = np.zeros(loans, dtype=bool)
        self.fixed = feeds.fixed_loan_columns(self.loans, self.people)
        self.originations = feeds.all_originations(self.loans, seed)
        self.bank = Bank(seed)
        self.reports = AgencyReports(self.loans)
        self.complaints = Complaints(self.loans, self.people.ids, self.staff.collector_id, seed)
        self.writer = FeedWriter(out, hidden)
        self.truth = Truth(hidden, self.loans, self.staff)

    def live(self, day: date) -> None:
        """One day: bills and accrual, calls, payments, then the files."""
        today, book = number_of(day), self.book
        paid_before = book.paid_instalments()
        dead_before = self.known_dead.copy()
        billed, charged = book.bill(today)
        plan_cycle(book, self.plans, billed, today, self.seed)
        dpd = book.days_past_due(today)
        penalty, fee = book.accrue(dpd)
        calls, promises = call_day(book, self.plans, self.known_dead, self.staff, dpd, day, today, self.seed)
        payments, settled, waived = pay_day(book, self.plans, self.pending, dpd, day, today, self.seed)
        after = book.days_past_due(today)
        write_off_at_month_end(book, after, day, today, self.seed)
        self._keep_truth(day, (billed, charged), (fee, penalty), (settled, waived), payments)
        touched = np.unique(np.concatenate([billed, payments.loan]))
        if day == self.first_date or is_month_end(day):
            touched = np.flatnonzero((book.paid_instalments() < book.billed) & (book.closed != 1))
            touched = np.unique(np.concatenate([touched, billed, payments.loan]))
        tables = {
            "loans": feeds.loans_table(book, self.fixed, after, day),
            "instalments": feeds.instalments_table(book, touched, paid_before, day),
            **self._events(payments, calls, promises, day),
            "agency_payments": self.reports.of_day(payments, dpd, day),
            **self._people_of(day, np.flatnonzero(self.known_dead & ~dead_before)),
        }
        self._write(tables, day)

    def _keep_truth(
        self, day: date, bills: tuple[np.ndarray, np.ndarray], charges: tuple[np.ndarray, np.ndarray],
        waivers: tuple[np.ndarray, np.ndarray], payments: Payments,
    ) -> None:  # fmt: skip
        size = self.loans.size
        interest, waived, excess = (np.zeros(size, dtype=np.int64) for _ in range(3))
        interest[bills[0]] = bills[1]
        waived[waivers[0]] = waivers[1]
        paid = payments.kind == 0
        np.add.at(excess, payments.loan[paid], (payments.amount - payments.parts.sum(axis=0))[paid])
        self.truth.movements(day, interest, *charges, waived, excess)

    def _events(self, payments: Payments, calls: Calls, promises: Promises, day: date) -> dict[str, Table]:
        repayments = feeds.repayments_table(payments, self.book, self.people, day, self.seed)
        self.bank.receive(repayments.frame, day)
        called = feeds.calls_table(calls, self.book, self.people, self.staff, day)
        promised = feeds.promises_table(promises, calls, called.frame, day)
        self.truth.promises(promised.frame, promises)
        return {
            "repayments": repayments,
            "bank_lines": self.bank.statement(day),
            "calls": called,
            "promises": promised,
            "complaints": self.complaints.of_day(calls, day),
        }

    def _people_of(self, day: date, dead_loans: np.ndarray) -> dict[str, Table]:
        """Everything about people and new loans on the first day, afterwards only what changed."""
        today, first = number_of(day), day == self.first_date
        rng = stream(self.seed, "changes", today)
        since, originated = self.people.since, self.loans.originated
        new = np.flatnonzero(since <= today) if first else np.flatnonzero(since == today)
        new_loans = np.flatnonzero(originated <= today) if first else np.flatnonzero(originated == today)
        known = np.flatnonzero(since < today)
        moved = known[rng.random(len(known)) < 0.0004] if not first else known[:0]
        dead = np.unique(self.loans.customer[dead_loans])
        fresh = dead[rng.random(len(dead)) < 0.25]
        tables = {
            "customers": people.customers_table(self.people, new, moved, day, self.seed),
            "contacts": people.contacts_table(self.people, new, dead, fresh, self.seed, day),
            "originations": Table("originations", self.originations[new_loans]),
        }
        if first:
            tables["agencies"] = people.agencies_table(day)
            tables["collectors"] = people.collectors_table(self.staff, day, self.seed)
        return tables

    def _write(self, tables: dict[str, Table], day: date) -> None:
        tables = {name: table for name, table in tables.items() if name in DAILY or table.frame.height}
        honest = tables
        if self.faults is not None:
            tables = self.faults.edit(tables, day)
        for feed, table in tables.items():
            as_csv = feed != "loans" or day > self.end_date - timedelta(days=CSV_DAYS)
            as_csv = as_csv or (self.faults is not None and day == self.faults.day)
            late = self.faults.deliver_on(feed, day) if self.faults is not None else None
            path = self.writer.write(table, day, "csv" if as_csv else "parquet", deliver_on=late)
            if feed in honest:  # a feed that stands there only because something is planted has no honest row
                self.writer.count(honest[feed])
            if feed == "loans" and self.faults is not None and day == self.faults.day:
                self.faults.bad_rows(path)
        if self.faults is not None:
            self.faults.after(tables, self.writer, day)

    def answer_key(self) -> AnswerKey:
        key = AnswerKey(
            self.seed, self.loans.size, self.days, self.first_date, self.end_date, self.writer.rows, self.writer.cents
        )
        return replace(key, faults=tuple(self.faults.planted)) if self.faults is not None else key
