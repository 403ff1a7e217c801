"""A home with an inbound folder and a warehouse, small files to put into it, and what the warehouse then holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ops_app.config import Settings
from pipelines.expectations.definitions import LINEAGE, load_feed
from pipelines.ingest import FileOutcome, ingest_file, ingest_inbound
from pipelines.readers.limited import Reader
from pipelines.warehouse import Warehouse

HEADER = (
    "payment_id,loan_id,kind,reverses_payment_id,paid_at,value_date,amount,currency,principal,interest,fees,penalty"
)


def payment(number: int | str, amount: str = "12.50", **other: str) -> str:
    """One line of repayments; ``other`` overwrites columns."""
    row = {
        "payment_id": f"P{number}",
        "loan_id": "L1",
        "kind": "payment",
        "reverses_payment_id": "",
        "paid_at": "2026-03-05 10:00:00",
        "value_date": "2026-03-05",
        "amount": amount,
        "currency": "CNY",
        "principal": "",
        "interest": "",
        "fees": "",
        "penalty": "",
    }
    row.update(other)
    return ",".join(row.values())


def repayments(lines: Iterable[str], header: str = HEADER) -> bytes:
    return ("\n".join([header, *lines]) + "\n").encode()


@dataclass
class Home:
    """One installation of a test."""

    settings: Settings
    warehouse: Warehouse

    def put(self, name: str, content: bytes, template: str = "standard") -> Path:
        """A file in the inbound folder of ``template``."""
        folder = self.settings.inbound / template
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_bytes(content)
        return path

    def template(self, name: str, text: str) -> None:
        folder = self.settings.home / "templates"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")

    def ingest(self, path: Path, reader: Reader | None = None, **more: Any) -> FileOutcome:
        template = more.pop("template", "standard")
        with self.warehouse.open():
            outcome = ingest_file(self.warehouse, self.settings, path, template, running=reader, **more)
            self.holds_all_rows()
        return outcome

    def inbound(self, day: date = date(2026, 12, 31)) -> list[FileOutcome]:
        with self.warehouse.open():
            outcomes = ingest_inbound(self.warehouse, self.settings, day)
            self.holds_all_rows()
        return outcomes

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.warehouse.query(sql)

    def holds_all_rows(self) -> None:
        """Rows in = accepted + quarantined for every file, and each quarantined row has one primary reason."""
        assert not self.rows("select * from raw.files where rows_in <> rows_accepted + rows_quarantined")
        assert not self.rows(
            "select f.file_id, f.entry from raw.files f left join raw.quarantine q on q.file_id = f.file_id"
            " and q.entry = f.entry and q.is_primary and q.state <> 'replayed'"
            " group by f.file_id, f.entry, f.rows_quarantined having count(q.file_id) <> f.rows_quarantined"
        )
        assert not self.rows(
            "select 1 from raw.quarantine where coalesce(reason_en, '') = '' or coalesce(reason_zh, '') = ''"
        )

    def state(self) -> Mapping[str, list[tuple[Any, ...]]]:
        """Everything that must not depend on the order of arrival."""
        tables = {
            f"raw.{feed}": [*load_feed(feed).stored_columns, *LINEAGE]
            for feed in ("repayments", "customers", "loan_totals", "loans")
        }
        tables["raw.files"] = [
            "file_id",
            "feed",
            "rows_in",
            "rows_accepted",
            "rows_quarantined",
            "rows_repeated",
            "state",
        ]
        tables["raw.quarantine"] = ["file_id", "line_no", "rule", "value", "is_primary", "state"]
        tables["raw.touched"] = ["feed", "partition_date"]
        with self.warehouse.open():
            return {
                table: self.rows(f"select {', '.join(columns)} from {table} order by all")
                for table, columns in tables.items()
            }


def make_home(folder: Path) -> Home:
    settings = Settings.load(home=folder)
    settings.make_folders()
    return Home(settings, Warehouse(settings.warehouse_path))
