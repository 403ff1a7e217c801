"""Great Expectations is a second pair of eyes: it agrees with the SQL verdict on every rule, or the file stops."""

from __future__ import annotations

import json
import random
from pathlib import Path

import duckdb
import pytest

from pipelines.expectations import suite as suite_module
from pipelines.expectations.definitions import Feed, feed_names, load_feed
from pipelines.expectations.suite import (
    ExpectationsDisagree,
    frame_sql,
    to_pandas,
    validate_results,
    validate_rows,
)
from pipelines.readers.job import CheckCount
from pipelines.readers.limited import Reader
from pipelines.readers.templates import FeedMap
from tests.pipelines.feeding import Home, payment, repayments
from tests.pipelines.reading import Reading, read

VALUES = {
    "text": ["", "some text", "中文"],
    "id": ["", "X1", " padded", "1.0E+12"],
    "code": ["", "in", "payment", "reversal", "human", "outbound", "nonsense", "x" * 70],
    "date": ["", "2026-03-05", "1850-01-01", "2099-01-01", "2026-13-01"],
    "moment": ["", "2026-03-05 10:00:00", "2026-03-09 10:00:00", "2026-03-05T10:00:00Z", "noon"],
    "amount": ["", "0", "0.01", "-5", "12.50", "5.005", "90071992547409.93"],
    "integer": ["", "0", "-1", "7", "99999999", "1.5"],
    "boolean": ["", "true", "false", "maybe"],
}


def random_rows(feed: Feed, folder: Path, rows: int, seed: int) -> Reading:
    """Rows of good and bad values in every column, all decided, none refusing the file."""
    choose = random.Random(seed)
    path = folder / f"{feed.feed}_2026-03-05.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for number in range(rows):
            row = {name: choose.choice(VALUES[column.type]) or None for name, column in feed.columns.items()}
            if "currency" in row:
                row["currency"] = choose.choice(["CNY", "CNY", "JPY", "KWD", "yuan", "USD\u200b", None])
            if number % 2:
                row = {name: value for name, value in row.items() if value is not None}
            out.write(json.dumps(row) + "\n")
    entry = FeedMap(feed=feed.feed, same_names=True, max_refused_share=1.0)
    return read(path, entry, file_date="2026-03-05")


def slice_of(got: Reading, feed: Feed) -> object:
    excluded = [number for number, check in enumerate(got.result.checks) if check.kind == "excluded"]
    from pipelines.readers.job import Work

    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        sql = frame_sql(feed, Work(got.work, got.result).decided(), excluded, "2026-03-05")
        return to_pandas(connection.sql(sql).to_arrow_table())


@pytest.mark.parametrize("name", feed_names())
def test_gx_counts_every_rule_of_every_feed_as_the_sql_does(tmp_path: Path, name: str) -> None:
    feed = load_feed(name)
    got = random_rows(feed, tmp_path, 400, seed=len(name))
    verdicts = validate_rows(feed, (), slice_of(got, feed), got.result.checks)
    refused = {check.code: check.refused for check in got.result.checks}
    assert {verdict.rule: verdict.refused for verdict in verdicts} == {v.rule: refused[v.rule] for v in verdicts}
    assert {rule.code for rule in feed.rules} <= {verdict.rule for verdict in verdicts}
    assert sum(refused[rule.code] for rule in feed.rules) > 0 or not feed.rules


@pytest.mark.parametrize(
    "planted",
    [
        "amount_positive",
        "loan_id_missing",
        "amount_unreadable",
        "kind_known",
        "parts_make_amount",
        "reversal_names_payment",
        "value_date_not_after_file",
    ],
)
@pytest.mark.parametrize("shift", [1, -1])
def test_a_count_that_differs_by_one_stops_the_file(tmp_path: Path, planted: str, shift: int) -> None:
    feed = load_feed("repayments")
    got = random_rows(feed, tmp_path, 120, seed=3)
    told = [
        check.model_copy(update={"refused": check.refused + shift}) if check.code == planted else check
        for check in got.result.checks
    ]
    with pytest.raises(ExpectationsDisagree, match=planted.split("_")[0]):
        validate_rows(feed, (), slice_of(got, feed), told)


def test_a_rule_that_the_sql_forgets_is_found_and_nothing_is_loaded(
    home: Home, running: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.put("repayments_2026-03-05.csv", repayments([payment(1), payment(2)]))
    whole = suite_module.frame_sql

    def one_amount_lost(*given: object) -> str:
        return f"select * replace (case when amount is not null then -1 end as amount) from ({whole(*given)})"

    with monkeypatch.context() as patched:
        patched.setattr("pipelines.ingest_file.frame_sql", one_amount_lost)
        with pytest.raises(ExpectationsDisagree, match="amount_positive"):
            home.ingest(path, running)
    assert home.rows("select count(*) from raw.files") == [(0,)]
    assert home.ingest(path, running).rows_accepted == 2


def test_an_exception_inside_gx_is_an_error_and_no_failed_check() -> None:
    feed = load_feed("repayments")
    import pandas as pd

    with pytest.raises((ExpectationsDisagree, KeyError)):
        validate_rows(feed, (), pd.DataFrame({"payment_id": [1]}), [])


def test_large_slices_are_judged_on_the_counts_of_the_rules() -> None:
    feed = load_feed("repayments")
    counts = [
        CheckCount(code="amount_positive", column="amount", kind="range", refused=0),
        CheckCount(code="kind_known", column="kind", kind="in", refused=3),
    ]
    verdicts = validate_results(feed, 2_000_000, counts)
    assert [(v.rule, v.checked, v.refused, v.success) for v in verdicts] == [
        ("amount_positive", 2_000_000, 0, True), ("kind_known", 2_000_000, 3, False),
    ]  # fmt: skip


def test_results_are_kept_without_what_the_sender_wrote(home: Home, running: Reader) -> None:
    lines = [payment(1, loan_id="SECRET-LOAN", kind="gift"), payment(2)]
    home.ingest(home.put("repayments_2026-03-05.csv", repayments(lines)), running)
    call = '{"call_id":"C1","channel":"PIGEON","direction":"outbound","started_at":"2026-03-05 10:00:00"}\n'
    good = [call.replace("PIGEON", "human").replace("C1", f"G{n}") for n in range(200)]
    home.ingest(home.put("calls_2026-03-05.jsonl", "".join([call, *good]).encode()), running)
    told = home.rows("select rule, checked, refused, gx_success, gx_json from raw.expectation_results")
    assert ("channel_known", 201, 1, False) in [row[:4] for row in told]
    assert not [row for row in told if row[4] and ("SECRET" in row[4] or "PIGEON" in row[4])]
    assert all(json.loads(row[4])["expectation_config"] for row in told if row[4])


def test_every_feed_file_says_its_reasons_in_both_languages() -> None:
    assert len(feed_names()) >= 20
    for feed in map(load_feed, feed_names()):
        for rule in feed.rules:
            assert rule.en.endswith("."), rule
            assert rule.zh.endswith("。"), rule
        assert feed.grain["en"]
        assert feed.grain["zh"]
        assert all(column.en and column.zh for column in feed.columns.values())
