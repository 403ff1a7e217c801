"""What agencies get wrong: a payment that nobody received, one left out, cash not passed on, one told twice.

The rows are planted into the reports of two days, the fault day and an earlier one, so that the agency speaks on both
sides of the payment that it leaves out. Payments and bank lines stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from pipelines.simulator.agency_reports import COLUMNS, MONEY
from pipelines.simulator.files import Table
from pipelines.simulator.parameters import AGENCIES, CHANNELS, CURRENCY

AGENCY = AGENCIES[0][0]
HELD_BACK_DAYS = 3
"""How long before the report the cash was collected that the agency keeps."""
REMIT_DAYS = 5
"""Days after which such cash is overdue, as the rules of reconciliation say."""
_PLACED_DAYS = 5
_BOUNCING = CHANNELS[:2]
"""Channels whose payments may bounce, taken last: a payment that is undone need not be reported."""

Enter = Callable[..., None]


@dataclass
class AgencyFaults:
    """Plants into ``agency_payments`` of two days, and one row of ``placements`` on the second."""

    day: date
    first_day: date
    enter: Enter
    _candidates: list[dict[str, object]] = field(default_factory=list)

    def edit(self, tables: dict[str, Table], day: date) -> dict[str, Table]:
        """The day's tables with what agencies get wrong."""
        if self.first_day <= day < self.day:
            self._keep(tables["repayments"].frame, day)
        if day == self.first_day:
            return self._cash_kept(tables, day)
        if day == self.day and len(self._candidates) >= 2:
            return self._on_the_day(tables, day)
        return tables

    def _keep(self, repayments: pl.DataFrame, day: date) -> None:
        """Payments of ``day``, those first that cannot be undone."""
        kept = repayments.filter(pl.col("kind") == "payment").sort(pl.col("channel").is_in(_BOUNCING), "payment_id")
        self._candidates += [{**row, "day": day} for row in kept.head(20).iter_rows(named=True)]
        self._candidates.sort(key=lambda row: row["channel"] in _BOUNCING)

    def _cash_kept(self, tables: dict[str, Table], day: date) -> dict[str, Table]:
        loans = tables["loans"].frame.filter(pl.col("status") == "active")["loan_id"]
        loan = str(loans[0] if loans.len() else tables["loans"].frame["loan_id"][0])
        paid = day - timedelta(days=HELD_BACK_DAYS)
        rows = [self._row("KEPT", loan, paid, 12_345, remitted="false")]
        found = paid + timedelta(days=REMIT_DAYS + 1)
        return self._with(tables, day, rows, [("agency_keeps_cash", loan, "KEPT", found)])

    def _on_the_day(self, tables: dict[str, Table], day: date) -> dict[str, Table]:
        reported = set(tables["agency_payments"].frame["loan_id"]) if "agency_payments" in tables else set()
        free = [one for one in self._candidates if one["loan_id"] not in reported]
        left_out, twice = free[0], next(one for one in free[1:] if one["loan_id"] != free[0]["loan_id"])
        loans = tables["loans"].frame["loan_id"]
        busy = {one["loan_id"] for one in self._candidates}
        nobody = next(str(loan) for loan in loans if loan not in busy and loan not in reported)
        rows = [
            self._row("GHOST", nobody, day - timedelta(days=1), 23_456),
            *(self._row(name, str(twice["loan_id"]), twice["day"], int(str(twice["amount"]))) for name in ("A", "B")),
        ]
        again = ("agency_reports_twice", twice["loan_id"], "B", day)
        edited = self._with(tables, day, rows, [("agency_reports_unpaid", nobody, "GHOST", day), None, again])
        self.enter(
            "agency_leaves_out", f"placements_{day}.csv", day, line=2, loan_id=left_out["loan_id"],
            payment_id=left_out["payment_id"],
        )  # fmt: skip
        return {**edited, "placements": self._placement(str(left_out["loan_id"]), day)}

    def _with(
        self, tables: dict[str, Table], day: date, rows: list[dict[str, object]],
        notes: list[tuple[str, object, str, date] | None],
    ) -> dict[str, Table]:  # fmt: skip
        honest = tables["agency_payments"].frame if "agency_payments" in tables else pl.DataFrame(schema=COLUMNS)
        for place, note in enumerate(notes):
            if note is not None:
                fault, loan, name, found = note
                self.enter(
                    fault, f"agency_payments_{day}.csv", found, line=honest.height + 2 + place, loan_id=loan,
                    payment_id=self._number(name),
                )  # fmt: skip
        frame = pl.concat([honest, pl.DataFrame(rows, schema=COLUMNS)])
        return {**tables, "agency_payments": Table("agency_payments", frame, MONEY)}

    def _number(self, name: str) -> str:
        return f"R{self.day:%Y%m%d}9{name}"

    def _row(self, name: str, loan: str, day: object, cents: int, remitted: str = "true") -> dict[str, object]:
        return {
            "agency_code": AGENCY, "payment_id": self._number(name), "loan_id": loan,
            "paid_at": f"{day}T12:00:00+08:00", "amount": cents, "currency": CURRENCY, "channel": "cash",
            "remitted": remitted,
        }  # fmt: skip

    def _placement(self, loan: str, day: date) -> Table:
        """The agency had this loan until the day, so that it should have told of its payment."""
        row = {
            "placement_id": f"SIM-{loan}", "loan_id": loan, "agency_code": AGENCY,
            "placed_date": (day - timedelta(days=_PLACED_DAYS)).isoformat(), "recalled_date": day.isoformat(),
            "currency": CURRENCY,
        }  # fmt: skip
        return Table("placements", pl.DataFrame([row]))
