from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from ops_app.config import PROJECT_ROOT
from ops_app.domain.errors import Conflict, Invalid
from pipelines.simulator import AnswerKey, deliver_due, simulate
from pipelines.simulator.days import is_workday, next_workday
from tests.pipelines.simulated import END, cents, hashes, read_feed, read_file

BALANCE = ("outstanding_principal", "outstanding_interest", "outstanding_fees", "outstanding_penalty")
CHARGES = ("interest", "fees", "penalty")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five thousand loans over two months, without faults."""
    home = tmp_path_factory.mktemp("simulated")
    simulate(home / "inbound", 5_000, 60, 7, end_date=END)
    return home


@pytest.fixture(scope="module")
def inbound(home: Path) -> Path:
    return home / "inbound"


@pytest.fixture(scope="module")
def loans(inbound: Path) -> pl.DataFrame:
    frame = read_feed(inbound, "loans")
    return frame.with_columns(
        *[cents(name) for name in BALANCE],
        pl.col("as_of_date").str.to_date(),
        pl.col("days_past_due").cast(pl.Int64).alias("dpd"),
    ).with_columns(balance=pl.sum_horizontal(BALANCE))


@pytest.fixture(scope="module")
def repayments(inbound: Path) -> pl.DataFrame:
    return read_feed(inbound, "repayments").with_columns(
        *[cents(name) for name in ("amount", "principal", "interest", "fees", "penalty")],
        pl.col("value_date").str.to_date(),
        sign=pl.when(pl.col("kind") == "payment").then(1).otherwise(-1),
    )


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        simulate(tmp_path / name / "inbound", 600, 12, 8 if name == "c" else 7, faults=True, end_date=END)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    assert (
        hashes(tmp_path / "a")["inbound/standard/loans_2026-11-24.csv"]
        != hashes(tmp_path / "c")["inbound/standard/loans_2026-11-24.csv"]
    )


def test_a_second_run_replaces_its_own_files_and_touches_no_others(tmp_path: Path) -> None:
    inbound = tmp_path / "inbound"
    simulate(inbound, 600, 12, 7, True, end_date=END)
    deliver_due(tmp_path / "simulated", inbound, END)
    theirs = inbound / "berka" / "loans_2026-11-24.csv"
    theirs.parent.mkdir()
    theirs.write_text("theirs")
    simulate(inbound, 600, 3, 7, end_date=END)
    assert len(list((inbound / "standard").glob("calls_*.csv"))) == 3
    assert len(list((tmp_path / "simulated" / "movements").iterdir())) == 3
    assert theirs.read_text() == "theirs"
    simulate(tmp_path / "fresh" / "inbound", 600, 3, 7, end_date=END)
    assert hashes(inbound / "standard") == hashes(tmp_path / "fresh" / "inbound" / "standard")


def test_a_folder_with_files_of_another_origin_is_refused_untouched(tmp_path: Path) -> None:
    real = tmp_path / "inbound" / "standard" / "loans_2026-11-24.csv"
    real.parent.mkdir(parents=True)
    real.write_text("a lender's own")
    with pytest.raises(Conflict, match="no simulation wrote"):
        simulate(tmp_path / "inbound", 10, 3, 7, end_date=END)
    assert real.read_text() == "a lender's own"


@pytest.mark.parametrize(("loans", "days", "faults"), [(0, 5, False), (5, 0, False), (499, 60, True), (500, 9, True)])
def test_a_portfolio_too_small_for_what_is_asked_is_refused(
    tmp_path: Path, loans: int, days: int, faults: bool
) -> None:
    with pytest.raises(Invalid):
        simulate(tmp_path / "inbound", loans, days, 7, faults, end_date=END)
    assert not (tmp_path / "inbound").exists()


def test_one_loan_on_one_day_is_a_portfolio(tmp_path: Path) -> None:
    key = simulate(tmp_path / "inbound", 1, 1, 7, end_date=END)
    assert key.first_date == key.end_date == END
    assert (tmp_path / "inbound" / "standard" / f"loans_{END}.csv").exists()


def test_every_day_has_its_feeds_weekends_included(inbound: Path) -> None:
    for back in range(60):
        day = END - timedelta(days=back)
        for feed in ("loans", "repayments", "bank_lines", "calls"):
            assert len(list((inbound / "standard").glob(f"{feed}_{day}.*"))) == 2, (feed, day)


def test_columns_are_those_of_the_feed_definitions(inbound: Path) -> None:
    definitions = PROJECT_ROOT / "pipelines" / "expectations" / "feeds"
    seen = {path.name.rsplit("_", 1)[0] for path in (inbound / "standard").iterdir()}
    assert {"loans", "instalments", "originations", "customers", "contacts", "agencies", "collectors"} <= seen
    for feed in seen:
        named = list(yaml.safe_load((definitions / f"{feed}.yml").read_text(encoding="utf-8"))["columns"])
        for path in (inbound / "standard").glob(f"{feed}_*"):
            if path.suffix in (".csv", ".parquet"):
                assert sorted(read_file(path).columns) == sorted(named), path.name


def test_each_sidecar_says_what_the_file_holds(inbound: Path) -> None:
    checked = 0
    for sidecar in (inbound / "standard").glob("*.control.json"):
        said = json.loads(sidecar.read_text(encoding="utf-8"))
        frame = read_file(sidecar.with_name(sidecar.name.removesuffix(".control.json")))
        assert said["rows"] == frame.height
        for column, total in said["sums"].items():
            found = int(frame.select(cents(column).sum()).item())
            assert found == int(total.replace(".", "")), (sidecar.name, column)
            checked += 1
    assert checked > 500


def test_the_answer_key_counts_what_was_written(home: Path, repayments: pl.DataFrame) -> None:
    key = AnswerKey.load(home / "simulated")
    assert key.rows["repayments"] == repayments.height
    assert key.cents["repayments"]["amount"] == repayments["amount"].sum()
    assert key.faults == ()


def test_every_balance_follows_from_the_day_before(home: Path, loans: pl.DataFrame, repayments: pl.DataFrame) -> None:
    movements = pl.concat(
        [
            pl.read_parquet(path).with_columns(as_of_date=pl.lit(date.fromisoformat(path.stem)))
            for path in sorted((home / "simulated" / "movements").glob("*.parquet"))
        ]
    )
    paid = repayments.group_by("loan_id", pl.col("value_date").alias("as_of_date")).agg(
        paid=(pl.col("amount") * pl.col("sign")).filter(pl.col("kind") != "refund").sum()
    )
    joined = (
        loans.sort("loan_id", "as_of_date")
        .with_columns(before=pl.col("balance").shift(1).over("loan_id"))
        .filter(pl.col("before").is_not_null())
        .join(movements, on=["loan_id", "as_of_date"], how="left")
        .join(paid, on=["loan_id", "as_of_date"], how="left")
        .fill_null(0)
    )
    expected = pl.sum_horizontal("before", *CHARGES) - pl.col("waived") - pl.col("paid") + pl.col("excess")
    wrong = joined.filter(pl.col("balance") != expected)
    assert joined.height > 250_000
    assert wrong.height == 0, wrong.head(3).to_dicts()
    assert joined["waived"].sum() > 0, "some loans settle at a discount"
    assert joined["excess"].sum() > 0, "some borrowers pay too much"


def test_components_make_the_amount_or_are_not_stated(repayments: pl.DataFrame) -> None:
    stated = repayments.filter(pl.col("principal").is_not_null())
    parts = pl.sum_horizontal("principal", "interest", "fees", "penalty")
    assert stated.filter(parts != pl.col("amount")).height == 0
    unstated = repayments.filter(pl.col("principal").is_null())
    assert 0 < unstated.height < repayments.height * 0.01
    assert (repayments["amount"] > 0).all()


def test_a_reversal_undoes_an_earlier_payment_to_the_cent(repayments: pl.DataFrame) -> None:
    reversals = repayments.filter(pl.col("kind") == "reversal")
    originals = reversals.join(repayments, left_on="reverses_payment_id", right_on="payment_id", suffix="_original")
    assert reversals.height > 5
    assert originals.height == reversals.height
    assert (originals["amount"] == originals["amount_original"]).all()
    assert (originals["loan_id"] == originals["loan_id_original"]).all()
    assert (originals["value_date"] > originals["value_date_original"]).all()
    assert reversals["reverses_payment_id"].is_unique().all()


def test_days_past_due_count_from_the_oldest_open_instalment(inbound: Path, loans: pl.DataFrame) -> None:
    first = loans["as_of_date"].min()
    instalments = read_feed(inbound, "instalments").filter(pl.col("as_of_date").str.to_date() == first)
    oldest = instalments.filter(pl.col("status") != "paid").group_by("loan_id").agg(pl.col("due_date").min())
    late = loans.filter((pl.col("as_of_date") == first) & (pl.col("dpd") > 0))
    joined = late.join(oldest, on="loan_id")
    assert joined.height == late.height > 500
    assert (joined["as_of_date"] - joined["due_date"].str.to_date()).dt.total_days().equals(joined["dpd"])
    assert joined["overdue_since_date"].equals(joined["due_date"])


def test_the_bank_holds_what_the_lender_posted_once_its_days_have_passed(
    inbound: Path, repayments: pl.DataFrame
) -> None:
    lines = read_feed(inbound, "bank_lines").with_columns(
        cents("amount"),
        pl.col("value_date").str.to_date(),
        sign=pl.when(pl.col("direction") == "in").then(1).otherwise(-1),
    )
    assert is_workday(END)
    by_day = lines.group_by("value_date").agg(bank=(pl.col("amount") * pl.col("sign")).sum())
    posted = repayments.group_by("value_date").agg(lender=(pl.col("amount") * pl.col("sign")).sum())
    both = posted.join(by_day, on="value_date", how="full")
    assert both.height == 60
    assert (both["bank"] == both["lender"]).all()
    booked = lines.select("value_date", pl.col("booked_date").str.to_date()).unique().iter_rows()
    assert all(next_workday(value_date) == booked_date for value_date, booked_date in booked)
    assert (lines["booked_date"] == lines["file_date"]).all()


def test_transfers_have_a_line_each_and_other_channels_one_a_day(inbound: Path, repayments: pl.DataFrame) -> None:
    lines = read_feed(inbound, "bank_lines")
    transfers = repayments.filter(pl.col("channel") == "bank_transfer")
    batches = repayments.filter(pl.col("channel") != "bank_transfer").select("value_date", "reference").unique()
    assert lines.height == transfers.height + batches.height
    named = lines.filter(pl.col("reference").is_in(transfers["reference"].implode())).height
    assert 0.90 < named / transfers.height < 0.99, "some payers write the loan number instead of the reference"


def _bucket() -> pl.Expr:
    late = ((pl.col("dpd") - 1) // 30 + 1).clip(0, 7).cast(pl.String)
    return pl.when(pl.col("balance") == 0).then(pl.lit("exit")).otherwise(late)


def _rolls(loans: pl.DataFrame) -> Iterator[tuple[str, float]]:
    start, end = END - timedelta(days=31), END - timedelta(days=1)
    opening = loans.filter(pl.col("as_of_date") == start).with_columns(was=_bucket())
    closing = loans.filter(pl.col("as_of_date") == end).select("loan_id", now=_bucket())
    both = opening.join(closing, on="loan_id")
    for bucket in range(6):
        held = both.filter(pl.col("was") == str(bucket))
        yield f"{bucket}", held.filter(pl.col("now") == str(bucket + 1)).height / held.height


def test_buckets_roll_as_collections_know_them(loans: pl.DataFrame) -> None:
    ranges = {
        "0": (0.03, 0.14),
        "1": (0.22, 0.50),
        "2": (0.50, 0.85),
        "3": (0.68, 0.97),
        "4": (0.75, 1),
        "5": (0.75, 1),
    }
    rolls = dict(_rolls(loans))
    for bucket, (low, high) in ranges.items():
        assert low <= rolls[bucket] <= high, rolls
    assert rolls["0"] < rolls["1"] < rolls["2"] < rolls["3"]


def test_balances_are_log_normal_and_the_book_has_all_three_lenders(loans: pl.DataFrame) -> None:
    last = loans.filter(pl.col("as_of_date") == END)
    assert set(last["lender_code"]) == {"HYB", "XJC", "PTP"}
    assert last["region_code"].n_unique() > 25
    logs = cents("original_principal").log()
    spread = last.select(logs.skew().alias("skew"), logs.std().alias("std")).row(0, named=True)
    assert abs(spread["skew"]) < 0.5
    assert 0.6 < spread["std"] < 1.2
    granted = last["originated_date"].str.to_date()
    assert granted.min() >= END - timedelta(days=731)
    assert set(last["status"]) == {"active", "overdue", "settled", "written_off"}
    assert last.filter((pl.col("status") == "active") & (pl.col("dpd") > 0)).height == 0
    assert last.filter((pl.col("status") == "settled") & (pl.col("balance") > 0)).height == 0
