"""Rows of the raw feeds as ingest leaves them, without the files."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

from pipelines.warehouse import Warehouse

DAY = date(2026, 3, 10)


class Raw:
    """The raw feeds of a warehouse, to be filled row by row."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def add(self, feed: str, file: str, **values: Any) -> None:
        day = values.pop("file_date", DAY)
        values |= {"source_code": "SIM", "file_id": file, "file_date": day, "imputed_columns": ""}
        digest = hashlib.sha256(repr(sorted(values.items(), key=str)).encode()).hexdigest()
        values["row_hash"] = int(digest[:15], 16)
        with self.warehouse.open() as connection:
            (known,) = connection.execute(f"select count(*) from raw.{feed} where file_id = ?", [file]).fetchall()[0]
            values["line_no"] = known + 2
            names = ", ".join(values)
            connection.execute(
                f"insert into raw.{feed} ({names}) values ({', '.join('?' * len(values))})", list(values.values())
            )

    def payment(self, payment_id: str, amount: int, *, file: str = "f1", day: date = DAY, **other: Any) -> None:
        self.add("repayments", file, **{
            "payment_id": payment_id, "loan_id": "L1", "kind": "payment", "paid_at": f"{day} 02:00:00",
            "value_date": day, "posted_at": f"{day} 03:00:00", "amount_minor": amount,
            "currency": "CNY", "channel": "bank_transfer", "payer_name": "张三", "payer_account": "6222020012345678",
            "reference": f"TRF-{payment_id}", "file_date": day,
        } | other)  # fmt: skip

    def line(
        self, line_id: str, amount: int, reference: str, *, file: str = "b1", day: date = DAY, **other: Any
    ) -> None:
        self.add("bank_lines", file, **{
            "account": "99", "line_id": line_id, "booked_date": day, "value_date": day, "amount_minor": amount,
            "currency": "CNY", "direction": "in", "reference": reference, "file_date": day,
        } | other)  # fmt: skip

    def loan(self, loan_id: str = "L1") -> None:
        self.add("loans", "l1", loan_id=loan_id, as_of_date=DAY, customer_id="C1", currency="CNY", status="active",
                 outstanding_principal_minor=1, days_past_due=0)  # fmt: skip
