"""Statements of Chinese banks and payment services: each by a template of a few lines, none by code."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from pipelines.readers.templates import load_template
from tests.pipelines.reading import Reading, read

FOLDER = Path(__file__).parent / "templates"
# entry, file, rows in, refused by reason, (direction, lines, sum in minor units)
STATEMENTS: dict[str, tuple[str, int, dict[str, int], list[tuple[str, int, int]]]] = {
    "alipay/example-alipay-records.csv": (
        "alipay",
        10,
        {"direction_unreadable": 4},  # 不计收支: neither income nor expense
        [("in", 1, 22_222_850), ("out", 5, 21_164)],
    ),
    "boc/debit/example-boc-records.csv": ("boc_debit", 17, {}, [("in", 4, 982_100), ("out", 13, 939_430)]),
    "cmb/debit/example-cmb-records.csv": ("cmb_debit", 5, {}, [("in", 1, 123_400), ("out", 4, 201_314)]),
    "bocom_debit/example-bocom_debit-records.csv": ("bocom_debit", 6, {}, [("in", 3, 1_125), ("out", 3, 11_400)]),
    "wechat/example-wechat-records.csv": (
        "wechat",
        27,
        {"direction_unreadable": 11, "ambiguous_key": 2, "ragged_row": 1},
        [("in", 5, 2_849), ("out", 8, 287_635)],
    ),
    "wechat/example-wechat-records.xlsx": (
        "wechat",
        27,
        {"direction_unreadable": 11, "ambiguous_key": 2},
        [("in", 5, 2_849), ("out", 9, 290_451)],
    ),
    "hxsec/example-hxsec-records.xls": ("hxsec", 13, {}, [("in", 8, 40_423_033), ("out", 5, 16_979_217)]),
}


def reading_of(name: str, label: str, real_data: Path) -> Reading:
    entry = load_template("cn_banks", [FOLDER]).entry(label)
    return read(real_data / "messy" / "cn_bank_statements" / name, entry, file_date="2025-12-31")


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_is_read_by_its_template(name: str, real_data: Path) -> None:
    label, rows, reasons, sums = STATEMENTS[name]
    reading = reading_of(name, label, real_data)
    assert reading.result.rows_in == rows
    assert reading.reasons() == reasons
    assert reading.sql("select direction, count(*), sum(amount_minor) from accepted group by 1 order by 1") == sums


def test_balances_of_a_bank_prove_what_was_read(real_data: Path) -> None:
    """中国银行 gives the balance after each line, newest first: the lines must lead from one to the other."""
    reading = reading_of("boc/debit/example-boc-records.csv", "boc_debit", real_data)
    lines: list[tuple[Any, ...]] = reading.sql("select direction, amount_minor from accepted order by line_no")
    text = (real_data / "messy/cn_bank_statements/boc/debit/example-boc-records.csv").read_text(encoding="utf-8-sig")
    balances = [int(row[4].replace(",", "").replace(".", "")) for row in list(csv.reader(text.splitlines()[2:]))]
    for place, (direction, amount) in enumerate(lines[:-1]):
        moved = amount if direction == "in" else -amount
        assert balances[place] - moved == balances[place + 1]


def test_a_line_number_counts_the_rows_that_could_not_be_split(real_data: Path) -> None:
    reading = reading_of("wechat/example-wechat-records.csv", "wechat", real_data)
    ragged = reading.one("select line_no from rejects where rule = 'ragged_row'")
    following = reading.one("select min(line_no) from accepted")
    assert (ragged, following) == ((18,), (19,))


@pytest.mark.parametrize("bank", ["ccb", "citic", "spdb_debit"])
def test_an_old_xls_is_refused_by_name(bank: str, real_data: Path) -> None:
    path = next((real_data / "messy" / "cn_bank_statements" / bank).rglob("*.xls"))
    entry = load_template("cn_banks", [FOLDER]).entry("wechat").model_copy(update={"format": "xlsx"})
    reading = read(path, entry, file_date="2025-12-31")
    assert reading.result.refused == "not_xlsx"
    assert "旧版 .xls" in reading.result.reason_zh
