"""What agencies say of the payments on the loans that they work: the report of a day tells of the day before."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from pipelines.simulator import names
from pipelines.simulator import parameters as p
from pipelines.simulator.behaviour import Payments
from pipelines.simulator.files import Table
from pipelines.simulator.portfolio import Portfolio
from pipelines.simulator.texts import moment_text, numbered, rows_of

COLUMNS = {
    "agency_code": pl.String, "payment_id": pl.String, "loan_id": pl.String, "paid_at": pl.String, "amount": pl.Int64,
    "currency": pl.String, "channel": pl.String, "remitted": pl.String,
}  # fmt: skip
MONEY = ("amount",)


class AgencyReports:
    """Keeps the payments of a day until the agencies report them on the next."""

    def __init__(self, loans: Portfolio) -> None:
        self._loans = loans
        self._kept = pl.DataFrame(schema=COLUMNS)

    def of_day(self, payments: Payments, dpd: np.ndarray, day: date) -> Table:
        """The report of ``day``. An agency knows a transfer by the lender's number, all else by one of its own;
        ``dpd`` are the days past due in the morning, which say who works a loan."""
        due = self._kept
        told = (payments.kind == p.PAYMENT) & (dpd[payments.loan] > p.IN_HOUSE_UP_TO_DPD)
        loan, number, channel = payments.loan[told], payments.number[told], payments.channel[told]
        self._kept = pl.DataFrame(
            {
                "agency_code": names.pick(tuple(code for code, _ in p.AGENCIES), self._loans.agency[loan]),
                "payment_id": numbered("P", number).zip_with(pl.Series(channel == p.TRANSFER), numbered("R", number)),
                "loan_id": rows_of(self._loans.loan_id, loan),
                "paid_at": moment_text(day, payments.second[told]),
                "amount": payments.amount[told],
                "currency": pl.repeat(p.CURRENCY, len(loan), dtype=pl.String, eager=True),
                "channel": names.pick(p.CHANNELS, channel),
                "remitted": pl.repeat("true", len(loan), dtype=pl.String, eager=True),
            },
            schema=COLUMNS,
        )
        return Table("agency_payments", due, MONEY)
