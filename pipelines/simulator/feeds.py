"""The book and the day's events as feed tables, with the standard column names."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from pipelines.simulator import names, regions
from pipelines.simulator import parameters as p
from pipelines.simulator.behaviour import Payments
from pipelines.simulator.contacts import HANGUP_CAUSES, HUNG_UP, INVALID_NUMBER, OUTCOMES, ROBOT, Calls, Promises
from pipelines.simulator.days import number_of
from pipelines.simulator.files import Table
from pipelines.simulator.people import People
from pipelines.simulator.portfolio import IN_HOUSE, Portfolio, Staff
from pipelines.simulator.state import Book
from pipelines.simulator.streams import stream
from pipelines.simulator.texts import day_text, moment_text, numbered, only_where, rows_of

LOAN_MONEY = (
    "original_principal", "outstanding_principal", "outstanding_interest", "outstanding_fees", "outstanding_penalty",
    "instalment_amount",
)  # fmt: skip
INSTALMENT_MONEY = (
    "principal", "interest", "fees", "penalty", "paid_principal", "paid_interest", "paid_fees", "paid_penalty",
)  # fmt: skip
PAYMENT_MONEY = ("amount", "principal", "interest", "fees", "penalty")


def fixed_loan_columns(loans: Portfolio, people: People) -> pl.DataFrame:
    """What never changes about a loan, as text, once."""
    lenders = tuple(kind.lender_code for kind in p.PRODUCTS)
    products = tuple(kind.product_code for kind in p.PRODUCTS)
    return pl.DataFrame(
        {
            "loan_id": loans.loan_id,
            "customer_id": rows_of(people.ids, loans.customer),
            "lender_code": names.pick(lenders, loans.product),
            "product_code": names.pick(products, loans.product),
            "currency": pl.repeat(p.CURRENCY, loans.size, eager=True),
            "originated_date": day_text(loans.originated),
            "maturity_date": day_text(loans.due(loans.term)),
            "original_principal": loans.principal,
            "instalment_amount": loans.instalment_principal + loans.instalment_interest,
            "region_code": names.pick(regions.CODES, loans.region),
        }
    )


def loans_table(book: Book, fixed: pl.DataFrame, dpd: np.ndarray, day: date) -> Table:
    """Full snapshot at the close of ``day`` of every loan paid out by then."""
    loans = book.loans
    today = number_of(day)
    open_ = (book.total() > 0) & (book.closed == 0)
    coming = np.where(open_ & (book.billed < loans.term), loans.due(np.minimum(book.billed + 1, loans.term)), -1)
    frame = fixed.with_columns(
        pl.lit(day.isoformat()).alias("as_of_date"),
        pl.Series("outstanding_principal", book.principal),
        pl.Series("outstanding_interest", book.interest),
        pl.Series("outstanding_fees", book.fees),
        pl.Series("outstanding_penalty", book.penalty),
        pl.Series("days_past_due", dpd),
        day_text(np.where(dpd > 0, today - dpd, -1)).alias("overdue_since_date"),
        day_text(coming).alias("next_due_date"),
        day_text(book.last_paid).alias("last_paid_date"),
        names.pick(p.STATUSES, book.status(dpd)).alias("status"),
    ).select(
        "as_of_date", "loan_id", "customer_id", "lender_code", "product_code", "currency", "originated_date",
        "maturity_date", "original_principal", "outstanding_principal", "outstanding_interest", "outstanding_fees",
        "outstanding_penalty", "days_past_due", "overdue_since_date", "instalment_amount", "next_due_date",
        "last_paid_date", "status", "region_code",
    )  # fmt: skip
    started = loans.originated <= today
    return Table("loans", frame if started.all() else frame.filter(pl.Series(started)), LOAN_MONEY)


def all_originations(loans: Portfolio, seed: int) -> pl.DataFrame:
    """How each loan was granted; grade and score band lean on what the lender could know of the borrower."""
    rng = stream(seed, "originations")
    known = loans.propensity * 0.6 + rng.standard_normal(loans.size) * 0.8
    band = np.searchsorted([-1.2, -0.4, 0.4, 1.2], known)
    score = 5 - band
    purpose = rng.random(loans.size)
    income = np.clip(np.round(rng.normal(2, 1, loans.size) + loans.propensity * 0.3), 0, 4).astype(np.int64)
    channel = rng.choice(4, loans.size, p=(0.35, 0.3, 0.2, 0.15))
    texts = [kind.purposes for kind in p.PRODUCTS]
    flat = tuple(word for kind in texts for word in kind)
    start = np.cumsum([0, *(len(kind) for kind in texts)])
    width = np.array([len(kind) for kind in texts])[loans.product]
    return pl.DataFrame(
        {
            "loan_id": loans.loan_id,
            "channel": names.pick(("app", "branch", "partner", "telesales"), channel),
            "product_code": names.pick(tuple(kind.product_code for kind in p.PRODUCTS), loans.product),
            "term_months": loans.term,
            "score_band": numbered("S", score),
            "grade": names.pick(("E", "D", "C", "B", "A"), band),
            "purpose": names.pick(flat, start[loans.product] + (purpose * width).astype(np.int64)),
            "income_band": numbered("I", income + 1),
            "region_code": names.pick(regions.CODES, loans.region),
        }
    )


def instalments_table(book: Book, touched: np.ndarray, paid_before: np.ndarray, day: date) -> Table:
    """Instalments of ``touched`` loans that are open or were paid today.

    What is owed in fees and penalty stands at the oldest open one.
    """
    loans = book.loans
    today = number_of(day)
    paid = book.paid_instalments()
    from_ = np.minimum(paid_before, paid)[touched] + 1
    count = np.clip(book.billed[touched] - from_ + 1, 0, None)
    loan = np.repeat(touched, count)
    number = np.repeat(from_ - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(count.sum())
    due = loans.due(number, loan)
    last = number == loans.term[loan]
    share = loans.instalment_principal[loan]
    principal = np.where(last, loans.principal[loan] - share * (loans.term[loan] - 1), share)
    interest = loans.instalment_interest[loan]
    paid_principal = np.clip(loans.principal[loan] - book.principal[loan] - (number - 1) * share, 0, principal)
    paid_in_all = book.billed[loan] * interest - book.interest[loan]
    paid_interest = np.clip(paid_in_all - (number - 1) * interest, 0, interest)
    oldest = number == paid[loan] + 1
    nothing = np.zeros(len(loan), dtype=np.int64)
    settled = book.closed[loan] == p.SETTLED
    status = np.select(
        [settled, number <= paid[loan], paid_principal + paid_interest > 0, due < today], [0, 1, 2, 3], 4
    )
    frame = pl.DataFrame(
        {
            "as_of_date": pl.repeat(day.isoformat(), len(loan), dtype=pl.String, eager=True),
            "loan_id": rows_of(loans.loan_id, loan),
            "instalment_no": number,
            "due_date": day_text(due),
            "currency": pl.repeat(p.CURRENCY, len(loan), dtype=pl.String, eager=True),
            "principal": principal,
            "interest": interest,
            "fees": np.where(oldest, book.fees[loan], 0),
            "penalty": np.where(oldest, book.penalty[loan], 0),
            "paid_principal": paid_principal,
            "paid_interest": paid_interest,
            "paid_fees": nothing,
            "paid_penalty": nothing,
            "status": names.pick(("waived", "paid", "partly_paid", "overdue", "open"), status),
        }
    )
    # a settlement is not split over instalments by the lender
    unsplit = [
        pl.when(pl.col("status") == "waived").then(None).otherwise(pl.col(c)).alias(c) for c in INSTALMENT_MONEY[4:]
    ]
    return Table("instalments", frame.with_columns(unsplit), INSTALMENT_MONEY)


def batch_reference(channel: np.ndarray, incoming: np.ndarray, day: date) -> pl.Series:
    """Reference of the day's aggregated line of a channel, as both lender and bank write it."""
    stem = names.pick(tuple(f"BATCH-{name.upper()}" for name in p.CHANNELS), channel)
    return stem + names.pick(("-R-", "-"), incoming.astype(np.int64)) + f"{day:%Y%m%d}"


