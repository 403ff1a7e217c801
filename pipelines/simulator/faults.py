"""Planted faults: extra rows and files put on top of an honest portfolio, each noted in the answer key.

Honest rows are never changed or removed, so their totals stay what they are; a planted row is told by its number,
which begins with 9 (payments ``P<day>9…``, bank lines ``B<day>9…``).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from pipelines.simulator.agency_faults import AgencyFaults
from pipelines.simulator.answer_key import PlantedFault
from pipelines.simulator.bad_rows import append_bad_rows
from pipelines.simulator.days import is_workday, number_of
from pipelines.simulator.fault_names import EXPECTED
from pipelines.simulator.files import TEMPLATE, FeedWriter, Table, sidecar_of
from pipelines.simulator.parameters import COLLECTION_ACCOUNT, CURRENCY
from pipelines.simulator.streams import stream

FEWEST_LOANS, FEWEST_DAYS = 500, 10
UNKNOWN_LOAN = "L999999999"
DISAGREEMENT_CENTS = 10_000


def fault_day(end_date: date) -> date:
    """A working day, on which bank lines are booked at once: the eve of ``end_date`` if it is one, else a day near."""
    for back in (1, 2, 0):
        if is_workday(end_date - timedelta(days=back)):
            return end_date - timedelta(days=back)
    day = end_date - timedelta(days=3)
    while not is_workday(day):
        day -= timedelta(days=1)
    return day


@dataclass
class Faults:
    """Plants into the tables of a day before they are written, and beside them after."""

    seed: int
    end_date: date
    planted: list[PlantedFault] = field(default_factory=list)
    _spare: list[tuple[str, int]] = field(default_factory=list)
    _earlier: pl.DataFrame | None = None
    _payments: list[dict[str, object]] = field(default_factory=list)
    _lines: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.day = fault_day(self.end_date)
        self.late_day = self.end_date - timedelta(days=3)
        earlier = self.late_day if self.late_day < self.day else self.day - timedelta(days=1)
        self._agencies = AgencyFaults(self.day, earlier, self._enter)

    def deliver_on(self, feed: str, day: date) -> date | None:
        """The calls of one day come two days late."""
        return day + timedelta(days=2) if feed == "calls" and day == self.late_day else None

    def edit(self, tables: dict[str, Table], day: date) -> dict[str, Table]:
        """The day's tables with planted rows at their ends."""
        tables = self._agencies.edit(tables, day)
        repayments = tables["repayments"].frame
        if day != self.day:
            if day < self.day and repayments.height:
                self._earlier = repayments
            return tables
        self._plant_rows(tables["loans"].frame, repayments, tables["bank_lines"].frame.height, day)
        return {
            **tables,
            "repayments": _extend(tables["repayments"], self._payments),
            "bank_lines": _extend(tables["bank_lines"], self._lines),
        }

    # --- rows --------------------------------------------------------------------------------------------------------

    def _plant_rows(self, loans: pl.DataFrame, repayments: pl.DataFrame, lines: int, day: date) -> None:
        self._first_row = repayments.height + 2
        self._first_line = lines + 2
        rng = stream(self.seed, "faults", number_of(day))
        busy = repayments["loan_id"]
        usable = loans.filter((pl.col("outstanding_principal") > 300_000) & ~pl.col("loan_id").is_in(busy.implode()))
        chosen = usable["loan_id"].gather(pl.Series(rng.permutation(usable.height)[:20]).cast(pl.UInt32)).to_list()
        cents = [int(value) for value in rng.integers(10_007, 99_999, 20)]
        self._unknown_loan(UNKNOWN_LOAN, cents[0])
        self._duplicate(chosen[1], cents[1])
        self._reversal(chosen[2], cents[2])
        self._dated("backdated_payment", chosen[3], cents[3], day - timedelta(days=12))
        long_ago = (day.replace(day=1) - timedelta(days=40)).replace(day=15)
        self._dated("out_of_period_payment", chosen[4], cents[4], long_ago)
        self._mismatch(chosen[5], cents[5])
        self._missing_line(chosen[6], cents[6])
        self._stray_line(cents[7])
        self._conflict()
        self._spare = list(zip(chosen[8:11], cents[8:11], strict=True))

    def _payment(self, loan: str, cents: int, **other: object) -> dict[str, object]:
        position = len(self._payments) + 1
        number = f"{self.day:%Y%m%d}9{position:06d}"
        row: dict[str, object] = {
            "payment_id": f"P{number}", "loan_id": loan, "kind": "payment", "reverses_payment_id": None,
            "paid_at": f"{self.day}T10:{position:02d}:00+08:00", "value_date": self.day.isoformat(),
            "posted_at": f"{self.day}T10:{position:02d}:30+08:00", "amount": cents, "currency": CURRENCY,
            "channel": "bank_transfer", "payer_name": "样例付款人", "payer_account": f"9911{position:012d}",
            "reference": f"TRF{number}", "principal": cents, "interest": 0, "fees": 0, "penalty": 0,
        }  # fmt: skip
        row.update(other)
        self._payments.append(row)
        return row

    def _line(self, payment: dict[str, object], cents: int | None = None) -> str:
        line_id = f"B{self.day:%Y%m%d}9{len(self._lines) + 1:05d}"
        self._lines.append(
            {
                "account": COLLECTION_ACCOUNT,
                "line_id": line_id,
                "booked_date": self.day.isoformat(),
                "value_date": self.day.isoformat(),
                "amount": payment["amount"] if cents is None else cents,
                "currency": CURRENCY,
                "direction": "in" if payment["kind"] == "payment" else "out",
                "counterparty_name": payment["payer_name"],
                "counterparty_account": payment["payer_account"],
                "reference": payment["reference"],
            }
        )
        return line_id

    def _note(self, fault: str, payment: dict[str, object] | None, bank_line: str | None = None) -> None:
        """Enter the row planted last: a payment, or a bank line if there is no payment."""
        feed = "bank_lines" if payment is None else "repayments"
        line = self._first_line + len(self._lines) - 1 if payment is None else self._first_row + len(self._payments) - 1
        found: dict[str, object] = {} if payment is None else payment
        self._enter(
            fault,
            f"{feed}_{self.day}.csv",
            line=line,
            loan_id=found.get("loan_id"),
            payment_id=found.get("payment_id"),
            bank_line_id=bank_line,
        )

    def _enter(self, fault: str, file_name: str, day: date | None = None, **where: object) -> None:
        expected = EXPECTED[fault]
        self.planted.append(
            PlantedFault(
                fault=fault,
                business_date=day or self.day,
                file=f"{TEMPLATE}/{file_name}",
                control=expected.control,
                finding=expected.finding,
                effect_en=expected.en,
                effect_zh=expected.zh,
                **where,  # type: ignore[arg-type]
            )
        )

    def _unknown_loan(self, loan: str, cents: int) -> None:
        payment = self._payment(loan, cents)
        self._note("unknown_loan", payment, self._line(payment))

    def _duplicate(self, loan: str, cents: int) -> None:
        first = self._payment(loan, cents)
        line = self._line(first)
        same = {name: first[name] for name in ("reference", "payer_account", "paid_at", "posted_at")}
        self._note("duplicate_payment", self._payment(loan, cents, **same), line)

    def _reversal(self, loan: str, cents: int) -> None:
        payment = self._payment(loan, cents, kind="reversal", reverses_payment_id=f"P{self.day:%Y%m%d}9777777")
        self._note("reversal_without_original", payment, self._line(payment))

    def _dated(self, fault: str, loan: str, cents: int, value_date: date) -> None:
        payment = self._payment(loan, cents, value_date=value_date.isoformat(), paid_at=f"{value_date}T11:00:00+08:00")
        self._note(fault, payment, self._line(payment))

    def _mismatch(self, loan: str, cents: int) -> None:
        payment = self._payment(loan, cents)
        self._note("amount_mismatch", payment, self._line(payment, cents + DISAGREEMENT_CENTS))

    def _missing_line(self, loan: str, cents: int) -> None:
        self._note("missing_bank_line", self._payment(loan, cents))

    def _stray_line(self, cents: int) -> None:
        nobody: dict[str, object] = {
            "kind": "payment",
            "amount": cents,
            "payer_name": "样例付款人",
            "payer_account": "991199999999999",
            "reference": "货款",
        }
        self._note("stray_bank_line", None, self._line(nobody))

    def _conflict(self) -> None:
        if self._earlier is None:
            return
        split = (pl.col("kind") == "payment") & pl.col("principal").is_not_null()
        original = self._earlier.filter(split).row(0, named=True)
        changed = {**original, "amount": original["amount"] + 1_000, "principal": original["principal"] + 1_000}
        self._payments.append(changed)
        self._note("conflicting_payment", changed)

    # --- files -------------------------------------------------------------------------------------------------------

    def after(self, tables: dict[str, Table], writer: FeedWriter, day: date) -> None:
        """Files planted beside those of ``day``, once they are written."""
        if day == self.late_day:
            rows = tables["calls"].frame.height
            self._enter("late_file", f"calls_{day}.csv", day, rows=rows, deliver_on=self.deliver_on("calls", day))
        if day == self.day:
            self._repeat_file(tables, writer)
            self._broken_totals(tables, writer)

    def bad_rows(self, path: Path) -> None:
        """Spoil the end of a loans file already written."""
        for fault, line, loan in append_bad_rows(path, self.day):
            self._enter(fault, path.name, line=line, loan_id=loan)

    def _repeat_file(self, tables: dict[str, Table], writer: FeedWriter) -> None:
        source = writer.inbound / TEMPLATE / f"repayments_{self.day}.csv"
        copy = source.with_name(f"{source.stem}_resend.csv")
        shutil.copyfile(source, copy)
        shutil.copyfile(sidecar_of(source), sidecar_of(copy))
        writer.note(copy)
        self._enter("duplicate_file", copy.name, rows=tables["repayments"].frame.height)

    def _broken_totals(self, tables: dict[str, Table], writer: FeedWriter) -> None:
        """A supplement of three payments whose sidecar tells of four and of more money."""
        rows = []
        for position, (loan, cents) in enumerate(self._spare, start=1):
            payment = self._payment(loan, cents, reference=f"SUP{loan}")
            rows.append({**payment, "payment_id": f"P{self.day:%Y%m%d}98{position:05d}"})
        table = _extend(tables["repayments"].with_frame(tables["repayments"].frame.clear()), rows)
        total = int(table.frame["amount"].sum())
        said = {"rows": len(rows) + 1, "sums": {"amount": f"{total // 100 + 50}.00"}}
        path = writer.write(table, self.day, suffix="_supplement", declare=said)
        self._enter("broken_control_totals", path.name, rows=len(rows))


def _extend(table: Table, rows: list[dict[str, object]]) -> Table:
    extra = pl.DataFrame(rows, schema=table.frame.schema)
    return table.with_frame(pl.concat([table.frame, extra]))
