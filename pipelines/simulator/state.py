"""The state of every loan at the close of a day, and the only ways it may move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.simulator.parameters import CURRENT, OVERDUE, PAID, SETTLED, WRITTEN_OFF
from pipelines.simulator.portfolio import Portfolio

Components = np.ndarray
"""Cents applied, shape (4, n): principal, interest, fees, penalty."""


@dataclass
class Book:
    """Balances in cents, one entry per loan. ``closed`` is 0, SETTLED or WRITTEN_OFF."""

    loans: Portfolio
    billed: np.ndarray
    principal: np.ndarray
    interest: np.ndarray
    fees: np.ndarray
    penalty: np.ndarray
    closed: np.ndarray
    last_paid: np.ndarray
    """Day number of the latest payment, -1 if there was none."""

    def total(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        total: np.ndarray = self.principal[rows] + self.interest[rows] + self.fees[rows] + self.penalty[rows]
        return total

    def overdue_principal(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Principal of instalments that fell due, less what was paid of it."""
        p = self.loans
        scheduled = np.where(
            self.billed[rows] >= p.term[rows], p.principal[rows], self.billed[rows] * p.instalment_principal[rows]
        )
        overdue: np.ndarray = np.clip(scheduled - (p.principal[rows] - self.principal[rows]), 0, self.principal[rows])
        return overdue

    def amount_due(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """What would make the loan current."""
        charges: np.ndarray = self.interest[rows] + self.fees[rows] + self.penalty[rows]
        due: np.ndarray = self.overdue_principal(rows) + charges
        return due

    def paid_instalments(self) -> np.ndarray:
        """Instalments whose principal and interest are both covered, of those billed."""
        p = self.loans
        by_principal = np.where(
            self.principal == 0, p.term, (p.principal - self.principal) // np.maximum(p.instalment_principal, 1)
        )
        paid_interest = self.billed * p.instalment_interest - self.interest
        by_interest = np.where(
            p.instalment_interest > 0, paid_interest // np.maximum(p.instalment_interest, 1), self.billed
        )
        paid: np.ndarray = np.minimum(np.minimum(by_principal, by_interest), self.billed)
        return paid

    def days_past_due(self, today: int) -> np.ndarray:
        """Days since the due date of the oldest unpaid instalment; 0 on the due date itself and when none is unpaid."""
        paid = self.paid_instalments()
        open_ = (paid < self.billed) & (self.total() > 0)
        oldest = self.loans.due(np.minimum(paid + 1, self.loans.term))
        return np.where(open_, today - oldest, 0)

    def status(self, dpd: np.ndarray) -> np.ndarray:
        """Index into ``STATUSES``."""
        status = np.where(dpd > 0, OVERDUE, CURRENT)
        status = np.where(self.total() == 0, PAID, status)
        return np.where(self.closed > 0, self.closed, status)

    def bill(self, today: int) -> tuple[np.ndarray, np.ndarray]:
        """Bill instalments due today: rows and interest charged."""
        p = self.loans
        candidates = np.flatnonzero((self.billed < p.term) & (self.closed == 0) & (self.principal > 0))
        rows = candidates[p.due(self.billed[candidates] + 1, candidates) <= today]
        charged = p.instalment_interest[rows]
        self.billed[rows] += 1
        self.interest[rows] += charged
        return rows, charged

    def accrue(self, dpd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Penalty on overdue principal for one day and the late fee on the first day; whole-book arrays of cents."""
        live = (dpd > 0) & (self.closed == 0)
        penalty = np.where(live, (self.overdue_principal() * self.loans.penalty_ppm + 500_000) // 1_000_000, 0)
        fee = np.where(live & (dpd == 1), self.loans.late_fee, 0)
        self.penalty += penalty
        self.fees += fee
        return penalty, fee

    def apply(self, rows: np.ndarray, amount: np.ndarray, principal_first: np.ndarray, today: int) -> Components:
        """Apply payments, at most one per row: fees, penalty, interest, principal.

        Cards at 91 days and beyond take overdue principal first. What exceeds the balance is not applied.
        """
        left = amount.copy()
        parts = np.zeros((4, len(rows)), dtype=np.int64)
        early = np.where(principal_first, np.minimum(left, self.overdue_principal(rows)), 0)
        parts[0] += early
        left -= early
        for part, held in ((2, self.fees), (3, self.penalty), (1, self.interest)):
            taken = np.minimum(left, held[rows])
            parts[part] = taken
            left -= taken
        parts[0] += np.minimum(left, self.principal[rows] - early)
        self._move(rows, -parts)
        self.last_paid[rows] = today
        return parts

    def restore(self, rows: np.ndarray, parts: Components) -> None:
        """Put a bounced payment back."""
        self._move(rows, parts)

    def _move(self, rows: np.ndarray, parts: Components) -> None:
        for held, change in zip((self.principal, self.interest, self.fees, self.penalty), parts, strict=True):
            np.add.at(held, rows, change)
            if (held[rows] < 0).any():
                raise AssertionError("a balance fell below zero")

    def settle(self, rows: np.ndarray) -> np.ndarray:
        """Waive what is left after a discounted settlement and close; cents waived."""
        waived = self.total(rows)
        for held in (self.principal, self.interest, self.fees, self.penalty):
            held[rows] = 0
        self.closed[rows] = SETTLED
        return waived

    def write_off(self, rows: np.ndarray) -> None:
        """Written off in the lender's books; the claim stays, accrual ends."""
        self.closed[rows] = WRITTEN_OFF
