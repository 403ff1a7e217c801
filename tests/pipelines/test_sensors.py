"""Arrivals: stable files only, late feeds announced once, what is asked for is run."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from ops_app.domain.organisation.feeds import ExpectedFeed, missing_feeds
from pipelines.sensors import stable_files

ZONE = ZoneInfo("Asia/Shanghai")
BANK = ExpectedFeed("SIM", "bank_lines", time(9))


def test_a_file_counts_once_it_has_not_changed_between_two_looks(tmp_path):
    file = tmp_path / "standard" / "repayments_2026-10-31.csv"
    file.parent.mkdir()
    file.write_text("a\n")

    first, cursor = stable_files(tmp_path, None)
    second, cursor = stable_files(tmp_path, cursor)
    third, _ = stable_files(tmp_path, cursor)

    assert (first, second, third) == ([], [file], [])


def test_a_file_still_being_written_waits(tmp_path):
    file = tmp_path / "loans_2026-10-31.csv"
    file.write_text("a\n")
    _, cursor = stable_files(tmp_path, None)
    file.write_text("a\nb\n")

    seen, cursor = stable_files(tmp_path, cursor)
    assert seen == []
    assert stable_files(tmp_path, cursor)[0] == [file]


def test_a_file_that_changes_after_it_was_told_is_told_again(tmp_path):
    file = tmp_path / "loans_2026-10-31.csv"
    file.write_text("a\n")
    _, cursor = stable_files(tmp_path, None)
    _, cursor = stable_files(tmp_path, cursor)
    file.write_text("a correction\n")

    _, cursor = stable_files(tmp_path, cursor)
    assert stable_files(tmp_path, cursor)[0] == [file]


def test_partial_and_hidden_files_are_left_alone(tmp_path):
    for name in (".loans.csv", "loans.csv.part", "loans.csv.tmp"):
        (tmp_path / name).write_text("x")

    assert json.loads(stable_files(tmp_path, None)[1]) == {}


def test_a_feed_is_late_from_its_hour_on_and_not_a_minute_before():
    day = date(2026, 10, 31)
    before = datetime(2026, 11, 1, 8, 59, tzinfo=ZONE)
    at = datetime(2026, 11, 1, 9, 0, tzinfo=ZONE)

    assert [one.late for one in missing_feeds([BANK], [], day, before, ZONE)] == [False]
    assert [one.late for one in missing_feeds([BANK], [], day, at, ZONE)] == [True]
    assert missing_feeds([BANK], [("SIM", "bank_lines")], day, at, ZONE) == []
