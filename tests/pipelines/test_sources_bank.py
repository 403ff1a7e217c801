"""Berka: a Czech bank's loans, standing orders, and transactions whose file is cut in the middle of a row."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.pipelines.reading import Reading, read_by_template

END = date(1998, 12, 31)


def berka(real_data: Path, file: str, label: str) -> Reading:
    return read_by_template(real_data / "berka_czech_bank" / file, "berka", label, file_date=END)


def test_every_loan_is_in_one_of_the_two_entries(real_data: Path) -> None:
    running = berka(real_data, "loan.asc", "loans")
    finished = berka(real_data, "loan.asc", "loans_finished")
    for reading, others in ((running, 203), (finished, 479)):
        assert reading.result.rows_in == 682
        assert reading.reasons() == {"not_of_this_feed": others}
    states = running.sql(
        "select status, days_past_due, count(*), sum(original_principal_minor) from accepted group by all"
    )
    assert sorted(states) == [
        ("active", 0, 403, 6_907_837_200),
        ("overdue", 30, 45, 1_121_780_400),
        ("overdue", 181, 31, 436_234_800),
    ]
    assert finished.sql(
        "select status, count(*), sum(original_principal_minor), sum(outstanding_principal_minor)"
        " from accepted group by 1"
    ) == [("settled", 203, 1_860_321_600, 0)]


def test_two_digit_years_and_terms_give_dates(real_data: Path) -> None:
    loans = berka(real_data, "loan.asc", "loans")
    assert loans.one(
        "select originated_date, maturity_date, instalment_amount_minor from accepted where loan_id = '5314'"
    ) == (
        date(1993, 7, 5),
        date(1994, 7, 5),
        803_300,
    )
    assert (
        loans.one("select min(originated_date), max(originated_date) from accepted where status = 'active'")[1] <= END
    )


def test_standing_orders_by_kind(real_data: Path) -> None:
    orders = berka(real_data, "order.asc", "standing_orders")
    assert (orders.result.rows_in, orders.result.accepted) == (6_471, 6_471)
    kinds = orders.sql("select coalesce(kind, '-'), count(*), sum(amount_minor) from accepted group by 1")
    assert ("loan_payment", 717, 303_518_450) in kinds
    assert {kind: count for kind, count, _ in kinds}["-"] == 1_379


@pytest.fixture(scope="module")
def transactions(real_data: Path) -> Reading:
    return berka(real_data, "trans_first3MiB.asc.gz", "bank_lines")


def test_the_cut_row_is_refused_and_all_others_are_loaded(transactions: Reading) -> None:
    assert (transactions.result.rows_in, transactions.result.accepted) == (49_103, 49_102)
    assert transactions.reasons() == {"truncated_line": 1}
    line, raw = transactions.one("select line_no, raw_json->>'line' from rejects")
    assert (line, raw) == (49_104, '3526882;11021;940331;"PRIJE')


def test_transactions_add_up(transactions: Reading) -> None:
    assert transactions.one("select sum(amount_minor), min(booked_date), max(booked_date) from accepted") == (
        31_548_644_980,
        date(1993, 1, 1),
        date(1994, 3, 31),
    )
    by_reference = {row[0]: row[1:] for row in transactions.sql(
        "select reference, count(*), sum(amount_minor) from accepted group by 1"
    )}  # fmt: skip
    assert by_reference["UVER"] == (123, 48_356_580)  # loan payments, 483,565.80
    assert by_reference["SANKC. UROK"][0] == 64  # penalty interest
