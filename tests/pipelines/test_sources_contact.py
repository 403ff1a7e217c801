"""Calls and campaigns, real rows: what a telephone system calls answered is no contact with a person."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
import yaml

from ops_app.config import PROJECT_ROOT
from tests.pipelines.reading import Reading, read_by_template

RIGHT_PARTY = "dbt/seeds/call_outcomes.csv"


@pytest.fixture(scope="module")
def calls(real_data: Path) -> Reading:
    path = real_data / "asterisk_cdr" / "cdr_2017-09_masked.csv"
    return read_by_template(path, "asterisk_cdr", "calls", file_date=date(2017, 9, 30))


def test_every_record_is_a_call_with_the_systems_own_word(calls: Reading) -> None:
    assert (calls.result.rows_in, calls.result.accepted) == (856, 856)
    found = calls.sql("select hangup_cause, count(*), sum(talk_seconds) from accepted group by 1")
    assert {word: tuple(rest) for word, *rest in found} == {
        "ANSWERED": (747, 154_105),
        "NO ANSWER": (64, 5),
        "FAILED": (44, 0),
        "BUSY": (1, 2),
    }


def test_no_answered_record_counts_as_a_right_party_contact(calls: Reading) -> None:
    outcomes = dict(calls.sql("select outcome, count(*) from accepted group by 1"))
    assert outcomes == {"answered": 409, "voicemail": 338, "no_answer": 64, "failed": 44, "busy": 1}
    with (PROJECT_ROOT / RIGHT_PARTY).open(encoding="utf-8") as file:
        meaning = {row["outcome"]: row for row in csv.DictReader(file)}
    assert all(meaning[outcome]["right_party"] == "false" for outcome in outcomes)
    assert all(meaning[outcome]["connected"] == "false" for outcome in outcomes)
    clock = calls.sql("select distinct outcome, hangup_cause from accepted where dialled = '*60'")
    assert clock == [("answered", "ANSWERED")]


def test_days_are_read_before_months(calls: Reading) -> None:
    first, last = calls.one("select min(started_at), max(started_at) from accepted")
    assert (first.date(), last.date()) == (date(2017, 9, 1), date(2017, 9, 9))


def test_a_master_file_of_asterisk_is_read_by_position(real_data: Path) -> None:
    path = real_data / "asterisk_cdr" / "asterisk_Master.csv"
    reading = read_by_template(path, "asterisk_cdr", "calls_master", file_date=date(2023, 7, 31))
    assert (reading.result.rows_in, reading.result.accepted) == (14, 14)
    assert reading.one("select sum(talk_seconds), count(answered_at) from accepted") == (78, 11)


def test_a_file_whose_quotes_are_broken_is_refused_by_name(real_data: Path) -> None:
    path = real_data / "asterisk_cdr" / "freepbx_export_with_header_masked.csv"
    reading = read_by_template(path, "asterisk_cdr", "calls", file_date=date(2017, 9, 30))
    assert reading.result.refused == "header"
    assert (reading.result.rows_in, reading.result.accepted) == (101, 0)
    assert reading.reasons() == {"file_refused": 101}


def test_a_campaign_is_one_summary_a_client_and_no_calls(real_data: Path) -> None:
    path = real_data / "bank_marketing" / "bank-additional-full.csv.gz"
    reading = read_by_template(path, "bank_marketing", "contact_summaries", file_date=date(2010, 11, 30))
    assert (reading.result.rows_in, reading.result.accepted) == (41_188, 41_188)
    assert reading.one(
        "select sum(attempts), max(attempts), count(*) filter (outcome = 'success'), count(distinct customer_id),"
        " count(*) filter (last_duration_seconds = 0), count(*) filter (previous_outcome = 'success') from accepted"
    ) == (105_754, 56, 4_640, 41_188, 4, 1_373)
    by_attempts = dict(reading.sql("select least(attempts, 6), count(*) from accepted group by 1"))
    assert by_attempts == {1: 17_642, 2: 10_570, 3: 5_341, 4: 2_651, 5: 1_599, 6: 3_385}
    channels = reading.sql("select channel, count(*) from accepted group by 1")
    assert Counter(dict(channels)) == Counter(mobile=26_144, landline=15_044)


def test_the_earlier_edition_of_the_campaign(real_data: Path) -> None:
    path = real_data / "bank_marketing" / "bank-full.csv.gz"
    reading = read_by_template(path, "bank_marketing", "contact_summaries_2012", file_date=date(2010, 11, 30))
    assert reading.one(
        "select count(*), sum(attempts), count(*) filter (outcome = 'success'), count(*) filter (channel is null)"
        " from accepted"
    ) == (45_211, 124_956, 5_289, 13_020)


def test_the_campaign_template_fills_no_feed_of_calls() -> None:
    text = (PROJECT_ROOT / "data/templates/bank_marketing.yml").read_text(encoding="utf-8")
    assert {entry["feed"] for entry in yaml.safe_load(text)["feeds"]} == {"contact_summaries"}
