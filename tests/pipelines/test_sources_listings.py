"""拍拍贷 listings, real rows: GBK, odd line ends, headers inside the data, borrowers without a name."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.pipelines.reading import Reading, read_by_template

LAST_DAY = date(2017, 8, 13)
COUNTS = ", ".join(f"max(try_cast(split_part(flags, '/', {n}) as bigint)) as c{n}" for n in (1, 2, 3))
LATE = f"select sum(c1), sum(c2), sum(c3) from (select customer_id, {COUNTS} from accepted group by 1)"


@pytest.fixture(scope="module")
def listings(real_data: Path) -> Path:
    return real_data / "ppdai_listings_2017" / "ppdai_listings_2017.parquet"


def test_every_row_of_the_crawl_is_a_listing_a_repetition_or_a_header(listings: Path) -> None:
    reading = read_by_template(listings, "ppdai_listings", "originations", file_date=LAST_DAY)
    assert reading.result.rows_in == 422_797
    reasons = reading.reasons()
    assert reasons["repeated_header"] == 58
    assert set(reasons) == {"repeated_header", "duplicate_row"}
    assert reading.one("select count(distinct loan_id) from accepted") == (164_396,)


def test_borrowers_without_a_name_are_refused_and_the_others_explain_the_late_rate(listings: Path) -> None:
    reading = read_by_template(listings, "ppdai_listings", "customers", file_date=LAST_DAY)
    reasons = reading.reasons()
    assert reasons["customer_id_missing"] == 9_070
    assert reasons["repeated_header"] == 58
    assert reading.one("select count(distinct customer_id) from accepted") == (160_035,)  # 160,037 less the two below
    known = reading.one(LATE)
    unnamed = _unnamed(reading)
    assert tuple(a + b for a, b in zip(known, unnamed, strict=True)) == (1_469_408, 85_836, 940)


def _unnamed(reading: Reading) -> tuple[int, ...]:
    """The borrower "/user/," of the ground truth: all refused rows of that name taken as one person."""
    columns = ("normal_repay", "overtime_less_15", "overtime_more_15")
    chosen = ", ".join(f"coalesce(max(try_cast(raw_json->>'{column}' as bigint)), 0)" for column in columns)
    return reading.one(f"select {chosen} from rejects where rule = 'customer_id_missing' and is_primary")


@pytest.mark.parametrize("day", ["2017-07-29", "2017-08-05", "2017-08-12"])
def test_a_raw_day_gives_what_the_same_day_of_the_parquet_gives(day: str, real_data: Path, listings: Path) -> None:
    raw = real_data / "ppdai_listings_2017" / "raw_gbk" / f"{day}.csv.gz"
    reading = read_by_template(raw, "ppdai_listings", "originations", file_date=day)
    assert reading.result.encoding == "gb18030"
    expected = duckdb.sql(
        f"select count(*), count(*) filter (id = 'id'), count(distinct id) filter (id <> 'id')"
        f" from '{listings}' where crawl_file like '%{day}%'"
    ).fetchall()[0]
    found = (reading.result.rows_in, reading.reasons().get("repeated_header", 0))
    assert (*found, reading.one("select count(distinct loan_id) from accepted")[0]) == expected
    with gzip.open(raw) as file:
        assert b"\r\r\n" in file.read(4000)


def test_trailing_blanks_are_no_part_of_a_term(real_data: Path) -> None:
    raw = real_data / "ppdai_listings_2017" / "raw_gbk" / "2017-07-29.csv.gz"
    reading = read_by_template(raw, "ppdai_listings", "originations", file_date="2017-07-29")
    grade, term = reading.one("select grade, term_months from accepted where loan_id = '61502277'")
    assert (grade, term) == ("C", 12)
    assert reading.one("select count(*) from accepted where term_months is null") == (0,)


def test_chinese_words_become_codes(real_data: Path) -> None:
    raw = real_data / "ppdai_listings_2017" / "raw_gbk" / "2017-07-29.csv.gz"
    reading = read_by_template(raw, "ppdai_listings", "customers", file_date="2017-07-29")
    assert {row[0] for row in reading.sql("select distinct gender from accepted")} <= {"male", "female"}
