"""Broken and hostile files: each with the answer expected, nothing lost, nothing applied twice, nobody hung."""

from __future__ import annotations

import gzip
import json
import os
import signal
import threading
import time
from pathlib import Path

import duckdb
import polars as pl
import psutil
import pytest
import xlsxwriter
import zstandard

from ops_app.domain.errors import Invalid, NotFound
from pipelines.ingest import unwanted_files
from pipelines.readers.envelope import Limits
from pipelines.readers.limited import Reader, ReaderDied, reader
from pipelines.readers.templates import CsvFormat, FeedMap
from tests.pipelines.feeding import HEADER, Home, payment, repayments
from tests.pipelines.reading import Reading, read

GOOD = [payment(1), payment(2, "0.01"), payment(3, "100")]
LENIENT = FeedMap(feed="repayments", same_names=True, max_refused_share=1.0)
STRICT = FeedMap(feed="repayments", same_names=True)


def reading(folder: Path, content: bytes, entry: FeedMap = LENIENT, name: str = "repayments_2026-03-05.csv") -> Reading:
    path = folder / name
    path.write_bytes(content)
    return read(path, entry, file_date="2026-03-05")


ENVELOPES = {
    "empty": (b"", "empty", 0),
    "a NUL byte": (repayments([*GOOD, "a\0b"]), "nul", 4),
    "UTF-16": (repayments(GOOD).decode().encode("utf-16"), "encoding", None),
    "a cut last line": (repayments(GOOD)[:-5], "truncated", 3),
    "a last line without its end": (repayments(GOOD)[:-1], "truncated", 3),
    "a renamed column": (repayments(GOOD).replace(b"loan_id", b"loanid", 1), "header", 3),
    "a column named twice": (repayments(GOOD).replace(b"loan_id", b"payment_id", 1), "header", 3),
    "another delimiter": (repayments(GOOD).replace(b",", b";"), "header", 3),
    "old Macintosh line ends": (repayments(GOOD).replace(b"\n", b"\r"), "line_ends", None),
    "an endless line": (repayments([*GOOD, "x" * 2_000_000]), "long_line", None),
    "an open quote": (repayments([GOOD[0], '"P9' + payment(9)[2:], *GOOD[1:]]), "broken_quotes", 4),
    "neither UTF-8 nor GB18030": (repayments([*GOOD, "a~b"]).replace(b"~", b"\xff\xff"), "encoding", 4),
}  # fmt: skip


@pytest.mark.parametrize("what", ENVELOPES)
def test_a_broken_envelope_refuses_the_file_and_quarantines_every_line(tmp_path: Path, what: str) -> None:
    content, code, lines = ENVELOPES[what]
    got = reading(tmp_path, content)
    assert got.result.refused == code
    assert got.result.accepted == 0
    assert got.result.reason_en
    assert got.result.reason_zh
    if lines is not None:
        assert got.result.quarantined == lines
    assert set(got.reasons()) <= {"file_refused"}


def test_a_refused_header_says_what_was_found(tmp_path: Path) -> None:
    got = reading(tmp_path, b"nr;betrag\n1;2\n")
    assert "nr;betrag" in got.result.reason_en
    assert "nr;betrag" in got.result.reason_zh


