"""What pages read of published snapshots: one look for a page, within what its reader sees; amounts for who may."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.contact.promises import Promise
from ops_app.domain.errors import Refused
from ops_app.domain.hidden import HIDDEN
from ops_app.domain.ledger.repayments import Repayment, RepaymentKind
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.rights import AMOUNTS, Rights
from ops_app.gateways import case_facts
from ops_app.gateways.case_facts import calls_of, open_promises, promises_of
from ops_app.services.ledger.repayments import record_payments
from ops_app.store.store import Store
from tests.services.casework.casebook import a_spell, taken_in
from tests.services.ledger.people import a_repayment

SUPERVISOR = Actor("p-sup", "Sun", Role.SUPERVISOR)
ROWS = """
create table fct_promises as select *, promised_at::date as business_date, due_date + 3 as judged_date,
    case when state = 'kept' then amount else 0 end as paid_amount from (values
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


NOW = datetime(2026, 11, 4, 4, 0, tzinfo=UTC)


def promised(store: Store, published: Path, case_id: str, actor: Actor = SUPERVISOR) -> list[Promise]:
    return promises_of(actor, store, published, now=NOW, case_id=case_id, since=None)


def a_case(store: Store, folder: Path, case_id: str) -> None:
    taken_in(store, folder, a_spell(1, case_id=case_id), now=NOW)


def test_a_promise_has_no_amount_for_whoever_may_see_none(store: Store, published: Path, tmp_path: Path) -> None:
    a_case(store, tmp_path, "b")
    blind = replace(SUPERVISOR, rights=Rights(withheld=frozenset({AMOUNTS})))
    (whole,) = promised(store, published, "b")
    (hidden,) = promised(store, published, "b", blind)
    assert (whole.amount_minor, whole.paid_minor) == (9_900, 9_900)
    assert (hidden.amount_minor, hidden.paid_minor) == (HIDDEN, HIDDEN)
    assert replace(hidden, amount_minor=9_900, paid_minor=9_900) == whole
    of_list = open_promises(blind, published, ["a"])
    assert of_list is not None
    assert of_list["a"].amount_minor == HIDDEN


def test_a_currency_without_minor_units_is_shown_as_it_was_promised(
    store: Store, published: Path, tmp_path: Path
) -> None:
    a_case(store, tmp_path, "d")
    (one,) = promised(store, published, "d")
    assert (one.currency, one.amount_minor) == ("VND", 1_500_000)


def test_a_payment_keeps_a_promise_before_it_is_published_again_and_its_reversal_takes_that_back(
    store: Store, published: Path, tmp_path: Path
) -> None:
    a_case(store, tmp_path, "c")

    def states(*rows: Repayment) -> list[tuple[str, int]]:
        record_payments(SYSTEM, store, now=NOW, rows=rows, business_date=NOW.date())
        return [(one.state, one.paid_minor) for one in promised(store, published, "c")]

    first = a_repayment("P1", 60, value_date=NOW.date(), paid_at=NOW)
    second = a_repayment("P2", 40, value_date=NOW.date(), paid_at=NOW)
    back = replace(second, payment_id="R2", kind=RepaymentKind.REVERSAL, reverses_payment_id="P2")
    assert states() == [("open", 0)]
    assert states(first) == [("open", 60)]
    assert states(second) == [("kept", 100)]
    assert states(back) == [("open", 60)]


def test_promises_of_a_case_out_of_reach_are_none(store: Store, published: Path, tmp_path: Path) -> None:
    a_case(store, tmp_path, "b")
    with pytest.raises(NoSuchCase):
        promised(store, published, "b", Actor("p-all", "Ann", Role.AGENCY_SUPERVISOR, "AG01"))
