"""Real statements of many banks: each is read and adds up, or is refused by name; none is lost in silence."""

from __future__ import annotations

import ast
import json
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.readers.encodings import detect_encoding
from pipelines.readers.refusals import FileRefused
from pipelines.readers.statements import Line, Statement, movement, read_statement
from pipelines.readers.statements_camt import parse_camt
from pipelines.readers.statements_mt940 import parse_mt940
from tests.golden_file import check_golden

FOLDERS = ("mt940_wolph", "mt940_jejik", "camt_genkgo", "bankstatementparser", "oca_bank_statement_import")
# banks that write neither UTF-8 nor GB18030: what a template would name
ENCODINGS = {"mt940_wolph/self-provided/raiffeisen-cmi.sta": "cp852"}


def statement_files(real_data: Path) -> list[Path]:
    files = sorted(path for folder in FOLDERS for path in (real_data / "messy" / folder).rglob("*") if path.is_file())
    wanted = [path for path in files if path.suffix in {".sta", ".txt", ".mt940", ".xml"} or "test-camt" in path.name]
    return [path for path in wanted if "LICENSE" not in path.name and path.name != "requirements.txt"]


def kind(path: Path) -> str:
    return "camt" if path.suffix == ".xml" or "camt" in path.name else "mt940"


def outcome(path: Path, name: str) -> dict[str, object]:
    try:
        frame = read_statement(path, kind(path), ENCODINGS.get(name, "auto"))
    except FileRefused as error:
        return {"refused": error.code}
    sums = {"in": Decimal(0), "out": Decimal(0)}
    for direction, amount in zip(frame["direction"], frame["amount"], strict=True):
        sums[direction] += Decimal(amount)
    return {"lines": frame.height, "in": str(sums["in"]), "out": str(sums["out"])}


def test_every_statement_file_reads_or_is_refused_as_recorded(real_data: Path) -> None:
    files = statement_files(real_data)
    names = [path.relative_to(real_data / "messy").as_posix() for path in files]
    outcomes = {name: outcome(path, name) for path, name in zip(files, names, strict=True)}
    assert len(outcomes) == 116
    check_golden("statement_files.json", outcomes)


def test_every_line_of_an_mt940_file_that_can_be_read_is_there(real_data: Path) -> None:
    """Before the balances are asked: most examples were made anonymous by changing amounts and no longer add up."""
    read = 0
    for path in statement_files(real_data):
        if kind(path) != "mt940":
            continue
        encoding = ENCODINGS.get(path.relative_to(real_data / "messy").as_posix(), "auto")
        text = path.read_bytes().decode(detect_encoding(path, encoding))
        try:
            lines = [line for statement in parse_mt940(path, encoding) for line in statement.lines]
        except FileRefused:
            continue
        assert len(lines) == len(re.findall(r"^:61:", text, re.MULTILINE)), path.name
        assert all(line.value_date and line.booked_date for line in lines), path.name
        read += bool(lines)
    assert read == 52


def first_lines(statements: list[Statement]) -> list[Line]:
    return [line for statement in statements for line in statement.lines if line.ordinal.partition(".")[0] == "1"]


@pytest.mark.parametrize("version", ["052.v1", "052.v2", "052.v8", "053.v2.minimal", "053.v3", "053.v4", "053.v8"])
def test_camt_entries_equal_the_expected_json_of_another_reader(version: str, real_data: Path) -> None:
    folder = real_data / "messy" / "camt_genkgo"
    expected = json.loads((folder / f"camt{version}.json").read_text())
    line, entry = first_lines(parse_camt(folder / f"camt{version}.xml"))[0], expected["getEntries"][0]
    record = entry["getRecord"]
    statement = parse_camt(folder / f"camt{version}.xml")[0]
    assert statement.account == record["getAccount"]["getIdentification"]
    assert statement.identity.startswith(record["getId"])
    compare(line, entry)


def compare(line: Line, entry: dict[str, dict[str, str]]) -> None:
    signed = line.amount if line.credit else -line.amount
    assert signed * 100 == int(entry["getAmount"]["getAmount"])
    assert line.currency == entry["getAmount"]["getCurrency"]["getCode"]  # type: ignore[index]
    for mine, theirs in ((line.booked_date, "getBookingDate"), (line.value_date, "getValueDate")):
        if entry[theirs]:
            assert mine == datetime.fromisoformat(entry[theirs]["0"]).date()


def test_every_camt_file_of_that_reader_gives_its_amount_or_is_pending(real_data: Path) -> None:
    compared = 0
    for path in sorted((real_data / "messy" / "camt_genkgo").glob("*.json")):
        entries = [one for one in json.loads(path.read_text()).get("getEntries") or [] if isinstance(one, dict)]
        lines = first_lines(parse_camt(path.with_suffix(".xml")))
        if entries and entries[0]["getStatus"] == "PDNG":
            assert lines == []
        elif entries:
            wanted = {json.dumps(entry["getAmount"]) for entry in entries}
            line = next(one for one in lines if str(int(one.amount * 100)) in "".join(wanted))
            compare(line, entries[0])
            compared += 1
    assert compared == 21


@pytest.mark.parametrize("name", ["camt053", "camt053-txdtls", "camt053-no-ntry", "camt054"])
def test_camt_lines_equal_what_an_accounting_suite_reads(name: str, real_data: Path) -> None:
    folder = real_data / "messy/oca_bank_statement_import/account_statement_import_camt/test_files"
    golden = ast.literal_eval((folder / f"golden-{name}.pydata").read_text())
    statements = parse_camt(folder / f"test-{name}")
    expected = [transaction for statement in golden[2] for transaction in statement["transactions"]]
    lines = [line for statement in statements for line in statement.lines]
    assert [float(line.amount if line.credit else -line.amount) for line in lines] == [t["amount"] for t in expected]
    assert [line.booked_date.isoformat() if line.booked_date else "" for line in lines] == [t["date"] for t in expected]
    for line, theirs in zip(lines, expected, strict=True):
        assert line.counterparty_name == theirs["partner_name"]
        assert line.counterparty_account == theirs["account_number"]
        assert theirs["ref"] in line.reference
    for statement, theirs in zip(statements, golden[2], strict=False):
        if statement.opening and statement.closing:
            assert float(statement.opening.amount) == theirs["balance_start"]
            assert float(statement.closing.amount) == theirs["balance_end_real"]


def test_a_file_that_reads_has_proved_itself(real_data: Path) -> None:
    """The sums of the recorded outcome are those between the balances, read by an expression of the test's own."""
    path = real_data / "messy/mt940_wolph/betterplace/sepa_mt9401.sta"
    text = path.read_bytes().decode(detect_encoding(path))
    balances = re.findall(r"^:6([02])[FM]:([CD])\d{6}[A-Z]{3}(\d+),(\d*)", text, re.MULTILINE)
    signed = [
        (-1 if side == "0" else 1) * (1 if mark == "C" else -1) * int(a + b.ljust(2, "0"))
        for side, mark, a, b in balances
    ]
    frame = read_statement(path, "mt940")
    total = sum(
        (Decimal(a) if d == "in" else -Decimal(a) for a, d in zip(frame["amount"], frame["direction"], strict=True)),
        Decimal(0),
    )
    assert total * 100 == sum(signed)
    assert frame["line_id"].n_unique() == frame.height


def test_the_movement_is_what_came_in_less_what_went_out() -> None:
    lines = tuple(Line(str(n), Decimal(n), n % 2 == 0, "CNY", None, None) for n in range(5))
    assert movement(Statement("a", "s", None, None, lines)) == Decimal(2)
