"""The book: what each loan is (known to the lender) and what each borrower is like (hidden)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.simulator import regions
from pipelines.simulator.days import due_table, number_of
from pipelines.simulator.parameters import AGENCIES, CASES_PER_COLLECTOR, DEAD_NUMBERS, ORIGINATION_DAYS, PRODUCTS
from pipelines.simulator.streams import stream

IN_HOUSE = len(AGENCIES)
"""Index of the in-house team after the agencies."""


@dataclass(frozen=True)
class Portfolio:
    """Arrays with one entry per loan, in loan id order. Money in cents, days as day numbers."""

    loan_id: pl.Series
    customer: np.ndarray
    """Row of the customer; the first loan of a customer is ``lead``."""
    lead: np.ndarray
    product: np.ndarray
    region: np.ndarray
    originated: np.ndarray
    due_day: np.ndarray
    first_month: np.ndarray
    """Index into ``months``: instalment k falls due in month ``first_month + k``."""
    term: np.ndarray
    principal: np.ndarray
    instalment_principal: np.ndarray
    instalment_interest: np.ndarray
    penalty_ppm: np.ndarray
    late_fee: np.ndarray
    months: np.ndarray
    propensity: np.ndarray
    """Hidden willingness and ability to pay, standard normal."""
    reach: np.ndarray
    """Hidden log-odds of picking up the phone, around zero."""
    dead_number: np.ndarray
    agency: np.ndarray
    desk: np.ndarray
    """Uniform in [0, 1): which seat of the team works the case."""
    customers: int

    @property
    def size(self) -> int:
        return len(self.customer)

    def due(self, instalment: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Day number on which instalment k (1-based) of each loan falls due."""
        due: np.ndarray = self.months[self.first_month[rows] + instalment] + self.due_day[rows] - 1
        return due


@dataclass(frozen=True)
class Staff:
    """Collectors, in order of their team (three agencies, then in-house)."""

    collector_id: pl.Series
    team: np.ndarray
    skill: np.ndarray
    """Hidden: adds to the log-odds of a promise and of its being kept."""
    first: np.ndarray
    """First row of each team, with the total at the end."""

    def seat(self, team: np.ndarray, desk: np.ndarray) -> np.ndarray:
        """The collector's row for a team and a desk in [0, 1)."""
        width = self.first[team + 1] - self.first[team]
        seat: np.ndarray = self.first[team] + (desk * width).astype(np.int64)
        return seat


def make_portfolio(loans: int, end_date: date, seed: int) -> Portfolio:
    """Draw the book. Originations spread over the 24 months up to ``end_date``, a little denser lately."""
    rng = stream(seed, "portfolio")
    product = rng.choice(len(PRODUCTS), loans, p=[p.share for p in PRODUCTS]).astype(np.int8)
    end = number_of(end_date)
    originated = end - (ORIGINATION_DAYS * rng.random(loans) ** 1.1).astype(np.int64)
    due_day = rng.integers(1, 29, loans)
    first_day = date(end_date.year - 3, 1, 1)
    months = due_table(first_day, 12 * 9)
    month = np.searchsorted(months, originated, side="right") - 1
    # the first instalment leaves at least a fortnight after the loan was paid out
    too_soon = months[month + 1] + due_day - 1 - originated < 15
    principal, term, interest = _terms(rng, product)
    customer, lead = _customers(rng, loans)
    region = rng.choice(len(regions.CODES), customer[-1] + 1, p=np.array(regions.WEIGHTS) / sum(regions.WEIGHTS))
    return Portfolio(
        loan_id="L" + pl.Series(np.arange(1, loans + 1)).cast(pl.String).str.zfill(9),
        customer=customer,
        lead=lead,
        product=product,
        region=region[customer],
        originated=originated,
        due_day=due_day,
        first_month=month + too_soon,
        term=term,
        principal=principal,
        instalment_principal=principal // term,
        instalment_interest=interest,
        penalty_ppm=np.array([p.daily_penalty_ppm for p in PRODUCTS])[product],
        late_fee=np.array([p.late_fee_cents for p in PRODUCTS])[product],
        months=months,
        propensity=rng.standard_normal(loans),
        reach=rng.normal(0.0, 0.6, loans),
        dead_number=rng.random(loans) < DEAD_NUMBERS,
        agency=rng.integers(0, len(AGENCIES), loans),
        desk=rng.random(loans),
        customers=int(customer[-1]) + 1,
    )


def _terms(rng: np.random.Generator, product: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Principal (log-normal, in whole hundreds of yuan), term in months and interest of one instalment."""
    principal = np.zeros(len(product), dtype=np.int64)
    term = np.zeros(len(product), dtype=np.int64)
    rate = np.zeros(len(product), dtype=np.int64)
    for index, kind in enumerate(PRODUCTS):
        rows = np.flatnonzero(product == index)
        amount = kind.median_cents * np.exp(rng.normal(0.0, kind.sigma, len(rows)))
        principal[rows] = np.clip(np.round(amount / 10_000), 10, 5_000).astype(np.int64) * 10_000
        term[rows] = rng.choice(kind.terms, len(rows), p=kind.term_weights)
        rate[rows] = rng.integers(kind.monthly_rate_ppm[0] // 100, kind.monthly_rate_ppm[1] // 100 + 1, len(rows)) * 100
    return principal, term, (principal * rate + 500_000) // 1_000_000


def _customers(rng: np.random.Generator, loans: int) -> tuple[np.ndarray, np.ndarray]:
    """One person in twelve holds two loans, nobody three."""
    second = rng.random(loans) < 0.08
    second[0] = False
    second[1:] &= ~second[:-1]
    return np.cumsum(~second) - 1, ~second


def make_staff(loans: int, seed: int) -> Staff:
    """Collectors for about a quarter of the book, at least two a team."""
    rng = stream(seed, "staff")
    total = max(8, loans // 4 // CASES_PER_COLLECTOR)
    shares = (0.22, 0.20, 0.16, 0.42)
    sizes = [max(2, round(total * share)) for share in shares]
    team = np.repeat(np.arange(len(sizes)), sizes)
    count = len(team)
    return Staff(
        collector_id="C" + pl.Series(np.arange(1, count + 1)).cast(pl.String).str.zfill(5),
        team=team,
        skill=rng.normal(0.0, 0.35, count),
        first=np.concatenate([[0], np.cumsum(sizes)]),
    )
