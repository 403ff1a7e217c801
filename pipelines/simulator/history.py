"""Where the book stands on the eve of the window: two years lived month by month, kept only as a state."""

from __future__ import annotations

import numpy as np

from pipelines.simulator.parameters import (
    HISTORY_CURE,
    HISTORY_STAY,
    PRODUCTS,
    PROPENSITY_WEIGHT,
    WRITE_OFF_DPD,
    WRITTEN_OFF,
)
from pipelines.simulator.portfolio import Portfolio
from pipelines.simulator.state import Book
from pipelines.simulator.streams import stream


def tilt(probability: np.ndarray, propensity: np.ndarray, weight: float = PROPENSITY_WEIGHT) -> np.ndarray:
    """Move a probability by the borrower's propensity on the log-odds scale."""
    odds = probability / (1.0 - probability) * np.exp(weight * propensity)
    return odds / (1.0 + odds)


def open_book(loans: Portfolio, eve: int, seed: int) -> Book:
    """The book at the close of ``eve``; loans granted later have not been paid out yet but stand at their principal."""
    rng = stream(seed, "history")
    age = np.searchsorted(loans.months, eve, side="right") - 1 - loans.first_month
    in_month = eve - loans.months[np.searchsorted(loans.months, eve, side="right") - 1]
    fell_due = np.clip(age + np.where(loans.due_day - 1 <= in_month, 0, -1), 0, None)
    fell_due[loans.originated > eve] = 0
    billed = np.minimum(fell_due, loans.term)
    unpaid = _live(loans, fell_due, rng)
    paid = billed - unpaid
    principal = np.where(paid >= loans.term, 0, loans.principal - paid * loans.instalment_principal)
    book = Book(
        loans=loans,
        billed=billed,
        principal=principal,
        interest=unpaid * loans.instalment_interest,
        fees=np.minimum(unpaid, 3) * loans.late_fee,
        penalty=np.zeros(loans.size, dtype=np.int64),
        closed=np.zeros(loans.size, dtype=np.int64),
        last_paid=np.where(paid > 0, loans.due(np.maximum(paid, 1)), -1),
    )
    # nothing has been charged for an instalment that falls due on the eve itself
    book.fees[book.days_past_due(eve) == 0] = 0
    book.penalty = _old_penalty(book, unpaid, paid, eve)
    _part_payments(book, eve, rng)
    old = book.days_past_due(eve) > WRITE_OFF_DPD
    book.closed[old & (rng.random(loans.size) < 0.35)] = WRITTEN_OFF
    return book


def _live(loans: Portfolio, fell_due: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Unpaid instalments after as many months as have fallen due, maturity included."""
    miss = tilt(np.array([p.miss for p in PRODUCTS])[loans.product], -loans.propensity)
    unpaid = np.zeros(loans.size, dtype=np.int64)
    for month in range(1, int(fell_due.max(initial=0)) + 1):
        here = fell_due >= month
        bills = here & (month <= loans.term)
        step = np.minimum(unpaid, len(HISTORY_CURE) - 1)
        cure = np.where(step > 0, tilt(np.clip(HISTORY_CURE[step], 1e-6, 1), loans.propensity), 0.0)
        stay = HISTORY_STAY[step]
        u = rng.random(loans.size)
        behind = unpaid > 0
        after = np.where(behind & (u < cure), 0, unpaid + bills)
        after = np.where(behind & (u >= cure) & (u < cure + stay), unpaid + bills - 1, after)
        fresh = np.where(bills & (u < miss), 1, 0)
        unpaid = np.where(here, np.where(behind, after, fresh), unpaid)
    return unpaid


def _old_penalty(book: Book, unpaid: np.ndarray, paid: np.ndarray, eve: int) -> np.ndarray:
    """Daily penalty that each unpaid instalment has gathered since it fell due."""
    loans = book.loans
    total = np.zeros(loans.size, dtype=np.int64)
    for back in range(int(unpaid.max(initial=0))):
        rows = np.flatnonzero(unpaid > back)
        days = eve - loans.due(paid[rows] + back + 1, rows)
        total[rows] += (loans.instalment_principal[rows] * loans.penalty_ppm[rows] * days + 500_000) // 1_000_000
    return total


def _part_payments(book: Book, eve: int, rng: np.random.Generator) -> None:
    """One in five borrowers in arrears has paid something towards the oldest instalment."""
    chosen = (book.days_past_due(eve) > 5) & (rng.random(book.loans.size) < 0.2)
    rows = np.flatnonzero(chosen)
    share = rng.random(len(rows))
    amount = (share * (book.fees[rows] + book.penalty[rows] + book.loans.instalment_principal[rows])).astype(np.int64)
    amount = np.minimum(amount // 10_000 * 10_000, book.amount_due(rows))
    some = amount > 0
    rows, amount = rows[some], amount[some]
    book.apply(rows, amount, np.zeros(len(rows), dtype=bool), eve - 3)
