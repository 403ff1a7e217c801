"""What pages read of published snapshots: one look for a page, within what its reader sees; amounts for who may."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ops_app.domain.errors import Refused
from ops_app.domain.hidden import HIDDEN
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.rights import AMOUNTS, Rights
from ops_app.gateways import case_facts
from ops_app.gateways.case_facts import calls_of, open_promises, promises_of

SUPERVISOR = Actor("p-sup", "Sun", Role.SUPERVISOR)
ROWS = """
create table fct_promises as select * from (values
    ('p1', 'a', timestamp '2026-11-01 08:00', date '2026-11-09', 'CNY', 10.00, 'open'),
    ('p2', 'a', timestamp '2026-11-02 08:00', date '2026-11-07', 'CNY', 12.50, 'open'),
    ('p3', 'a', timestamp '2026-11-03 08:00', date '2026-11-05', 'CNY', 99.00, 'broken'),
    ('p4', 'b', timestamp '2026-11-03 08:00', date '2026-11-05', 'CNY', 99.00, 'kept'),
    ('p5', 'c', timestamp '2026-11-03 08:00', date '2026-11-05', 'CNY', 1.00, 'open'),
    ('p6', 'd', timestamp '2026-11-03 08:00', date '2026-11-05', 'VND', 1500000.00, 'open')
) as t(promise_id, case_id, promised_at, due_date, currency, amount, state)
"""


@pytest.fixture
def published(tmp_path: Path) -> Path:
    folder = tmp_path / SUPERVISOR.audience
    folder.mkdir()
    name = "2026-11-04_build.duckdb"
    with duckdb.connect(str(folder / name)) as made:
        made.execute(ROWS)
    (folder / "current.json").write_text(json.dumps({"name": name, "build_id": "build"}), encoding="utf-8")
    return tmp_path


def test_of_several_open_promises_the_one_due_first_is_shown_for_each_case_of_the_page(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    read = case_facts.read
    monkeypatch.setattr(case_facts, "read", lambda *given: looks.append(given) or read(*given))
    found = open_promises(SUPERVISOR, published, ["a", "b"])
    assert found is not None
    assert {case_id: (one.due_date, one.amount_minor) for case_id, one in found.items()} == {
        "a": (date(2026, 11, 7), 1_250)
    }
    assert len(looks) == 1
    assert open_promises(SUPERVISOR, published, []) == {}


def test_a_call_says_its_collector_by_the_masked_name_of_the_feed_that_names_them(published: Path) -> None:
    place = next((published / SUPERVISOR.audience).glob("*.duckdb"))
    with duckdb.connect(str(place)) as made:
        made.execute(
            "create table fct_contact_attempts as select * from (values"
            " ('k1', 'a', 'SIM', timestamp '2026-11-02 08:00', 'human', 'out', 'no_answer', 0, 'C1'),"
            " ('k2', 'a', 'OTH', timestamp '2026-11-01 08:00', 'human', 'out', 'no_answer', 0, 'C1')"
            ") as t(attempt_id, case_id, source_code, started_at, channel, direction, outcome, talk_seconds,"
            " collector_id)"
        )
        made.execute(
            "create table dim_collectors as select 'SIM' as source_code, 'C1' as collector_id, '张*' as name_masked,"
            " true as is_current"
        )
    calls = calls_of(SUPERVISOR, published, "a", None)
    assert [(one.attempt_id, one.collector_name) for one in calls] == [("k1", "张*"), ("k2", None)]


def test_before_anything_is_published_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert open_promises(SUPERVISOR, tmp_path, ["a"]) is None


def test_an_agency_does_not_read_promises_of_cases_by_their_ids_alone(published: Path) -> None:
    with pytest.raises(Refused):
        open_promises(Actor("p-ag", "Gao", Role.AGENCY_SUPERVISOR, "AG01"), published, ["a"])


def test_a_promise_has_no_amount_for_whoever_may_see_none(published: Path) -> None:
    blind = replace(SUPERVISOR, rights=Rights(withheld=frozenset({AMOUNTS})))
    (whole,) = promises_of(SUPERVISOR, published, "b", None)
    (hidden,) = promises_of(blind, published, "b", None)
    assert (whole.amount_minor, hidden.amount_minor) == (9_900, HIDDEN)
    assert replace(hidden, amount_minor=whole.amount_minor) == whole
    of_list = open_promises(blind, published, ["a"])
    assert of_list is not None
    assert of_list["a"].amount_minor == HIDDEN


def test_a_currency_without_minor_units_is_shown_as_it_was_promised(published: Path) -> None:
    (one,) = promises_of(SUPERVISOR, published, "d", None)
    assert (one.currency, one.amount_minor) == ("VND", 1_500_000)