def repayments_table(payments: Payments, book: Book, people: People, day: date, seed: int) -> Table:
    """Payment events posted on ``day``. What the lender has not split (an excess, its refund) has no components."""
    loans = book.loans
    customer = loans.customer[payments.loan]
    transfer = payments.channel == p.TRANSFER
    rng = stream(seed, "posting", number_of(day))
    posted = np.minimum(payments.second + rng.integers(5, 600, len(payments.loan)), 86_399)
    own = numbered("TRF", payments.number)
    shared = batch_reference(payments.channel, payments.kind == p.PAYMENT, day)
    split = pl.Series(payments.parts.sum(axis=0) == payments.amount)
    parts = {
        name: pl.Series(part).zip_with(split, pl.Series([None], dtype=pl.Int64))
        for name, part in zip(PAYMENT_MONEY[1:], payments.parts, strict=True)
    }
    frame = pl.DataFrame(
        {
            "payment_id": numbered("P", payments.number),
            "loan_id": rows_of(loans.loan_id, payments.loan),
            "kind": names.pick(p.KINDS, payments.kind),
            "reverses_payment_id": only_where(numbered("P", payments.reverses), payments.kind == p.REVERSAL),
            "paid_at": moment_text(day, payments.second),
            "value_date": pl.repeat(day.isoformat(), len(customer), dtype=pl.String, eager=True),
            "posted_at": moment_text(day, posted),
            "amount": payments.amount,
            "currency": pl.repeat(p.CURRENCY, len(customer), dtype=pl.String, eager=True),
            "channel": names.pick(p.CHANNELS, payments.channel),
            "payer_name": rows_of(people.customers["name"], customer),
            "payer_account": only_where(rows_of(people.account, customer), transfer),
            "reference": own.zip_with(pl.Series(transfer), shared),
            **parts,
        }
    )
    return Table("repayments", frame, PAYMENT_MONEY)


