"""One sample per accepted format: the same rows, whatever they are written in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ops_app.config import Settings
from pipelines.ingest import ingest_inbound
from pipelines.warehouse import Warehouse
from tests.golden_file import check_golden
from tests.pipelines.reading import read_by_template
from tests.readers.make_samples import DAY, FOLDER, LINES, PAYMENTS, main

SAMPLES = sorted(path.name for path in FOLDER.iterdir())
FORMATS = {"utf8", "gb18030", "gz", "zst", "jsonl", "parquet", "xlsx"}


def rows_of(name: str) -> list[tuple[Any, ...]]:
    feed = name.partition("_2026")[0]
    reading = read_by_template(FOLDER / name, "standard", feed, file_date=DAY)
    assert reading.result.refused is None, reading.result.reason_en
    assert reading.reasons() == {}
    columns = "* exclude (row_hash, imputed_columns, fails, raw_json, standard_json, ordinal, line_no)"
    if feed == "bank_lines":
        columns = "* exclude (line_id, row_hash, imputed_columns, fails, raw_json, standard_json, ordinal, line_no)"
    return reading.sql(f"select {columns} from accepted order by line_no")


def test_there_is_a_sample_of_every_accepted_format() -> None:
    assert {name.split("_")[2].partition(".")[0] for name in SAMPLES if name.startswith("repayments")} == FORMATS
    lines = {name.split("_")[3].partition(".")[0] for name in SAMPLES if name.startswith("bank_lines")}
    assert lines == {"csv", "mt940", "camt053"}


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.startswith("repayments")])
def test_the_same_payments_come_out_of_every_format(name: str) -> None:
    rows = rows_of(name)
    assert len(rows) == len(PAYMENTS)
    check_golden("sample_repayments.json", [[str(value) for value in row] for row in rows])


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.startswith("bank_lines")])
def test_the_same_bank_lines_come_out_of_every_format(name: str) -> None:
    rows = rows_of(name)
    assert len(rows) == len(LINES)
    check_golden("sample_bank_lines.json", [[str(value) for value in row] for row in rows])


def test_the_samples_are_what_their_maker_writes(tmp_path: Path) -> None:
    main(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == SAMPLES
    for name in SAMPLES:
        if not name.endswith((".xlsx", ".parquet", ".zst")):  # these carry times or library versions
            assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_the_samples_delivered_together_are_one_set_of_payments(settings: Settings) -> None:
    inbound = settings.inbound / "standard"
    inbound.mkdir(parents=True)
    for name in SAMPLES:
        (inbound / name).write_bytes((FOLDER / name).read_bytes())
    outcomes = ingest_inbound(Warehouse(settings.warehouse_path), settings, date.fromisoformat(DAY))
    assert len(outcomes) == len(SAMPLES)
    assert {outcome.state for outcome in outcomes} == {"accepted"}
    found = Warehouse(settings.warehouse_path).query("select count(*), sum(amount_minor) from raw.repayments")
    assert found == [(5, 667_650)]  # 1200.00 + 300.50 + 88.00 + 88.00 + 5000.00, once