ROWS = {
    "too few columns": ("P9,L1", "ragged_row"),
    "too many columns": (payment(9) + ",x", "ragged_row"),
    "text after a closing quote": (payment('"9"x').replace("P", "", 1), "broken_quotes"),
    "the header again": (HEADER, "repeated_header"),
    "the same row again": (GOOD[0], "duplicate_row"),
    "an amount of three decimals": (payment(9, "5.005"), "amount_unreadable"),
    "an amount with an underscore": (payment(9, "1_000"), "amount_unreadable"),
    "a full-width amount": (payment(9, "１２"), "amount_unreadable"),
    "no amount": (payment(9, ""), "amount_missing"),
    "a zero amount": (payment(9, "0"), "amount_positive"),
    "an unknown kind": (payment(9, kind="gift"), "kind_known"),
    "a date that is none": (payment(9, value_date="2026-02-30"), "value_date_unreadable"),
    "a value date far ahead": (payment(9, value_date="2026-03-11"), "value_date_not_after_file"),
    "parts that do not add up": (
        payment(9, principal="10", interest="1", fees="0", penalty="0"), "parts_make_amount",
    ),
    "a reversal of nothing": (payment(9, kind="reversal"), "reversal_names_payment"),
    "a currency of three decimals": (payment(9, currency="KWD"), "currency_known"),
    "a currency that is none": (payment(9, currency="RMB1"), "currency_known"),
    "cents of a currency without": (payment(9, "10.50", currency="JPY"), "amount_unreadable"),
    "an identifier a spreadsheet lost": (payment(9, loan_id="6.22E+18"), "loan_id_unreadable"),
    "a control character": (payment(9, loan_id="L\x1b[31m"), "control_characters"),
}  # fmt: skip


@pytest.mark.parametrize("what", ROWS)
def test_a_bad_row_is_quarantined_with_its_reason_and_the_good_ones_stay(tmp_path: Path, what: str) -> None:
    line, rule = ROWS[what]
    got = reading(tmp_path, repayments([*GOOD[:2], line, GOOD[2]]))
    assert got.result.refused is None
    assert (got.result.rows_in, got.result.accepted) == (4, 3)
    assert got.reasons() == {rule: 1}
    assert got.one("select line_no from rejects where is_primary") == (4,)
    assert got.sql("select line_no, payment_id from accepted order by all") == [(2, "P1"), (3, "P2"), (5, "P3")]


def test_rows_after_ragged_ones_keep_their_own_line_numbers(tmp_path: Path) -> None:
    lines = ["x", payment(1), "y", "z", payment(2), payment(3, "oops"), "w"]
    got = reading(tmp_path, repayments(lines))
    assert got.sql("select line_no, payment_id from accepted order by all") == [(3, "P1"), (6, "P2")]
    assert got.sql("select line_no from rejects where is_primary order by all") == [(2,), (4,), (5,), (7,), (8,)]
    assert got.reasons() == {"ragged_row": 4, "amount_unreadable": 1}


def test_every_reason_of_a_row_is_told_and_one_is_the_first(tmp_path: Path) -> None:
    got = reading(tmp_path, repayments([payment(9, "1e3", kind="gift", value_date="soon")]))
    assert {row[0] for row in got.sql("select rule from rejects")} == {
        "amount_unreadable", "kind_known", "value_date_unreadable",
    }  # fmt: skip
    assert got.sql("select value from rejects where column_name = 'amount'") == [("1e3",)]
    assert json.loads(got.one("select any_value(raw_json) from rejects")[0])["amount"] == "1e3"


def test_one_bad_repayment_refuses_the_whole_file_where_none_is_allowed(tmp_path: Path) -> None:
    got = reading(tmp_path, repayments([*GOOD, payment(9, "oops")]), STRICT)
    assert got.result.refused == "refused_share"
    assert (got.result.rows_in, got.result.quarantined) == (4, 4)
    assert got.reasons() == {"file_refused": 4}


def test_rows_that_do_no_harm_never_refuse_a_file(tmp_path: Path) -> None:
    got = reading(tmp_path, repayments([*GOOD, GOOD[0], HEADER]), STRICT)
    assert got.result.refused is None
    assert got.result.accepted == 3