def calls_table(calls: Calls, book: Book, people: People, staff: Staff, day: date) -> Table:
    """Call attempts of ``day``; robots have no collector, the in-house team no agency."""
    customer = book.loans.customer[calls.loan]
    count = len(calls.loan)
    robot = calls.channel == ROBOT
    codes = tuple(code for code, _ in p.AGENCIES)
    call_id = numbered("K", int(f"{day:%Y%m%d}") * 10_000_000 + np.arange(1, count + 1))
    cause = np.where(calls.outcome >= HUNG_UP, 4, np.minimum(calls.outcome, INVALID_NUMBER))
    talk = np.where(calls.answered >= 0, calls.ended - calls.answered, 0)
    spoken_to = (calls.answered >= 0) & ~robot
    frame = pl.DataFrame(
        {
            "call_id": call_id,
            "loan_id": rows_of(book.loans.loan_id, calls.loan),
            "contact_id": rows_of(people.ids, customer) + "-1",
            "collector_id": only_where(rows_of(staff.collector_id, np.maximum(calls.collector, 0)), ~robot),
            "agency_code": only_where(names.pick(codes, np.minimum(calls.team, IN_HOUSE - 1)), calls.team != IN_HOUSE),
            "channel": names.pick(("robot", "human"), calls.channel),
            "direction": names.pick(("outbound", "inbound"), calls.inbound.astype(np.int64)),
            "dialled": only_where(rows_of(people.mobile, customer), ~calls.inbound),
            "started_at": moment_text(day, calls.started),
            "answered_at": moment_text(day, calls.answered),
            "ended_at": moment_text(day, calls.ended),
            "talk_seconds": talk,
            "outcome": names.pick(OUTCOMES, calls.outcome),
            "hangup_cause": names.pick(HANGUP_CAUSES, cause),
            "recording": only_where("recordings/" + day.isoformat() + "/" + call_id + ".wav", spoken_to),
        }
    )
    return Table("calls", frame)


def promises_table(promises: Promises, calls: Calls, called: pl.DataFrame, day: date) -> Table:
    """Promises made on ``day``; ``called`` is the frame of the day's calls."""
    count = len(promises.loan)
    made = called[promises.call].select("loan_id", "collector_id", "agency_code")
    frame = made.with_columns(
        numbered("W", int(f"{day:%Y%m%d}") * 1_000_000 + np.arange(1, count + 1)).alias("promise_id"),
        moment_text(day, calls.ended[promises.call]).alias("promised_at"),
        day_text(promises.due).alias("due_date"),
        pl.Series("amount", promises.amount),
        pl.lit(p.CURRENCY).alias("currency"),
        pl.lit("open").alias("status"),
    )
    columns = ("promise_id", *made.columns, "promised_at", "due_date", "amount", "currency", "status")
    return Table("promises", frame.select(columns), ("amount",))
