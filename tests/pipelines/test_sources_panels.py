"""UCI card clients and credit_record: monthly statuses become snapshots of loans, count for count."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.pipelines.reading import Reading, read_by_template

AUGUST, SEPTEMBER = "date '2005-08-31'", "date '2005-09-30'"
FROM_TWO_MONTHS = {"cured": 392, "1": 1_672, "2": 1_591, "3": 272}


@pytest.fixture(scope="module")
def uci(real_data: Path) -> Reading:
    path = real_data / "uci_credit_card_default" / "UCI_Credit_Card.parquet"
    return read_by_template(path, "uci_credit_card", "loans", file_date=date(2005, 9, 30))


@pytest.fixture(scope="module")
def credit_record(real_data: Path) -> Reading:
    path = real_data / "credit_record_monthly" / "credit_record.parquet"
    return read_by_template(path, "credit_record", "loans", file_date=date(2020, 1, 31))


def test_each_client_becomes_six_monthly_snapshots(uci: Reading) -> None:
    assert (uci.result.rows_in, uci.result.accepted, uci.result.quarantined) == (180_000, 180_000, 0)
    months = uci.sql("select as_of_date, count(*) from accepted group by 1 order by 1")
    assert months == [(date(2005, month, 30 if month in (4, 6, 9) else 31), 30_000) for month in range(4, 10)]
    assert uci.one(f"select count(*) from accepted where days_past_due > 0 and as_of_date = {SEPTEMBER}") == (6_818,)


def test_the_roll_from_august_to_september_is_that_of_the_ground_truth(uci: Reading) -> None:
    rolled = uci.sql(
        "select case when s.days_past_due = 0 then 'cured' else cast(s.days_past_due // 30 as varchar) end, count(*)"
        f" from accepted a join accepted s on s.loan_id = a.loan_id and s.as_of_date = {SEPTEMBER}"
        f" where a.as_of_date = {AUGUST} and a.days_past_due = 60 group by 1"
    )
    assert dict(rolled) == FROM_TWO_MONTHS
    straight_to_two = uci.one(
        f"select count(*) from accepted a join accepted s on s.loan_id = a.loan_id and s.as_of_date = {SEPTEMBER}"
        f" where a.as_of_date = {AUGUST} and a.days_past_due = 0 and s.days_past_due = 60"
    )
    assert straight_to_two == (991,)


def test_a_credit_balance_is_no_debt_and_says_that_it_was_made_zero(uci: Reading) -> None:
    made_zero = uci.one(
        "select count(*), sum(outstanding_principal_minor) from accepted"
        " where imputed_columns like '%outstanding_principal_minor%'"
    )
    assert made_zero == (3_932, 0)


def test_every_status_of_every_month_is_there(credit_record: Reading) -> None:
    assert (credit_record.result.rows_in, credit_record.result.accepted) == (1_048_575, 1_048_575)
    statuses = credit_record.sql("select status, days_past_due, count(*) from accepted group by all")
    assert {(status, days): count for status, days, count in statuses} == {
        ("overdue", 15): 383_120,
        ("overdue", 45): 11_090,
        ("overdue", 75): 868,
        ("overdue", 105): 320,
        ("overdue", 135): 223,
        ("overdue", 165): 1_693,
        ("settled", 0): 442_031,
        ("active", 0): 209_230,
    }


def test_months_are_counted_back_from_the_declared_anchor(credit_record: Reading) -> None:
    found = credit_record.one(
        "select count(distinct loan_id), min(as_of_date), max(as_of_date), count(distinct as_of_date),"
        " bool_and(as_of_date = last_day(as_of_date) and imputed_columns like '%as_of_date%') from accepted"
    )
    assert found == (45_985, date(2015, 1, 31), date(2020, 1, 31), 61, True)


def test_the_roll_from_one_month_late_is_that_of_the_ground_truth(credit_record: Reading) -> None:
    rolled = credit_record.sql(
        "select b.days_past_due, b.status, count(*) from accepted a join accepted b on b.loan_id = a.loan_id"
        " and b.as_of_date = last_day(a.as_of_date + interval 1 day) where a.days_past_due = 45 group by all"
    )
    counts = {(days, status): count for days, status, count in rolled}
    assert sum(counts.values()) == 10_737
    assert counts[(45, "overdue")] == 3_412
    assert counts[(75, "overdue")] == 559
    assert counts[(0, "settled")] == 998
