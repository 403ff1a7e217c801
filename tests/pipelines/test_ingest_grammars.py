"""The SQL grammars against an independent reading of the same text in Python."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ops_app.domain.errors import Invalid
from ops_app.domain.money import Money, minor_digits
from pipelines.readers import grammar
from pipelines.readers.column_maps import AmountFormat

AMOUNT_MARKS = "0123456789.-+, ()eExX_'NaNif１２٣￥¥元%"
HOSTILE = [
    "1_000", "0x10", "１２３", "1e3", "NaN", "nan", "inf", "-inf", "Infinity", "", " ", "-", ".", "-.5", ".5", "5.",
    "5.005", "+5", "(5.00)", "1,234.50", "1.234,50", "1 234", "--5", "5-", "5\n", "\t5", "5 ", "０", "٣", "1e-2", "0b1",
    "999999999999999", "999999999999999.99", "1000000000000000", "-0", "-0.00", "00012.5", "1.2.3", "9" * 40, "1.0e0",
    "1d", "1f", "true", "null", "\u200b5", "5\u00a0", "5.00\r",
]  # fmt: skip


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    opened = duckdb.connect()
    opened.execute("set global TimeZone = 'UTC'")
    return opened


def read(expression: str, text: str) -> object:
    return _connection().execute(f"select {expression} from (select ?::varchar as x)", [text]).fetchall()[0][0]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def by_money(text: str, currency: str) -> int | None:
    try:
        return Money.parse(text, currency).minor
    except Invalid:
        return None


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("currency", ["CNY", "JPY"])
def test_hostile_amounts_are_read_as_the_domain_reads_them_or_refused(text: str, currency: str) -> None:
    expression = grammar.amount("x", AmountFormat(), whole_units="true" if currency == "JPY" else "false")
    assert read(expression, text) == by_money(text, currency)


@given(st.text(AMOUNT_MARKS, max_size=14) | st.decimals(-(10**15), 10**15, places=2).map(str))
@example("0.10")
@settings(max_examples=300, deadline=None)
def test_any_amount_text_is_read_as_the_domain_reads_it_or_refused(text: str) -> None:
    assert read(grammar.amount("x", AmountFormat(), whole_units=None), text) == by_money(text, "CNY")


@given(
    st.integers(-(10**14), 10**14),
    st.sampled_from(["", ",", " ", "'"]),
    st.sampled_from(["leading", "trailing", "parentheses"]),
)
@settings(max_examples=150, deadline=None)
def test_amounts_written_in_a_declared_way_come_back_exactly(minor: int, thousands: str, negative: str) -> None:
    digits = f"{abs(minor) // 100:,}".replace(",", thousands) + f".{abs(minor) % 100:02d}"
    written = digits
    if minor < 0:
        written = {"leading": f"-{digits}", "trailing": f"{digits}-", "parentheses": f"({digits})"}[negative]
    how = AmountFormat(thousands=thousands, negative=negative)
    assert read(grammar.amount("x", how, whole_units=None), written) == minor


@pytest.mark.parametrize(
    ("how", "text", "minor"),
    [
        (AmountFormat(decimal=",", thousands="."), "1.234,50", 123450),
        (AmountFormat(decimal=",", thousands="."), "1.234.50", None),
        (AmountFormat(decimal=",", thousands="."), "12.34,50", None),
        (AmountFormat(thousands=","), "1,23.00", None),
        (AmountFormat(unit="minor"), "12345", 12345),
        (AmountFormat(unit="minor"), "123.45", None),
        (AmountFormat(unit="wan"), "1.2345", 1234500),
        (AmountFormat(unit="wan"), "0.0000001", None),
        (AmountFormat(decimals="float_noise"), "2583.2700000000001", 258327),
        (AmountFormat(decimals="float_noise"), "0.30000000000000004", 30),
        (AmountFormat(decimals="float_noise"), "22583.2667671403", None),
        (AmountFormat(decimals="half_up"), "22583.2667671403", 2258327),
        (AmountFormat(decimals="half_up"), "0.005", 1),
        (AmountFormat(decimals="half_up"), "-0.005", -1),
        (AmountFormat(decimals="half_up"), "1e16", None),
        (AmountFormat(allow_plus=True), "+5", 500),
        (AmountFormat(allow_plus=True), "+-5", None),
        (AmountFormat(sign="negate"), "5.00", 500),
    ],
)
def test_declared_ways_of_writing_money_are_read_exactly_or_refused(how, text, minor) -> None:
    assert read(grammar.amount("x", how, whole_units=None), text) == minor


def iso_date(text: str) -> date | None:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII) or "\n" in text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@given(
    st.dates(date(1, 1, 1)).map(str)
    | st.text("0123456789-/ T:", max_size=12)
    | st.builds("{:04d}-{:02d}-{:02d}".format, st.integers(1, 9999), st.integers(0, 13), st.integers(0, 32))
)
@example("2023-02-29")
@example("epoch")
@example("infinity")
@example("2024-1-1")
@example("２０２４-01-01")
@settings(max_examples=300, deadline=None)
def test_only_iso_dates_that_exist_are_dates(text: str) -> None:
    assert read(grammar.date("x", []), text) == iso_date(text)


@given(st.dates(date(1950, 1, 1), date(2049, 12, 31)), st.sampled_from(["%y%m%d", "%d/%m/%y", "%-d.%-m.%y"]))
@settings(max_examples=100, deadline=None)
def test_two_digit_years_fall_into_the_declared_hundred_years(day: date, form: str) -> None:
    written = day.strftime(form)
    assert read(grammar.date("x", [form], years_from=1950), written) == day


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("%b-%Y", "Dec-2011", date(2011, 12, 1)),
        ("%b-%Y", "December-2011", None),
        ("%d/%m/%Y", "31/12/2011", date(2011, 12, 31)),
        ("%d/%m/%Y", "1/2/2011", None),
        ("%-d/%-m/%Y", "1/2/2011", date(2011, 2, 1)),
        ("%Y%m%d", "20240230", None),
        ("%Y%m%d", "2024022", None),
        ("%Y%m%d", "20240229", date(2024, 2, 29)),
    ],
)
def test_a_declared_date_format_is_taken_to_the_letter(form, text, expected) -> None:
    assert read(grammar.date("x", [form]), text) == expected


@given(
    st.datetimes(moment("1985-01-01"), moment("2099-12-30")),
    st.sampled_from(["Asia/Shanghai", "America/New_York", "UTC", "Asia/Kolkata"]),
)
@settings(max_examples=200, deadline=None)
def test_moments_become_utc_as_the_zone_says(local: datetime, zone: str) -> None:
    local = local.replace(microsecond=0)
    aware = local.replace(tzinfo=ZoneInfo(zone))
    back = aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    ambiguous = aware.replace(fold=1).utcoffset() != aware.utcoffset()
    if back != local or ambiguous:
        return  # an hour that does not exist or exists twice: any of its two readings will do
    expected = aware.astimezone(UTC).replace(tzinfo=None)
    assert read(grammar.moment("x", [], zone), local.isoformat(sep=" ")) == expected
    assert read(grammar.from_utc("x::timestamp", zone), str(expected)) == local


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01T00:00:00Z", moment("2024-01-01")),
        ("2024-01-01 00:00:00+08:00", moment("2023-12-31 16:00:00")),
        ("2024-01-01T00:00:00.25-05:30", moment("2024-01-01 05:30:00.250")),
        ("2024-01-01 24:00:00", None),
        ("2024-01-01 23:59:60", None),
        ("2024-01-01", None),
        ("2024-01-01 1:00:00", None),
        ("now", None),
    ],
)
def test_moments_with_an_offset_keep_it_and_others_are_refused(text, expected) -> None:
    assert read(grammar.moment("x", [], "UTC"), text) == expected


@given(st.text("0123456789-+._eE ", max_size=20) | st.integers(-(10**19), 10**19).map(str))
@example("１")
@settings(max_examples=200, deadline=None)
def test_whole_numbers_are_digits_and_nothing_else(text: str) -> None:
    wanted = int(text) if re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII) else None
    assert read(grammar.integer("x"), text) == wanted


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("00012345678901234567", True), ("1e5", True), ("1.00012E+17", False), (" 7", False), ("7 ", False),
        ("x" * 128, True), ("x" * 129, False), ("借据1", True), ("借" * 43, False),
    ],
)  # fmt: skip
def test_identifiers_are_kept_to_the_letter_or_refused(text: str, kept: bool) -> None:
    assert read(grammar.identifier("x"), text) == (text if kept else None)


def test_currencies_without_and_with_three_decimals_are_those_of_the_domain() -> None:
    assert {code for code in grammar.WHOLE_UNIT_CURRENCIES if minor_digits(code) != 0} == set()
    for code in grammar.THREE_DIGIT_CURRENCIES:
        with pytest.raises(Invalid):
            minor_digits(code)
    assert Decimal(1) == Money.parse("1", "JPY").amount


def test_a_steady_zone_is_a_plain_subtraction_and_a_moving_one_is_not() -> None:
    assert "interval" in grammar.to_utc("x", "Asia/Shanghai")
    assert "interval" not in grammar.to_utc("x", "America/New_York")
    assert timedelta(hours=8) == datetime(2024, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai")).utcoffset()
