"""Each planted fault is there, found here by a few lines that know nothing of the controls."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.simulator import AnswerKey, PlantedFault, deliver_due, simulate, write_answer_key
from pipelines.simulator.fault_names import EXPECTED
from tests.pipelines.simulated import END, hashes, lines_of, read_file

FAULT_DAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("faults")
    simulate(home / "inbound", 600, 20, 3, True, end_date=END)
    simulate(home / "honest" / "inbound", 600, 20, 3, False, end_date=END)
    return home


@pytest.fixture(scope="module")
def key(home: Path) -> AnswerKey:
    return AnswerKey.load(home / "simulated" / "answer_key.json")


def _one(key: AnswerKey, fault: str) -> PlantedFault:
    (planted,) = key.of(fault)
    return planted


def _row(home: Path, planted: PlantedFault) -> dict[str, str]:
    lines = lines_of(home / "inbound" / planted.file)
    assert planted.line is not None
    return dict(zip(lines[0], lines[planted.line - 1], strict=False))


def _payments(home: Path) -> pl.DataFrame:
    files = (home / "inbound" / "standard").glob("repayments_????-??-??.csv")
    return pl.concat([read_file(path).with_columns(file=pl.lit(path.name)) for path in sorted(files)])


def _bank(home: Path) -> pl.DataFrame:
    return pl.concat([read_file(path) for path in sorted((home / "inbound" / "standard").glob("bank_lines_*.csv"))])


def test_every_fault_is_planted_once_with_the_control_that_must_find_it(key: AnswerKey) -> None:
    assert Counter(planted.fault for planted in key.faults) == dict.fromkeys(EXPECTED, 1)
    kinds = {
        "unmatched_lender", "unmatched_bank", "duplicate", "amount_differs", "date_out_of_period", "unknown_loan",
        "reversal_without_original", "conflicting_content", "report_without_payment", "payment_not_reported",
        "not_remitted", "reported_twice",
    }  # fmt: skip
    assert {planted.finding for planted in key.faults if planted.control == "break"} == kinds
    assert all(planted.effect_en and planted.effect_zh for planted in key.faults)


def test_the_key_survives_its_file(key: AnswerKey, tmp_path: Path) -> None:
    assert AnswerKey.load(write_answer_key(key, tmp_path)) == key
    assert AnswerKey.load(tmp_path) == key


def test_honest_rows_are_the_same_with_and_without_faults(home: Path, key: AnswerKey) -> None:
    plain = AnswerKey.load(home / "honest" / "simulated")
    assert (key.rows, key.cents) == (plain.rows, plain.cents)
    deliver = hashes(home / "inbound")
    for name, digest in hashes(home / "honest" / "inbound").items():
        day = Path(name).name.split(".")[0][-10:]
        if day != str(FAULT_DAY) and day != str(END - timedelta(days=3)):
            assert deliver[name] == digest, name
    for feed in ("repayments", "bank_lines", "loans"):
        with_faults = (home / "inbound" / "standard" / f"{feed}_{FAULT_DAY}.csv").read_text(encoding="utf-8")
        honest = (home / "honest" / "inbound" / "standard" / f"{feed}_{FAULT_DAY}.csv").read_text(encoding="utf-8")
        assert with_faults.startswith(honest)
        assert len(with_faults) > len(honest)


def test_duplicate_file(home: Path, key: AnswerKey) -> None:
    planted = _one(key, "duplicate_file")
    copies = Counter(path.read_bytes() for path in (home / "inbound" / "standard").glob("repayments_*.csv"))
    repeated = [content for content, count in copies.items() if count == 2]
    assert repeated == [(home / "inbound" / planted.file).read_bytes()]


def test_conflicting_payment(home: Path, key: AnswerKey) -> None:
    planted = _one(key, "conflicting_payment")
    several = (
        _payments(home).group_by("payment_id").agg(pl.col("amount").n_unique(), pl.len()).filter(pl.col("len") > 1)
    )
    assert several.rows() == [(planted.payment_id, 2, 2)]
    assert _row(home, planted)["payment_id"] == planted.payment_id


def test_duplicate_payment(home: Path, key: AnswerKey) -> None:
    planted = _one(key, "duplicate_payment")
    transfers = _payments(home).filter(pl.col("channel") == "bank_transfer").unique("payment_id")
    twice = transfers.filter(pl.len().over("loan_id", "amount", "reference") > 1)
    assert twice.height == 2
    assert planted.payment_id in set(twice["payment_id"])
    assert _bank(home).filter(pl.col("reference") == twice["reference"][0]).height == 1


def test_reversal_without_original(home: Path, key: AnswerKey) -> None:
    payments = _payments(home)
    known = set(payments["payment_id"])
    orphans = payments.filter(pl.col("reverses_payment_id").is_not_null()).filter(
        ~pl.col("reverses_payment_id").is_in(list(known))
    )
    # the window opens in mid-life, so an original may be older than it; none is, as bounces follow payments in it
    assert orphans["payment_id"].to_list() == [_one(key, "reversal_without_original").payment_id]


def test_backdated_and_out_of_period_payments(home: Path, key: AnswerKey) -> None:
    posted = _payments(home).with_columns(
        late=(pl.col("posted_at").str.head(10).str.to_date() - pl.col("value_date").str.to_date()).dt.total_days()
    )
    found = posted.filter(pl.col("late") > 0).sort("late")
    names = ("backdated_payment", "out_of_period_payment")
    assert found["payment_id"].to_list() == [_one(key, name).payment_id for name in names]
    back, long_ago = found["late"].to_list()
    assert back == 12
    assert long_ago > 31
    assert found["value_date"].to_list()[1][:7] < f"{FAULT_DAY:%Y-%m}"


def test_unknown_loan(home: Path, key: AnswerKey) -> None:
    loans = read_file(home / "honest" / "inbound" / "standard" / f"loans_{END}.csv")["loan_id"]
    unknown = _payments(home).filter(~pl.col("loan_id").is_in(loans.implode()))
    assert unknown["payment_id"].to_list() == [_one(key, "unknown_loan").payment_id]


def test_amount_mismatch_missing_and_stray_bank_lines(home: Path, key: AnswerKey) -> None:
    payments = _payments(home).filter((pl.col("channel") == "bank_transfer") & (pl.col("kind") == "payment"))
    bank = _bank(home).filter(pl.col("direction") == "in")
    both = payments.join(bank, on="reference", suffix="_bank")
    differs = both.filter(pl.col("amount") != pl.col("amount_bank"))
    assert differs["payment_id"].to_list() == [_one(key, "amount_mismatch").payment_id]
    taken = payments.join(bank, on="reference", how="anti")
    by_payer = taken.join(
        bank, left_on=["payer_account", "amount"], right_on=["counterparty_account", "amount"], how="anti"
    )
    assert by_payer["payment_id"].to_list() == [_one(key, "missing_bank_line").payment_id]
    strays = bank.filter(~pl.col("reference").str.contains("^(TRF|BATCH-|还款 L)"))
    assert strays["line_id"].to_list() == [_one(key, "stray_bank_line").bank_line_id]


def test_what_agencies_get_wrong_stands_against_payments_that_are_as_they_were(home: Path, key: AnswerKey) -> None:
    files = sorted((home / "inbound" / "standard").glob("agency_payments_*.csv"))
    reports = pl.concat([read_file(path) for path in files])
    payments = _payments(home).filter(pl.col("kind") == "payment")
    by_loan = reports.join(payments, on=["loan_id", "amount"], how="anti")
    kept, unpaid = _one(key, "agency_keeps_cash"), _one(key, "agency_reports_unpaid")
    assert set(by_loan["payment_id"]) == {kept.payment_id, unpaid.payment_id}
    assert reports.filter(pl.col("remitted") == "false")["payment_id"].to_list() == [kept.payment_id]
    several = reports.filter(pl.len().over("loan_id", "amount", "paid_at") > 1)
    assert _one(key, "agency_reports_twice").payment_id in set(several["payment_id"])
    assert several.height == 2
    left_out = _one(key, "agency_leaves_out")
    assert left_out.payment_id in set(payments["payment_id"])
    assert left_out.loan_id not in set(reports["loan_id"])
    assert _row(home, left_out)["loan_id"] == left_out.loan_id
    for planted in (kept, unpaid, _one(key, "agency_reports_twice")):
        assert _row(home, planted)["payment_id"] == planted.payment_id


def test_broken_control_totals(home: Path, key: AnswerKey) -> None:
    planted = _one(key, "broken_control_totals")
    liars = []
    for sidecar in (home / "inbound").rglob("*.control.json"):
        said = json.loads(sidecar.read_text(encoding="utf-8"))
        path = sidecar.with_name(sidecar.name.removesuffix(".control.json"))
        rows = read_file(path).height if path.suffix == ".parquet" else len(lines_of(path)) - 1
        if rows != said["rows"]:
            liars.append(path.name)
    assert liars == [Path(planted.file).name]
    ids = set(read_file(home / "inbound" / planted.file)["payment_id"])
    assert len(ids) == planted.rows
    assert not ids & set(_payments(home)["payment_id"]), "nothing honest is refused with it"


def test_a_late_file_comes_on_its_day_and_then_the_folder_is_as_if_it_had_been_in_time(
    home: Path, key: AnswerKey, tmp_path: Path
) -> None:
    planted = _one(key, "late_file")
    assert planted.deliver_on == END - timedelta(days=1)
    simulate(tmp_path / "inbound", 600, 20, 3, True, end_date=END)
    inbound = tmp_path / "inbound"
    assert not (inbound / planted.file).exists()
    assert deliver_due(tmp_path / "simulated", inbound, END - timedelta(days=2)) == []
    assert deliver_due(tmp_path / "simulated", inbound, END - timedelta(days=1)) == [inbound / planted.file]
    assert deliver_due(tmp_path / "simulated", inbound, END) == []
    name = Path(planted.file).name
    honest = home / "honest" / "inbound" / "standard"
    for file in (name, f"{name}.control.json"):
        assert (inbound / "standard" / file).read_bytes() == (honest / file).read_bytes()


def test_bad_rows(home: Path, key: AnswerKey) -> None:
    path = home / "inbound" / _one(key, "bad_date").file
    lines = lines_of(path)
    header = lines[0]
    odd: dict[str, int] = {}
    for number, cells in enumerate(lines[1:], start=2):
        if cells == header:
            odd["repeated_header"] = number
        elif len(cells) != len(header):
            odd["ragged_row"] = number
        elif cells[0] != str(FAULT_DAY):
            odd["bad_date"] = number
        elif not cells[header.index("outstanding_principal")].replace(".", "").isdigit():
            odd["bad_amount"] = number
    assert odd == {name: _one(key, name).line for name in ("bad_date", "bad_amount", "repeated_header", "ragged_row")}
    assert 4 / len(lines) < 0.01, "the share of bad rows stays below what refuses the file"


@pytest.mark.parametrize(
    ("end", "day"),
    [
        (date(2026, 10, 6), date(2026, 9, 30)),  # in the middle of the holiday week
        (date(2026, 11, 23), date(2026, 11, 23)),  # a Monday
        (date(2026, 11, 22), date(2026, 11, 20)),  # a Sunday
    ],
)
def test_faults_are_planted_on_a_working_day_near_the_end(tmp_path: Path, end: date, day: date) -> None:
    key = simulate(tmp_path / "inbound", 500, 14, 3, True, end_date=end)
    planted = _one(key, "missing_bank_line")
    assert planted.business_date == day
    assert (tmp_path / "inbound" / planted.file).exists()
    assert {planted.fault for planted in key.faults} == set(EXPECTED)
    assert (tmp_path / "inbound" / _one(key, "bad_date").file).suffix == ".csv"
    assert _one(key, "late_file").deliver_on == end - timedelta(days=1)