@pytest.mark.parametrize(
    ("suffix", "packed"),
    [(".gz", gzip.compress), (".zst", zstandard.ZstdCompressor().compress), ("", bytes)],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030"])
def test_the_same_rows_come_out_of_every_wrapping(tmp_path: Path, suffix, packed, ends, codec) -> None:
    text = repayments([payment(1, loan_id="借据甲"), payment(2, loan_id="借据乙借据")]).decode().replace("\n", ends)
    got = reading(tmp_path, packed(text.encode(codec)), name=f"repayments_2026-03-05.csv{suffix}")
    assert got.sql("select loan_id, amount_minor, line_no from accepted order by all") == [
        ("借据乙借据", 1250, 3), ("借据甲", 1250, 2),
    ]  # fmt: skip
    assert got.result.encoding == ("utf-8" if codec == "utf-8" else codec)


def test_all_formats_of_the_same_rows_hold_the_same_content(tmp_path: Path) -> None:
    lines = [payment(1), payment(2, "7"), payment(3, "0.5", kind="reversal", reverses_payment_id="P1")]
    names = HEADER.split(",")
    values = [dict(zip(names, (value or None for value in line.split(",")), strict=True)) for line in lines]
    (tmp_path / "t").mkdir()
    book = xlsxwriter.Workbook(tmp_path / "t" / "book.xlsx")
    sheet = book.add_worksheet()
    for number, line in enumerate([HEADER, *lines]):
        for column, value in enumerate(line.split(",")):
            sheet.write_string(number, column, value)
    book.close()
    frame = pl.DataFrame(values, schema=dict.fromkeys(names, pl.String))
    frame.write_parquet(tmp_path / "t" / "texts.parquet")
    duckdb.sql(
        f"copy (select * replace (cast(amount as decimal(18,2)) as amount, cast(value_date as date) as value_date,"
        f" cast(paid_at as timestamp) as paid_at) from '{tmp_path}/t/texts.parquet')"
        f" to '{tmp_path}/t/typed.parquet' (format parquet)"
    )
    contents = {
        "csv": repayments(lines),
        "xlsx": (tmp_path / "t" / "book.xlsx").read_bytes(),
        "jsonl": "".join(json.dumps(value) + "\n" for value in values).encode(),
        "parquet": (tmp_path / "t" / "texts.parquet").read_bytes(),
        "typed.parquet": (tmp_path / "t" / "typed.parquet").read_bytes(),
    }
    found = {}
    for form, content in contents.items():
        got = reading(tmp_path, content, name=f"repayments_2026-03-05.{form}")
        assert got.result.quarantined == 0, form
        found[form] = got.sql(
            "select payment_id, kind, reverses_payment_id, paid_at, value_date, amount_minor, row_hash from accepted"
            " order by all"
        )
    assert len({str(rows) for rows in found.values()}) == 1, found


JSON_LINES = {
    '{"payment_id":"P9","payment_id":"P8"}': "broken_json",
    '{"amount":NaN}': "broken_json",
    '{"a":{"b":1}}': "broken_json",
    '["P9"]': "broken_json",
    "{oops": "broken_json",
    "[" * 100_000: "broken_json",
}


@pytest.mark.parametrize("line", JSON_LINES, ids=lambda line: line[:20])
def test_a_line_that_is_no_flat_json_object_is_quarantined(tmp_path: Path, line: str) -> None:
    good = json.dumps(dict(zip(HEADER.split(","), payment(1).split(","), strict=True)))
    got = reading(tmp_path, f"{good}\n{line}\n".encode(), name="repayments_2026-03-05.jsonl")
    assert got.reasons() == {JSON_LINES[line]: 1}
    assert got.result.accepted == 1


def test_json_numbers_are_read_from_their_digits(tmp_path: Path) -> None:
    row = dict(zip(HEADER.split(","), payment(1).split(","), strict=True))
    text = json.dumps(row).replace('"12.50"', "90071992547409.93")
    got = reading(tmp_path, f"{text}\n".encode(), name="repayments_2026-03-05.jsonl")
    assert got.sql("select amount_minor from accepted") == [(9007199254740993,)]


def test_a_gzip_bomb_is_refused_quickly_and_leaves_the_parent_alone(tmp_path: Path, running: Reader) -> None:
    path = tmp_path / "repayments_2026-03-05.csv.gz"
    path.write_bytes(gzip.compress(b"0" * 400_000_000, compresslevel=6))
    started = time.monotonic()
    got = read(path, LENIENT, file_date="2026-03-05", reader=running)
    assert got.result.refused == "unpacks_too_large"
    assert time.monotonic() - started < 20
    again = tmp_path / "repayments_2026-03-06.csv"
    again.write_bytes(repayments(GOOD))
    assert read(again, LENIENT, file_date="2026-03-06", reader=running).result.accepted == 3


def test_a_file_that_takes_more_memory_than_its_size_allows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "repayments_2026-03-05.csv"
    path.write_bytes(repayments([payment(number) for number in range(2000)]))
    with reader(Limits(memory=20 << 20)) as starved:
        got = read(path, LENIENT, file_date="2026-03-05", reader=starved)
    assert got.result.refused == "too_costly"
    assert got.result.accepted == 0


def test_a_reader_killed_from_outside_leaves_nothing_behind_and_the_file_loads_later(
    home: Home, running: Reader
) -> None:
    path = home.put("repayments_2026-03-05.jsonl", _many_json_rows(150_000))
    with reader() as doomed:
        killer = threading.Thread(target=_kill_child, args=(doomed,))
        killer.start()
        with pytest.raises(ReaderDied):
            home.ingest(path, doomed)
        killer.join()
    assert home.rows("select count(*) from raw.files") == [(0,)]
    assert home.rows("select count(*) from raw.repayments") == [(0,)]
    assert not list(home.settings.run.glob("reading-*"))
    small = home.put("repayments_2026-03-06.csv", repayments(GOOD))
    assert home.ingest(small, running).rows_accepted == 3


def _many_json_rows(count: int) -> bytes:
    row = dict(zip(HEADER.split(","), payment(1).split(","), strict=True))
    return "".join(json.dumps({**row, "payment_id": f"P{n}"}) + "\n" for n in range(count)).encode()


def _kill_child(doomed: Reader) -> None:
    server = psutil.Process(doomed._process.pid)
    for _ in range(2000):
        children = server.children()
        if children:
            time.sleep(0.05)
            os.kill(children[0].pid, signal.SIGKILL)
            return
        time.sleep(0.005)


def test_cut_last_lines_are_taken_or_quarantined_as_the_template_says(tmp_path: Path) -> None:
    cut = repayments(GOOD)[:-4]
    taken = LENIENT.model_copy(update={"csv": CsvFormat(last_line="open")})
    assert reading(tmp_path, repayments(GOOD)[:-1], taken).result.accepted == 3
    assert reading(tmp_path, cut[:-20], taken).result.refused == "truncated"
    quarantined = LENIENT.model_copy(update={"csv": CsvFormat(last_line="quarantine")})
    got = reading(tmp_path, cut, quarantined)
    assert (got.result.accepted, got.reasons()) == (2, {"truncated_line": 1})


def test_a_quoted_line_end_is_part_of_the_value(tmp_path: Path) -> None:
    header = f"{HEADER},reference"
    got = reading(tmp_path, repayments([payment(1) + ',"two\nlines"', payment(2) + ',"a ""quote"""'], header))
    assert got.sql("select reference from accepted order by line_no") == [("two\nlines",), ('a "quote"',)]


def test_a_file_name_cannot_lead_out_of_the_house(home: Home, running: Reader, tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_bytes(repayments(GOOD))
    link = home.settings.inbound / "standard" / "repayments_2026-03-05.csv"
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    assert home.inbound() == []
    with pytest.raises(Invalid):
        home.ingest(link, running)
    odd = home.put("repayments_2026-03-05_\u202evsc.csv", repayments(GOOD))
    assert "\u202e" not in home.ingest(odd, running).file_name


def test_a_file_nobody_expects_is_named_to_the_operator(home: Home) -> None:
    home.put("notes.txt", b"hello\n")
    home.put("repayments_without_date.csv", repayments(GOOD))
    home.put("repayments_2026-03-05.csv.part", repayments(GOOD))
    assert home.inbound() == []
    assert {path.name for path in unwanted_files(home.settings)} == {"notes.txt", "repayments_without_date.csv"}
    with pytest.raises(Invalid):
        home.ingest(home.settings.inbound / "standard" / "notes.txt")
    with pytest.raises(NotFound):
        home.ingest(home.settings.inbound / "standard" / "notes.txt", template="../../etc/passwd")
